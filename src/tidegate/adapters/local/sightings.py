"""Sightings on one machine: for each source one sorted, immutable segment.

A commit writes a new segment and then moves one small pointer to it, atomically, so readers in
other processes see the old state or the new one and never wait. Why files and not a database:
`docs/decisions/0002-sightings-as-segments.md`.
"""

import fcntl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from tidegate.adapters.local.segments import Segment, narrow, write, write_changes
from tidegate.model import Sighting
from tidegate.ports import SourceDown
from tidegate.sightings import (
    CHANGE,
    NETWORK,
    REPORTED,
    SCHEMA,
    STATE,
    empty,
    keyed,
    named,
    unexpired,
)

KEPT = 2  # a reader may still be in the segment before the current one
SOURCED = {**SCHEMA, "source": pl.String()}


@dataclass(frozen=True, slots=True)
class SegmentStore:
    """`ports.Sightings` in the folder `root`. Segments stay open until others take their place."""

    root: Path
    _open: dict[str, Segment] = field(default_factory=dict, compare=False)

    def state(self, source: str) -> pl.DataFrame:
        """See `ports.Sightings`."""
        segment = self._current(source)
        return empty() if segment is None else segment.scan(STATE).collect()

    def commit(
        self,
        source: str,
        state: pl.DataFrame,
        changed: pl.DataFrame,
    ) -> None:
        """See `ports.Sightings`."""
        folder, before = self._folder(source), self._current(source)
        number = int(before.path.stem) + 1 if before else 1
        path = folder / f"{number:08}.parquet"
        write(path, state)
        if before:
            write_changes(path, before, state, changed)
        self._point(folder, path)

    @contextmanager
    def writing(self, source: str) -> Iterator[None]:
        """See `ports.Sightings`. The lock goes with the process, however that ends."""
        with (self._folder(source) / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SourceDown(f"{source} is being written by another process") from error
            yield

    def of(self, indicator: str) -> list[Sighting]:
        """See `ports.Sightings`."""
        found = (segment.find(indicator, source) for source, segment in self._segments())
        return [sighting for sighting in found if sighting is not None]

    def reported(self, ids: pl.Series, now: datetime, *, again: bool = True) -> pl.DataFrame:
        """See `ports.Sightings`."""
        asked = keyed(ids.unique().to_frame("id")).sort("key")  # one look-up is near the next
        parts = [
            segment.reported(asked, again=again).with_columns(source=pl.lit(source))
            for source, segment in self._segments()
        ]
        found = pl.concat([empty(REPORTED), *(part.select(*REPORTED) for part in parts)])
        return unexpired(found.lazy(), now).collect()

    def networks(self, now: datetime) -> pl.DataFrame:
        """See `ports.Sightings`."""
        parts = [
            segment.networks.with_columns(source=pl.lit(source))
            for source, segment in self._segments()
        ]
        found = pl.concat([empty(NETWORK), *(part.select(*NETWORK) for part in parts)])
        return unexpired(found.lazy(), now).collect()

    def versions(self) -> dict[str, str]:
        """See `ports.Sightings`."""
        return {source: segment.version for source, segment in self._segments()}

    def live(self, now: datetime, only: Collection[str] | None = None) -> pl.LazyFrame:
        """See `ports.Sightings`."""
        found = [
            segment.scan(SCHEMA).with_columns(source=pl.lit(source))
            for source, segment in self._segments(only)
        ]
        return unexpired(pl.concat(found) if found else empty(SOURCED).lazy(), now)

    def changes(self, since: Mapping[str, str]) -> pl.DataFrame | None:
        """See `ports.Sightings`."""
        found = [empty(CHANGE)]
        for source, segment in self._segments():
            if source not in since:
                found.append(segment.scan(CHANGE).collect())
            elif (some := segment.changes(since[source])) is not None:
                found.extend(some)
            else:
                return None
        return pl.concat(found)

    def _segments(self, only: Collection[str] | None = None) -> Iterator[tuple[str, Segment]]:
        for folder in sorted(self.root.glob("*/")):
            asked = only is None or folder.name in only
            if asked and (segment := self._current(folder.name)):
                yield folder.name, segment

    def _folder(self, source: str) -> Path:
        folder = self.root / named(source)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _current(self, source: str) -> Segment | None:
        pointer = self.root / source / "current"
        try:
            path = pointer.parent / pointer.read_text()
        except FileNotFoundError:
            return None
        known = self._open.get(source)
        if known is None or known.path != path:
            later = len(self._open.keys() - {source})
            known = self._open[source] = Segment(path, later)
        return known

    def _point(self, folder: Path, segment: Path) -> None:
        fresh = folder / "current.new"
        fresh.write_text(segment.name)
        fresh.replace(folder / "current")
        for old in sorted(folder.glob("*.parquet"))[:-KEPT]:
            old.unlink()
        narrow(folder, segment)
