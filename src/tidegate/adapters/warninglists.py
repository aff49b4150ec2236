"""Warninglists as files: `<name>.json` as MISP publishes them, and `tranco.csv`.

What is installed is data: to add a list is to add a file, `refresh_lists` brings new versions. What
the files say is compiled once, into one Parquet file that is named after their digest.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from pydantic import TypeAdapter

from tidegate.adapters.naming import beside
from tidegate.ports import BadPayload, Clock, Http, SourceDown
from tidegate.warninglists import (
    About,
    BadList,
    Popularity,
    Treat,
    Warninglist,
    Warninglists,
    parse,
)
from tidegate.warninglists.reading import SLUG

PUBLIC = "https://raw.githubusercontent.com/MISP/misp-warninglists/main/lists"
MAX_BYTES = 32 << 20
FORMAT = b"2"  # of the compiled file
LEAST = 0.5  # of the installed list's entries: a shorter one is a broken download, or an attack
NOT_MODIFIED = 304
RANKED = "tranco.csv"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

ABOUT = TypeAdapter(tuple[About, ...])
TREATS = TypeAdapter(dict[str, Treat])


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an installed list came from; `trouble` is why the last refresh left it as it was."""

    url: str | None = None
    fetched: datetime | None = None
    checked: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    trouble: str | None = None


PROVENANCE = TypeAdapter(Provenance)


@dataclass(frozen=True, slots=True)
class Installed:
    """A list as `tidegate warninglists` shows it. One that is not used has a `trouble`."""

    name: str
    title: str = ""
    version: str = ""
    use: str = ""
    entries: int = 0
    skipped: int = 0
    fetched: datetime | None = None
    checked: datetime | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did about one list: `new`, `unchanged` or `kept`, the last for a reason."""

    name: str
    outcome: str
    version: str = ""
    entries: int = 0
    reason: str | None = None


@cache
def _base() -> dict[str, Any]:
    """What the package brings: a few lists of our own, and how known lists are used."""
    file = resources.files("tidegate.warninglists") / "base.json"
    found: dict[str, Any] = orjson.loads(file.read_bytes())
    return found


@cache
def _treats() -> dict[str, Treat]:
    return TREATS.validate_python(_base()["treat"])


def default_names() -> tuple[str, ...]:
    """Return the public lists that a refresh brings where nobody chose others."""
    return tuple(_base()["install"])


@cache
def _packaged() -> dict[str, bytes]:
    """What MISP's own package has of the public lists; nothing where that is not installed."""
    try:
        lists = resources.files("pymispwarninglists") / "data" / "misp-warninglists" / "lists"
    except ModuleNotFoundError:
        return {}
    files = {name: lists / name / "list.json" for name in default_names()}
    found = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    return {name: data for name, data in found.items() if orjson.loads(data)["list"]}


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of installed lists; where one is not there, it may be that of MISP's package."""

    root: Path
    packaged: bool = False

    def lists(self) -> Warninglists:
        """Return all lists that can be read, ours included, compiled."""
        payloads = self._payloads()
        compiled = self._compiled(_digest(payloads.items()), "lists")
        if compiled.is_file():
            about = ABOUT.validate_json(pl.read_parquet_metadata(compiled)["about"])
            return Warninglists(about, pl.read_parquet(compiled, glob=False))
        found = Warninglists.of(_readable(payloads))
        self._keep(found.entries, compiled, {"about": ABOUT.dump_json(found.about).decode()})
        return found

    def popularity(self) -> Popularity | None:
        """Return the ranked list, None where none is installed."""
        ranked = self.root / RANKED
        if not ranked.is_file():
            return None
        payload = ranked.read_bytes()
        compiled = self._compiled(_digest([(RANKED, payload)]), "ranks")
        if compiled.is_file():
            return Popularity(pl.read_parquet(compiled, glob=False))
        found = Popularity.of(payload.decode("utf-8", "replace"))
        self._keep(found.ranks, compiled, {})
        return found

    def packed(self) -> set[str]:
        """Return the names of the lists that MISP's package has for us."""
        return {*_packaged()} if self.packaged else set()

    def names(self) -> list[str]:
        """Return the names of the installed lists, ours excluded."""
        return sorted(file.stem for file in self.root.glob("*.json"))

    def public(self) -> list[str]:
        """Return what a refresh is to bring: what is installed and what it still owes.

        Where nothing is, the default ones. What somebody took away stays away.
        """
        sides = (file.stem for file in self._side("_").parent.glob("*.json"))
        owed = {name for name in sides if self.provenance(name).fetched is None}
        there = {*self.names()}
        return sorted(there | owed) if there else list(default_names())

    def stamp(self) -> frozenset[tuple[str, int, int]]:
        """Return what tells whether a list is another one by now, without reading any."""
        files = (*self.root.glob("*.json"), *self.root.glob(RANKED))
        stats = ((file.name, file.stat()) for file in files)
        return frozenset((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)

    def payload(self, name: str) -> bytes | None:
        """Return an installed list as it was published, None where it is not."""
        file = self._file(self.root, name)
        return file.read_bytes() if file.is_file() else None

    def install(self, name: str, payload: bytes) -> Warninglist:
        """Check a list and put it in place, whole or not at all. Raises BadList."""
        read = parse(name, payload, _treats().get(name))
        before = self._count(name)
        if len(read.entries) < before * LEAST:
            few, many = f"{len(read.entries):,}", f"{before:,}"
            raise BadList(f"{name}: {few} entries where the installed list has {many}")
        _replace(self._file(self.root, name), payload)
        return read

    def provenance(self, name: str) -> Provenance:
        """Return where a list came from, as far as we brought it."""
        file = self._side(name)
        return PROVENANCE.validate_json(file.read_bytes()) if file.is_file() else Provenance()

    def remember(self, name: str, provenance: Provenance) -> None:
        """Write down where a list came from."""
        _replace(self._side(name), PROVENANCE.dump_json(provenance))

    def _count(self, name: str) -> int:
        payload = self.payload(name)
        try:
            return len(parse(name, payload).entries) if payload is not None else 0
        except BadList:
            return 0  # anything is better than what is there

    def _payloads(self) -> dict[str, bytes]:
        ours = {name: orjson.dumps(raw) for name, raw in _base()["lists"].items()}
        theirs = _packaged() if self.packaged else {}
        own = {file.stem: file.read_bytes() for file in sorted(self.root.glob("*.json"))}
        return ours | theirs | own

    def _side(self, name: str) -> Path:
        return self._file(self.root / ".provenance", name)

    @staticmethod
    def _file(folder: Path, name: str) -> Path:
        if not SLUG.match(name):  # it may have come from a command line
            raise BadList(f"{name!r} is not a list's name")
        return folder / f"{name}.json"

    def _compiled(self, digest: str, what: str) -> Path:
        return self.root / ".compiled" / f"{what}-{digest}.parquet"

    def _keep(self, rows: pl.DataFrame, compiled: Path, metadata: dict[str, str]) -> None:
        compiled.parent.mkdir(parents=True, exist_ok=True)
        fresh = beside(compiled)
        rows.write_parquet(fresh, compression="lz4", metadata=metadata)
        fresh.replace(compiled)
        for old in compiled.parent.glob(f"{compiled.name.partition('-')[0]}-*.parquet"):
            if old != compiled:
                old.unlink(missing_ok=True)


def installed(folder: Folder) -> list[Installed]:
    """Return all lists with version, size and origin, and those that cannot be used with why."""
    used = [
        Installed(one.name, one.title, one.version, one.use, one.entries, one.skipped)
        for one in folder.lists().about
    ]
    broken = [
        Installed(name, trouble=trouble)
        for name in sorted(set(folder.names()) - {one.name for one in used})
        if (trouble := _trouble(name, folder.payload(name))) is not None
    ]
    return [_with_origin(one, folder.provenance(one.name)) for one in (*used, *broken)]


def _with_origin(one: Installed, origin: Provenance) -> Installed:
    trouble = one.trouble or origin.trouble
    return replace(one, fetched=origin.fetched, checked=origin.checked, trouble=trouble)


def old(folder: Folder, now: datetime) -> bool:
    """Tell whether nobody has looked for new versions for a day; for an hour while there is none.

    As far as this copy knows.
    """
    names = folder.names()
    looks = [folder.provenance(name).checked for name in folder.public()]
    last = max((look for look in looks if look), default=None)
    return last is None or last <= now - (DAY if names else HOUR)


def refresh_lists(
    folder: Folder,
    http: Http,
    clock: Clock,
    names: Iterable[str] = (),
    base: str = PUBLIC,
) -> Iterator[Refreshed]:
    """Bring new versions of public lists, one after the other; a fault of one is its own.

    Without names: the `public` ones of the folder. Raises BadList for what cannot be a list's name.
    """
    for name in names or folder.public():
        yield _refresh(folder, http, clock, name, base)


def _refresh(folder: Folder, http: Http, clock: Clock, name: str, base: str) -> Refreshed:
    url = f"{base.rstrip('/')}/{name}/list.json"
    before = folder.provenance(name)
    known = before if before.url == url and folder.payload(name) is not None else Provenance()
    now = clock()
    try:
        answer = http.request("GET", url, headers=_conditions(known), max_bytes=MAX_BYTES)
        if answer.status == NOT_MODIFIED:
            folder.remember(name, replace(known, checked=now, trouble=None))
            return Refreshed(name, "unchanged")
        return _take(folder, name, answer.body, _origin(url, answer.headers, now))
    except (SourceDown, BadPayload, BadList) as fault:
        folder.remember(name, replace(before, checked=now, trouble=str(fault)))
        return Refreshed(name, "kept", reason=str(fault))


def _take(folder: Folder, name: str, body: bytes, origin: Provenance) -> Refreshed:
    same = body == folder.payload(name)
    read = folder.install(name, body)
    folder.remember(name, origin)
    return Refreshed(name, "unchanged" if same else "new", read.version, len(read.entries))


def _origin(url: str, headers: Mapping[str, str], now: datetime) -> Provenance:
    return Provenance(url, now, now, headers.get("etag"), headers.get("last-modified"))


def _conditions(known: Provenance) -> dict[str, str]:
    given = {"if-none-match": known.etag, "if-modified-since": known.last_modified}
    return {name: value for name, value in given.items() if value}


def _readable(payloads: Mapping[str, bytes]) -> Iterator[Warninglist]:
    """Yield the lists that can be read: `installed` says what is wrong with the others."""
    for name, payload in payloads.items():
        try:
            yield parse(name, payload, _treats().get(name))
        except BadList:
            continue


def _trouble(name: str, payload: bytes | None) -> str | None:
    try:
        parse(name, payload or b"")
    except BadList as bad:
        return str(bad)
    return None


def _digest(payloads: Iterable[tuple[str, bytes]]) -> str:
    treats = orjson.dumps(_base()["treat"])
    digest = sha256(FORMAT + treats + pl.__version__.encode())
    for name, payload in payloads:
        digest.update(f"\0{name}\0{len(payload)}\0".encode() + payload)
    return digest.hexdigest()[:32]


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = beside(path)
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
