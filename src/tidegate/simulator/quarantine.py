"""A quarantine as Defender keeps it and our script stages it: synthetic, of harmless contents.

Made after the published description of the format; no byte of it was ever in a real quarantine.
"""

from collections.abc import Iterable
from hashlib import sha1
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from Crypto.Cipher import ARC4

from tidegate.detonate.quarantine import BACKUP_DATA, HEADER, KEY

SECURITY_DATA = 3
DESCRIPTOR = b"synthetic security descriptor"
ENTRY = b"synthetic entry: which threat, which file, when"


def encrypted(plain: bytes) -> bytes:
    """Return the bytes under the key that every Defender has; undoes itself."""
    return ARC4.new(KEY).encrypt(plain)


def stream(kind: int, data: bytes, name: bytes = b"") -> bytes:
    """Return one stream of a file as BackupRead says it."""
    return HEADER.pack(kind, 0, len(data), len(name)) + name + data


def resource_data(content: bytes, descriptor: bytes = DESCRIPTOR) -> bytes:
    """Return what Defender keeps of a quarantined file below `ResourceData`."""
    return encrypted(stream(SECURITY_DATA, descriptor) + stream(BACKUP_DATA, content))


def staged(contents: Iterable[bytes]) -> bytes:
    """Return the zip that the script makes of a quarantine with these files; twice the same."""
    made = {"Entries/{00000000-0000-0000-0000-000000000000}": encrypted(ENTRY)}
    for content in contents:
        # Defender names it after the SHA-1 of where the file was.
        name = sha1(content, usedforsecurity=False).hexdigest().upper()
        made[f"ResourceData/{name[:2]}/{name}"] = resource_data(content)
    return archive(made)


def archive(members: dict[str, bytes], method: int = ZIP_STORED) -> bytes:
    """Return a zip of members by their names, as they are, without the time of its making."""
    packed = BytesIO()
    with ZipFile(packed, "w", method) as bundle:
        for name, data in members.items():
            bundle.writestr(ZipInfo(name), data, method)
    return packed.getvalue()
