"""Logs, for the map; and what tables say of addresses: where they are, and whose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl


@dataclass(frozen=True, slots=True)
class LogTable:
    """The answer to a KQL query: column types by name, and the rows as text, null where null.

    `partial` says that the service stopped early: what is here is right, but not everything.
    """

    columns: Mapping[str, str]
    rows: pl.DataFrame
    partial: bool = False


def go_on() -> None:
    """Let the work go on."""


class LogSource(Protocol):
    """A Log Analytics workspace, or what answers like one."""

    def now(self) -> datetime:
        """Return the time by the service's own clock, which the cursor is measured on."""
        ...

    def query(
        self,
        kql: str,
        start: datetime,
        end: datetime,
        *,
        finest: timedelta | None = None,
        check: Callable[[], None] = go_on,
    ) -> LogTable:
        """Run one query over `start <= TimeGenerated < end`. Raises SourceDown and BadPayload.

        Where the answer is too big it is asked for in slices no shorter than `finest`, cut at its
        multiples; None means never. `check` is called before each call and raises to end the work.
        """
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


@dataclass(frozen=True, slots=True)
class Allocation:
    """To whom an address or network is allocated: ISO 3166 country, number and name of the AS."""

    country: str | None = None
    asn: int | None = None
    as_name: str | None = None


class Allocations(Protocol):
    """Knows allocations from tables at hand; to look one up makes no request."""

    def of(self, text: str) -> Allocation:
        """Return what is known of an address or of a whole network; nothing of any other text."""
        ...
