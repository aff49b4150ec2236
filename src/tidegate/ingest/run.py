"""One run of one feed, from its payload to its outcome. One feed's failure is its own."""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TypedDict, Unpack
from uuid import uuid4

import polars as pl
from isal import igzip

from tidegate.correlation import working_on
from tidegate.declare.feed import Feed, Semantics
from tidegate.hygiene import Policy
from tidegate.ingest.contract import BEFORE_SINCE, before, implausible
from tidegate.ingest.delta import Delta, delta
from tidegate.ingest.fetch import Fetched, fetch
from tidegate.ingest.normal import Normal, normal, times
from tidegate.ingest.parse import parse
from tidegate.ingest.payload import plain
from tidegate.ingest.withheld import merged
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import BadPayload, FeedState, QuotaSpent, SourceDown
from tidegate.sightings import TIME, empty

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: a feed, and where its payload comes from if not from its own address.

    `pages` are the files of an earlier fetch, in order. A person who `trusted` a payload outweighs
    the feed's contract.
    """

    feed: Feed
    file: Path | None = None
    origin: Origin = Origin.LIVE
    since: datetime | None = None
    pages: tuple[Path, ...] = ()
    trusted: bool = False


class _Read(TypedDict, total=False):
    """What a run that read rows adds to the feed's state."""

    rows: int
    ingested: datetime | None
    body_sha256: str | None


def run(job: Job, world: World) -> Outcome:
    """Run one feed and say how it went; never raises SourceDown or BadPayload."""
    started, name = time.perf_counter(), job.feed.name
    with working_on(name):
        ended = _attempted(job, world)
        outcome = replace(ended, seconds=time.perf_counter() - started, origin=job.origin)
        world.runs.record(Run(uuid4().hex, world.clock(), outcome, job.since))
        log.info("ingest %s: %s, %d rows", name, outcome.status, outcome.rows)
        return outcome


def _attempted(job: Job, world: World) -> Outcome:
    name = job.feed.name
    try:
        with world.sightings.writing(name), _scratch(world) as inner:
            return _run(job, inner)
    except SourceDown as down:
        _hold_off(job, down, world)
        waits = isinstance(down, QuotaSpent)
        status = Status.QUOTA_WAIT if waits else Status.SOURCE_DOWN
        return Outcome(name, status, reason=str(down))
    except BadPayload as bad:
        return Outcome(name, Status.BAD_PAYLOAD, reason=str(bad))


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
    digests = tuple(map(_digest, fetched.files))
    digest = _joint(digests) if digests else known.body_sha256
    if digest == known.body_sha256:
        _remember(job, state, fetched, world, rows=state.rows, ingested=state.ingested)
        return Outcome(feed.name, Status.UNCHANGED, rows=state.rows)
    with ThreadPoolExecutor(1) as archivist:
        kept = archivist.submit(_archive, fetched.files, digests, world)
        return _ingest(job, state, fetched, digest, kept, world)


def _fresh(job: Job, state: FeedState, now: datetime) -> bool:
    """Whether the same bytes again would mean no work: not when half of the rows' time is gone."""
    if job.since or state.origin is not job.origin or state.ingested is None:
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


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return file_digest(data, "sha256").hexdigest()


def _joint(digests: Sequence[str]) -> str:
    """Return one digest for all pages of a fetch; of one page, its own."""
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()


def _archive(files: Sequence[Path], digests: tuple[str, ...], world: World) -> tuple[str, ...]:
    """Keep the raw bytes under their digests, for audit and replay; return the digests."""
    for file, digest in zip(files, digests, strict=True):
        packed = world.scratch / f"{file.name}.gz"
        with file.open("rb") as raw, igzip.open(packed, "wb", compresslevel=1) as target:
            shutil.copyfileobj(raw, target, 1 << 20)
        world.objects.put(f"payloads/{digest}.gz", packed)
    return digests


def _ingest(
    job: Job,
    state: FeedState,
    fetched: Fetched,
    digest: str | None,
    archived: "Future[tuple[str, ...]]",
    world: World,
) -> Outcome:
    feed, now = job.feed, world.clock()
    found = read(job, fetched, now, world)
    world.progress(feed.name, "compare")
    # What came from a sample gives way to the first real fetch.
    fresh = state.origin is Origin.SAMPLE and job.origin is not Origin.SAMPLE
    old = empty() if fresh else world.sightings.state(feed.name)
    refusal = implausible(feed, found, before(feed, state, old))
    if refusal and not (job.since or job.trusted):
        payloads = archived.result()
        return Outcome(
            feed.name, Status.QUARANTINED, rows=found.rows, reason=refusal, payloads=payloads
        )
    # What --since leaves out is not gone.
    semantics = Semantics.WINDOW if job.since else feed.semantics
    change = delta(old, found.sightings, found.over, semantics, feed.keep, now)
    world.progress(feed.name, "store")
    payloads = archived.result()
    if fresh or not change.empty:
        world.sightings.commit(feed.name, change.state, change.written)
    _withhold(feed.name, found, semantics, fresh, world)
    whole = digest if job.since is None else None
    _remember(job, state, fetched, world, rows=found.rows, ingested=now, body_sha256=whole)
    return replace(_outcome(feed, found, change), payloads=payloads)


def _withhold(source: str, found: Normal, semantics: Semantics, fresh: bool, world: World) -> None:
    """Keep what was suppressed, for those who ask why a value is not there."""
    if world.suppressed is None:
        return
    rows = found.withheld
    if not fresh:
        kept, now = found.sightings["id"], world.clock()
        rows = merged(world.suppressed.state(source), rows, kept, semantics, now)
    world.suppressed.replace(source, rows)


def read(job: Job, fetched: Fetched, now: datetime, world: World) -> Normal:
    world.progress(job.feed.name, "read")
    texts = [plain(file, world.scratch) for file in fetched.files]
    batches = _counted(texts, job.feed, world)
    if job.origin is Origin.SAMPLE:
        return _as_if_now(job.feed, list(batches), world.policy, now)
    found = normal(job.feed, batches, world.policy, now)
    if job.since is None:
        return found
    recent = found.sightings.filter(pl.col("last_seen") >= pl.lit(job.since, TIME))
    earlier = {BEFORE_SINCE: len(found.sightings) - len(recent)}
    rejected = found.rejected | {reason: n for reason, n in earlier.items() if n}
    return replace(found, sightings=recent, rejected=rejected)


def _counted(texts: list[Path], feed: Feed, world: World) -> Iterator[pl.DataFrame]:
    rows = 0
    for text in texts:
        for batch in parse(feed, text):
            yield batch
            rows += len(batch)
            world.progress(feed.name, f"read {rows:,} rows")


def _as_if_now(feed: Feed, batches: list[pl.DataFrame], policy: Policy, now: datetime) -> Normal:
    """Read a sample as if it had been written today: its own dates lie ever further back."""
    stamps = [times(batch[name]).max() for batch in batches for name in ("first_seen", "last_seen")]
    written = max((stamp for stamp in stamps if isinstance(stamp, datetime)), default=now)
    found = normal(feed, batches, policy, written)
    later = pl.col("first_seen", "last_seen", "expires") + (now - written)
    return replace(
        found,
        sightings=found.sightings.with_columns(later),
        withheld=found.withheld.with_columns(later),
    )


def _remember(
    job: Job, state: FeedState, fetched: Fetched, world: World, **more: Unpack[_Read]
) -> None:
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
