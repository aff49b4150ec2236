"""Reads the past of a feed in slices, oldest first, beside its regular runs.

A slice is done when its rows are stored, its run is recorded and the progress says so, in this
order: a process that dies in between does the same slice again, and finds its rows stored. The
state of the regular runs (cursor, ETag, when it was fetched) stays as it is.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import file_digest, sha256
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import polars as pl

from tidegate.correlation import working_on
from tidegate.declare.feed import Feed, Semantics
from tidegate.ingest import journal
from tidegate.ingest.archive import archive
from tidegate.ingest.contract import FINE, UNKNOWN
from tidegate.ingest.delta import Delta
from tidegate.ingest.earlier import earlier, judged
from tidegate.ingest.fetch import asking
from tidegate.ingest.history import Slice, folder, gather, slices, stretches
from tidegate.ingest.normal import Normal
from tidegate.ingest.parse import BATCH, READ
from tidegate.ingest.progress import Notebook, Progress, place
from tidegate.ingest.rehearsal import rehearsing
from tidegate.ingest.withheld import WITHHELD, merged
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import BadPayload, FeedState, QuotaSpent, SourceDown
from tidegate.sightings import empty

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
MANY = 100  # rows, of which a share of bad ones means something


@dataclass(frozen=True, slots=True)
class Past:
    """What to read: what a feed said from `start` to `end`, in slices of `step`.

    A `dry` one reads and judges everything, and writes nothing.
    """

    feed: Feed
    start: datetime
    end: datetime
    step: timedelta = DAY
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill has come, over all its attempts, and why it went no further.

    The counts are those of outcomes; `expired` rows are over by now, and so not stored. The same
    command goes on at slice `done`, not before `go_on` where that is known.
    """

    feed: str
    start: datetime
    end: datetime
    slices: int
    done: int
    rows: int
    kept: int
    new: int
    changed: int
    suppressed: int
    expired: int
    status: Status
    reason: str | None = None
    go_on: datetime | None = None
    dry_run: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is more to do."""
        return self.status is not Status.OK


def backfill(past: Past, world: World) -> Backfilled:
    """Read a stretch of a feed's past into the store; never raises SourceDown or BadPayload."""
    with working_on(past.feed.name):
        return _Work.of(past, rehearsing(world) if past.dry else world).ended()


@dataclass(frozen=True, slots=True)
class _Work:
    """A backfill at work."""

    past: Past
    whole: Sequence[Slice]
    notebook: Notebook
    world: World

    @classmethod
    def of(cls, past: Past, world: World) -> "_Work":
        name = place(past.feed.name, past.start, past.end, int(past.step.total_seconds()))
        whole = slices(past.start, past.end, past.step)
        return cls(past, whole, Notebook(world.objects, name), world)

    def ended(self) -> Backfilled:
        begun = progress = self.notebook.read(self.world.clock())
        try:
            for progress in self._going_on(begun):
                told = f"slice {progress.done} of {len(self.whole)}, {progress.rows:,} rows"
                self.world.progress(self.past.feed.name, told)
        except SourceDown as down:
            return self._stopped(progress, down)
        except BadPayload as bad:
            return self._failed(progress, Status.BAD_PAYLOAD, str(bad))
        self.notebook.forget()
        return self._told(progress, Status.OK)

    def _going_on(self, progress: Progress) -> Iterator[Progress]:
        """Do what is left, and yield the progress after each slice."""
        feed, left = self.past.feed, self.whole[progress.done :]
        for stretch in stretches(feed, left):
            get = self.notebook.remembering(asking(feed, self.world))
            with _scratch(self.world) as inner:
                gather(feed, self.whole, stretch, get, inner)
                for one in stretch:
                    progress = self._slice(one, progress, inner)
                    yield progress

    def _slice(self, one: Slice, progress: Progress, world: World) -> Progress:
        feed, started, now = self.past.feed, perf_counter(), world.clock()
        rows = _rows(one, world)
        payloads = _archived(rows, world)
        found = judged(feed, rows.iter_slices(BATCH), one.end, now, world.policy)
        _check(feed, found)
        with world.sightings.writing(feed.name):
            change = _stored(feed.name, found, now, world)
        outcome = replace(
            _outcome(feed.name, found, change),
            seconds=perf_counter() - started,
            payloads=payloads,
        )
        number = f"{self.notebook.name}\0{progress.begun}\0{one.number}"
        run = sha256(number.encode()).hexdigest()[:32]
        self._record(Run(run, now, outcome, one.start, one.end))
        after = progress.plus(outcome)
        self.notebook.write(after)
        return after

    def _stopped(self, progress: Progress, down: SourceDown) -> Backfilled:
        waits = isinstance(down, QuotaSpent)
        feed, now = self.past.feed, self.world.clock()
        go_on = now + down.retry_after if down.retry_after is not None else None
        if go_on:
            _hold_off(feed.name, go_on, self.world)
        elif waits:
            go_on = _quota_is_back(feed, self.world.feeds.state(feed.name), now)
        status = Status.QUOTA_WAIT if waits else Status.SOURCE_DOWN
        return replace(self._failed(progress, status, str(down)), go_on=go_on)

    def _failed(self, progress: Progress, status: Status, reason: str) -> Backfilled:
        name, one = self.past.feed.name, self.whole[progress.done]
        outcome = Outcome(name, status, reason=reason, origin=Origin.BACKFILL)
        self._record(Run(uuid4().hex, self.world.clock(), outcome, one.start, one.end))
        return self._told(progress, status, reason)

    def _record(self, run: Run) -> None:
        self.world.runs.record(run)
        if not self.past.dry:
            journal.ran(run.outcome)
            self.world.counted(run.outcome)

    def _told(self, progress: Progress, status: Status, reason: str | None = None) -> Backfilled:
        past, done = self.past, f"{progress.done} of {len(self.whole)} slices"
        log.info("backfill %s: %s, %s, %d rows", past.feed.name, status, done, progress.rows)
        counts = asdict(progress)
        del counts["begun"]
        return Backfilled(
            feed=past.feed.name,
            start=past.start,
            end=past.end,
            slices=len(self.whole),
            status=status,
            reason=reason,
            dry_run=past.dry,
            **counts,
        )


@contextmanager
def _scratch(world: World) -> Iterator[World]:
    world.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=world.scratch) as made:
        yield replace(world, scratch=Path(made))


def _rows(one: Slice, world: World) -> pl.DataFrame:
    parts = sorted(folder(one, world).iterdir())
    return pl.concat([pl.DataFrame(schema=READ), *map(pl.read_parquet, parts)])


def _archived(rows: pl.DataFrame, world: World) -> tuple[str, ...]:
    """Keep a slice's rows as its payload; the feed's full export would be too much of it."""
    if rows.is_empty():
        return ()
    path = world.scratch / "slice.parquet"
    rows.write_parquet(path)
    with path.open("rb") as data:
        digest = file_digest(data, "sha256").hexdigest()
    return archive((path,), (digest,), world)


def _check(feed: Feed, found: Normal) -> None:
    bad = sum(n for reason, n in found.rejected.items() if reason not in {*FINE, UNKNOWN})
    if found.rows >= MANY and bad * 100 > found.rows * feed.contract.rejected:
        raise BadPayload(f"{bad:,} of {found.rows:,} rows are no indicators")


def _stored(source: str, found: Normal, now: datetime, world: World) -> Delta:
    """Merge what was found into the store. Called by whoever holds the source."""
    state = world.feeds.state(source)
    sample = state.origin is Origin.SAMPLE
    change = earlier(empty() if sample else world.sightings.state(source), found.sightings, now)
    if not change.empty:
        world.sightings.commit(source, change.state, change.written)
    brought = not found.sightings.is_empty()
    if not found.withheld.is_empty() and (brought or not sample):
        _withhold(source, found, now, world, sample=sample)
    if brought and state.origin in {None, Origin.SAMPLE}:
        # What is there is real now. It was never fetched, so the next run reads the whole feed.
        real = FeedState(state.attempted, origin=Origin.LIVE, not_before=state.not_before)
        world.feeds.remember(source, real)
    return change


def _withhold(source: str, found: Normal, now: datetime, world: World, *, sample: bool) -> None:
    if world.suppressed is None:
        return
    stored = empty(WITHHELD) if sample else world.suppressed.state(source)
    holding = stored.filter(pl.col("expires") > now)
    # What is kept out already was said later.
    rows = merged(found.withheld, holding, found.sightings["id"], Semantics.WINDOW, now)
    world.suppressed.replace(source, rows)


def _outcome(source: str, found: Normal, change: Delta) -> Outcome:
    return Outcome(
        source,
        Status.OK,
        rows=found.rows,
        kept=len(found.sightings),
        new=change.new,
        changed=change.changed,
        suppressed=sum(found.suppressed.values()),
        rejected=found.rejected,
        repeated=found.repeated,
        origin=Origin.BACKFILL,
    )


def _hold_off(source: str, until: datetime, world: World) -> None:
    """Let the regular runs wait, too: the other side counts us as one."""
    try:
        with world.sightings.writing(source):
            state = world.feeds.state(source)
            world.feeds.remember(source, replace(state, not_before=until))
    except SourceDown as busy:
        log.info("backfill %s: %s", source, busy)


def _quota_is_back(feed: Feed, state: FeedState, now: datetime) -> datetime | None:
    if state.not_before and state.not_before > now:
        return state.not_before
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + DAY if feed.daily_budget else None
