"""Cases, their queue, and the ledger of what was begun and done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tidegate.model import Case


class Cases(Protocol):
    """All cases, each with a version."""

    def get(self, case: str) -> Case | None: ...

    def create(self, case: Case) -> bool:
        """Store a new case; False when there is one with its id."""
        ...

    def save(self, case: Case) -> None:
        """Store it over the version that was read, as the next. Raises Conflict if that is gone."""
        ...

    def newest(self, limit: int) -> list[Case]: ...

    def unfinished(self, limit: int) -> list[Case]:
        """Return the cases that have reached no end, oldest first."""
        ...

    def watermark(self) -> datetime | None:
        """Return up to when alerts were read."""
        ...

    def advance(self, watermark: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """The turn of a case, or of a request. `receipt` proves that we are who took it last."""

    case: str
    receipt: int | str
    attempts: int


class Queue(Protocol):
    """One message per case. A taken message that is never finished comes back."""

    def put(self, case: str) -> None:
        """Give the case a turn; a case that waits already keeps its place."""
        ...

    def take(self, hidden: timedelta) -> Message | None:
        """Take the message that is due longest, and hide it from others for a while."""
        ...

    def later(self, message: Message, delay: timedelta) -> None:
        """Put it back as new: what happened was no failed attempt."""
        ...

    def retry(self, message: Message, delay: timedelta) -> None:
        """Put it back; the attempt counts."""
        ...

    def done(self, message: Message) -> None: ...

    def wake(self, case: str) -> None:
        """Let the message of the case be due now; one that a worker has, or none, is left alone."""
        ...

    def length(self) -> int:
        """Return about how many messages there are, hidden ones included."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what its owner is doing, or has done with which result."""

    key: str
    owner: str
    at: datetime
    done: bool = False
    result: str = ""


class Ledger(Protocol):
    """What was begun and what was done outside: the memory that makes every effect happen once.

    A key is `scope:rest`; a scope has no colon. Keys have letters, digits and `._:-`, at most 400.
    """

    def begin(self, key: str, owner: str, now: datetime) -> Entry | None:
        """Write down that the owner begins; return the entry that is there already, if one is."""
        ...

    def get(self, key: str) -> Entry | None: ...

    def finish(self, key: str, result: str, now: datetime) -> None:
        """Say how it ended. An entry that is gone stays gone."""
        ...

    def forget(self, entry: Entry) -> None:
        """Delete the entry if it still says exactly this."""
        ...

    def of(self, scope: str) -> list[Entry]:
        """Return the scope's entries in the order in which they were begun."""
        ...
