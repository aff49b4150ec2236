"""Bring one dataset up to date: throttle, lease, query, merge, locate, write, commit.

The order is the point. The cut is taken before the query, so that nothing falls between two runs;
the data is written under a name nobody used before; one fenced write makes it the version.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import polars as pl

from tidegate.declare.dataset import Dataset
from tidegate.lease import SECONDS, Busy, Lease, held
from tidegate.maps import pointer, versions
from tidegate.maps import state as states
from tidegate.maps.answer import conform
from tidegate.maps.geo import locate
from tidegate.maps.merge import alive, merge, since
from tidegate.maps.result import Refresh, Result
from tidegate.maps.span import Span, span
from tidegate.maps.state import Manifest, State
from tidegate.maps.versions import Last
from tidegate.maps.world import World
from tidegate.ports import BadPayload, Conflict, LogTable, SourceDown

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=5)
# Fewer than this part of so many rows, after a full load, are told of.
MANY, FEW = 1_000, 0.1
# None of ours lasts for ever. An administrator's may: to hold refreshes up for so long.
ENDLESS = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class _How:
    """How a refresh was asked for."""

    force: bool
    full: bool


def refresh_all(world: World, *, force: bool = False) -> Iterator[Refresh]:
    """Refresh every dataset, one after the other."""
    for dataset in world.datasets.values():
        yield refresh(dataset, world, force=force)


def refresh(dataset: Dataset, world: World, *, force: bool = False, full: bool = False) -> Refresh:
    """Refresh one dataset. `force` skips the throttle, never the lease; `full` reads all anew."""
    began, how = world.clock(), _How(force or full, full)
    told = _tried(dataset, world, Refresh(dataset.name, Result.FRESH, world.run()), how)
    told = replace(told, took=world.clock() - began)
    world.counted(told)
    return told


def wait(dataset: Dataset, world: World) -> timedelta:
    """Return how long the dataset is still fresh; nothing when it is due."""
    return _fresh(dataset, states.read(world.objects, dataset.name).state, world.clock())


def _fresh(dataset: Dataset, state: State, now: datetime) -> timedelta:
    # A clock that was put right may have left a refresh in the future.
    if state.refreshed is None or state.refreshed > now:
        return timedelta(0)
    return max(state.refreshed + dataset.refresh - now, timedelta(0))


def _tried(dataset: Dataset, world: World, told: Refresh, how: _How) -> Refresh:
    try:
        if not how.force and (fresh := wait(dataset, world)):
            return replace(told, wait=fresh)
        states.create(world.objects, dataset.name, world.clock())
        with held(world.objects, states.name(dataset.name), told.run) as lease:
            return _leased(dataset, world, lease, told, how)
    except Busy:
        return _busy(dataset, world, told)
    except Conflict as error:
        return replace(told, result=Result.LOST, reason=str(error))
    except SourceDown as error:
        return _down(told, error)


def _busy(dataset: Dataset, world: World, told: Refresh) -> Refresh:
    """Say who has the lease; break one that would never end."""
    name, state = states.name(dataset.name), states.read(world.objects, dataset.name).state
    long_ago = state.began is None or world.clock() - state.began >= ENDLESS
    if long_ago and world.objects.endless(name):
        log.warning("%s: broke a lease that somebody took for ever", name)
        world.objects.break_lease(name)
    holder = state.running or ""
    return replace(told, result=Result.BUSY, run=holder, wait=timedelta(seconds=SECONDS))


def _leased(dataset: Dataset, world: World, lease: Lease, told: Refresh, how: _How) -> Refresh:
    found = states.read(world.objects, dataset.name)
    # Another run may have ended between our first look and the lease.
    if not how.force and (fresh := _fresh(dataset, found.state, world.clock())):
        return replace(told, wait=fresh)
    etag = states.begin(world.objects, dataset.name, found, lease.run, world.clock())
    try:
        after, told = _build(dataset, world, found.state, told, lease, full=how.full)
    except (SourceDown, BadPayload) as error:
        fault: states.Fault = "down" if isinstance(error, SourceDown) else "bad"
        after = found.state.failing(lease.run, world.clock(), fault, str(error))
        told = _down(told, error)
    lease.check()
    states.commit(world.objects, dataset.name, after, lease=lease.run, etag=etag)
    _tidy(dataset, world, after)
    return told


def _tidy(dataset: Dataset, world: World, state: State) -> None:
    """Lead readers on and clear up. The next run does it if this one cannot."""
    with suppress(Conflict, SourceDown):
        pointer.follow(world.objects, dataset.name, state)
        versions.collect(world.objects, dataset.name, state, world.clock())


def _down(told: Refresh, error: SourceDown | BadPayload) -> Refresh:
    again = getattr(error, "retry_after", None) or RETRY
    return replace(told, result=Result.DOWN, wait=again, reason=str(error))


def _build(
    dataset: Dataset, world: World, before: State, told: Refresh, lease: Lease, *, full: bool
) -> tuple[State, Refresh]:
    """Query, merge, locate and write; return the state to commit. Commits nothing."""
    last = versions.last(world.objects, dataset, before)
    # Of two clocks the one behind: the other may be wrong, and what is asked late is not lost.
    now = min(world.clock(), world.source(dataset).now())
    asked = span(dataset, before, now, again=full or last.data is None)
    answer, calls = _asked(dataset, world, asked, lease)
    fresh, warnings = conform(answer, dataset)
    whole = asked.full and not answer.partial
    kept = _kept(dataset, last, asked.start if whole else None)
    # Each step lets go of what the one before it held: a whole copy of the rows.
    rows = alive(dataset, merge(dataset, kept, locate(fresh, dataset.locate, world.locate)), now)
    lease.check()
    manifest = versions.write(world.objects, dataset, last, rows, told.run)
    after = State(
        epoch=before.epoch + 1,
        watermark=before.watermark if answer.partial else asked.cut,
        refreshed=now,
        reconciled=_reconciled(asked, before, now, partial=answer.partial),
        run=lease.run,
        began=before.began,
        dwindled=_dwindled(before.manifest, rows) if whole else before.dwindled,
        manifest=manifest.model_copy(update={"partial": answer.partial, "warnings": warnings}),
        marks=before.marks,
    ).marked(now)
    return after, replace(
        told,
        result=Result.REFRESHED,
        rows=manifest.rows,
        answered=fresh.height,
        calls=calls,
        partial=answer.partial,
    )


def _reconciled(asked: Span, before: State, now: datetime, *, partial: bool) -> datetime | None:
    """Return when all was read anew; None if a part of it may have put old rows over newer ones."""
    if not asked.full:
        return before.reconciled
    return None if partial else now


def _asked(dataset: Dataset, world: World, asked: Span, lease: Lease) -> tuple[LogTable, int]:
    """Query, as long as the lease is ours; return the answer and in how many calls it came."""
    calls = count()

    def check() -> None:
        next(calls)
        lease.check()

    kql = asked.bounded(dataset.query)
    source = world.source(dataset)
    answer = source.query(kql, asked.start, asked.end, finest=dataset.finest, check=check)
    return answer, next(calls)


def _kept(dataset: Dataset, last: Last, whole: datetime | None) -> pl.DataFrame:
    """Return the rows that the answer adds to: not those it replaces, from `whole` on."""
    rows = last.rows(dataset)
    return rows if whole is None else rows.filter(~since(dataset, whole))


def _dwindled(before: Manifest | None, rows: pl.DataFrame) -> str | None:
    if before is None or before.rows <= MANY or rows.height >= FEW * before.rows:
        return None
    return f"{rows.height} rows after {before.rows}: is the table still filled?"
