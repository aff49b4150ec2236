"""What each feed is worth: what it alone has, how early, how wrong, at what cost.

What the figures mean and by which thresholds they are judged: `docs/howto/judge-a-feed.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.gate.advice import advised
from tidegate.gate.history import DRAWN, History, history
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.learned import Tally
from tidegate.gate.overlap import Spread, contributions, overlaps, spread
from tidegate.gate.score import Sources
from tidegate.gate.worth import Contribution, Cost, Noise, Worth, share
from tidegate.hygiene import HARMLESS
from tidegate.model import Run
from tidegate.ports import FeedState, Runs

REMEMBERED = timedelta(days=90)
RUNS = 3_000  # of a feed that is asked every quarter of an hour: a month
LATE = 3  # intervals without an answer


def free(_: str) -> Mapping[str, float]:
    """Charge nothing: the store is our own."""
    return {}


@dataclass(frozen=True, slots=True)
class World:
    """What is judged, and by which evidence.

    `feeds` are judged; other sources count where they have the same indicators. `units` returns
    what the store charged on a day (ISO date), in request units by source.
    """

    knowledge: Knowledge
    runs: Runs
    feeds: Mapping[str, Feed]
    units: Callable[[str], Mapping[str, float]] = free


@dataclass(frozen=True, slots=True)
class Value:
    """All feeds, by name, as of a time."""

    at: datetime
    feeds: list[Worth]


def value(world: World) -> Value:
    """Judge all feeds from the whole store and the remembered runs, a slice at a time."""
    known, now = world.knowledge, world.knowledge.clock()
    believed, live = sources(known), known.sightings.live(now)
    found = spread(live, believed)
    parts = _parts(live, found, believed)
    units, learned = _units(world, now), known.learned()
    drafts = [
        _proven(
            _worth(feed, world, now, parts.get(name, Contribution()), units.get(name, 0.0)),
            learned.tally(name),
        )
        for name, feed in sorted(world.feeds.items())
    ]

    def remaining(feed: str, gone: frozenset[str]) -> float | None:
        left = contributions(found.combinations, believed, gone).filter(pl.col("source") == feed)
        counts = left.select("unique", "indicators").rows()
        return share(*counts[0]) if counts else None

    return Value(now, advised(drafts, remaining, now))


def _parts(live: pl.LazyFrame, found: Spread, believed: Sources) -> dict[str, Contribution]:
    """Return what each source of the store has."""
    newest = live.group_by("source").agg(pl.col("first_seen").max().alias("newest")).collect()
    rows = (
        contributions(found.combinations, believed)
        .join(found.leads, on="source", how="left")
        .join(newest, on="source", how="left")
        .with_columns(pl.col("shared", "first").fill_null(0))
    )
    both: dict[str, dict[str, int]] = {}
    for source, other, indicators in overlaps(found.combinations).iter_rows():
        both.setdefault(source, {})[other] = indicators
    return {row["source"]: _part(row, both) for row in rows.iter_rows(named=True)}


def _part(row: dict[str, Any], both: Mapping[str, dict[str, int]]) -> Contribution:
    return Contribution(
        indicators=row["indicators"],
        unique=row["unique"],
        lost=row["lost"],
        shared=row["shared"],
        first=row["first"],
        lead_seconds=row["seconds"],
        newest=row["newest"],
        overlap=both.get(row["source"], {}),
        unique_share=share(row["unique"], row["indicators"]),
        lost_share=share(row["lost"], row["indicators"]),
        first_share=share(row["first"], row["shared"]),
    )


def _worth(feed: Feed, world: World, now: datetime, part: Contribution, units: float) -> Worth:
    state = world.knowledge.feeds.state(feed.name)
    past = history(_runs(feed.name, world, now), now)
    return Worth(
        feed=feed.name,
        title=feed.title,
        use=feed.use,
        group=feed.group,
        every_seconds=int(feed.every.total_seconds()),
        origin=state.origin,
        fetched=state.fetched,
        late=_late(feed, state, now),
        history=past,
        contribution=part,
        noise=_noise(feed.name, part, world, now),
        cost=_cost(past, part, units),
    )


def _proven(worth: Worth, tally: Tally) -> Worth:
    judged = tally.confirmed + tally.false_positives
    return replace(
        worth,
        hits=tally.hits,
        false_positives=tally.false_positives,
        precision=share(tally.confirmed, judged),
    )


def _runs(feed: str, world: World, now: datetime) -> list[Run]:
    return [run for run in world.runs.newest(feed, RUNS) if now - run.at <= REMEMBERED]


def _late(feed: Feed, state: FeedState, now: datetime) -> bool:
    return state.fetched is not None and now - state.fetched > LATE * feed.every


def _noise(feed: str, part: Contribution, world: World, now: datetime) -> Noise:
    if world.knowledge.suppressed is None:
        return Noise()
    kept_out = world.knowledge.suppressed.state(feed).filter(pl.col("expires") > now)
    known = pl.any_horizontal(pl.col("why").str.starts_with(reason) for reason in HARMLESS)
    harmless = kept_out.select(known.sum()).item()
    whole = part.indicators + len(kept_out)
    return Noise(len(kept_out), harmless, share(harmless, whole))


def _cost(past: History, part: Contribution, units: float) -> Cost:
    spent = (past.seconds or 0.0) * past.runs
    return Cost(
        requests=past.requests,
        seconds=past.seconds,
        units=units,
        seconds_per_unique=share(spent, part.unique),
        units_per_unique=share(units, part.unique),
    )


def _units(world: World, now: datetime) -> dict[str, float]:
    """Return the request units of the last 30 days by source."""
    total: dict[str, float] = {}
    for back in range(DRAWN.days):
        day = (now - timedelta(days=back)).date().isoformat()
        for source, units in world.units(day).items():
            total[source] = total.get(source, 0.0) + units
    return total
