"""Every feed folder keeps its contract. `pytest tests/contract/test_feeds.py --rewrite` writes
expected.jsonl anew.
"""

import gzip
import json
import re
from pathlib import Path

import polars as pl
import pytest

from tidegate.canonical import canonical
from tidegate.declare.feed import Feed, feeds
from tidegate.model import Kind, Origin, Status, indicator_id
from tidegate.settings import Settings
from tidegate.sightings import SOURCE

each = pytest.mark.parametrize("feed", [pytest.param(f, id=name) for name, f in feeds().items()])
HARMLESS_HEADERS = {"accept", "user-agent"}
HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
JUNK = {
    "empty": b"",
    "blank": b" \r\n\n",
    "only a byte order mark": b"\xef\xbb\xbf",
    "binary": bytes(range(256)) * 20,
    "binary without NUL": bytes(range(1, 256)) * 20,
    "HTML": HTML,
    "HTML after a BOM": b"\xef\xbb\xbf\n" + HTML,
    "error object": b'{"error": "unknown_auth_key"}',
    "error list": b'{"errors": [{"detail": "quota", "status": 429}]}',
    "number": b"42",
    "string": b'"try again"',
    "truncated gzip": gzip.compress(b"192.0.2.1\n" * 9_999)[:-20],
    "gzip bomb": gzip.compress(bytes(12 << 20)),
    "text bomb": gzip.compress(b"192.0.2.1\n" * 1_200_000),
    "wrong columns": b"name;comment\nalice;hello\nbob;bye\n",
    "prose": b"The service is under maintenance, please come back later.\n" * 3,
}
# What some feed may read as a list that is empty; it must still change nothing but by its contract.
EMPTY = {"empty list": b"[]", "empty object": b"{}", "null": b"null"}


def sample(feed: Feed) -> Path:
    (found,) = Path(str(feed.folder)).glob("sample.*")
    return found


def rows(lab, feed: Feed) -> list[dict]:
    """Return the stored sightings as expected.jsonl has them."""
    state = lab.state(feed).drop("id", "fingerprint", "written").sort("kind", "value")
    seen = pl.col("first_seen", "last_seen", "expires").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    return [
        {name: cell for name, cell in row.items() if cell not in (None, [])}
        for row in state.with_columns(seen).to_dicts()
    ]


@each
def test_the_sample_gives_exactly_what_is_expected(lab, feed, request):
    outcome = lab.file(feed, sample(feed))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(lab, feed))
    expected = sample(feed).with_name("expected.jsonl")
    if request.config.getoption("rewrite"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert outcome.status is Status.OK
    assert outcome.kept >= 1
    refused = outcome.suppressed + sum(outcome.rejected.values())
    assert outcome.rows == outcome.kept + outcome.repeated + refused


@each
def test_values_are_canonical_ids_are_theirs_and_times_are_aware(lab, feed):
    lab.file(feed, sample(feed))
    state = lab.state(feed)
    assert state["id"].is_unique().all()
    for row in state.to_dicts():
        kind, value = Kind(row["kind"]), row["value"]
        assert canonical(kind, value) == (kind, value)
        assert row["id"] == indicator_id(kind, value)
        assert row["original"] != value
        assert row["first_seen"] <= row["last_seen"] < row["expires"]
        assert all(row[name].utcoffset() is not None for name in ("first_seen", "expires"))


@each
def test_a_second_run_adds_and_writes_nothing(lab, feed, tmp_path):
    lab.file(feed, sample(feed))
    before = lab.bytes(feed)
    again = lab.file(feed, sample(feed))
    other = tmp_path / "other"
    other.write_bytes(sample(feed).read_bytes() + b"\n")  # as good as the same
    lab.pass_(hours=1)
    similar = lab.file(feed, other)
    assert again.status is Status.UNCHANGED
    assert (similar.status, similar.new, similar.changed) == (Status.OK, 0, 0)
    assert similar.withdrawn == 0
    assert lab.bytes(feed) == before


@pytest.mark.slow
@each
def test_the_sample_of_a_dry_machine_looks_as_if_it_were_of_today(lab, feed):
    lab.pass_(days=700)
    outcome = lab.file(feed, sample(feed), origin=Origin.SAMPLE)
    assert outcome.status is Status.OK
    assert outcome.kept >= 1
    assert (lab.state(feed)["expires"] > lab.now).all()


@each
def test_the_declaration_is_whole(feed):
    assert SOURCE.match(feed.name)
    assert feed.licence.strip()
    assert feed.url.startswith("https://")
    assert {name.lower() for name in feed.secrets} <= Settings.model_fields.keys()
    literal = {name.lower() for name, value in feed.headers.items() if not value.startswith("$")}
    assert literal <= HARMLESS_HEADERS


@each
def test_every_secret_reaches_the_feed_from_the_settings(feed):
    keys = Settings(**{name.lower(): "x" for name in feed.secrets}).feed_keys
    assert feed.secrets <= keys.keys()


@each
def test_no_folder_holds_a_secret(feed):
    # What we write needs no digits; in samples hashes are at home, keys have other lengths.
    ours = re.compile(r"\b[a-f0-9]{32,}\b|[?&](?:auth-)?key=", re.IGNORECASE)
    theirs = re.compile(r"\b(?:[a-f0-9]{48}|[a-f0-9]{80})\b|[?&](?:auth-)?key=", re.IGNORECASE)
    for file in Path(str(feed.folder)).glob("*.*"):
        secret = ours if file.suffix in {".py", ".yaml"} else theirs
        assert not secret.search(file.read_text(encoding="utf-8")), file.name


@pytest.mark.slow
@each
def test_junk_is_a_bad_payload_and_changes_nothing(lab, feed):
    lab.file(feed, sample(feed))
    stored, memory = lab.bytes(feed), lab.memory(feed)
    for name, body in JUNK.items():
        lab.pass_(days=1)  # another day, another budget
        outcome = lab.live(feed, body)
        assert (name, outcome.status) == (name, Status.BAD_PAYLOAD)
        assert outcome.reason
        assert (name, lab.bytes(feed), lab.memory(feed)) == (name, stored, memory)


@pytest.mark.slow
@each
def test_an_empty_list_is_refused_or_has_no_rows(lab, feed):
    lab.file(feed, sample(feed))
    stored = lab.bytes(feed)
    for name, body in EMPTY.items():
        outcome = lab.live(feed, body)
        refused = outcome.status in {Status.BAD_PAYLOAD, Status.QUARANTINED}
        assert (name, refused or outcome.rows == 0) == (name, True)
        assert (name, bool(outcome.reason)) == (name, refused)
        assert lab.bytes(feed) == stored
