"""Sightings, and what is remembered of the feeds that brought them."""

from collections.abc import Collection, Mapping
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
    rows were last read, `changed` when its bytes last became others. `cursor` is the source's own
    word for how far we have read. `judged` names the declaration and policy by which the bytes of
    `body_sha256`, archived as `payloads`, were read; `columns` are those that they had, and
    `suppressed` the percentage of their rows that hygiene kept out. A person has `dropped` bytes of
    this digest: they are no news.
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
    changed: datetime | None = None
    judged: str | None = None
    payloads: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    suppressed: int | None = None
    dropped: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a source, and what may become wrong. No `state`: nothing is.

    `state` is what a person was told, with its reason, when it began. `down_since` is when a source
    first did not answer. `shrunk_to` indicators its list has come down, as `shrunk_times` fetches
    in a row have said, the last of them at `shrunk_at`.
    """

    state: str | None = None
    reason: str | None = None
    since: datetime | None = None
    down_since: datetime | None = None
    shrunk_to: int = 0
    shrunk_times: int = 0
    shrunk_at: datetime | None = None


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

    def reported(self, ids: pl.Series, now: datetime, *, again: bool = True) -> pl.DataFrame:
        """Return the unexpired sightings of many ids, with the columns of `sightings.REPORTED`.

        Who is not going to ask `again` leaves nothing in memory.
        """
        ...

    def networks(self, now: datetime) -> pl.DataFrame:
        """Return all unexpired sightings of networks, with the columns of `sightings.NETWORK`."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Return for each source what differs as soon as its state does."""
        ...

    def live(self, now: datetime, only: Collection[str] | None = None) -> pl.LazyFrame:
        """Return all unexpired sightings, with a `source` column; of these sources only."""
        ...

    def changes(self, since: Mapping[str, str]) -> pl.DataFrame | None:
        """Return what was written and withdrawn since these versions, as `sightings.CHANGE`.

        Of a source without a version that is all it has. None where it is not known any more.
        """
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

    def trouble(self, feed: str) -> Trouble: ...

    def note(self, feed: str, trouble: Trouble) -> None: ...

    def switch(self, feed: str, on: bool) -> None:
        """Keep a person's word on whether the feed runs. No run of the feed writes it."""
        ...

    def switched(self) -> dict[str, bool]:
        """Return the feeds about which a person has spoken."""
        ...
