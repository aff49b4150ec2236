"""A worker that dies at any write: the request is finished by another, and no feed runs twice."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from tidegate.adapters.local.queue import SqliteQueue
from tidegate.declare.feed import feeds
from tidegate.ingest import requests
from tidegate.ingest.requests import Desk, Wanted
from tidegate.ingest.schedule import Choice
from tidegate.model import Status

pytestmark = pytest.mark.slow

BOTH = Wanted(("openphish", "blocklist_de"))
LISTED = b"".join(b"http://h%d.example/\n" % n for n in range(100))
MOMENTS = 60  # more than a request has writes


class Killed(BaseException):
    """The process dies."""


@pytest.fixture
def desk(lab) -> Desk:
    lab.http.answer = LISTED  # which blocklist_de, a list of addresses, cannot read
    known = {name: feeds()[name] for name in BOTH.feeds}

    def clock() -> datetime:
        return lab.now

    queue = SqliteQueue(lab.database, clock, "requests")
    return Desk(lab.world, queue, known, lambda: Choice((), (), {}))


@dataclass
class Dying:
    """Every write of the world counts; at one of them the process dies, before or after it."""

    at: int
    after: bool
    done: int = 0

    def __call__(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.done += 1
            if self.done == self.at and not self.after:
                raise Killed
            result = write(*args, **more)
            if self.done == self.at:
                raise Killed
            return result

        return counted


def doomed(desk: Desk, dying: Dying) -> Desk:
    writes = {
        "objects": ("put", "acquire", "release", "delete"),
        "runs": ("record",),
        "sightings": ("commit",),
        "feeds": ("remember",),
    }
    parts = {
        name: Doomed(getattr(desk.world, name), methods, dying) for name, methods in writes.items()
    }
    queue = Doomed(desk.queue, ("put", "take", "later", "retry", "done"), dying)
    return replace(desk, world=replace(desk.world, **parts), queue=queue)


@dataclass(frozen=True)
class Doomed:
    real: Any
    writes: tuple[str, ...]
    dying: Dying

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        return self.dying(found) if name in self.writes else found


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, MOMENTS))
def test_killed_at_any_write_it_is_finished_and_no_feed_runs_twice(desk, lab, at, after):
    asked = requests.ask(BOTH, desk)
    dying = Dying(at, after)
    try:
        requests.work(doomed(desk, dying))
    except Killed:
        lab.pass_(minutes=3)  # the message shows again, the lease is over
        requests.work(desk)
    found = requests.find(asked.id, desk)
    assert found is not None
    first, second = found.outcomes
    assert first.feed == "openphish"
    assert first.status in {Status.OK, Status.UNCHANGED}
    assert (second.feed, second.status) == ("blocklist_de", Status.BAD_PAYLOAD)
    assert len(desk.world.runs.newest(None, 10)) == 2
    assert desk.queue.length() == 0
    assert len(desk.world.sightings.state("openphish")) == 100
    assert dying.done < MOMENTS
