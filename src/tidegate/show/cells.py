"""What every table shares: consoles, cells, lines."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 150  # where no terminal says how wide it is: a log, a file
NARROW = 120  # below it the columns that a table can spare are left out
NAME = 20  # characters: a first column of names as short as this is not folded
SHOWN = 40  # lines of a long table; --json has them all


def _console(*, stderr: bool) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE)


out, err = _console(stderr=False), _console(stderr=True)


def plain(value: object) -> Text:
    """Return a cell: text as it is, without markup and without control characters."""
    text = "" if value is None else str(value)
    return Text("".join(c if c.isprintable() else "·" for c in text))


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    spare: Container[str] = (),
) -> None:
    """Print a table; numbers are set to the right, with thousands parted.

    One without rows is its title. A narrow terminal is not shown the columns of `spare`.
    """
    lines = list(rows)
    if not lines:
        out.print(plain(title))
        return
    roomy = out.width >= NARROW
    told = [at for at, name in enumerate(columns) if roomy or name not in spare]
    shown = Table(title=title, title_justify="left", header_style="bold", caption_justify="left")
    for at in told:
        _column(shown, columns[at], [line[at] for line in lines])
    for line in lines:
        shown.add_row(*(cell(line[at]) for at in told))
    if len(told) < len(columns):
        shown.caption = "a wider terminal shows more columns, --json all"
    out.print(shown)


def _column(shown: Table, name: str, values: Sequence[object]) -> None:
    numeric = all(isinstance(value, int | float) for value in values)
    whole = not shown.columns and all(len(cell(value)) <= NAME for value in values)
    justify: Literal["right", "left"] = "right" if numeric else "left"
    shown.add_column(name, justify=justify, overflow="fold", no_wrap=whole)


def cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, float):
        return Text(f"{value:,.2f}")
    return Text(f"{value:,}") if isinstance(value, int) else plain(value)


def short(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return ", ".join(value) if isinstance(value, list) else value
