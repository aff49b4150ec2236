"""Sightings on one machine: for each source one sorted, immutable Parquet segment.

A commit writes a new segment and then moves one small pointer to it, atomically, so readers in
other processes see the old state or the new one and never wait. Why files and not a database:
`docs/decisions/0002-sightings-as-segments.md`.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tidegate.model import Sighting
from tidegate.ports import SourceDown
from tidegate.sightings import SCHEMA, STATE, empty, sightings, unexpired

ROW_GROUP = 65_536
KEPT = 2  # a reader may still be in the segment before the current one
SOURCE = re.compile(r"[a-z0-9_-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class SegmentStore:
    """`ports.Sightings` in the folder `root`."""

    root: Path

    def state(self, source: str) -> pl.DataFrame:
        """See `ports.Sightings`."""
        segment = self._current(source)
        return (
            empty()
            if segment is None
            else _as_now(pl.scan_parquet(segment, glob=False), STATE).collect()
        )

    def commit(
        self,
        source: str,
        state: pl.DataFrame,
        changed: pl.DataFrame,  # noqa: ARG002 - the whole state is one file
    ) -> None:
        """See `ports.Sightings`."""
        folder = self._folder(source)
        number = int(current.stem) + 1 if (current := self._current(source)) else 1
        segment = folder / f"{number:08}.parquet"
        with segment.open("wb") as file:
            state.select(*STATE).write_parquet(
                file, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
            )
            file.flush()
            os.fsync(file.fileno())
        self._point(folder, segment)

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
        found = list(self._scans())
        if not found:
            return []
        return sightings(pl.concat(found).filter(pl.col("id") == indicator).collect())

    def live(self, now: datetime) -> pl.LazyFrame:
        """See `ports.Sightings`."""
        found = list(self._scans())
        columns = {**SCHEMA, "source": pl.String()}
        return unexpired(pl.concat(found) if found else empty(columns).lazy(), now)

    def _scans(self) -> Iterator[pl.LazyFrame]:
        for folder in sorted(self.root.glob("*/")):
            if segment := self._current(folder.name):
                source = pl.lit(folder.name).alias("source")
                yield _as_now(pl.scan_parquet(segment, glob=False), SCHEMA).with_columns(source)

    def _folder(self, source: str) -> Path:
        if not SOURCE.match(source):
            raise ValueError(f"not a source's name: {source!r}")
        folder = self.root / source
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _current(self, source: str) -> Path | None:
        pointer = self.root / source / "current"
        return pointer.parent / pointer.read_text() if pointer.exists() else None

    def _point(self, folder: Path, segment: Path) -> None:
        fresh = folder / "current.new"
        fresh.write_text(segment.name)
        fresh.replace(folder / "current")
        for old in sorted(folder.glob("*.parquet"))[:-KEPT]:
            old.unlink()


def _as_now(segment: pl.LazyFrame, schema: dict[str, Any]) -> pl.LazyFrame:
    """Read the columns as they are today: a segment knows the kinds that its writer knew."""
    return segment.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
