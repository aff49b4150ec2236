"""What the use cases ask of the world, and the two errors that the world may answer with."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import polars as pl

from tidegate.model import Alert, Case, Device, Entity, Kind, Origin, Report, Run, Sighting


class SourceDown(Exception):
    """The other side cannot answer now: try later, after `retry_after` when it named one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaSpent(SourceDown):
    """The other side asks us to wait (429, 509): a state, not a fault."""


class BadPayload(Exception):
    """The other side answered with something that trying again will not mend."""


Clock = Callable[[], datetime]
"""Now, aware and in UTC."""


# --- HTTP out ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its body in memory. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The only place that knows the word retry. Raises SourceDown and BadPayload.

    Answers of 2xx, 304 and those in `expect` come back; every other status raises: 408, 425, 429,
    5xx and network faults as SourceDown once the retries are spent, the rest as BadPayload.
    """

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        expect: Iterable[int] = (),
        retry: bool = True,
        max_bytes: int = 64 << 20,
    ) -> Response: ...

    def download(
        self,
        url: str,
        to: Path,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
    ) -> Response:
        """Stream the body into the file `to`; the response's own body stays empty."""
        ...


Get = Callable[[str, Mapping[str, str]], Response]
"""What a feed's `pages` is given: ask the address, which may be relative to the feed's own."""


# --- sightings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeedState:
    """What we remember of a source between runs; written after its data, never before.

    `attempted` is when it was last asked, `fetched` when it last answered, `ingested` when its
    rows were last read. `cursor` is the source's own word for how far we have read.
    """

    attempted: datetime | None = None
    fetched: datetime | None = None
    ingested: datetime | None = None
    origin: Origin | None = None
    etag: str | None = None
    last_modified: str | None = None
    cursor: str | None = None
    body_sha256: str | None = None
    not_before: datetime | None = None
    rows: int = 0


class Sightings(Protocol):
    """All sightings, one state per source. Frames have the columns of `sightings.STATE`."""

    def state(self, source: str) -> pl.DataFrame:
        """Return the source's last state; an empty frame if there is none."""
        ...

    def commit(self, source: str, state: pl.DataFrame, changed: pl.DataFrame) -> None:
        """Make `state` the source's state. `changed` are its rows that differ from the last."""
        ...

    def writing(self, source: str) -> AbstractContextManager[None]:
        """Hold the source for one read-and-commit. Raises SourceDown when another holds it."""
        ...

    def of(self, indicator: str) -> list[Sighting]:
        """Return every sighting of one indicator id, expired ones included."""
        ...

    def live(self, now: datetime) -> pl.LazyFrame:
        """Return all unexpired sightings, with a `source` column."""
        ...


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a source said about something that is no indicator here, and why it is none."""

    sighting: Sighting
    why: str


class Suppressed(Protocol):
    """What hygiene kept out, by source. Frames have the columns of `ingest.withheld.WITHHELD`."""

    def state(self, source: str) -> pl.DataFrame:
        """Return what is kept out of the source now; an empty frame if nothing is."""
        ...

    def replace(self, source: str, rows: pl.DataFrame) -> None:
        """Make `rows` what is kept out of the source, whole or not at all."""
        ...

    def of(self, indicator: str) -> list[Withheld]:
        """Return what every source said about one indicator id, expired ones included."""
        ...


class Runs(Protocol):
    """What every run of every feed came to."""

    def record(self, run: Run) -> None: ...

    def get(self, run: str) -> Run | None: ...

    def newest(self, feed: str | None, limit: int) -> list[Run]:
        """Return the latest runs, of one feed or of all, newest first."""
        ...

    def read(self, feed: str, until: datetime) -> list[Run]:
        """Return the runs up to a time whose rows reached the store, oldest first."""
        ...


class Feeds(Protocol):
    """The memory of feeds: their state and the outcomes of their runs."""

    def state(self, feed: str) -> FeedState: ...

    def remember(self, feed: str, state: FeedState) -> None: ...

    def spend(self, feed: str, day: str, budget: int) -> bool:
        """Take one request from the day's budget, across processes; False when none is left."""
        ...


# --- objects ----------------------------------------------------------------------------------


class Conflict(Exception):
    """A conditional write lost, or a lease is held by somebody else or was lost."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes and the ETag that a conditional write of it must name."""

    data: bytes
    etag: str


class Objects(Protocol):
    """Named bytes (Blob Storage, or files), with ETags and leases as Azure Blob has them."""

    def get(self, name: str) -> Stored | None: ...

    def put(
        self,
        name: str,
        data: bytes | Path,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        lease: str | None = None,
    ) -> str:
        """Write the whole object and return its new ETag. Raises Conflict."""
        ...

    def names(self, prefix: str) -> Iterator[str]: ...

    def delete(self, name: str) -> None:
        """Delete the object; an absent one is fine."""
        ...

    def acquire(self, name: str, seconds: int, lease: str) -> None:
        """Take the lease under the id `lease` on an existing object. Raises Conflict."""
        ...

    def renew(self, name: str, lease: str) -> None:
        """Restart the lease's clock. Raises Conflict when it is lost."""
        ...

    def release(self, name: str, lease: str) -> None:
        """Give the lease back; one that is lost is fine."""
        ...


# --- the tenant: Defender, Graph, VMRay -------------------------------------------------------


class Alerts(Protocol):
    """Defender's alerts."""

    def get(self, alert: str) -> Alert | None:
        """Return the alert with its evidence; None when Defender does not have it."""
        ...

    def since(self, updated: datetime) -> Iterator[Alert]:
        """Yield the alerts that were updated at or after this time, oldest first."""
        ...

    def comment(self, alert: str, text: str) -> None: ...


class Progress(StrEnum):
    """How far a machine action is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Action:
    """A machine action; `comment` is the requestor's, by which we know our own again."""

    id: str
    progress: Progress
    comment: str = ""
    detail: str = ""


class Devices(Protocol):
    """Live response, as far as fetching one file needs it."""

    def holding(self, sha256: str) -> list[Device]:
        """Return the devices on which Defender saw the file; none when it does not know it."""
        ...

    def actions(self, device: str) -> list[Action]:
        """Return the device's live responses, ended ones too."""
        ...

    def collect(self, device: str, path: str, comment: str) -> str | None:
        """Ask the device for a file; return the action's id, None when the device is busy."""
        ...

    def action(self, action: str) -> Action: ...

    def cancel(self, action: str, comment: str) -> None:
        """Cancel the action; one that has already ended is fine."""
        ...

    def fetch(self, action: str, max_bytes: int) -> bytes:
        """Download what the action collected, as Defender packed it (gzip, usually)."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """One analysis order at the sandbox. `error` is set when it ended without a result."""

    id: str
    sample: str
    created: datetime
    finished: bool
    error: str | None = None
    nonce: str | None = None


class Sandbox(Protocol):
    """VMRay. A file is known by its SHA-256, a URL by itself."""

    def submissions(self, entity: Entity, name: str) -> list[Submission]:
        """Return what was ever submitted of it, newest first; empty = unknown to the sandbox."""
        ...

    def submit_file(self, name: str, data: bytes, nonce: str) -> str:
        """Submit the file, never shared with others, and return the submission's id."""
        ...

    def submit_url(self, url: str, nonce: str) -> str:
        """Submit the URL, never shared with others, and return the submission's id."""
        ...

    def submission(self, submission: str) -> Submission: ...

    def report(self, sample: str) -> Report | None:
        """Return the report; None while the sandbox is still putting parts of it together."""
        ...


class Incidents(Protocol):
    """Incidents, through Graph."""

    def tag(self, incident: str, tag: str) -> None:
        """Add the tag to those that the incident has; one that is there already is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Enforced:
    """An indicator in Defender. `kind` is None for types that we do not speak."""

    kind: Kind | None
    value: str
    action: str
    title: str = ""
    description: str = ""
    severity: str = "Informational"
    expires: datetime | None = None
    alerts: bool = False
    id: str | None = None
    application: str | None = None
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What Defender answered for one indicator; `failure` is its reason for refusing it."""

    value: str
    id: str | None = None
    failure: str | None = None


class Enforcement(Protocol):
    """Defender's custom indicators."""

    def current(self) -> list[Enforced]:
        """Return all active indicators, whoever made them."""
        ...

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        """Create or overwrite indicators in our name; one answer for each, in order."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Delete indicators by id; one that is gone already is fine."""
        ...


# --- cases ------------------------------------------------------------------------------------


class Cases(Protocol):
    """All cases, each with a version."""

    def get(self, case: str) -> Case | None: ...

    def create(self, case: Case) -> bool:
        """Store a new case; False when there is one with its id."""
        ...

    def save(self, case: Case) -> None:
        """Store it over the version that was read. Raises Conflict when that is gone."""
        ...

    def newest(self, limit: int) -> list[Case]: ...

    def watermark(self) -> datetime | None:
        """Return up to when alerts were read."""
        ...

    def advance(self, watermark: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """A case's turn. `receipt` proves that we are the one who took it last."""

    case: str
    receipt: int
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what its owner is doing, or has done with which result."""

    key: str
    owner: str
    at: datetime
    done: bool = False
    result: str = ""


class Ledger(Protocol):
    """What was begun and what was done outside: the memory that makes every effect happen once."""

    def begin(self, key: str, owner: str, now: datetime) -> Entry | None:
        """Write down that the owner begins; return the entry that is there already, if one is."""
        ...

    def finish(self, key: str, result: str, now: datetime) -> None: ...

    def forget(self, entry: Entry) -> None:
        """Delete the entry if it still says exactly this."""
        ...

    def of(self, owner: str) -> list[Entry]:
        """Return the owner's entries in the order in which they were begun."""
        ...


# --- the map ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogTable:
    """The answer to a KQL query: column types by name, and the rows as text, null where null.

    `partial` says that the service stopped early: what is here is right, but not everything.
    """

    columns: Mapping[str, str]
    rows: pl.DataFrame
    partial: bool = False


class LogSource(Protocol):
    """A Log Analytics workspace, or what answers like one."""

    def now(self) -> datetime:
        """Return the time by the service's own clock, which the cursor is measured on."""
        ...

    def query(self, kql: str, start: datetime, end: datetime) -> LogTable:
        """Run one query over `start <= TimeGenerated < end`. Raises SourceDown and BadPayload."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address probably is. `precision` is `city` or `country`, `source` who says so."""

    latitude: float
    longitude: float
    country: str | None
    precision: str
    source: str


class Locator(Protocol):
    """Knows places. What it does not know, or must not place, is None."""

    def address(self, text: str) -> Place | None: ...

    def country(self, text: str) -> Place | None:
        """Return a point inside the country with this ISO 3166 code or English name."""
        ...
