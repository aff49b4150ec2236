"""A sample's bytes: out of live response's wrapping, and into ours."""

import zlib
from hashlib import sha256

from tidegate.ports import BadPayload

GZIP = b"\x1f\x8b"
MAX_RATIO = 200
SLACK = 1 << 20  # a small file of zeros compresses a thousand times and harms nobody
_MASK = bytes(byte ^ 0xA5 for byte in range(256))


def unpacked(data: bytes, expected: str, max_bytes: int) -> bytes:
    """Return the file that live response delivered, usually gzipped. Raises BadPayload.

    `expected` is its SHA-256; what already has that digest is the file itself, gzip or not.
    """
    if not data.startswith(GZIP) or sha256(data).hexdigest() == expected:
        return data
    limit = min(max_bytes, MAX_RATIO * len(data) + SLACK)
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(data, limit)
    except zlib.error as error:
        raise BadPayload("the collected file is a broken gzip") from error
    if stream.unconsumed_tail:
        raise BadPayload(f"the collected file unpacks to more than {limit:,} bytes")
    if not stream.eof:
        raise BadPayload("the collected file is cut off")
    return plain


def wrapped(data: bytes) -> bytes:
    """Mask the bytes, so that no scanner of the storage takes the sample away; undoes itself."""
    return data.translate(_MASK)
