"""Runs that were asked for: written down first, then worked on feed by feed, each feed once.

A request is an object that is there before anybody is told of it, and a message that comes back
until its work is done. The id of each of its runs is known beforehand, so that a worker which takes
over after a crash sees what its predecessor finished.
"""

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
from tidegate.stored import document

log = logging.getLogger(__name__)

FOLDER = "requests/"
ID = re.compile(r"[0-9]{14}-[0-9a-f]{12}\Z")
KEPT = timedelta(days=90)  # as long as runs are
HIDDEN = timedelta(minutes=2)  # longer than a dead worker's lease
NOW, SOON = timedelta(0), timedelta(seconds=15)
PATIENCE = timedelta(hours=1)  # for a feed that another run writes
ATTEMPTS = 5
CRASHED = f"{ATTEMPTS} attempts ended with their process"
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
    """A request and what has become of it; `outcomes` are those of its first feeds, in order.

    `waits` is since when it has found nothing but feeds that other runs write.
    """

    id: str
    asked: datetime
    wanted: Wanted
    outcomes: tuple[Outcome, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None
    waits: datetime | None = None

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

    `choice` says which of the feeds run now; `broken` are one's own that cannot be read, with their
    mistakes. Requests lie in the world's objects.
    """

    world: World
    queue: Queue
    feeds: Mapping[str, Feed]
    choice: Callable[[], Choice]
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    return document(DOCUMENT, stored.data, _name(request)) if stored else None


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
        wait = _advance(request, desk, CRASHED if attempts >= ATTEMPTS else None)
        while wait == NOW:
            wait = _advance(request, desk)
    if wait:
        raise SourceDown("its feeds are being written by other runs", retry_after=wait)


def abandon(request: str, desk: Desk, why: str) -> None:
    """Give up what is left of a request whose message nobody brings again.

    Raises Conflict while another works on it, and SourceDown.
    """
    with working_on(request, exactly=True):
        while _advance(request, desk, why) is not None:
            pass  # one feed a turn


def _turn(message: Message, desk: Desk) -> None:
    request, given_up = message.case, CRASHED if message.attempts > ATTEMPTS else None
    with working_on(request, exactly=True):
        try:
            wait = _advance(request, desk, given_up)
        except Conflict:
            desk.queue.later(message, SOON)  # another has it, or took it over from us
        except SourceDown as down:
            log.warning("request %s, attempt %d: %s", request, message.attempts, down)
            desk.queue.retry(message, down.retry_after or SOON)
        else:
            _put_back(message, desk, wait)


def _put_back(message: Message, desk: Desk, wait: timedelta | None) -> None:
    if wait is None:
        desk.queue.done(message)
    else:
        desk.queue.later(message, wait)


def _advance(request: str, desk: Desk, given_up: str | None = None) -> timedelta | None:
    """Run the next feed of a request, and say when the one after is to be run; None: never."""
    if find(request, desk) is None:
        return None
    with held(desk.world.objects, _name(request), str(uuid4())) as lease:
        found = find(request, desk)
        if found is None or not found.left:
            return None
        if found.started is None:
            found = _kept(replace(found, started=desk.world.clock()), lease, desk)
        outcome = _outcome(found, desk, given_up)
        lease.check()
        if outcome is None:
            _kept(_deferred(found, desk.world.clock()), lease, desk)
            return SOON
        return NOW if _kept(_after(found, outcome, desk), lease, desk).left else None


def _outcome(request: Request, desk: Desk, given_up: str | None) -> Outcome | None:
    """Return what the next feed came to, now or before; None while another run writes it."""
    name = request.left[0]
    own = f"{request.id}.{name}"
    if recorded := desk.world.runs.get(own):
        return recorded.outcome
    if given_up:
        return _given_up(own, name, given_up, desk)
    feed = desk.feeds.get(name)
    if feed is None:
        return Outcome(name, Status.SOURCE_DOWN, reason="no such feed any more")
    return _ran(_job(request, feed, own, desk.world.clock()), desk.world)


def _job(request: Request, feed: Feed, own: str, now: datetime) -> Job:
    wanted, waited = request.wanted, now - (request.waits or now)
    return Job(
        feed,
        since=wanted.since,
        until=wanted.until,
        dry=wanted.dry_run,
        run=own,
        patient=waited < PATIENCE,
    )


def _ran(job: Job, world: World) -> Outcome | None:
    try:
        return run(job, world)
    except SourceDown as busy:
        log.info("run %s waits: %s", job.run, busy)
        return None


def _deferred(request: Request, now: datetime) -> Request:
    """Let the other feeds go first."""
    first, *rest = request.left
    done = request.wanted.feeds[: len(request.outcomes)]
    wanted = replace(request.wanted, feeds=(*done, *rest, first))
    return replace(request, wanted=wanted, waits=request.waits or now)


def _given_up(own: str, feed: str, why: str, desk: Desk) -> Outcome:
    reason = f"given up: {why}"
    outcome = Outcome(feed, Status.BAD_PAYLOAD, reason=reason)
    log.error("run %s is %s", own, reason)
    desk.world.runs.record(Run(own, desk.world.clock(), outcome))
    return outcome


def _after(request: Request, outcome: Outcome, desk: Desk) -> Request:
    further = replace(request, outcomes=(*request.outcomes, outcome), waits=None)
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
