"""Runs that were asked for: written down first, then worked on feed by feed, each feed once.

A request is an object that is there before anybody is told of it, and a message that comes back
until its work is done. The id of each of its runs is known beforehand, so that a worker which takes
over after a crash sees what its predecessor finished.
"""

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Event
from uuid import uuid4

from pydantic import TypeAdapter

from tidegate.correlation import working_on
from tidegate.declare.feed import Feed
from tidegate.ingest import journal
from tidegate.ingest.run import Job, run
from tidegate.ingest.schedule import Choice
from tidegate.ingest.world import World
from tidegate.lease import Lease, held
from tidegate.model import Outcome, Run, Status
from tidegate.ports import Conflict, Message, Queue, SourceDown

log = logging.getLogger(__name__)

FOLDER = "requests/"
ID = re.compile(r"[0-9]{14}-[0-9a-f]{12}\Z")
KEPT = timedelta(days=90)  # as long as runs are
HIDDEN = timedelta(minutes=2)  # longer than a dead worker's lease
SOON = timedelta(seconds=15)
ATTEMPTS = 5
IDLE = 0.2  # seconds between two looks at an empty queue


class Progress(StrEnum):
    """How far a request is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: which feeds, of which time, and whether only to see what would be."""

    feeds: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request and what has become of it; `outcomes` are those of its first feeds, in order."""

    id: str
    asked: datetime
    wanted: Wanted
    outcomes: tuple[Outcome, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def left(self) -> tuple[str, ...]:
        """The feeds whose turn is still to come."""
        return self.wanted.feeds[len(self.outcomes) :]

    @property
    def progress(self) -> Progress:
        """How far it is."""
        if self.started is None:
            return Progress.QUEUED
        return Progress.RUNNING if self.ended is None else Progress.DONE


DOCUMENT = TypeAdapter(Request)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where runs are asked for: the world that they happen in, their queue, all known feeds.

    `choice` says which of the feeds run now. Requests lie in the world's objects.
    """

    world: World
    queue: Queue
    feeds: Mapping[str, Feed]
    choice: Callable[[], Choice]


def ask(wanted: Wanted, desk: Desk) -> Request:
    """Write a request down and queue it. From then on it is not forgotten."""
    now = desk.world.clock()
    request = Request(f"{now:%Y%m%d%H%M%S}-{uuid4().hex[:12]}", now, wanted)
    desk.world.objects.put(_name(request.id), DOCUMENT.dump_json(request), if_absent=True)
    desk.queue.put(request.id)
    _forget_old(now - KEPT, desk)
    return request


def find(request: str, desk: Desk) -> Request | None:
    """Return a request as far as it is; None where there is none of this id."""
    stored = desk.world.objects.get(_name(request)) if ID.match(request) else None
    return DOCUMENT.validate_json(stored.data) if stored else None


def attend(desk: Desk, stopped: Event) -> None:
    """Work on what is asked for until stopped."""
    while not stopped.is_set():
        if not work(desk):
            stopped.wait(IDLE)


def work(desk: Desk) -> int:
    """Run a feed for each message that is due, until none is; return how many that were."""
    turns = 0
    while message := desk.queue.take(HIDDEN):
        _turn(message, desk)
        turns += 1
    return turns


def finish(request: str, desk: Desk, attempts: int = 1) -> None:
    """Run all that is left of a request: for a queue that brings its messages by itself.

    `attempts` is how often the message came: the last time, what ended the others is given up.
    Raises Conflict while another works on it, and SourceDown: the message shall then come again.
    """
    with working_on(request, exactly=True):
        more = _advance(request, desk, given_up=attempts >= ATTEMPTS)
        while more:
            more = _advance(request, desk)


def _turn(message: Message, desk: Desk) -> None:
    request = message.case
    with working_on(request, exactly=True):
        try:
            more = _advance(request, desk, given_up=message.attempts > ATTEMPTS)
        except Conflict:
            desk.queue.later(message, SOON)  # another has it, or took it over from us
        except SourceDown as down:
            log.warning("request %s, attempt %d: %s", request, message.attempts, down)
            desk.queue.retry(message, down.retry_after or SOON)
        else:
            _put_back(message, desk, more=more)


def _put_back(message: Message, desk: Desk, *, more: bool) -> None:
    if more:
        desk.queue.later(message, timedelta(0))
    else:
        desk.queue.done(message)


def _advance(request: str, desk: Desk, *, given_up: bool = False) -> bool:
    """Run the next feed of a request, and say whether there is another."""
    if find(request, desk) is None:
        return False
    with held(desk.world.objects, _name(request), str(uuid4())) as lease:
        found = find(request, desk)
        if found is None or not found.left:
            return False
        if found.started is None:
            found = _kept(replace(found, started=desk.world.clock()), lease, desk)
        outcome = _outcome(found, desk, given_up=given_up)
        lease.check()
        return bool(_kept(_after(found, outcome, desk), lease, desk).left)


def _outcome(request: Request, desk: Desk, *, given_up: bool) -> Outcome:
    """Run the next feed, unless it is written down that it was run."""
    name, wanted = request.left[0], request.wanted
    own = f"{request.id}.{name}"
    if recorded := desk.world.runs.get(own):
        return recorded.outcome
    if given_up:
        return _given_up(own, name, desk)
    feed = desk.feeds.get(name)
    if feed is None:
        return Outcome(name, Status.SOURCE_DOWN, reason="no such feed any more")
    job = Job(feed, since=wanted.since, until=wanted.until, dry=wanted.dry_run, run=own)
    return run(job, desk.world)


def _given_up(own: str, feed: str, desk: Desk) -> Outcome:
    reason = f"given up: {ATTEMPTS} attempts ended with their process"
    outcome = Outcome(feed, Status.BAD_PAYLOAD, reason=reason)
    log.error("run %s is %s", own, reason)
    desk.world.runs.record(Run(own, desk.world.clock(), outcome))
    return outcome


def _after(request: Request, outcome: Outcome, desk: Desk) -> Request:
    further = replace(request, outcomes=(*request.outcomes, outcome))
    if further.left:
        return further
    journal.total(further.outcomes)
    return replace(further, ended=desk.world.clock())


def _kept(request: Request, lease: Lease, desk: Desk) -> Request:
    data = DOCUMENT.dump_json(request)
    desk.world.objects.put(_name(request.id), data, lease=lease.run)
    return request


def _forget_old(before: datetime, desk: Desk) -> None:
    oldest = _name(f"{before:%Y%m%d%H%M%S}")
    for name in [one for one in desk.world.objects.names(FOLDER) if one < oldest]:
        with suppress(Conflict):
            desk.world.objects.delete(name)


def _name(request: str) -> str:
    return FOLDER + request
