"""What the Function apps share: a house that is opened late and once, routes and turns on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from tidegate import detonate, loop
from tidegate.api import app as web
from tidegate.api import metrics
from tidegate.correlation import working_on
from tidegate.detonate.recheck import look
from tidegate.detonate.worker import give_up, look_again, turn
from tidegate.ingest import journal, requests
from tidegate.ingest.alerts import BAD, alert
from tidegate.ingest.run import Job, run
from tidegate.ingest.schedule import due
from tidegate.ports import BadPayload, Conflict, Message, QuotaSpent, SourceDown
from tidegate.tracing import continued
from tidegate.visitors import OF_THE_MAP, told
from tidegate.wiring import Azure, Local, house

if TYPE_CHECKING:
    from tidegate.adapters.azure.queue import StorageQueue

log = logging.getLogger(__name__)

WAIT = timedelta(minutes=1)  # until a request is tried again
POISON = "its process ended or failed each time"

# The telemetry exporter would export its own calls; the clients log whole URLs.
for chatty in ("azure", "httpx", "httpcore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


BY_PASSWORD = {
    "read_lists": "api/lists/{*rest}",
    "read_export": "api/export/{*rest}",
    "read_misp": "api/misp/{*rest}",
    "read_taxii": "taxii2/{*rest}",
}
"""The functions for those who can show no key: each route asks for a reader's password itself."""

ANONYMOUS = {"health", "hear", *BY_PASSWORD, *OF_THE_MAP}  # the functions that ask for no key


class House:
    """The process's house. Its parts are built when it is first needed, before anybody uses it."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._opened: Local | None = None

    def __call__(self) -> Local:
        """Return the house, as it is by now; whoever comes first opens it for all."""
        with self._lock:
            opened = self._opened = self._opened or self._built()
        opened.renew()
        return opened

    def _built(self) -> Local:
        opened = house()
        if isinstance(opened, Azure):
            _ = opened.telemetry  # before anybody says anything
        for part in self._parts:
            if part != "detonate" or opened.has_tenant:
                getattr(opened, part)
        if "detonate" in self._parts:
            opened.tell_missing_roles()
        if "desk" in self._parts and not isinstance(opened, Azure):
            opened.attend()  # on one machine no queue triggers anything
        return opened


class Routes:
    """An ASGI application on a house, built at its first request: loading the app stays fast.

    It is built again when the house is another edition.
    """

    def __init__(self, house: House, routers: Callable[[Local], Iterable[APIRouter]]) -> None:
        self._house = house
        self._routers = routers
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None
        self._edition = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # Not among the threads of `asyncio.to_thread`: runs of feeds may hold all of those.
        app = await run_in_threadpool(self._current)
        await app(scope, receive, send)

    def _current(self) -> ASGIApp:
        house = self._house()
        with self._lock:
            if self._app is None or self._edition != house.edition:
                self._app, self._edition = self._built(house), house.edition
            return self._app

    def _built(self, house: Local) -> ASGIApp:
        pace = house.settings.api_per_minute
        routers = [*self._routers(house), *metrics.routers(house, keyholder)]
        return web.create(routers, meters=house.meters, per_minute=pace)


def by_password() -> dict[str, str]:
    """Return the functions, and their routes, that are there once somebody has a password.

    Read from the environment, for an app is listed before its house is opened; secrets are in no
    other place.
    """
    return BY_PASSWORD if told("READERS") or told("PARTNERS") else {}


def keyholder(request: Request) -> bool:
    """Whoever got here showed the function key, which the platform asks for; but for a few."""
    return request.scope.get("azure_functions.function_name") not in ANONYMOUS


def read_alerts(opened: Local) -> None:
    """Open cases for new alerts; where no queue triggers anything, work on them, too."""
    if not opened.has_tenant:
        return
    _if_it_answers(lambda: detonate.poll(opened.detonate), "alerts were not read")
    if not isinstance(opened, Azure):
        detonate.work(opened.detonate)


def read_finished(opened: Local) -> None:
    """Wake the cases whose submissions VMRay has finished."""
    if not opened.has_tenant:
        return
    what = "finished submissions were not read"
    _if_it_answers(lambda: detonate.poll_finished(opened.detonate), what)


def refresh_datasets(opened: Local) -> None:
    """Refresh the datasets that are due. The line tells alerts that the timer runs."""
    log.info("datasets are looked at")
    loop.map_due(opened)


def run_gate(opened: Local) -> None:
    """Run the gate once."""
    loop.log_gate(loop.gate_all(opened))


def sweep(opened: Local) -> None:
    """Clear up; where no queue triggers anything, look at verdicts again, too."""
    if not opened.has_tenant:
        log.info("swept: cases=0 oldest_seconds=0 locks=0 samples=0, for no tenant is set")
        return
    _if_it_answers(lambda: detonate.sweep(opened.detonate), "not swept")
    if not isinstance(opened, Azure):
        detonate.recheck_due(opened.detonate)


def _if_it_answers(work: Callable[[], object], otherwise: str) -> None:
    try:
        work()
    except (SourceDown, BadPayload) as error:
        log.warning("%s: %s", otherwise, error)


class Brought(Protocol):
    """A message that the platform took from a queue for us, and deletes unless we raise."""

    @property
    def id(self) -> str | None: ...

    @property
    def dequeue_count(self) -> int | None: ...

    def get_body(self) -> str | bytes: ...


def start_feeds(opened: Local) -> None:
    """Give each feed that is due a message of its own, so that a slow one holds up no other."""
    log.info("feeds are looked at")
    if not isinstance(opened, Azure):
        loop.ingest_due(opened)
        return
    for feed in due(loop.enabled(opened), opened.memory, opened.ingest.clock()):
        opened.turns.put(feed.name)
    opened.refresh_old_warninglists()


def run_feed(opened: Azure, brought: Brought) -> None:
    """Run the feed that a message names, if it is due: another may have run it meanwhile."""
    message, queue = _message(brought), opened.turns
    if queue.valid(message):
        with continued("run_feed", queue.origin(message)):
            try:
                _run_feed(opened, message)
            except SourceDown as down:
                log.warning("feed %s waits for its next time: %s", message.case, down)
        queue.settled(message)


def _run_feed(opened: Azure, message: Message) -> None:
    feeds = {feed.name: feed for feed in loop.enabled(opened)}
    feed, now = feeds.get(message.case), opened.ingest.clock()
    # One that comes back had its process die: its feed was asked, but is not done.
    if feed and (message.attempts > 1 or any(due([feed], opened.memory, now))):
        journal.total([run(Job(feed), opened.ingest)])


def run_request(opened: Azure, brought: Brought) -> None:
    """Run what a message's request still waits for; it comes again while that cannot be."""
    message, queue = _message(brought), opened.requests
    if not queue.valid(message):
        return
    with continued("run_request", queue.origin(message)):
        try:
            requests.finish(message.case, opened.desk, message.attempts)
        except (Conflict, SourceDown) as fault:
            # Not by raising: the platform would count this as a failure, and give the message up.
            log.warning("request %s waits: %s", message.case, fault)
            queue.again(message, WAIT)
        else:
            queue.settled(message)


def give_up_feed(opened: Azure, brought: Brought) -> None:
    """Tell of a feed whose message was put away as poison; its ticket keeps it off for a day."""
    feed = _message(brought).case
    if feed in opened.catalogue.feeds:
        alert(feed, BAD, f"given up for a day: {POISON}", opened.memory, opened.ingest.clock())


def give_up_request(opened: Azure, brought: Brought) -> None:
    """End a request whose message was put away as poison, so that whoever follows it is told."""
    request = _message(brought).case
    requests.abandon(request, opened.desk, POISON)
    opened.requests.forget(request)


def run_case(opened: Azure, brought: Brought) -> None:
    """Take a turn of the case that a message names."""
    if _take_turn(opened.case_turns, brought, lambda found: turn(opened.detonate, found), opened):
        look_again(_message(brought).case, opened.detonate)


def run_recheck(opened: Azure, brought: Brought) -> None:
    """Look at the verdict of the artefact that a message names once more."""
    _take_turn(opened.rechecks, brought, lambda found: look(found, opened.detonate), opened)


def give_up_case(opened: Azure, brought: Brought) -> None:
    """Send a case whose message was put away as poison to its end, by way of its comment."""
    case = _message(brought).case
    opened.case_turns.forget(case)
    give_up(case, POISON, opened.detonate)


def give_up_recheck(opened: Azure, brought: Brought) -> None:
    """Let an artefact's verdict stand whose message was put away as poison."""
    log.error("a verdict is not looked at again: %s", POISON)
    opened.rechecks.forget(_message(brought).case)


def _take_turn(
    queue: StorageQueue,
    brought: Brought,
    work: Callable[[Message], timedelta | None],
    opened: Azure,
) -> bool:
    """Work, and put the message's successor back: the message itself is the platform's.

    An outage is no failure of ours: the platform would give the message up. Return whether the
    work has ended and there is no successor.
    """
    message = _message(brought)
    if not queue.valid(message):
        return False
    message = replace(message, attempts=message.attempts + queue.failures(message))
    traced = continued(queue.name, queue.origin(message))
    with traced, working_on(message.case, exactly=True):
        try:
            delay = work(message)
        except QuotaSpent as spent:
            queue.again(message, spent.retry_after or WAIT)
        except (SourceDown, Conflict, BadPayload) as fault:
            log.warning("%s, attempt %d: %s", message.case, message.attempts, fault)
            wait = getattr(fault, "retry_after", None)
            wait = wait or opened.detonate.policy.wait_after(message.attempts)
            queue.again(message, wait, failures=message.attempts)
        else:
            if delay is None:
                queue.settled(message)
                return True
            queue.again(message, delay)
    return False


def _message(brought: Brought) -> Message:
    body = brought.get_body()
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return Message(text, brought.id or "", brought.dequeue_count or 1)
