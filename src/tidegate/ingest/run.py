"""One run of one feed, from its payload to its outcome. One feed's failure is its own."""

import logging
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict, Unpack
from uuid import uuid4

import polars as pl

from tidegate.correlation import working_on
from tidegate.declare.feed import Feed, Semantics
from tidegate.ingest import journal
from tidegate.ingest.alerts import told
from tidegate.ingest.archive import archive, digest_of, joint, unpacked
from tidegate.ingest.contract import (
    Past,
    drifted,
    implausible,
    past,
    share_suppressed,
    shrunk,
    staleness,
)
from tidegate.ingest.counting import Counted
from tidegate.ingest.delta import Delta, delta
from tidegate.ingest.ended import taken_back, too_much
from tidegate.ingest.fetch import Fetched, fetch
from tidegate.ingest.gaps import missed
from tidegate.ingest.job import Job
from tidegate.ingest.normal import Normal
from tidegate.ingest.reading import read
from tidegate.ingest.rehearsal import rehearsing
from tidegate.ingest.withheld import WITHHELD, merged, parted
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import BadPayload, FeedState, QuotaSpent, SourceDown
from tidegate.sightings import empty

__all__ = ["Job", "by_what", "run"]
log = logging.getLogger(__name__)

DROPPED = "what a person dropped has come again"


class _Read(TypedDict, total=False):
    """What a run that read rows adds to the feed's state."""

    rows: int
    ingested: datetime | None
    body_sha256: str | None
    changed: datetime | None
    judged: str | None
    payloads: tuple[str, ...]
    columns: tuple[str, ...]
    suppressed: int | None
    dropped: str | None


def run(job: Job, world: World) -> Outcome:
    """Run one feed and say how it went; never raises SourceDown or BadPayload.

    But for a patient job, SourceDown: another run writes its feed, and nothing has happened.
    """
    started, name = time.perf_counter(), job.feed.name
    world = rehearsing(world) if job.dry else world
    with working_on(name):
        asked = Counted(world.http)
        ended = _attempted(job, replace(world, http=asked))
        seconds = time.perf_counter() - started
        outcome = replace(ended, seconds=seconds, origin=job.origin, requests=asked.requests)
        if job.dry:
            outcome = replace(outcome, dry_run=True, payloads=())
        world.runs.record(Run(job.run or uuid4().hex, world.clock(), outcome, job.since, job.until))
        if not job.dry:
            journal.ran(outcome)
            world.counted(outcome)
        return outcome


def _attempted(job: Job, world: World) -> Outcome:
    try:
        with world.sightings.writing(job.feed.name), _scratch(world) as inner:
            return _watched(job, _ended(job, inner), inner)
    except SourceDown as busy:  # with another process, whose word counts
        if job.patient:
            raise
        return Outcome(job.feed.name, Status.SOURCE_DOWN, reason=str(busy))


def _ended(job: Job, world: World) -> Outcome:
    name = job.feed.name
    try:
        return _run(job, world)
    except SourceDown as down:
        _hold_off(job, down, world)
        waits = isinstance(down, QuotaSpent)
        status = Status.QUOTA_WAIT if waits else Status.SOURCE_DOWN
        return Outcome(name, status, reason=str(down))
    except BadPayload as bad:
        return Outcome(name, Status.BAD_PAYLOAD, reason=str(bad))


def _watched(job: Job, outcome: Outcome, world: World) -> Outcome:
    """Tell what became of the feed; what a file or a part of it says is not its source's word."""
    if job.origin is not Origin.LIVE or job.partial or job.dry:
        return outcome
    now, feed = world.clock(), job.feed
    stale = None if outcome.failed else staleness(feed, world.feeds.state(feed.name), now)
    told(feed, outcome, stale, world.feeds, now)
    return replace(outcome, notes=(*outcome.notes, stale)) if stale else outcome


@contextmanager
def _scratch(world: World) -> Iterator[World]:
    world.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=world.scratch) as folder:
        yield replace(world, scratch=Path(folder))


def _hold_off(job: Job, down: SourceDown, world: World) -> None:
    if down.retry_after is not None:
        state = world.feeds.state(job.feed.name)
        until = world.clock() + down.retry_after
        world.feeds.remember(job.feed.name, replace(state, not_before=until))


def _run(job: Job, world: World) -> Outcome:
    feed = job.feed
    state = replace(world.feeds.state(feed.name), attempted=world.clock())
    world.feeds.remember(feed.name, state)
    world.progress(feed.name, "fetch")
    known = state if _fresh(job, state, world.clock()) else FeedState(not_before=state.not_before)
    fetched = _payload(job, known, world)
    _complain(job, state, world.clock())
    anew = not job.partial and state.judged not in {None, by_what(feed, world)}
    if anew and not fetched.files:
        fetched = _again(job, state, fetched, world)
    digests = tuple(map(digest_of, fetched.files))
    digest = joint(digests) if digests else known.body_sha256
    if digest == known.body_sha256 and not (anew and digests):
        changed = state.changed or state.ingested
        _remember(job, state, fetched, world, rows=state.rows, changed=changed)
        return Outcome(feed.name, Status.UNCHANGED, rows=state.rows)
    if digest == state.dropped and not job.trusted:
        # Not remembered as an answer: it confirms nothing.
        return Outcome(feed.name, Status.UNCHANGED, rows=state.rows, notes=(DROPPED,))
    with ThreadPoolExecutor(1) as archivist:
        kept = archivist.submit(archive, fetched.files, digests, world)
        return _ingest(job, state, fetched, digest, kept, world)


def by_what(feed: Feed, world: World) -> str:
    """Name the declaration and the policy by which a payload is judged now."""
    return f"{feed.reading}-{world.policy.version}"


def _again(job: Job, state: FeedState, fetched: Fetched, world: World) -> Fetched:
    """Take the payload that nobody sends again from the archive, or ask for all of it."""
    try:
        pages = tuple(unpacked(one, world.scratch, world.objects) for one in state.payloads)
    except BadPayload:
        if job.feed.code("pages"):
            return fetched  # its past would come whole
        return _payload(job, FeedState(not_before=state.not_before), world)
    return replace(fetched, files=pages)


def _complain(job: Job, state: FeedState, now: datetime) -> None:
    """Say so when the feed was asked too late, and has dropped what was never read."""
    live = job.origin is state.origin is Origin.LIVE and not job.partial
    gap = missed(job.feed, state.fetched, now) if live and state.fetched else None
    if gap:
        log.warning("ingest %s came too late: %s", job.feed.name, gap.advice)


def _fresh(job: Job, state: FeedState, now: datetime) -> bool:
    """Whether the same bytes again would mean no work: not when half of the rows' time is gone."""
    if job.partial or state.origin is not job.origin or state.ingested is None:
        return False
    return now - state.ingested < job.feed.keep / 2


def _payload(job: Job, state: FeedState, world: World) -> Fetched:
    if job.pages:
        return Fetched(job.pages)
    if job.file is None:
        return fetch(job.feed, state, job.since, world)
    if not job.file.is_file():
        raise BadPayload(f"{job.file}: no such file")
    return Fetched((job.file,))


def _ingest(
    job: Job,
    state: FeedState,
    fetched: Fetched,
    digest: str | None,
    archived: "Future[tuple[str, ...]]",
    world: World,
) -> Outcome:
    feed, now = job.feed, world.clock()
    found = read(job, fetched.files, now, world)
    world.progress(feed.name, "compare")
    fresh, judged = _begins_anew(job, state), by_what(feed, world)
    old, banned = _held(job, state, world)
    before = Past() if fresh else past(feed, state, old, judged)
    back = taken_back(feed, fetched.files, old, found, world.scratch)
    if refusal := _refusal(job, found, before, world) or too_much(job, back, old):
        return _quarantined(feed, found, refusal, archived.result())
    # What --since and --until leave out is not gone.
    semantics = Semantics.WINDOW if job.partial else feed.semantics
    over = pl.concat([found.over, back])
    change = delta(old, found.sightings, over, semantics, feed.keep, now)
    world.progress(feed.name, "store")
    payloads = archived.result()
    if fresh or len(banned) or not change.empty:
        world.sightings.commit(feed.name, change.state, change.written)
    _withhold(feed.name, found, banned, semantics, fresh, world)
    news = _news(state, found, digest, judged, payloads, now)
    _remember(job, state, fetched, world, **news)
    notes = tuple(drifted(feed, found.columns, before))
    withdrawn = change.withdrawn + len(banned)
    outcome = _outcome(feed, found, change)
    return replace(outcome, withdrawn=withdrawn, payloads=payloads, notes=notes)


def _begins_anew(job: Job, state: FeedState) -> bool:
    """Whether nothing is left of before: a sample gives way to the first real fetch."""
    return state.origin is Origin.SAMPLE and job.origin is not Origin.SAMPLE


def _held(job: Job, state: FeedState, world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the stored rows, parted by today's policy: those that stay, and those it bans."""
    feed = job.feed
    stored = empty() if _begins_anew(job, state) else world.sightings.state(feed.name)
    if state.judged in {None, by_what(feed, world)}:
        return stored, empty(WITHHELD)
    return parted(stored, world.policy, frozenset(feed.suppress.but))


def _news(
    state: FeedState,
    found: Normal,
    digest: str | None,
    judged: str,
    payloads: tuple[str, ...],
    now: datetime,
) -> _Read:
    """Return what the feed's state says after a run that read rows."""
    return _Read(
        rows=found.rows,
        ingested=now,
        body_sha256=digest,
        changed=(state.changed if digest == state.body_sha256 else None) or now,
        judged=judged,
        payloads=payloads,
        columns=found.columns,
        suppressed=share_suppressed(found),
        dropped=None if digest == state.dropped else state.dropped,
    )


def _quarantined(feed: Feed, found: Normal, why: str, payloads: tuple[str, ...]) -> Outcome:
    return Outcome(
        feed.name,
        Status.QUARANTINED,
        rows=found.rows,
        suppressed=sum(found.suppressed.values()),
        rejected=found.rejected,
        reason=why,
        payloads=payloads,
    )


def _refusal(job: Job, found: Normal, before: Past, world: World) -> str | None:
    """Say why the payload is not let in. What is no indicator at all, nobody can let in."""
    broken = implausible(job.feed, found, before)
    if job.partial or job.trusted:
        return None
    return broken or shrunk(job.feed, found, before, world.feeds, world.clock())


def _withhold(
    source: str,
    found: Normal,
    banned: pl.DataFrame,
    semantics: Semantics,
    fresh: bool,
    world: World,
) -> None:
    """Keep what was suppressed, for those who ask why a value is not there."""
    if world.suppressed is None:
        return
    rows = pl.concat([found.withheld.select(*WITHHELD), banned])
    if not fresh:
        kept, now = found.sightings["id"], world.clock()
        rows = merged(world.suppressed.state(source), rows, kept, semantics, now)
    world.suppressed.replace(source, rows)


def _remember(
    job: Job, state: FeedState, fetched: Fetched, world: World, **more: Unpack[_Read]
) -> None:
    if job.partial:
        world.feeds.remember(job.feed.name, _glanced(job, state))
        return
    live = job.origin is Origin.LIVE
    remembered = replace(
        state,
        fetched=world.clock(),
        origin=job.origin,
        etag=(fetched.etag or state.etag) if live else None,
        last_modified=(fetched.last_modified or state.last_modified) if live else None,
        cursor=(fetched.cursor or state.cursor) if live else None,
        not_before=None,
        **more,
    )
    world.feeds.remember(job.feed.name, remembered)


def _glanced(job: Job, state: FeedState) -> FeedState:
    """Return the state after a partial run: how far the whole feed was read has not changed."""
    if state.origin in {None, Origin.SAMPLE}:
        return FeedState(attempted=state.attempted, origin=job.origin)
    return replace(state, not_before=None)


def _outcome(feed: Feed, found: Normal, change: Delta) -> Outcome:
    return Outcome(
        feed.name,
        Status.OK,
        rows=found.rows,
        kept=len(found.sightings),
        new=change.new,
        changed=change.changed,
        withdrawn=change.withdrawn,
        suppressed=sum(found.suppressed.values()),
        rejected=found.rejected,
        repeated=found.repeated,
    )
