"""The past from the archive: a feed's state at any time, and a quarantined payload let in."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from tidegate.declare.feed import Feed, Semantics
from tidegate.ingest.alerts import GOOD, alert
from tidegate.ingest.archive import joint, unpacked
from tidegate.ingest.delta import delta
from tidegate.ingest.earlier import earlier, judged
from tidegate.ingest.ended import taken_back
from tidegate.ingest.reading import read
from tidegate.ingest.run import Job, run
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import BadPayload
from tidegate.sightings import TIME, empty

SILENT = {Status.SOURCE_DOWN, Status.QUOTA_WAIT}  # runs that brought nothing
SCANNED = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """A feed's unexpired sightings at a time, and how many runs made them."""

    state: pl.DataFrame
    runs: int


def replay(feed: Feed, at: datetime, world: World) -> Replayed:
    """Make the feed's state at a time anew from its archived payloads. Nothing is written.

    Deterministic: each payload is judged by the time of its own run, and by today's declaration
    and policy. Raises BadPayload when a payload is gone.
    """
    state, before = empty(), None
    # Of a backfill, slices without rows changed nothing, not even a sample.
    known = world.runs.read(feed.name, at)
    runs = [one for one in known if one.outcome.kept or one.outcome.origin is not Origin.BACKFILL]
    for one in runs:
        old = empty() if before is Origin.SAMPLE and one.outcome.origin is not before else state
        state = _replayed(feed, one, old, world)
        before = one.outcome.origin
    return Replayed(state.filter(pl.col("expires") > pl.lit(at, TIME)), len(runs))


def _replayed(feed: Feed, one: Run, old: pl.DataFrame, world: World) -> pl.DataFrame:
    with _unpacked(one, world) as (pages, inner):
        if one.outcome.origin is Origin.BACKFILL:
            return _backfilled(feed, one, pages, old, world)
        job = Job(feed, origin=one.outcome.origin, since=one.since, until=one.until)
        found = read(job, pages, one.at, inner)
        over = pl.concat([found.over, taken_back(feed, pages, old, found, inner.scratch)])
    semantics = Semantics.WINDOW if job.partial else feed.semantics
    return delta(old, found.sightings, over, semantics, feed.keep, one.at).state


def _backfilled(
    feed: Feed, one: Run, pages: tuple[Path, ...], old: pl.DataFrame, world: World
) -> pl.DataFrame:
    rows = map(pl.read_parquet, pages)
    found = judged(feed, rows, one.until or one.at, one.at, world.policy)
    return earlier(old, found.sightings, one.at).state


def accept(feed: Feed, world: World) -> Outcome:
    """Let the payload in whose quarantine was the feed's last word. Raises BadPayload if none."""
    latest = _quarantined(feed, world)
    with _unpacked(latest, world) as (pages, inner):
        job = Job(feed, origin=latest.outcome.origin, pages=pages, trusted=True)
        return run(job, inner)


def drop(feed: Feed, world: World) -> Run:
    """Refuse for good what is in the feed's quarantine, and return the run that brought it.

    The same bytes are no news from then on. Raises BadPayload where nothing is in quarantine, and
    SourceDown while the feed runs.
    """
    with world.sightings.writing(feed.name):
        latest = _quarantined(feed, world)
        state = world.feeds.state(feed.name)
        dropped = joint(latest.outcome.payloads)
        world.feeds.remember(feed.name, replace(state, dropped=dropped))
        alert(feed.name, GOOD, "a person dropped it", world.feeds, world.clock())
    return latest


def _quarantined(feed: Feed, world: World) -> Run:
    """Return the run whose payload was the feed's last word, if that is in quarantine."""
    latest = world.runs.newest(feed.name, SCANNED)
    regular = [run for run in latest if run.outcome.origin is not Origin.BACKFILL]
    spoke = [run for run in regular if run.outcome.status not in SILENT]
    if not spoke or spoke[0].outcome.status is not Status.QUARANTINED:
        raise BadPayload(f"{feed.name}: its last payload was not quarantined")
    return spoke[0]


@contextmanager
def _unpacked(one: Run, world: World) -> Iterator[tuple[tuple[Path, ...], World]]:
    world.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=world.scratch) as folder:
        digests = one.outcome.payloads
        pages = tuple(unpacked(digest, Path(folder), world.objects) for digest in digests)
        yield pages, replace(world, scratch=Path(folder))
