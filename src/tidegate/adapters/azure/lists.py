"""Warninglists in Blob Storage: a Function has a disk that goes with it, so they are copied to it.

The folder works as everywhere; what a refresh brings into it is put back into the store. Other
instances see it when they start.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tidegate.adapters.warninglists import PROVENANCE, RANKED, Folder, Provenance, Refreshed
from tidegate.ports import Objects

LISTS = "warninglists/"
ORIGINS = "origins/"  # below it
DAY = timedelta(days=1)
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class StoredLists:
    """The warninglists in `objects`, and the folder that is their copy."""

    objects: Objects
    root: Path

    def folder(self) -> Folder:
        """Copy all lists into the folder, and return it."""
        folder, names = Folder(self.root), list(self.objects.names(LISTS))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, stored in zip(names, pool.map(self.objects.get, names), strict=True):
                if stored is not None:
                    _place(folder, name.removeprefix(LISTS), stored.data)
        return folder

    def keep(self, folder: Folder, refreshed: Iterable[Refreshed]) -> Iterator[Refreshed]:
        """Put back what a refresh brings, list by list."""
        for one in refreshed:
            payload = folder.payload(one.name)
            if one.outcome == "new" and payload is not None:
                self.objects.put(f"{LISTS}{one.name}.json", payload)
            origin = PROVENANCE.dump_json(folder.provenance(one.name))
            self.objects.put(f"{LISTS}{ORIGINS}{one.name}.json", origin)
            yield one


def old(folder: Folder, now: datetime) -> bool:
    """Tell whether nobody has looked for new versions for a day, as far as this copy knows."""
    looks = [folder.provenance(name).checked for name in folder.names()]
    return max((look for look in looks if look), default=now - DAY) <= now - DAY


def _place(folder: Folder, name: str, data: bytes) -> None:
    if name.startswith(ORIGINS):
        origin: Provenance = PROVENANCE.validate_json(data)
        folder.remember(name.removeprefix(ORIGINS).removesuffix(".json"), origin)
    elif name == RANKED or name.endswith(".json"):
        folder.root.mkdir(parents=True, exist_ok=True)
        fresh = folder.root / f".{name}.{os.getpid()}"
        fresh.write_bytes(data)
        fresh.replace(folder.root / name)
