"""How a question that is too big for one answer is cut up, and the answers put together again.

Time is cut first, at multiples of what the caller allows, as `bin` counts them. Where no shorter
time is allowed, the result's rows are dealt out by a hash of their cells. That is a filter
behind the query, so it is right for any query whose result is the same each time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl

from tidegate.ports import BadPayload, LogTable

TIME = "TimeGenerated"
PARTS = 8
CELLS = 30  # `strcat` takes 64 arguments
ORIGIN = datetime(1, 1, 1, tzinfo=UTC)  # from here `bin` counts, and a week began then


@dataclass(frozen=True, slots=True)
class Slice:
    """Half-open in time; of its rows all, or those of one `part` out of PARTS."""

    start: datetime
    end: datetime
    part: int | None = None

    def smaller(self, finest: timedelta, columns: Sequence[str]) -> list["Slice"]:
        """Return slices that are this one together; none where it cannot be cut."""
        middle = aligned(self.start + (self.end - self.start) / 2, finest)
        if middle <= self.start:
            middle += finest
        if middle < self.end:
            return [replace(self, end=middle), replace(self, start=middle)]
        if self.part is not None or not columns:
            return []
        return [replace(self, part=part) for part in range(PARTS)]

    def of(self, kql: str, columns: Sequence[str]) -> str:
        """Return the query whose result is this slice's, within its time span."""
        if self.part is None:
            return kql
        cells = ", '|', ".join(f"tostring({_quoted(name)})" for name in columns[:CELLS])
        return f"{kql}\n| where hash(strcat('', {cells}), {PARTS}) == {self.part}"


def counting(kql: str) -> str:
    """Return the query that counts the rows of another by the hour."""
    return f"{kql}\n| summarize Rows = count() by Hour = bin({TIME}, 1h)"


def packed(hours: pl.DataFrame, whole: Slice, finest: timedelta, most: int) -> list[Slice]:
    """Return slices of at most so many rows, as far as whole hours and `finest` allow."""
    times = [whole.start, *dict.fromkeys(_cuts(hours, finest, most)), whole.end]
    inside = [time for time in times if whole.start <= time <= whole.end]
    return [Slice(start, end) for start, end in pairwise(inside) if start < end]


def _cuts(hours: pl.DataFrame, finest: timedelta, most: int) -> Iterator[datetime]:
    held = 0
    for hour, text in hours.sort("Hour").select("Hour", "Rows").drop_nulls().iter_rows():
        rows = int(text)
        if held and held + rows > most:
            yield aligned(datetime.fromisoformat(hour), finest)
            held = 0
        held += rows


def aligned(time: datetime, finest: timedelta) -> datetime:
    """Return the last multiple of `finest` at or before a time."""
    return time - (time - ORIGIN) % finest


def joined(done: Iterable[tuple[Slice, LogTable]], *, partial: bool) -> LogTable:
    """Return the answers as one, in order of time. Raises BadPayload where they differ in shape."""
    ordered = sorted(done, key=lambda each: (each[0].start, each[0].part or 0))
    answers = [(one, table) for one, table in ordered if table.columns]
    if not answers:
        return LogTable({}, pl.DataFrame(), partial)
    columns = answers[0][1].columns
    if any(table.columns != columns for _, table in answers):
        raise BadPayload("slices of one query that differ in their columns")
    frames = [_once(one, table.rows, answers) for one, table in answers]
    return LogTable(columns, pl.concat(frames), partial)


def _once(one: Slice, rows: pl.DataFrame, answers: list[tuple[Slice, LogTable]]) -> pl.DataFrame:
    """Leave out what the next slice has as well.

    Whether a time span of the service holds its own end is not documented.
    """
    if TIME not in rows.columns:
        return rows
    border = pl.col(TIME).str.contains(f"^{one.end:%Y-%m-%dT%H:%M:%S}" + r"(\.0*)?Z?$")
    border = border.fill_null(value=False)
    edge = rows.filter(border)
    following = [table.rows.filter(border) for next_, table in answers if next_.start == one.end]
    if edge.is_empty() or not following:
        return rows
    alone = edge.join(pl.concat(following), on=rows.columns, how="anti", nulls_equal=True)
    return pl.concat([rows.filter(~border), alone])


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"
