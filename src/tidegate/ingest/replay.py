"""The past from the archive: a feed's state at any time, and a quarantined payload let in."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from tidegate.declare.feed import Feed, Semantics
from tidegate.ingest.delta import delta
from tidegate.ingest.fetch import Fetched
from tidegate.ingest.run import Job, read, run
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import BadPayload
from tidegate.sightings import TIME, empty


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
    runs = world.runs.read(feed.name, at)
    for one in runs:
        old = empty() if before is Origin.SAMPLE and one.outcome.origin is not before else state
        state = _replayed(feed, one, old, world)
        before = one.outcome.origin
    return Replayed(state.filter(pl.col("expires") > pl.lit(at, TIME)), len(runs))


def _replayed(feed: Feed, one: Run, old: pl.DataFrame, world: World) -> pl.DataFrame:
    with _unpacked(one, world) as (pages, inner):
        job = Job(feed, origin=one.outcome.origin, since=one.since)
        found = read(job, Fetched(pages), one.at, inner)
    semantics = Semantics.WINDOW if one.since else feed.semantics
    return delta(old, found.sightings, found.over, semantics, feed.keep, one.at).state


def accept(feed: Feed, world: World) -> Outcome:
    """Let the payload in whose quarantine was the feed's last word. Raises BadPayload if none."""
    latest = world.runs.newest(feed.name, 1)
    if not latest or latest[0].outcome.status is not Status.QUARANTINED:
        raise BadPayload(f"{feed.name}: its last run was not quarantined")
    with _unpacked(latest[0], world) as (pages, inner):
        job = Job(feed, origin=latest[0].outcome.origin, pages=pages, trusted=True)
        return run(job, inner)


@contextmanager
def _unpacked(one: Run, world: World) -> Iterator[tuple[tuple[Path, ...], World]]:
    world.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=world.scratch) as folder:
        pages = tuple(_page(digest, Path(folder), world) for digest in one.outcome.payloads)
        yield pages, replace(world, scratch=Path(folder))


def _page(digest: str, folder: Path, world: World) -> Path:
    stored = world.objects.get(f"payloads/{digest}.gz")
    if stored is None:
        raise BadPayload(f"the payload {digest} is no longer archived")
    packed, page = folder / f"{digest}.gz", folder / f"{digest}.fetched"
    packed.write_bytes(stored.data)
    with gzip.open(packed) as source, page.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return page
