"""From what was downloaded to plain text, under limits; and the first look that refuses junk."""

import errno
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from tidegate.ports import BadPayload

MAX_BYTES = 4 << 30
MAX_RATIO = 200
CHUNK = 1 << 20
SMALL = 8 << 20  # below this a high ratio harms nobody
# RuntimeError: encrypted, or packed by a method that zipfile does not know.
UNPACKABLE = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    RuntimeError,
)
HTML = (b"<!doctype", b"<html", b"<head", b"<body")
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def plain(path: Path, scratch: Path) -> Path:
    """Return the path of the payload as text, unpacked into `scratch` where it was packed.

    Raises BadPayload for what is empty, cut short, a bomb, binary or a web page.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        path = _gunzipped(path, scratch)
    elif magic == b"PK\x03\x04":
        path = _unzipped(path, scratch)
    return _looked_at(path, scratch)


@contextmanager
def _packing_faults() -> Iterator[None]:
    try:
        yield
    except UNPACKABLE as error:
        raise BadPayload(f"cannot be unpacked: {error}") from error
    except OSError as error:
        # No errno: gzip's and bz2's own word for bad data. EINVAL: a zip that points nowhere.
        if error.errno not in {None, errno.EINVAL}:
            raise
        raise BadPayload(f"cannot be unpacked: {error}") from error


def _gunzipped(path: Path, scratch: Path) -> Path:
    to = scratch / f"{path.name}.plain"
    with _packing_faults(), gzip.open(path) as source:
        _copy(cast("IO[bytes]", source), to, path.stat().st_size)
    return to


def _unzipped(path: Path, scratch: Path) -> Path:
    to = scratch / f"{path.name}.plain"
    with _packing_faults(), zipfile.ZipFile(path) as archive:
        # The data is the largest member: some archives begin with a licence or a read-me.
        member = max(archive.infolist(), key=lambda info: info.file_size, default=None)
        if member is None or member.flag_bits & 1:
            raise BadPayload("a zip file without a readable member")
        with archive.open(member) as source:
            _copy(source, to, path.stat().st_size)
    return to


def _copy(source: IO[bytes], to: Path, packed: int) -> None:
    size = 0
    with to.open("wb") as target:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > MAX_BYTES or size > max(SMALL, MAX_RATIO * packed):
                raise BadPayload(f"unpacks to more than {size:,} bytes: a bomb")
            target.write(chunk)


def _looked_at(path: Path, scratch: Path) -> Path:
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise BadPayload("empty body")
    if start.startswith(UTF16):
        return _transcoded(path, scratch)
    if b"\0" in start:
        raise BadPayload("binary, not text")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML):
        raise BadPayload("an HTML page, not a feed")
    return path


def _transcoded(path: Path, scratch: Path) -> Path:
    try:
        text = path.read_bytes().decode("utf-16")
    except UnicodeDecodeError as error:
        raise BadPayload("binary, not text") from error
    to = scratch / f"{path.name}.utf8"
    to.write_text(text, encoding="utf-8", newline="")
    return to
