"""What deep health looks at: every store is written and read, every feed is looked after."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum

import polars as pl
from pydantic import BaseModel

from tidegate.ingest.alerts import plain
from tidegate.ingest.condition import Health, condition
from tidegate.ingest.requests import Desk
from tidegate.ports import BadPayload, Conflict, FeedState, SourceDown

PROBE, OBJECT = "health", "health/probe"
LONG = 100  # requests that wait
SPARSE, NONE = 1 << 30, 64 << 20  # bytes of free disk
FAULTS = (SourceDown, BadPayload, Conflict, OSError, sqlite3.Error, pl.exceptions.PolarsError)


class State(StrEnum):
    """From good to bad. What is degraded works, and wants somebody to look."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Finding(BaseModel):
    """What one probe found."""

    what: str
    state: State
    detail: str | None = None


Probe = Callable[[Desk], State | tuple[State, str]]


def ingest(desk: Desk) -> Iterator[Finding]:
    """Probe all that ingestion needs, and every feed."""
    for what, probe in PROBES.items():
        yield _finding(what, probe, desk)
    try:
        yield from _feeds(desk)
    except FAULTS as error:
        yield Finding(what="feeds", state=State.UNHEALTHY, detail=_said(error))


def _finding(what: str, probe: Probe, desk: Desk) -> Finding:
    try:
        found = probe(desk)
    except FAULTS as error:
        return Finding(what=what, state=State.UNHEALTHY, detail=_said(error))
    state, detail = found if isinstance(found, tuple) else (found, None)
    return Finding(what=what, state=state, detail=detail)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _memory(desk: Desk) -> State:
    memory = desk.world.feeds
    written = replace(FeedState(), attempted=desk.world.clock())
    memory.remember(PROBE, written)
    memory.state(PROBE)
    return State.HEALTHY


def _runs(desk: Desk) -> State:
    desk.world.runs.newest(None, 1)
    return State.HEALTHY


def _objects(desk: Desk) -> State:
    """Another process may write its own probe in between: that it can be read is enough."""
    desk.world.objects.put(OBJECT, desk.world.clock().isoformat().encode())
    return State.HEALTHY if desk.world.objects.get(OBJECT) else State.UNHEALTHY


def _sightings(desk: Desk) -> State:
    desk.world.sightings.live(desk.world.clock()).head(1).collect()
    return State.HEALTHY


def _queue(desk: Desk) -> tuple[State, str]:
    waiting = desk.queue.length()
    state = State.DEGRADED if waiting > LONG else State.HEALTHY
    return state, f"{waiting:,} requests wait"


def _scratch(desk: Desk) -> tuple[State, str]:
    desk.world.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=desk.world.scratch) as file:
        file.write(b"probe")
    free = shutil.disk_usage(desk.world.scratch).free
    state = State.UNHEALTHY if free < NONE else State.DEGRADED if free < SPARSE else State.HEALTHY
    return state, f"{free >> 20:,} MiB free"


PROBES: dict[str, Probe] = {
    "memory of feeds": _memory,
    "runs": _runs,
    "objects": _objects,
    "sightings": _sightings,
    "requests": _queue,
    "scratch space": _scratch,
}


def _feeds(desk: Desk) -> Iterator[Finding]:
    """Yield the feeds that are not well; those that are off are nobody's trouble."""
    choice, well = desk.choice(), {Health.OK, Health.OFF}
    for feed in desk.feeds.values():
        found = condition(feed, choice, desk)
        if found.health not in well:
            detail = f"{found.health}: {found.reason}" if found.reason else found.health.value
            yield Finding(what=f"feed {feed.name}", state=State.DEGRADED, detail=detail)
    for name, mistakes in desk.broken.items():
        detail = f"{Health.BROKEN}: {plain('; '.join(mistakes))}"
        yield Finding(what=f"feed {name}", state=State.DEGRADED, detail=detail)
