"""The route of what there is: sightings by source and kind, and what runs brought in, by day."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import NamedTuple

import polars as pl
from fastapi import APIRouter
from pydantic import BaseModel

from tidegate.gate.knowledge import Knowledge
from tidegate.ingest.requests import Desk
from tidegate.model import Kind, Outcome, Run, Status
from tidegate.sightings import TIME

HELD = timedelta(seconds=30)  # it reads the whole store: once for all who ask at the same time
EVER = datetime(1, 1, 1, tzinfo=UTC)
RUNS = 5_000  # the newest, out of which days are counted
DAYS = 14


class Counts(BaseModel):
    """Sightings: those that hold, those that have expired, those that hygiene kept out."""

    live: int = 0
    expired: int = 0
    suppressed: int = 0


class LastRun(BaseModel):
    """What the last run of a feed came to."""

    at: datetime
    status: Status
    rows: int


class Day(BaseModel):
    """What the runs of one day, in UTC, read and changed."""

    day: date
    runs: int = 0
    failed: int = 0
    rows: int = 0
    new: int = 0
    changed: int = 0
    withdrawn: int = 0


class Stats(BaseModel):
    """What there is, at most half a minute ago. A day that is only partly known is left out."""

    at: datetime
    indicators: int
    total: Counts
    sources: dict[str, Counts]
    kinds: dict[Kind, Counts]
    last: dict[str, LastRun]
    days: list[Day]


def router(desk: Desk, known: Knowledge) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/api", tags=["ingest"])
    latest = _Held(lambda: _stats(desk, known), known.clock)

    @routes.get("/stats", summary="Count what there is")
    def get_stats() -> Stats:
        """Count sightings by source and kind, and what runs brought in day by day."""
        return latest()

    return routes


@dataclass
class _Held:
    """The last answer, for as long as it is good."""

    make: Callable[[], Stats]
    clock: Callable[[], datetime]
    last: Stats | None = None

    def __post_init__(self) -> None:
        self._lock = Lock()

    def __call__(self) -> Stats:
        with self._lock:
            if self.last is None or self.clock() - self.last.at >= HELD:
                self.last = self.make()
            return self.last


def _stats(desk: Desk, known: Knowledge) -> Stats:
    now = known.clock()
    rows = [*_stored(known, now), *_suppressed(desk, known)]
    live = known.sightings.live(now).select(pl.col("id").n_unique())
    return Stats(
        at=now,
        indicators=live.collect(engine="streaming").item(),
        total=_summed(rows, lambda _: "all").get("all", Counts()),
        sources=_summed(rows, lambda row: row.source),
        kinds={Kind(kind): sums for kind, sums in _summed(rows, lambda row: row.kind).items()},
        last=_last(desk),
        days=_days(desk.world.runs.newest(None, RUNS), now),
    )


class _Row(NamedTuple):
    source: str
    kind: str
    live: int = 0
    expired: int = 0
    suppressed: int = 0


def _stored(known: Knowledge, now: datetime) -> Iterator[_Row]:
    holds = pl.col("expires") > pl.lit(now, TIME)
    counted = (
        known.sightings.live(EVER)
        .group_by("source", pl.col("kind").cast(pl.String))
        .agg(holds.sum().alias("live"), (~holds).sum().alias("expired"))
        .select("source", "kind", "live", "expired")
    )
    yield from (_Row(*row) for row in counted.collect(engine="streaming").iter_rows())


def _suppressed(desk: Desk, known: Knowledge) -> Iterator[_Row]:
    if known.suppressed is None:
        return
    for name in desk.feeds:
        kinds = known.suppressed.state(name)["kind"].cast(pl.String).value_counts()
        yield from (_Row(name, kind, suppressed=count) for kind, count in kinds.iter_rows())


def _summed(rows: Iterable[_Row], key: Callable[[_Row], str]) -> dict[str, Counts]:
    sums: dict[str, Counts] = defaultdict(Counts)
    for row in rows:
        counts = sums[key(row)]
        counts.live += row.live
        counts.expired += row.expired
        counts.suppressed += row.suppressed
    return dict(sorted(sums.items()))


def _last(desk: Desk) -> dict[str, LastRun]:
    latest = (run for name in desk.feeds for run in desk.world.runs.newest(name, 1))
    return {run.outcome.feed: _shown(run) for run in latest}


def _shown(run: Run) -> LastRun:
    return LastRun(at=run.at, status=run.outcome.status, rows=run.outcome.rows)


def _days(runs: Sequence[Run], now: datetime) -> list[Day]:
    """Count the runs of each day, newest first."""
    days: dict[date, Day] = {}
    for run in runs:
        when = run.at.astimezone(UTC).date()
        _count(run.outcome, days.setdefault(when, Day(day=when)))
    if len(runs) == RUNS:
        days.popitem()  # the oldest, of which there may be more
    return [day for when, day in days.items() if now.date() - when < timedelta(DAYS)]


def _count(outcome: Outcome, day: Day) -> None:
    day.runs += 1
    day.failed += outcome.failed
    day.rows += outcome.rows
    day.new += outcome.new
    day.changed += outcome.changed
    day.withdrawn += outcome.withdrawn
