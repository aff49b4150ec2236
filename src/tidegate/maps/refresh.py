"""Bring one dataset up to date: throttle, lease, query, merge, locate, write, commit.

The order is the point. The cut is taken before the query, so that nothing falls between two runs;
the data is written under a name nobody used before; one fenced write makes it the version.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import sha256

import polars as pl

from tidegate.declare.dataset import Dataset
from tidegate.lease import SECONDS, Busy, Lease, held
from tidegate.maps import state as states
from tidegate.maps import tsv
from tidegate.maps.answer import conform
from tidegate.maps.geo import locate, located
from tidegate.maps.merge import alive, merge, since
from tidegate.maps.state import Manifest, State
from tidegate.maps.world import World
from tidegate.ports import BadPayload, Conflict, SourceDown

# Rows younger than this may still be on their way into the table that we read.
SETTLE = timedelta(minutes=2)
# Log Analytics takes rows dated up to two days before and one day after their receipt.
LATE, EARLY = timedelta(days=3), timedelta(days=1)
RECONCILE = timedelta(days=1)
RETRY = timedelta(minutes=5)
KEPT_VERSIONS = 24


class Result(IntEnum):
    """How a refresh ended, as the HTTP status that says so."""

    REFRESHED = 200
    BUSY = 202
    FRESH = 204
    UNKNOWN = 404
    LOST = 409
    LIMITED = 429
    DOWN = 503


@dataclass(frozen=True, slots=True)
class Refresh:
    """One run of one dataset. `wait` is how long to wait before asking again."""

    dataset: str
    result: Result
    run: str = ""
    rows: int = 0
    answered: int = 0
    partial: bool = False
    wait: timedelta = timedelta(0)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Span:
    """What one run asks for: rows received in (cursor, cut] that happened since `start`."""

    full: bool
    cursor: datetime
    cut: datetime
    start: datetime

    def bounded(self, kql: str) -> str:
        """Return the query with its bounds as `let` lines; the query itself is left alone."""
        return f"let _cursor = {_literal(self.cursor)};\nlet _cut = {_literal(self.cut)};\n{kql}"


def refresh_all(world: World, *, force: bool = False) -> Iterator[Refresh]:
    """Refresh every dataset, one after the other."""
    for dataset in world.datasets.values():
        yield refresh(dataset, world, force=force)


def refresh(dataset: Dataset, world: World, *, force: bool = False) -> Refresh:
    """Refresh one dataset. `force` skips the throttle, never the lease."""
    told = Refresh(dataset.name, Result.FRESH, world.run())
    try:
        if wait := _wait(dataset, world, force=force):
            return replace(told, wait=wait)
        states.create(world.objects, dataset.name)
        with held(world.objects, states.name(dataset.name), told.run) as lease:
            return _leased(dataset, world, lease, told, force=force)
    except Busy:
        return replace(told, result=Result.BUSY, wait=timedelta(seconds=SECONDS))
    except Conflict as error:
        return replace(told, result=Result.LOST, reason=str(error))
    except SourceDown as error:
        return _down(told, error)


def _wait(dataset: Dataset, world: World, *, force: bool) -> timedelta:
    refreshed = states.read(world.objects, dataset.name).state.refreshed
    if force or refreshed is None:
        return timedelta(0)
    return max(refreshed + dataset.refresh - world.clock(), timedelta(0))


def _leased(dataset: Dataset, world: World, lease: Lease, told: Refresh, *, force: bool) -> Refresh:
    # Another run may have ended between our first look and the lease.
    if wait := _wait(dataset, world, force=force):
        return replace(told, wait=wait)
    before, etag = states.read(world.objects, dataset.name)
    try:
        after, told = _build(dataset, world, before, told, lease)
    except (SourceDown, BadPayload) as error:
        after, told = before.failing(world.clock(), str(error)), _down(told, error)
    lease.check()
    states.commit(world.objects, dataset.name, after, lease=lease.run, etag=etag)
    _collect(world, dataset, after)
    return told


def _down(told: Refresh, error: SourceDown | BadPayload) -> Refresh:
    wait = getattr(error, "retry_after", None) or RETRY
    return replace(told, result=Result.DOWN, wait=wait, reason=str(error))


def _build(
    dataset: Dataset, world: World, before: State, told: Refresh, lease: Lease
) -> tuple[State, Refresh]:
    """Query, merge, locate and write; return the state to commit. Commits nothing."""
    now, committed = world.clock(), _committed(dataset, world, before)
    span = _span(dataset, before, world.logs.now(), again=committed is None)
    answer = world.logs.query(
        span.bounded(dataset.query),
        span.start,
        span.cut + SETTLE + EARLY,
        finest=dataset.finest,
        check=lease.check,
    )
    fresh, warnings = conform(answer, dataset)
    whole = span.full and not answer.partial
    kept = _kept(dataset, committed, span.start if whole else None)
    merged = merge(dataset, kept, locate(fresh, dataset.locate, world.locate))
    manifest = _write(dataset, world, before, alive(dataset, merged, now), told.run)
    after = State(
        epoch=before.epoch + 1,
        watermark=before.watermark if answer.partial else span.cut,
        refreshed=now,
        reconciled=now if whole else before.reconciled,
        manifest=manifest.model_copy(update={"partial": answer.partial, "warnings": warnings}),
    )
    return after, replace(
        told,
        result=Result.REFRESHED,
        rows=manifest.rows,
        answered=fresh.height,
        partial=answer.partial,
    )


def _span(dataset: Dataset, state: State, service_now: datetime, *, again: bool) -> _Span:
    """Return the whole window, or the part since the watermark when that is enough."""
    cut = service_now - SETTLE
    start = cut - dataset.window
    overdue = state.reconciled is None or cut - state.reconciled >= RECONCILE
    if again or overdue or state.watermark is None:
        return _Span(True, start - EARLY, cut, start)
    # A clock that was put right may have left a watermark in the future.
    cursor = min(state.watermark, cut) - dataset.overlap
    return _Span(False, cursor, cut, max(start, cursor - LATE))


def _committed(dataset: Dataset, world: World, state: State) -> pl.DataFrame | None:
    """Return the rows of the last version; None when there are none that an answer can add to."""
    if state.manifest is None or state.manifest.digest != dataset.digest:
        return None
    stored = world.objects.get(states.folder(dataset.name) + state.manifest.file)
    return None if stored is None else tsv.decode(gzip.decompress(stored.data))


def _kept(dataset: Dataset, rows: pl.DataFrame | None, whole: datetime | None) -> pl.DataFrame:
    """Return the rows that the answer adds to: not those it replaces, from `whole` on."""
    if rows is None:
        return pl.DataFrame(schema=dict.fromkeys(dataset.stored, pl.String()))
    return rows if whole is None else rows.filter(~since(dataset, whole))


def _write(dataset: Dataset, world: World, before: State, rows: pl.DataFrame, run: str) -> Manifest:
    """Write a new version, unless it would be the same bytes again."""
    data = tsv.encode(rows.select(*dataset.stored))
    digest = sha256(data).hexdigest()
    if before.manifest is not None and before.manifest.sha256 == digest:
        return before.manifest.model_copy(update={"digest": dataset.digest})
    file = f"{before.epoch + 1}-{run}.tsv.gz"
    world.objects.put(states.folder(dataset.name) + file, tsv.packed(data), if_absent=True)
    return Manifest(
        version=before.epoch + 1,
        file=file,
        rows=rows.height,
        located=rows.filter(located()).height,
        bytes=len(data),
        sha256=digest,
        digest=dataset.digest,
        partial=False,
    )


def _collect(world: World, dataset: Dataset, state: State) -> None:
    """Delete versions that no reader can still want, and what crashed runs left behind."""
    folder = states.folder(dataset.name)
    for name in list(world.objects.names(folder)):
        match = states.FILE.fullmatch(name.removeprefix(folder))
        current = state.manifest is not None and name == folder + state.manifest.file
        if match and not current and int(match["epoch"]) <= state.epoch - KEPT_VERSIONS:
            world.objects.delete(name)


def _literal(when: datetime) -> str:
    return f"datetime({when.astimezone(UTC).isoformat().replace('+00:00', 'Z')})"
