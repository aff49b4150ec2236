"""Refreshes that somebody asked for: written down first, so that any process tells of them.

A run is a record, `refreshes/ID`, and until it has ended a mark, `refreshes/open/ID`, whose lease
is held by whoever works on it. When that process dies the lease runs out, and a timer goes on with
what is left.
"""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from pydantic import AwareDatetime, TypeAdapter

from tidegate.correlation import working_on
from tidegate.lease import Busy, Lease, held
from tidegate.maps import state as states
from tidegate.maps.refresh import refresh
from tidegate.maps.result import Refresh, Result
from tidegate.maps.state import Record
from tidegate.maps.world import World
from tidegate.ports import Conflict, Stored
from tidegate.stored import document

log = logging.getLogger(__name__)

FOLDER, OPEN = "refreshes/", "refreshes/open/"
ID = re.compile(r"[0-9]{14}-[0-9a-f]{12}\Z")
REMEMBERED = timedelta(days=1)
ATTEMPTS = 5
FAILED = {Result.DOWN.name.lower(), Result.LOST.name.lower()}


class Status(StrEnum):
    """How far a run is. A failed one has ended, too."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Told(Record):
    """What became of one dataset. `run` is who has its lease, where the result is `busy`."""

    name: str
    result: str
    run: str = ""
    rows: int = 0
    partial: bool = False
    wait: timedelta = timedelta(0)


class Run(Record):
    """A run and what has become of it so far; `results` are those of its first datasets."""

    run: str
    datasets: tuple[str, ...]
    force: bool = False
    asked: AwareDatetime
    attempts: int = 0
    ended: AwareDatetime | None = None
    results: tuple[Told, ...] = ()

    @property
    def status(self) -> Status:
        """How far it is."""
        if self.ended is None:
            return Status.RUNNING
        failed = any(one.result in FAILED for one in self.results)
        return Status.FAILED if failed or len(self.results) < len(self.datasets) else Status.DONE


RUN = TypeAdapter(Run)


@dataclass(frozen=True, slots=True)
class _Held:
    """A run that this process works on."""

    run: Run
    etag: str
    lease: Lease


def ask(names: Sequence[str], world: World, *, force: bool = False) -> str:
    """Write a run down and return its id. From then on it is not forgotten."""
    now = world.clock()
    run = Run(
        run=f"{now:%Y%m%d%H%M%S}-{uuid4().hex[:12]}", datasets=tuple(names), force=force, asked=now
    )
    world.objects.put(FOLDER + run.run, _json(run), if_absent=True)
    world.objects.put(OPEN + run.run, b"", if_absent=True)
    _forget_old(now - REMEMBERED, world)
    return run.run


def find(run: str, world: World) -> Run | None:
    """Return a run as far as it is: one that was asked for, or a dataset's own; None for no run."""
    if ID.match(run):
        stored = world.objects.get(FOLDER + run)
        return None if stored is None else _read(stored)
    return next(filter(None, (_own(run, name, world) for name in world.datasets)), None)


def work(run: str, world: World) -> Run | None:
    """Refresh what is left of a run; None if there is no such run. Raises Busy and Conflict."""
    try:
        with working_on(run, exactly=True), held(world.objects, OPEN + run, str(uuid4())) as lease:
            if (stored := world.objects.get(FOLDER + run)) is None:
                return None
            ended = _worked(_Held(_read(stored), stored.etag, lease), world)
    except Busy:
        # It may have ended, and its mark be gone.
        found = find(run, world)
        if found is None or found.ended is None:
            raise
        return found
    if ended.ended is not None:
        with suppress(Conflict):
            world.objects.delete(OPEN + run)
    return ended


def take_over(world: World) -> None:
    """Go on with runs whose process has died."""
    for name in list(world.objects.names(OPEN)):
        run = name.removeprefix(OPEN)
        with suppress(Conflict):
            if work(run, world) is None:
                world.objects.delete(name)


def _worked(held_: _Held, world: World) -> Run:
    if held_.run.ended is not None:
        return held_.run
    first = held_.run.attempts == 0
    held_ = _kept(held_, world, attempts=held_.run.attempts + 1)
    for name in held_.run.datasets[len(held_.run.results) :]:
        told = _refreshed(name, held_.run, world)
        if told.result is Result.BUSY and not first and held_.run.attempts < ATTEMPTS:
            return held_.run  # its own dead process may have the lease for a minute yet
        held_ = _kept(held_, world, results=(*held_.run.results, _told(told)))
    return _kept(held_, world, ended=world.clock()).run


def _refreshed(name: str, run: Run, world: World) -> Refresh:
    dataset = world.datasets.get(name)
    if dataset is None or run.attempts > ATTEMPTS:
        why = "given up: its process died each time" if dataset else "no such dataset any more"
        return Refresh(name, Result.LOST, reason=why)
    return refresh(dataset, world, force=run.force)


def _told(told: Refresh) -> Told:
    return Told(
        name=told.dataset,
        result=told.result.name.lower(),
        run=told.run,
        rows=told.rows,
        partial=told.partial,
        wait=told.wait,
    )


def _kept(held_: _Held, world: World, **changed: object) -> _Held:
    held_.lease.check()
    run = held_.run.model_copy(update=changed)
    etag = world.objects.put(FOLDER + run.run, _json(run), if_match=held_.etag)
    return _Held(run, etag, held_.lease)


def _own(run: str, name: str, world: World) -> Run | None:
    """Return a dataset's run, which nobody asked for here: its state knows the last ones."""
    state, now = states.read(world.objects, name).state, world.clock()
    if run == state.running:
        ended = None if states.under_way(state, now) else now
        return Run(run=run, datasets=(name,), asked=state.began or now, ended=ended)
    if run != state.run or not run:
        return None
    at = max(filter(None, (state.refreshed, state.failed)), default=now)
    result = Result.DOWN if state.fault else Result.REFRESHED
    rows = state.manifest.rows if state.manifest else 0
    partial = state.manifest is not None and state.manifest.partial
    told = Told(name=name, result=result.name.lower(), run=run, rows=rows, partial=partial)
    return Run(run=run, datasets=(name,), asked=state.began or at, ended=at, results=(told,))


def _read(stored: Stored) -> Run:
    return document(RUN, stored.data, "a refresh")


def _json(run: Run) -> bytes:
    return run.model_dump_json().encode()


def _forget_old(before: datetime, world: World) -> None:
    oldest = f"{FOLDER}{before:%Y%m%d%H%M%S}"
    for name in [one for one in world.objects.names(f"{FOLDER}2") if one < oldest]:
        with suppress(Conflict):
            world.objects.delete(name)
