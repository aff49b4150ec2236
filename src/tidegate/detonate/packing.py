"""A sample's bytes: out of live response's wrapping, and into ours; never all in memory."""

import zlib
from collections.abc import Generator, Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

from tidegate.ports import BadPayload

GZIP = b"\x1f\x8b"
MAX_RATIO = 200
SLACK = 1 << 20  # a small file of zeros compresses a thousand times and harms nobody
MAX_MEMBERS = 1_000  # live response makes one; a million empty ones would cost minutes
CHUNK = 1 << 20
_MASK = bytes(byte ^ 0xA5 for byte in range(256))


def unpack(source: Path, to: Path, expected: str, max_bytes: int) -> str:
    """Write the file that live response delivered, usually gzipped, to `to`; return its SHA-256.

    `expected` is the SHA-256 that the alert names; what already has it is the file itself, gzip or
    not. Whether the result has it, the caller has to look. Raises BadPayload, and leaves nothing.
    """
    size = source.stat().st_size
    with source.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP and digest_of(source) != expected.lower()
        file.seek(0)
        if not packed:
            return written(_capped(_chunks(file), max_bytes), to)
        return written(_capped(_inflated(file), min(max_bytes, MAX_RATIO * size + SLACK)), to)


def wrap(source: Path, to: Path) -> None:
    """Mask the bytes, so that no scanner of the storage takes the sample away; undoes itself."""
    with source.open("rb") as file:
        written((chunk.translate(_MASK) for chunk in _chunks(file)), to)


def digest_of(path: Path) -> str:
    """Return the SHA-256 by which evidence names the file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def written(chunks: Iterable[bytes], to: Path) -> str:
    """Write all of the chunks and return their SHA-256, or leave no part of a sample behind."""
    digest = sha256()
    try:
        with to.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
    except BaseException:
        to.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _capped(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise BadPayload(f"the collected file unpacks to more than {limit:,} bytes")
        yield chunk


def _inflated(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what the gzip's members hold; what follows the last one is ignored.

    Padding would not make the sample another one, and any other junk shows in its digest.
    """
    rest = file.read(CHUNK)
    for _ in range(MAX_MEMBERS):
        rest = yield from _member(file, rest)
        if len(rest) < len(GZIP):
            rest += file.read(CHUNK)
        if not rest.startswith(GZIP):
            return
    raise BadPayload(f"the collected file is a broken gzip of more than {MAX_MEMBERS:,} members")


def _member(file: IO[bytes], data: bytes) -> Generator[bytes, None, bytes]:
    """Yield one member's bytes, of which `data` is the beginning; return what was read past it."""
    stream = zlib.decompressobj(wbits=31)
    while data := data or file.read(CHUNK):
        try:
            yield stream.decompress(data, CHUNK)
        except zlib.error as error:
            raise BadPayload("the collected file is a broken gzip") from error
        if stream.eof:
            return stream.unused_data
        data = stream.unconsumed_tail
    raise BadPayload("the collected file is cut off")
