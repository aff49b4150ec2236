"""How a refresh ended."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum


class Result(IntEnum):
    """How a refresh ended, as the HTTP status that says so."""

    REFRESHED = 200
    BUSY = 202
    FRESH = 204
    UNKNOWN = 404
    LOST = 409
    LIMITED = 429
    DOWN = 503


@dataclass(frozen=True, slots=True)
class Refresh:
    """One run of one dataset. `wait` is how long to wait before asking again.

    `answered` rows came in so many `calls` to the logs. Of a busy one, `run` is who has the lease,
    as far as that is known.
    """

    dataset: str
    result: Result
    run: str = ""
    rows: int = 0
    answered: int = 0
    calls: int = 0
    partial: bool = False
    wait: timedelta = timedelta(0)
    took: timedelta = timedelta(0)
    reason: str | None = None
