"""CSV: known columns, and rows that must have all of them and no more.

Polars fills short rows up and cuts long ones off. So one column more is read than there should be,
and from the batch on in which a row seems to end early, every row is read and counted exactly.
"""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.ports import BadPayload

BATCH = 100_000  # rows at once: bounds memory, and costs nothing
NULLS = ["", "None", "none", "null", "n/a", "N/A"]
HEADER_SCAN = 200  # banners are short
MOST_COLUMNS = 500
PIECE = 24 << 20
LONGEST_ROW = 256 << 20
STEPS_BACK = 10_000  # a stray quote at the beginning is not looked for line by line
LONGEST_LINE = 1 << 20
# No header can have these names: it is one line of text.
FAULT, SURPLUS, BLANK, SHORT = "\nfault", "\nsurplus", "\nblank", "\nshort"
LONG_ROW, SHORT_ROW = "more cells than columns", "fewer cells than columns"


@dataclass(frozen=True, slots=True)
class _Table:
    """A file, its columns, and those of them that are wanted."""

    path: Path
    columns: list[str]
    wanted: list[str]
    separator: str
    headed: bool


def table(feed: Feed, path: Path) -> Iterator[pl.DataFrame]:
    """Read the declared columns in batches, as texts, with the column `FAULT`.

    Raises BadPayload where they are others than declared.
    """
    head, first = _beginning(path, feed)
    if not first:
        if feed.header == "row":
            raise BadPayload("no header")
        return
    used = feed.indicator.columns if feed.indicator else set()
    columns = _known_columns(feed, head, first)
    wanted = [name for name in columns if name in used]
    rows = _Table(path, columns, wanted, feed.separator, feed.header == "row")
    try:
        yield from _read(rows)
    except (pl.exceptions.PolarsError, csv.Error) as error:
        raise BadPayload(f"not the declared CSV: {str(error).splitlines()[0]}") from error


def header(feed: Feed, path: Path) -> tuple[str, ...]:
    """Return the names that the file gives its columns; none where it names none."""
    head, first = _beginning(path, feed)
    return tuple(head) if len(head) > 1 and len(head) == len(first) else ()


def _read(rows: _Table) -> Iterator[pl.DataFrame]:
    done = 0
    for batch in _scanned(rows):
        if batch[SHORT].any():
            yield from _exactly(rows, done)
            return
        kept = batch if not batch[BLANK].any() else batch.filter(~pl.col(BLANK))
        done += len(kept)
        yield kept.select(*rows.wanted, FAULT)


def _scanned(rows: _Table) -> Iterator[pl.DataFrame]:
    headed = rows.headed
    for piece in _pieces(rows.path):
        batch = _frame(rows, piece)
        yield batch.slice(int(headed))
        headed = headed and batch.is_empty()


def _frame(rows: _Table, piece: bytes) -> pl.DataFrame:
    found = pl.scan_csv(
        piece,
        has_header=False,
        schema=dict.fromkeys([*rows.columns, SURPLUS], pl.String()),
        missing_columns="insert",
        truncate_ragged_lines=True,
        separator=rows.separator,
        comment_prefix="#",
        encoding="utf8-lossy",
        null_values=NULLS,
        raise_if_empty=False,
    )
    ends = [*rows.wanted, rows.columns[0], rows.columns[-1]]
    blank = pl.all_horizontal(pl.col(name).is_null() for name in dict.fromkeys(ends))
    return found.select(
        *rows.wanted,
        pl.when(pl.col(SURPLUS).is_not_null()).then(pl.lit(LONG_ROW)).alias(FAULT),
        blank.alias(BLANK),
        (pl.col(rows.columns[-1]).is_null() & ~blank).alias(SHORT),
    ).collect()


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces that end where a row does: memory does not grow with the file.

    Raises BadPayload where a row is longer than rows are.
    """
    size = PIECE
    with path.open("rb") as file:
        while piece := file.read(size):
            end = _end_of_rows(piece) if len(piece) == size else len(piece)
            if not end and size >= LONGEST_ROW:
                raise BadPayload(f"a row of more than {LONGEST_ROW >> 20:,} MB")
            size = PIECE if end else 2 * size
            file.seek(end - len(piece), os.SEEK_CUR)
            if end:
                yield piece[:end]


def _end_of_rows(piece: bytes) -> int:
    """Return where the last whole row ends: at a line break outside of quotes, doubled or not."""
    end = piece.rfind(b"\n") + 1
    inside = piece.count(b'"', 0, end) % 2
    for _ in range(STEPS_BACK if inside else 0):
        start = piece.rfind(b"\n", 0, piece.rfind(b'"', 0, end)) + 1
        inside ^= piece.count(b'"', start, end) % 2
        end = start
        if not inside:
            return end
    return 0 if inside else end


def _exactly(rows: _Table, done: int) -> Iterator[pl.DataFrame]:
    """Read the rows after the first `done` ones, each with its own number of cells."""
    at = [rows.columns.index(name) for name in rows.wanted]
    schema = dict.fromkeys([*rows.wanted, FAULT], pl.String())
    with rows.path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        records = islice(_records(text, rows.separator), int(rows.headed), None)
        cells = (_cells_of(record, at, len(rows.columns)) for record in records)
        kept = islice((found for found in cells if found), done, None)
        while batch := list(islice(kept, BATCH)):
            yield pl.DataFrame(batch, schema, orient="row")


def _records(text: IO[str], separator: str) -> Iterator[list[str]]:
    """Yield records. A comment may only stand where a record may begin."""
    begins = True

    def lines() -> Iterator[str]:
        nonlocal begins
        for line in text:
            if begins and line.startswith("#"):
                continue
            begins = False
            yield line

    for record in csv.reader(lines(), delimiter=separator):
        begins = True
        yield record


def _cells_of(record: list[str], at: list[int], width: int) -> list[str | None] | None:
    """Return the wanted cells and what is wrong with the record; None for a blank one."""
    said = [None if cell in NULLS else cell for cell in record]
    full = [*said[:width], *[None] * (width - len(said))]
    found = [full[index] for index in at]
    if full[0] is None and full[-1] is None and not any(found):
        return None
    # A separator at a line's end is a habit; a cell that says nothing is no harm.
    if len(said) == width or (len(said) > width and said[width] is None):
        return [*found, None]
    return [*found, LONG_ROW if len(said) > width else SHORT_ROW]


def _beginning(path: Path, feed: Feed) -> tuple[list[str], list[str]]:
    """Return the cells of the header and of the first row that is not a comment."""
    comments, head, first = [""], [], []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        for line in islice(iter(lambda: text.readline(LONGEST_LINE), ""), HEADER_SCAN):
            if line.startswith("#"):
                comments.append(line)
            elif line.strip():
                first = _cells(chain([line], text), feed.separator)
                break
    if feed.header == "comment":
        head = _cells([comments[-1].removeprefix("#")], feed.separator)
    elif feed.header == "row":
        head = first
    return head, first


def _cells(lines: Iterable[str], separator: str) -> list[str]:
    """Return the cells of the first record."""
    try:
        cells = next(csv.reader(lines, delimiter=separator), [])
    except csv.Error as error:
        raise BadPayload(f"not the declared CSV: {error}") from error
    return [cell.strip() for cell in cells]


def _known_columns(feed: Feed, head: list[str], first: list[str]) -> list[str]:
    for columns in feed.columns:
        if columns == head and len(columns) == len(first):
            return columns
    for columns in feed.columns:
        # Stored copies lose their banner, and with it a header that is a comment.
        if feed.header != "row" and len(columns) == len(first) and len(head) <= 1:
            return columns
    return _by_name(feed, head, first)


def _by_name(feed: Feed, head: list[str], first: list[str]) -> list[str]:
    """Take a header that changed, as long as it names all that the declaration uses."""
    used = feed.indicator.columns if feed.indicator else set()
    lost = sorted(used - {*head})
    if lost and len(lost) < len(used):
        raise BadPayload(f"the column {', '.join(lost)} is missing")
    if lost or len(head) != len(first) or len({*head}) < len(head) or len(head) > MOST_COLUMNS:
        shown = ", ".join(head or first)[:200]
        raise BadPayload(f"not the declared columns: {shown}")
    return head
