"""Objects as files in one folder, with the ETags and leases that Azure Blob Storage has.

`<folder>/<name>` holds the bytes, `<folder>/.meta/<name>.json` its version and lease. Processes and
threads exclude each other with `flock`, for microseconds: the bytes are staged before the lock.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from zlib import crc32

import orjson

from tidegate.adapters.naming import FOREVER, NAME, lease_seconds, object_name
from tidegate.ports import Clock, Conflict, Stored

STRIPES = 64
BLOCK = 1 << 20  # bytes that are copied at once


@dataclass(frozen=True, slots=True)
class _Meta:
    """What the sidecar says: a version, and who holds the lease until when (posix seconds)."""

    version: int = 0
    digest: str = ""
    lease: str | None = None
    seconds: int = FOREVER
    until: float | None = None

    @property
    def etag(self) -> str:
        return f'"{self.digest[:16]}-{self.version}"'

    def held(self, now: float) -> bool:
        return self.lease is not None and (self.until is None or now < self.until)

    def leased(self, lease: str, seconds: int, now: float) -> "_Meta":
        until = None if seconds == FOREVER else now + timedelta(seconds=seconds).total_seconds()
        return replace(self, lease=lease, seconds=seconds, until=until)


class FileObjects:
    """`ports.Objects` on a folder. An object cannot also be the folder of another one."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._meta = folder / ".meta"
        self._clock = clock
        self._staged = count()

    def get(self, name: str) -> Stored | None:
        path = self._path(name)
        with self._locked(name, fcntl.LOCK_SH):
            if not path.is_file():
                return None
            return Stored(path.read_bytes(), self._read(name).etag)

    def fetch(self, name: str, to: Path) -> bool:
        path = self._path(name)
        with ExitStack() as stack:
            with self._locked(name, fcntl.LOCK_SH):
                if not path.is_file():
                    return False
                source = stack.enter_context(path.open("rb"))
            # Without the lock: a write replaces the file, and leaves the one that is open as it is.
            with to.open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
        return True

    def put(
        self,
        name: str,
        data: bytes | Path,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        lease: str | None = None,
    ) -> str:
        path = self._path(name)
        staged, digest = self._stage(name, data)
        try:
            with self._locked(name):
                meta = self._read(name) if path.is_file() else None
                _check(name, meta, if_match, absent=if_absent)
                kept = self._writable(name, meta or _Meta(), lease)
                after = replace(kept, version=kept.version + 1, digest=digest)
                # The version first: a crash in between costs a reader its ETag, never an update.
                self._write(name, after)
                path.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(path)
                return after.etag
        finally:
            staged.unlink(missing_ok=True)

    def names(self, prefix: str) -> Iterator[str]:
        start = self._folder / prefix.rpartition("/")[0]
        for path in sorted(start.rglob("*")):
            name = path.relative_to(self._folder).as_posix()
            if name.startswith(prefix) and NAME.fullmatch(name) and path.is_file():
                yield name

    def etags(self, prefix: str) -> dict[str, str]:
        return {name: self._read(name).etag for name in self.names(prefix)}

    def delete(self, name: str) -> None:
        path = self._path(name)
        with self._locked(name):
            self._writable(name, self._read(name), None)
            path.unlink(missing_ok=True)
            self._sidecar(name).unlink(missing_ok=True)

    def acquire(self, name: str, seconds: int, lease: str) -> None:
        seconds = lease_seconds(seconds)
        path, now = self._path(name), self._now()
        with self._locked(name):
            meta = self._read(name)
            if not path.is_file():
                raise Conflict(f"{name}: nothing to lease")
            if meta.held(now) and meta.lease != lease:
                raise Conflict(f"{name}: leased by another")
            self._write(name, meta.leased(lease, seconds, now))

    def renew(self, name: str, lease: str) -> None:
        with self._locked(name):
            meta = self._read(name)
            # An expired lease that nobody took and nothing was written under can be renewed.
            if meta.lease != lease:
                raise Conflict(f"{name}: the lease is lost")
            self._write(name, meta.leased(lease, meta.seconds, self._now()))

    def release(self, name: str, lease: str) -> None:
        with self._locked(name):
            meta = self._read(name)
            if meta.lease == lease:
                self._write(name, replace(meta, lease=None, until=None))

    def endless(self, name: str) -> bool:
        with self._locked(name, fcntl.LOCK_SH):
            meta = self._read(name)
        return meta.lease is not None and meta.until is None

    def break_lease(self, name: str) -> None:
        with self._locked(name):
            meta = self._read(name)
            if meta.lease is not None:
                self._write(name, replace(meta, lease=None, until=None))

    def _writable(self, name: str, meta: _Meta, lease: str | None) -> _Meta:
        """Return the lease part as it stands after a write under `lease`. Raises Conflict."""
        if meta.held(self._now()):
            if meta.lease != lease:
                raise Conflict(f"{name}: leased by another")
            return meta
        if lease is not None:
            raise Conflict(f"{name}: the lease is lost")
        return replace(meta, lease=None, until=None)

    def _now(self) -> float:
        return self._clock().timestamp()

    def _path(self, name: str) -> Path:
        return self._folder / object_name(name)

    def _sidecar(self, name: str) -> Path:
        return self._meta / f"{self._path(name).relative_to(self._folder)}.json"

    def _read(self, name: str) -> _Meta:
        try:
            said = orjson.loads(self._sidecar(name).read_bytes())
        except FileNotFoundError:
            return _Meta()
        return _Meta(**{name: said[name] for name in _Meta.__slots__ if name in said})

    def _write(self, name: str, meta: _Meta) -> None:
        path = self._sidecar(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = self._spare(name)
        staged.write_bytes(orjson.dumps(asdict(meta)))
        staged.replace(path)

    def _stage(self, name: str, data: bytes | Path) -> tuple[Path, str]:
        """Copy the bytes beside their place; return where, and their digest."""
        staged = self._spare(name)
        with staged.open("wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                with data.open("rb") as source:
                    shutil.copyfileobj(source, file, BLOCK)
            file.flush()
            os.fsync(file.fileno())
        return staged, _digest(staged)

    def _spare(self, name: str) -> Path:
        folder = self._folder / ".staged"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{os.getpid()}-{id(self)}-{next(self._staged)}-{crc32(name.encode()):08x}"

    @contextmanager
    def _locked(self, name: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
        # A fixed set of lock files that are never deleted: unlinking a held one would split it.
        folder = self._meta / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / str(crc32(name.encode()) % STRIPES)).open("ab") as file:
            fcntl.flock(file, how)
            yield


def _check(name: str, meta: _Meta | None, if_match: str | None, *, absent: bool) -> None:
    if absent and meta is not None:
        raise Conflict(f"{name}: exists already")
    if if_match is not None and (meta is None or meta.etag != if_match):
        raise Conflict(f"{name}: changed meanwhile")


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
