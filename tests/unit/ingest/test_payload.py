"""From bytes to text under limits: what is packed is unpacked, what is no feed is refused."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from tidegate.ingest import payload
from tidegate.ports import BadPayload

DICE = random.Random(7)  # noqa: S311 - the same every time
NOISE = DICE.randbytes(9_999)
TEXT = "192.0.2.1\r\nhttp://münchen.example/\r\n"


def plain(tmp_path: Path, data: bytes) -> bytes:
    source, scratch = tmp_path / "feed.fetched", tmp_path / "scratch"
    source.write_bytes(data)
    scratch.mkdir(exist_ok=True)
    try:
        return payload.plain(source, scratch).read_bytes()
    finally:
        assert source.read_bytes() == data


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        gzip.compress(TEXT.encode()),
        gzip.compress(TEXT[:9].encode()) + gzip.compress(TEXT[9:].encode()),
        zipped(csv_txt=TEXT.encode()),
        zipped(README=b"the data is in the other one", csv_txt=TEXT.encode() * 9),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
    ],
    ids=["plain", "gzip", "gzip of two members", "zip", "zip of two", "UTF-16", "UTF-16 BE"],
)
def test_every_packing_gives_the_text(tmp_path, data):
    assert plain(tmp_path, data).decode() in {TEXT, TEXT * 9}


def test_a_byte_order_mark_stays_for_the_parser(tmp_path):
    assert plain(tmp_path, b"\xef\xbb\xbf" + TEXT.encode()).decode("utf-8-sig") == TEXT


def test_a_member_name_leads_nowhere(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../outside.txt", TEXT)
    assert plain(tmp_path, archive.getvalue()).decode() == TEXT
    assert not list(tmp_path.parent.glob("outside.txt"))


def encrypted() -> bytes:
    data = bytearray(zipped(a=b"x" * 99))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def exotic() -> bytes:
    data = bytearray(zipped(a=b"x" * 99))
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 97  # a method that nobody unpacks
    return bytes(data)


REFUSED = {
    "empty": (b"", "empty"),
    "blank": (b"\r\n \n", "empty"),
    "only a BOM": (b"\xef\xbb\xbf\n", "empty"),
    "empty gzip": (gzip.compress(b""), "empty"),
    "HTML": (b"<html><body>captcha</body></html>", "HTML"),
    "HTML in gzip": (gzip.compress(b"\xef\xbb\xbf\r\n <!DOCTYPE HTML>"), "HTML"),
    "binary": (b"\x7fELF\0\0\0", "binary"),
    "UTF-16 cut short": (b"\xff\xfea\0b", "binary"),
    "gzip cut short": (gzip.compress(NOISE)[:-900], "unpacked"),
    "gzip with a broken middle": (gzip.compress(TEXT.encode() * 99)[:40] + b"\0" * 60, "unpacked"),
    "gzip with rubbish behind": (gzip.compress(TEXT.encode()) + b"rubbish", "unpacked"),
    "gzip in gzip": (gzip.compress(gzip.compress(TEXT.encode() * 9)), "binary"),
    "zip cut short": (zipped(a=TEXT.encode() * 99)[:-30], "unpacked"),
    "zip without members": (zipped(), "binary"),
    "zip in zip": (zipped(a=zipped(b=TEXT.encode())), "binary"),
    "zip with a password": (encrypted(), "readable member"),
    "zip of an unknown method": (exotic(), "unpacked"),
    "gzip bomb": (gzip.compress(b"a\n" * (6 << 20)), "bomb"),
    "zip bomb": (zipped(a=b"a\n" * (6 << 20)), "bomb"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_feed_is_refused_with_a_reason(tmp_path, data, reason):
    with pytest.raises(BadPayload, match=reason):
        plain(tmp_path, data)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(TEXT.encode() * 9), zipped(a=TEXT.encode() * 9)],
    ids=["gzip", "zip"],
)
def test_broken_archives_never_crash(tmp_path, packed):
    for _ in range(300):
        data = bytearray(packed)
        for _ in range(DICE.randint(1, 4)):
            data[DICE.randrange(4, len(data))] = DICE.randrange(256)
        try:
            plain(tmp_path, bytes(data))
        except BadPayload:
            continue


@pytest.mark.parametrize(
    "name", ["nasty_gzip_bomb_10MB.gz", "nasty_truncated.csv.gz", "nasty_html_200.html"]
)
def test_the_stored_nasty_payloads_are_refused(tmp_path, stored, name):
    with pytest.raises(BadPayload):
        plain(tmp_path, stored(f"nasty/{name}").read_bytes())


def test_the_stored_zip_of_two_members_gives_the_data(tmp_path, stored):
    assert b"http" in plain(tmp_path, stored("nasty/nasty_two_members.zip").read_bytes())
