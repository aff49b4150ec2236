"""The sandbox: VMRay."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tidegate.model import Entity, Report, Verdict


@dataclass(frozen=True, slots=True)
class Submission:
    """One analysis order at the sandbox. `error` is set when it ended without a result.

    `sha256` is the sample's; `url` what was submitted, if that was a URL. `notes` are what went
    wrong and is no failure.
    """

    id: str
    sample: str
    created: datetime
    finished: bool
    error: str | None = None
    nonce: str | None = None
    sha256: str = ""
    url: str | None = None
    verdict: Verdict | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What a submission carries of ours: a nonce to find it again, the alert, words as tags."""

    nonce: str
    alert: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """How many analyses the licence allows in its period, and how many were used."""

    limit: int
    used: int


class Sandbox(Protocol):
    """VMRay. A file is known by its SHA-256, a URL by itself."""

    def submissions(self, entity: Entity, name: str) -> list[Submission]:
        """Return what was ever submitted of it, newest first; empty = unknown to the sandbox."""
        ...

    def newest(self) -> list[Submission]:
        """Return the newest submissions of all, finished or not; how many is the sandbox's own."""
        ...

    def submit_file(self, name: str, file: Path, order: Order) -> tuple[str, ...]:
        """Submit the file, and return the ids of the submissions: an archive may make several."""
        ...

    def submit_url(self, url: str, order: Order) -> tuple[str, ...]:
        """Submit the URL, and return the ids of the submissions."""
        ...

    def submission(self, submission: str) -> Submission: ...

    def finished(self, after: str | None, limit: int) -> list[Submission]:
        """Return the next submissions that finished after this one did, in that order.

        None returns the newest alone.
        """
        ...

    def report(self, samples: tuple[str, ...]) -> Report | None:
        """Return one report on all of these; None while parts are still being put together."""
        ...

    def verdict(self, samples: tuple[str, ...]) -> Verdict:
        """Return the worst verdict of these as it is now."""
        ...

    def quota(self) -> Quota | None:
        """Return the licence's quota; None where the sandbox does not tell."""
        ...

    def max_bytes(self) -> int:
        """Return how large a sample the sandbox takes."""
        ...
