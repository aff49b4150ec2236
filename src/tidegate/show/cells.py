"""What every table shares: consoles, cells, lines."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 150  # where no terminal says how wide it is: a log, a file
SHOWN = 40  # lines of a long table; --json has them all


def _console(*, stderr: bool) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE)


out, err = _console(stderr=False), _console(stderr=True)


def plain(value: object) -> Text:
    """Return a cell: text as it is, without markup and without control characters."""
    text = "" if value is None else str(value)
    return Text("".join(c if c.isprintable() else "·" for c in text))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are set to the right, with thousands parted."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    lines = [list(row) for row in rows]
    for at, name in enumerate(columns):
        numeric = bool(lines) and all(isinstance(line[at], int | float) for line in lines)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        shown.add_row(*(cell(value) for value in line))
    out.print(shown)


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
