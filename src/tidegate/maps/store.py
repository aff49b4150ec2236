"""Tidegate's own indicators as a log source: the best of those that have a place.

The columns are those that `datasets/tidegate_indicators` declares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from tidegate.ports import Clock, LogTable, go_on
from tidegate.sightings import KINDS, TIME, TLPS

BEST: dict[str, Any] = {
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "score": pl.Float64(),
    "sources": pl.List(pl.String()),
    "threat": pl.String(),
    "tlp": TLPS,
    "first_seen": TIME,
    "last_seen": TIME,
    "expires": TIME,
}
"""One row per live indicator, best first."""

Best = Callable[[int], pl.DataFrame]
"""Returns the columns of `BEST`: so many of the best indicators that have a place, and no more."""

MOST = 50_000  # points of a map that still tell something
COLUMNS = {
    "TimeGenerated": "datetime",
    "Id": "string",
    "Kind": "string",
    "Value": "string",
    "Score": "real",
    "Sources": "string",
    "SourceCount": "int",
    "Threat": "string",
    "Tlp": "string",
    "FirstSeen": "datetime",
    "Expires": "datetime",
}


@dataclass(frozen=True, slots=True)
class Store:
    """`ports.LogSource` on what Tidegate holds; the one answer that it has, whatever is asked.

    Where there are more than `most`, the best are told and the answer is partial.
    """

    best: Best
    clock: Clock
    most: int = MOST

    def now(self) -> datetime:
        return self.clock()

    def query(
        self,
        kql: str,  # noqa: ARG002 - there is nothing to choose
        start: datetime,  # noqa: ARG002 - what lives is told, however old
        end: datetime,  # noqa: ARG002
        *,
        finest: timedelta | None = None,  # noqa: ARG002
        check: Callable[[], None] = go_on,
    ) -> LogTable:
        check()
        found = self.best(self.most + 1)
        told = found.head(self.most).select(**_told())
        return LogTable(COLUMNS, told.select(*COLUMNS), partial=found.height > self.most)


def _told() -> dict[str, pl.Expr]:
    return {
        "TimeGenerated": _time("last_seen"),
        "Id": pl.col("id"),
        "Kind": pl.col("kind").cast(pl.String),
        "Value": pl.col("value"),
        "Score": pl.col("score").round(2).cast(pl.String),
        "Sources": pl.col("sources").list.sort().list.join(", "),
        "SourceCount": pl.col("sources").list.len().cast(pl.String),
        "Threat": pl.col("threat").fill_null(""),
        "Tlp": pl.col("tlp").cast(pl.String),
        "FirstSeen": _time("first_seen"),
        "Expires": _time("expires"),
    }


def _time(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
