"""The tenant: Defender, Graph and VMRay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tidegate.model import Alert, Device, Entity, Kind, Report


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
