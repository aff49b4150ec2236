"""What a sample looks like: a proposal of how to declare it, for a person to check. Pure."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from tidegate import extract
from tidegate.canonical import Rejected, Shape, canonical
from tidegate.declare.feed import Format
from tidegate.ingest.normal import times
from tidegate.model import Kind
from tidegate.ports import BadPayload

SEPARATORS = (",", "\t", ";", "|")
LOOKED_AT = 200  # lines
LIKELY = 0.5  # of the values have to be indicators
COMMENTS = ("#", ";", "//")
# The first that reads most of a column is what it holds.
KINDS: tuple[Kind | Shape, ...] = (
    Kind.URL,
    Shape.HASH,
    Shape.ADDRESS,
    Shape.SOCKET,
    Kind.CVE,
    Kind.EMAIL,
    Kind.DOMAIN,
)
ABOUT = ("link", "ref", "detail", "source")  # in names of columns that lead to a report
THREATS = {"threat", "malware", "family", "malware_family", "malware_printable", "signature"}
TAGS = {"tag", "tags"}


Columns = Mapping[str, Sequence[str]]
"""Cells by the name of their column, in order."""


def proposal(text: str) -> dict[str, Any]:
    """Return the keys of a declaration that a sample's text decides. Raises BadPayload."""
    lines = [line for line in text.lstrip("\ufeff").splitlines()[:LOOKED_AT] if line.strip()]
    if lines and lines[0].lstrip().startswith(("{", "[")):
        return _of_json(lines)
    return _of_table(lines) or _of_lines(lines) or _of_prose(text)


def _of_json(lines: Sequence[str]) -> dict[str, Any]:
    try:
        rows = [orjson.loads(line) for line in lines]
    except orjson.JSONDecodeError as error:
        advice = "`--format code --like FEED`, where a built-in feed has the same shape"
        raise BadPayload(f"one JSON document, not one per line: {advice}") from error
    objects = [row for row in rows if isinstance(row, dict)]
    names = dict.fromkeys(name for row in objects for name in row)
    cells = {name: [_text(row.get(name)) for row in objects] for name in names}
    found = _indicator(cells)
    if not found:
        raise BadPayload("no key of these JSON lines holds indicators")
    return {"format": Format.JSONL.value, "indicator": found}


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _of_table(lines: Sequence[str]) -> dict[str, Any] | None:
    found = [one for separator in SEPARATORS if (one := _separated(lines, separator))]
    return max(found, key=lambda one: len(one["columns"][0]), default=None)


def _separated(lines: Sequence[str], separator: str) -> dict[str, Any] | None:
    rows = _cells([line for line in lines if not line.startswith("#")], separator)
    width = len(rows[0]) if rows else 0
    if width < len("ab") or sum(len(row) == width for row in rows) < len(rows) * 0.9:
        return None
    even = [row for row in rows if len(row) == width]
    head, names = _header(lines, even, separator)
    body = even[1:] if head == "row" else even
    cells = {name: [row[at] for row in body] for at, name in enumerate(names)}
    indicator = _indicator(cells) if len(cells) == width else None
    if indicator is None:
        return None
    said = {"format": Format.CSV.value, "header": head, "columns": [names], "indicator": indicator}
    return said if separator == "," else {**said, "separator": separator}


def _header(
    lines: Sequence[str], rows: Sequence[list[str]], separator: str
) -> tuple[str, list[str]]:
    """Return where the names of the columns stand, and the names: our own where nowhere."""
    width = len(rows[0])
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    for cells in reversed(_cells(comments, separator)):
        if len(cells) == width and all(cells):
            return "comment", cells
    if all(rows[0]) and not any(_kind([cell]) for cell in rows[0]):
        return "row", rows[0]
    return "none", [f"column_{at}" for at in range(1, width + 1)]


def _cells(lines: Iterable[str], separator: str) -> list[list[str]]:
    try:
        found = list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return []
    return [[cell.strip() for cell in row] for row in found]


def _of_lines(lines: Sequence[str]) -> dict[str, Any] | None:
    values = [line.split("#")[0].strip() for line in lines if not line.startswith(COMMENTS)]
    kind = _kind(values)
    if kind is None:
        return None
    return {"format": Format.LINES.value, "indicator": {"kind": kind.value, "value": "line"}}


def _of_prose(text: str) -> dict[str, Any]:
    if extract.extract(text).is_empty():
        raise BadPayload("nothing in this sample looks like an indicator")
    return {"format": Format.TEXT.value}


def _indicator(columns: Columns) -> dict[str, str] | None:
    kinds = {name: kind for name, cells in columns.items() if (kind := _kind(cells))}
    if not kinds:
        return None
    # A column that leads to a report is full of URLs, too.
    value = min(kinds, key=lambda name: any(word in name.lower() for word in ABOUT))
    return {"kind": kinds[value].value, "value": value, **_roles(columns, kinds, value)}


def _kind(values: Sequence[str]) -> Kind | Shape | None:
    said = [value for value in values if value]
    shares = {kind: sum(_is(kind, value) for value in said) for kind in KINDS}
    best = max(KINDS, key=lambda kind: shares[kind])
    return best if said and shares[best] > len(said) * LIKELY else None


def _is(kind: Kind | Shape, value: str) -> bool:
    try:
        canonical(kind, value)
    except Rejected:
        return False
    return True


def _roles(columns: Columns, kinds: dict[str, Kind | Shape], value: str) -> dict[str, str]:
    """Return what the other columns say, by their names and by what is in them."""
    roles: dict[str, str] = {}
    for name, cells in columns.items():
        if name != value and (role := _role(name.lower(), cells, kinds.get(name))):
            roles.setdefault(role, name)
    return roles


def _role(name: str, cells: Sequence[str], kind: Kind | Shape | None) -> str | None:
    if kind is Kind.URL:
        return "reference"
    if name in TAGS:
        return "tags"
    if name in THREATS:
        return "threat"
    if any(cells) and times(pl.Series(cells, dtype=pl.String)).null_count() < len(cells) * LIKELY:
        return "last_seen" if "last" in name else "first_seen"
    return None
