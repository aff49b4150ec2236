"""Defender's quarantine: have a device stage it as it is, and take the one file that is wanted."""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.resources import files
from io import FileIO
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from Crypto.Cipher import ARC4

from tidegate.detonate.packing import CHUNK, MAX_RATIO, SLACK, written
from tidegate.ports import BadPayload

# No secret: every Windows carries it in mpengine.dll, and it was published long ago. With it
# Defender keeps what is quarantined from being run or detected again, not from being read.
KEY = bytes.fromhex(
    "1e87781b8dbaa844ce69702c0c78b786a3f623b738f5edf9af83530fb3fc54fa"
    "a21eb9cf1331fd0f0da954f687cb9e18279697900e53fb317c9cbce48e23d053"
    "71ecc15951b8f3649d7ca33ed68dc9047e82c9baad9799d0d458cb847ca9ffbe"
    "3c8a775233557dde13a8b14087cc1bc8f10f6ecdd083a959cff84a9d1d50755e"
    "3e191818af23e2293558766d2c07e25712b2ca0b535ed8f6c56ce73d24bdd029"
    "1771861a54b4c285a9a3db7aca6d224aeacd621db9f2a22ed1e9e11d75bed7dc"
    "0ecb0a8e68a2ff1263408dc808dffd164b116774cd0b9b8d05411ed6262e429b"
    "a495676b8398db2f35d3c1b9ced52636f2765e1a95cb7ca4c3ddabddbff38253"
)
MAX_MEMBERS = 2_000
MAX_TOTAL = 256 << 20  # the script stages at most 200 MiB
MAX_STREAMS = 16  # per file; three or four are usual
OVERHEAD = 1 << 20  # of a quarantined file: its headers, security descriptor, attributes
# WIN32_STREAM_ID: id, attributes, size, size of the name that follows.
HEADER = struct.Struct("<IIQI")
BACKUP_DATA = 1  # the file's own bytes, as against those about it and of its other streams
RUN = re.compile("[0-9a-f]{8,32}")
MAX_HOURS = 720
DOWNLOADS = r"C:\ProgramData\Microsoft\Windows Defender Advanced Threat Protection\Downloads"
# What zipfile raises for an archive or a member that lies about itself; UnicodeDecodeError and the
# like are ValueErrors, and what it does not know how to unpack is a NotImplementedError.
UNREADABLE = (BadZipFile, EOFError, NotImplementedError, ValueError, struct.error, zlib.error)


# --- on the device ----------------------------------------------------------------------------


def script() -> bytes:
    """Return the PowerShell script that zips the quarantine, for Defender's library."""
    return files("tidegate.detonate").joinpath("stage_quarantine.ps1").read_bytes()


def script_name() -> str:
    """Return the script's name in the library: other bytes have another name."""
    return f"tidegate-stage-quarantine-{sha256(script()).hexdigest()[:8]}.ps1"


def arguments(run: str, hours: int) -> str:
    """Return the script's arguments: the run that asks, and how far back it looks."""
    if not 1 <= hours <= MAX_HOURS:
        raise ValueError(f"hours are 1 to {MAX_HOURS}, not {hours!r}")
    return f"-Run {_checked(run)} -Hours {hours:d}"


def archive_path(run: str) -> str:
    """Return where on the device the script leaves the run's archive."""
    return rf"{DOWNLOADS}\tidegate-{_checked(run)}.zip"


def _checked(run: str) -> str:
    # It becomes part of a command line of SYSTEM.
    if not RUN.fullmatch(run):
        raise ValueError(f"a run is 8 to 32 lower-case hex digits, not {run!r}")
    return run


# --- here -------------------------------------------------------------------------------------


def extract(archive: Path, wanted: str, to: Path, max_bytes: int) -> bool:
    """Write the quarantined file whose SHA-256 is `wanted` to `to`; False if it is not there.

    Other people's malware in the same quarantine never reaches the disk: a file is read twice,
    first for its digest and then, if it is the one, to be written. A member that breaks a rule of
    the format is passed over. Raises BadPayload for what is no zip, or a bomb.
    """
    with _opened(archive) as bundle:
        for member in _members(bundle, archive.stat().st_size, max_bytes):
            if _digest(bundle, member, max_bytes) == wanted.lower():
                with bundle.open(member) as source:
                    written(_data(source, max_bytes), to)
                return True
    return False


class _Directory(FileIO):
    """The archive, of which nobody may read much at once.

    zipfile reads the list of members in one piece and makes an object of every entry, millions if
    it says so, before we can count them.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = CHUNK  # zipfile, looking for the end of the archive: the last 64 KiB
        if size > CHUNK:
            raise BadPayload("the staged quarantine lists too many members")
        return super().read(size)


@contextmanager
def _opened(archive: Path) -> Iterator[ZipFile]:
    with _Directory(archive) as file:
        try:
            bundle = ZipFile(file)
        except UNREADABLE as error:
            raise BadPayload("the staged quarantine is no zip") from error
        with bundle:
            yield bundle


def _members(bundle: ZipFile, size: int, max_bytes: int) -> list[ZipInfo]:
    """Return the members worth reading. Their names are compared, and never become paths."""
    if len(bundle.infolist()) > MAX_MEMBERS:
        raise BadPayload(f"the staged quarantine lists more than {MAX_MEMBERS:,} members")
    found = [member for member in bundle.infolist() if _in_resource_data(member.filename)]
    # zipfile reads no more of a member than these sizes say. They are the archive's word, so that
    # they are held against its own size: members that overlap could be read for hours.
    if sum(member.compress_size for member in found) > size:
        raise BadPayload("the staged quarantine's members are larger than itself")
    limit = min(MAX_TOTAL, MAX_RATIO * size + SLACK)
    if sum(member.file_size for member in found) > limit:
        raise BadPayload(f"the staged quarantine unpacks to more than {limit:,} bytes")
    return [one for one in found if _readable(one, size) and one.file_size <= max_bytes + OVERHEAD]


def _in_resource_data(name: str) -> bool:
    *folders, own = name.replace("\\", "/").casefold().split("/")
    return "resourcedata" in folders and bool(own)


def _readable(member: ZipInfo, size: int) -> bool:
    encrypted = member.flag_bits & 1
    packed_as_usual = member.compress_type in {ZIP_STORED, ZIP_DEFLATED}
    return packed_as_usual and not encrypted and 0 <= member.header_offset < size


def _digest(bundle: ZipFile, member: ZipInfo, max_bytes: int) -> str | None:
    digest = sha256()
    try:
        with bundle.open(member) as source:
            for chunk in _data(source, max_bytes):
                digest.update(chunk)
    except (BadPayload, *UNREADABLE):
        return None
    return digest.hexdigest()


class _Plain:
    """A member's bytes, decrypted, from the first to the last."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._cipher = ARC4.new(KEY)

    def take(self, count: int) -> bytes:
        return b"".join(self.chunks(count))

    def skip(self, count: int) -> None:
        for _ in self.chunks(count):
            pass

    def chunks(self, count: int) -> Iterator[bytes]:
        """Yield so many bytes. Raises BadPayload at the end of the member, however many are left.

        That is the one bound which sizes in the file cannot move; the member's own was looked at.
        """
        while count:
            chunk = self._source.read(min(count, CHUNK))
            if not chunk:
                raise BadPayload("a file that is shorter than its streams")
            count -= len(chunk)
            yield self._cipher.decrypt(chunk)


def _data(source: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """Yield the quarantined file's own bytes. Raises BadPayload where the format is not kept.

    Decrypted, it is what BackupRead said about the file: one stream after the other, mostly the
    security descriptor and then the data.
    """
    plain = _Plain(source)
    length = _length_of_data(plain)
    if length > max_bytes:
        raise BadPayload("a file that is larger than wanted")
    yield from plain.chunks(length)


def _length_of_data(plain: _Plain) -> int:
    """Read up to the data, and return how long they are."""
    for _ in range(MAX_STREAMS):
        kind, _, length, name = HEADER.unpack(plain.take(HEADER.size))
        plain.skip(name)
        if kind == BACKUP_DATA:
            return int(length)
        plain.skip(length)
    raise BadPayload("a file without data")
