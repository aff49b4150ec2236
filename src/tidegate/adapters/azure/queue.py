"""A queue in Queue Storage with one message per id, which that service alone cannot promise.

It takes any number of messages that say the same. So each id has a ticket, a small object that
names its one valid message: `put` sends nothing while there is one, and a message that is not the
one is thrown away by whoever takes it. A ticket is written open, before its message is sent, and
the first message that meets an open ticket becomes its own: a death between any two lines costs a
second delivery at worst, never the message.
"""

import logging
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from tidegate.adapters.azure.storage import Storage, translated
from tidegate.ports import Clock, Conflict, Message, Objects
from tidegate.tracing import origin

log = logging.getLogger(__name__)

ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
# After this long a ticket's message is taken for lost: put away as poison, or cleared by hand.
LOST = timedelta(days=1)
UNSENT = timedelta(minutes=1)  # the same of an open one: who wrote it has died
HELD = timedelta(minutes=1)  # for the calls that put a message back or away
LONGEST = timedelta(days=7)
STALE = {"PopReceiptMismatch", "MessageNotFound"}


@dataclass(frozen=True, slots=True)
class _Ticket:
    """The id of the one valid message, empty while open, and when it shows up.

    `receipt` lets us change the message for as long as nobody has taken it. `failures` are those of
    the messages before it, since the last one that got somewhere. `trace` is that of whoever put
    the id here.
    """

    message: str
    due: datetime
    etag: str  # of the ticket itself
    receipt: str = ""
    failures: int = 0
    trace: str = ""

    def lost(self, now: datetime) -> bool:
        return now >= self.due + (LOST if self.message else UNSENT)


@dataclass
class StorageQueue:
    """`ports.Queue` on one queue, which the infrastructure makes. Safe for threads.

    Delays are of whole seconds, and who is due longest comes first only by and large: the service
    promises no order.
    """

    storage: Storage
    name: str
    objects: Objects
    clock: Clock

    def __post_init__(self) -> None:
        self._queue = _service(self.storage).get_queue_client(self.name)

    def create(self) -> None:
        """Make the queue where there is none: an emulator starts empty."""
        with suppress(ResourceExistsError), translated(self.name):
            self._queue.create_queue()

    def put(self, case: str) -> None:
        """See `ports.Queue`."""
        ticket = self._ticket(_checked(case))
        if ticket is None or ticket.lost(self.clock()):
            self._send(case, timedelta(0), ticket)

    def take(self, hidden: timedelta) -> Message | None:
        """See `ports.Queue`."""
        while True:
            with translated(self.name):
                found = self._queue.receive_message(visibility_timeout=_seconds(hidden))
            if found is None:
                return None
            receipt = f"{found.id} {found.pop_receipt}"
            message = Message(str(found.content), receipt, found.dequeue_count or 1)
            if self.valid(message):
                return message
            self._delete(receipt)

    def valid(self, message: Message) -> bool:
        """Tell whether it is its id's one message; a stranger whose id has none becomes it."""
        if not ID.match(message.case):
            log.warning("a message that names nothing is thrown away")
            return False
        identity, ticket = _identity(message), self._ticket(message.case)
        if ticket is None or not ticket.message:
            failures = ticket.failures if ticket else 0
            if self._issue(message.case, identity, timedelta(0), ticket, failures):
                return True
            ticket = self._ticket(message.case)
        return ticket is not None and ticket.message == identity

    def later(self, message: Message, delay: timedelta) -> None:
        """See `ports.Queue`. A new message takes its place: the service counts, and never down."""
        if held := self._held(message):
            self.again(message, delay)
            self._delete(held)

    def again(self, message: Message, delay: timedelta, failures: int = 0) -> None:
        """Send a new message in its place; the old one is for whoever gave it to us.

        The service would count the new one from nothing: `failures` are remembered for it.
        """
        ticket = self._ticket(message.case)
        if ticket is None or ticket.message == _identity(message):
            self._send(message.case, delay, ticket, failures)

    def origin(self, message: Message) -> str:
        """Return within which trace the message's id was put here, as `traceparent` says it."""
        ticket = self._ticket(message.case) if ID.match(message.case) else None
        return ticket.trace if ticket else ""

    def failures(self, message: Message) -> int:
        """Return how many messages before this one failed in a row."""
        ticket = self._ticket(message.case)
        return ticket.failures if ticket else 0

    def retry(self, message: Message, delay: timedelta) -> None:
        """See `ports.Queue`."""
        if held := self._held(message, delay):
            ticket = self._ticket(message.case)
            if ticket is not None and ticket.message == _identity(message):
                self._issue(message.case, held, delay, ticket, ticket.failures)

    def done(self, message: Message) -> None:
        """See `ports.Queue`. The ticket first: a message without one is merely seen again."""
        if held := self._held(message):
            self.settled(message)
            self._delete(held)

    def settled(self, message: Message) -> None:
        """Take the id's ticket away; the message itself is for whoever gave it to us."""
        ticket = self._ticket(message.case)
        if ticket is not None and ticket.message == _identity(message):
            self.objects.delete(self._path(message.case))

    def forget(self, case: str) -> None:
        """Take an id's ticket away: its message will not be seen again."""
        if ID.match(case):
            self.objects.delete(self._path(case))

    def wake(self, case: str) -> None:
        """See `ports.Queue`. The receipt of a message that was taken since is refused."""
        ticket = self._ticket(case) if ID.match(case) else None
        if ticket is not None and ticket.receipt and ticket.due > self.clock():
            self._changed(ticket.message, ticket.receipt, timedelta(0))

    def length(self) -> int:
        """See `ports.Queue`."""
        with translated(self.name):
            return int(self._queue.get_queue_properties().approximate_message_count or 0)

    def close(self) -> None:
        """Close all connections."""
        self._queue.close()

    def _send(self, case: str, delay: timedelta, before: _Ticket | None, failures: int = 0) -> None:
        """Send the id's message, unless somebody else has begun to since the ticket was read."""
        written = self._issue(case, "", delay, before, failures)
        if written is None:
            return
        with translated(self.name):
            sent = self._queue.send_message(
                case, visibility_timeout=_seconds(delay), time_to_live=-1
            )
        # If that fails, its taker was quicker than we are.
        self._issue(case, f"{sent.id} {sent.pop_receipt}", delay, written, failures)

    def _held(self, message: Message, delay: timedelta = HELD) -> str | None:
        """Hide it once more, which only its latest taker can; return its new receipt."""
        identity, _, receipt = str(message.receipt).partition(" ")
        return self._changed(identity, receipt, delay)

    def _changed(self, identity: str, receipt: str, delay: timedelta) -> str | None:
        """Let it show up after the delay; None if another took it since the receipt was given."""
        try:
            with translated(self.name):
                changed = self._queue.update_message(
                    identity, receipt, visibility_timeout=_seconds(delay)
                )
        except HttpResponseError as error:
            _only_stale(error)
            return None
        return f"{identity} {changed.pop_receipt}"

    def _delete(self, receipt: str) -> None:
        try:
            with translated(self.name):
                self._queue.delete_message(*receipt.split(" ", 1))
        except HttpResponseError as error:
            _only_stale(error)

    def _ticket(self, case: str) -> _Ticket | None:
        stored = self.objects.get(self._path(case))
        if stored is None:
            return None
        said: dict[str, Any] = orjson.loads(stored.data)
        due = datetime.fromisoformat(said["due"])
        receipt, failures = said.get("receipt", ""), said.get("failures", 0)
        traced = said.get("trace", "")
        return _Ticket(said["message"], due, stored.etag, receipt, failures, traced)

    def _issue(
        self,
        case: str,
        given: str,
        delay: timedelta,
        before: _Ticket | None,
        failures: int = 0,
    ) -> _Ticket | None:
        """Write the id's ticket over the one that was read; None if that is gone.

        `given` is the message's id, and its receipt if nobody has taken it.
        """
        message, _, receipt = given.partition(" ")
        due = self.clock() + delay
        traced = before.trace if before else origin()
        said = {"message": message, "due": due, "receipt": receipt, "failures": failures}
        said |= {"trace": traced} if traced else {}
        etag = before.etag if before else None
        try:
            written = self.objects.put(
                self._path(case), orjson.dumps(said), if_match=etag, if_absent=etag is None
            )
        except Conflict:
            return None
        return _Ticket(message, due, written, receipt, failures, traced)

    def _path(self, case: str) -> str:
        return f"tickets/{self.name}/{case}.json"


def _service(storage: Storage) -> QueueServiceClient:
    if storage.connection is not None:
        return QueueServiceClient.from_connection_string(storage.connection, **storage.options)
    url = storage.url.replace(".blob.", ".queue.", 1)
    return QueueServiceClient(url, storage.credential, **storage.options)


def _checked(case: str) -> str:
    if not ID.match(case):
        raise ValueError(f"{case!r} cannot be a message")
    return case


def _identity(message: Message) -> str:
    return str(message.receipt).partition(" ")[0]


def _seconds(delay: timedelta) -> int:
    return math.ceil(min(max(delay, timedelta(0)), LONGEST).total_seconds())


def _only_stale(error: HttpResponseError) -> None:
    """Raise it again unless it says that somebody else has the message by now."""
    stale = getattr(error, "error_code", None) in STALE
    if not (stale or isinstance(error, ResourceNotFoundError)):
        raise error
