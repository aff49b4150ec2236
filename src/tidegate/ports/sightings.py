"""Sightings, and what is remembered of the feeds that brought them."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from tidegate.model import Origin, Run, Sighting


@dataclass(frozen=True, slots=True)
class FeedState:
    """What we remember of a source between runs; written after its data, never before.

    `attempted` is when it was last asked, `fetched` when it last answered, `ingested` when its
    rows were last read. `cursor` is the source's own word for how far we have read.
    """

    attempted: datetime | None = None
    fetched: datetime | None = None
    ingested: datetime | None = None
    origin: Origin | None = None
    etag: str | None = None
    last_modified: str | None = None
    cursor: str | None = None
    body_sha256: str | None = None
    not_before: datetime | None = None
    rows: int = 0


class Sightings(Protocol):
    """All sightings, one state per source. Frames have the columns of `sightings.STATE`."""

    def state(self, source: str) -> pl.DataFrame:
        """Return the source's last state; an empty frame if there is none."""
        ...

    def commit(self, source: str, state: pl.DataFrame, changed: pl.DataFrame) -> None:
        """Make `state` the source's state. `changed` are its rows that differ from the last."""
        ...

    def writing(self, source: str) -> AbstractContextManager[None]:
        """Hold the source for one read-and-commit. Raises SourceDown when another holds it."""
        ...

    def of(self, indicator: str) -> list[Sighting]:
        """Return every sighting of one indicator id, expired ones included."""
        ...

    def live(self, now: datetime) -> pl.LazyFrame:
        """Return all unexpired sightings, with a `source` column."""
        ...


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a source said about something that is no indicator here, and why it is none."""

    sighting: Sighting
    why: str


class Suppressed(Protocol):
    """What hygiene kept out, by source. Frames have the columns of `ingest.withheld.WITHHELD`."""

    def state(self, source: str) -> pl.DataFrame:
        """Return what is kept out of the source now; an empty frame if nothing is."""
        ...

    def replace(self, source: str, rows: pl.DataFrame) -> None:
        """Make `rows` what is kept out of the source, whole or not at all."""
        ...

    def of(self, indicator: str) -> list[Withheld]:
        """Return what every source said about one indicator id, expired ones included."""
        ...


class Runs(Protocol):
    """What every run of every feed came to."""

    def record(self, run: Run) -> None: ...

    def get(self, run: str) -> Run | None: ...

    def newest(self, feed: str | None, limit: int) -> list[Run]:
        """Return the latest runs, of one feed or of all, newest first."""
        ...

    def read(self, feed: str, until: datetime) -> list[Run]:
        """Return the runs up to a time whose rows reached the store, oldest first."""
        ...


class Feeds(Protocol):
    """The memory of feeds: their state and the outcomes of their runs."""

    def state(self, feed: str) -> FeedState: ...

    def remember(self, feed: str, state: FeedState) -> None: ...

    def spend(self, feed: str, day: str, budget: int) -> bool:
        """Take one request from the day's budget, across processes; False when none is left."""
        ...
