"""Warninglists in Blob Storage: a Function has a disk that goes with it, so they are copied to it.

The folder works as everywhere; what a refresh brings into it is put back into the store. Other
instances notice by the ETags.
"""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from tidegate.adapters.naming import beside
from tidegate.adapters.warninglists import PROVENANCE, RANKED, Folder, Provenance, Refreshed
from tidegate.ports import Objects

LISTS = "warninglists/"
ORIGINS = "origins/"  # below it
NAMED = re.compile(rf"{LISTS}(?:{ORIGINS})?[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")  # it names a file
MINUTE = timedelta(minutes=1)
AT_ONCE = 8


@dataclass(slots=True)
class StoredLists:
    """The warninglists in `objects`, and the folder that is their copy. Safe for threads."""

    objects: Objects
    root: Path
    _copied: dict[str, str] = field(default_factory=dict, init=False)  # ETags by name
    _looked: datetime | None = field(default=None, init=False)
    _looking: Lock = field(default_factory=Lock, init=False)

    def folder(self) -> Folder:
        """Copy all lists into the folder, and return it."""
        with self._looking:
            self._copy()
        return Folder(self.root)

    def renewed(self, now: datetime) -> bool:
        """Copy what changed, unless somebody looked within a minute; tell whether a list did."""
        if not self._looking.acquire(blocking=False):
            return False  # somebody is at it
        try:
            if self._looked and now - self._looked < MINUTE:
                return False
            self._looked = now
            return self._copy()
        finally:
            self._looking.release()

    def _copy(self) -> bool:
        folder, found = Folder(self.root), self.objects.etags(LISTS)
        there = {name: etag for name, etag in found.items() if NAMED.match(name)}
        changed = [name for name, etag in there.items() if self._copied.get(name) != etag]
        gone = self._copied.keys() - there.keys()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, stored in zip(changed, pool.map(self.objects.get, changed), strict=True):
                if stored is not None:
                    _place(folder, name.removeprefix(LISTS), stored.data)
        for name in gone:
            (self.root / name.removeprefix(LISTS)).unlink(missing_ok=True)
        self._copied = there
        return any(not name.startswith(LISTS + ORIGINS) for name in (*changed, *gone))

    def keep(self, folder: Folder, refreshed: Iterable[Refreshed]) -> Iterator[Refreshed]:
        """Put back what a refresh brings, list by list."""
        for one in refreshed:
            payload = folder.payload(one.name)
            if one.outcome == "new" and payload is not None:
                self.objects.put(f"{LISTS}{one.name}.json", payload)
            origin = PROVENANCE.dump_json(folder.provenance(one.name))
            self.objects.put(f"{LISTS}{ORIGINS}{one.name}.json", origin)
            yield one


def _place(folder: Folder, name: str, data: bytes) -> None:
    if name.startswith(ORIGINS):
        origin: Provenance = PROVENANCE.validate_json(data)
        folder.remember(name.removeprefix(ORIGINS).removesuffix(".json"), origin)
    elif name == RANKED or name.endswith(".json"):
        folder.root.mkdir(parents=True, exist_ok=True)
        fresh = beside(folder.root / name)
        fresh.write_bytes(data)
        fresh.replace(folder.root / name)
