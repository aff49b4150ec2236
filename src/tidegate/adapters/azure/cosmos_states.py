"""The states of sources, one Parquet object each, and their copies on an instance's own disk.

A look-up of many values, and whatever looks at all sightings, reads the copies: the same of
documents would cost a fortune.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock

import polars as pl

from tidegate.adapters.local.segments import LOGS
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.ports import Objects, Stored
from tidegate.sightings import STATE, empty, named

STATES = "states/"
SUFFIX = ".parquet"


def state_name(source: str) -> str:
    """Return the name of the source's state."""
    return f"{STATES}{named(source)}{SUFFIX}"


def scan(stored: Stored | None) -> pl.LazyFrame:
    """Read a state with its columns as they are today: it knows the kinds that its writer knew."""
    if stored is None:
        return empty().lazy()
    found = pl.scan_parquet(BytesIO(stored.data))
    return found.select(pl.col(name).cast(dtype) for name, dtype in STATE.items())


@dataclass(frozen=True, slots=True)
class Copies:
    """The states in `objects` as segments in `store`, which is of this process alone."""

    objects: Objects
    store: SegmentStore
    _copied: dict[str, str] = field(default_factory=dict, init=False)
    _numbers: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def fresh(self) -> SegmentStore:
        """Copy what has changed, and return the copies."""
        with self._lock:
            for name, etag in self.objects.etags(STATES).items():
                if name.endswith(SUFFIX) and self._copied.get(name) != etag:
                    self._copy(name, etag)
        return self.store

    def versions(self) -> dict[str, str]:
        """Copy what has changed, and return the ETag of each source's state.

        The numbers of the copies would not do: they begin anew on each instance.
        """
        self.fresh()
        return {_source(name): etag for name, etag in sorted(self._copied.items())}

    def changes(self, since: Mapping[str, str]) -> pl.DataFrame | None:
        """Return what changed since these ETags, as far as they were copied here."""
        store = self.fresh()
        known = {source: self._numbers.get(source, {}).get(etag) for source, etag in since.items()}
        found = {source: number for source, number in known.items() if number is not None}
        return store.changes(found) if len(found) == len(since) else None

    def _copy(self, name: str, etag: str) -> None:
        state, source = scan(self.objects.get(name)).collect(), _source(name)
        before = self.store.state(source).select("id", "written")
        self.store.commit(source, state, state.join(before, on=["id", "written"], how="anti"))
        self._copied[name] = etag
        numbers = self._numbers.setdefault(source, {})
        numbers[etag] = self.store.versions()[source]
        for old in list(numbers)[:-LOGS]:
            del numbers[old]


def _source(name: str) -> str:
    return name.removeprefix(STATES).removesuffix(SUFFIX)
