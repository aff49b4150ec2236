"""The rows of a large JSON body, a few megabytes at a time, and cells as text.

A body of 100 MB becomes a gigabyte when all of it is parsed at once. Here the rows of its first
table are cut where a row ends. Whether a place is such an end is not guessed: only what begins at
the end of a row, and parses as whole rows, was cut at the end of another.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

import orjson
import polars as pl

from tidegate.ports import BadPayload

OPENING, BORDER = b'"rows":[', b"],["
CHUNK = 1 << 20  # what a processor keeps at hand
TRIES = 8
Rows = list[Any]


def loads(data: bytes) -> Any:
    """Read JSON. Half a surrogate pair, which the fast reader refuses, is let through."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if b"\\u" not in data:
            raise
        return json.loads(data, parse_constant=_refused)


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@dataclass
class Cut:
    """A body whose first table's rows are read apart. `frame` is all else, once they are read."""

    body: bytes
    start: int
    frame: Any = None

    @classmethod
    def of(cls, body: bytes) -> "Cut | None":
        """Return the body cut, or None where it is small, or not laid out as usual."""
        at = body.find(OPENING)
        if at < 0 or len(body) < CHUNK:
            return None
        try:
            head = loads(body[:at] + OPENING + b"]}]}")
        except ValueError:
            return None
        # It was read as a whole: so what was found is a key, of the last table there is so far.
        tables = head.get("tables") if isinstance(head, dict) else None
        usual = isinstance(tables, list) and len(tables) == 1 and "columns" in tables[0]
        return cls(body, at + len(OPENING), head) if usual else None

    def chunks(self) -> Iterator[Rows]:
        """Yield the rows. Raises ValueError where they are not JSON to their end."""
        while (found := self._chunk()) is not None:
            rows, self.start = found
            yield rows
        yield self._rest()

    def _chunk(self) -> tuple[Rows, int] | None:
        """Return rows and where the next ones begin; None towards the end."""
        at = self.start + CHUNK
        for _ in range(TRIES):
            at = self.body.find(BORDER, at)
            if at < 0:
                return None
            try:
                return loads(b"[" + self.body[self.start : at + 1] + b"]"), at + 2
            except ValueError:
                at += 1
        return None

    def _rest(self) -> Rows:
        text = self.body[self.start :].decode()
        rows, end = json.JSONDecoder().raw_decode("[" + text)
        before = self.frame["tables"][0]
        after = json.loads('{"tables":[{"rows":[]' + text[end - 1 :])
        self.frame = {**after, "tables": [{**before, **after["tables"][0]}, *after["tables"][1:]]}
        return rows if isinstance(rows, list) else []


def frame(columns: Mapping[str, str], rows: Iterable[Any]) -> pl.DataFrame:
    """Return rows as columns of text. Raises BadPayload where they do not fit the columns."""
    listed = list(rows)
    if any(type(row) is not list or len(row) != len(columns) for row in listed):
        raise BadPayload("a row that does not have a cell per column")
    cells = zip(*listed, strict=True) if listed else [()] * len(columns)
    named = zip(columns.items(), cells, strict=True)
    return pl.DataFrame([_series(name, type_, values) for (name, type_), values in named])


def _series(name: str, type_: str, values: Sequence[Any]) -> pl.Series:
    try:
        return COLUMNS.get(type_, _plain)(name, values)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        # Something among them that is not of the type: cell by cell, to see what.
        return pl.Series(name, _texts(values, type_), pl.String())


def _plain(name: str, values: Sequence[Any]) -> pl.Series:
    return pl.Series(name, values, pl.String(), strict=True)


def _booleans(name: str, values: Sequence[Any]) -> pl.Series:
    return pl.Series(name, values, pl.Boolean(), strict=True).cast(pl.String())


def _integers(name: str, values: Sequence[Any]) -> pl.Series:
    return pl.Series(name, values, pl.Int64(), strict=True).cast(pl.String())


def _reals(name: str, values: Sequence[Any]) -> pl.Series:
    numbers = pl.Series(name, values, pl.Float64(), strict=True)
    size = numbers.abs()
    # In between, both ways to write the shortest text agree.
    odd = ~((size == 0) | ((size >= LEAST) & (size < MOST))) & numbers.is_not_null()
    if odd.any():
        raise ValueError("numbers that are written differently")
    return numbers.cast(pl.String())


def _dynamics(name: str, values: Sequence[Any]) -> pl.Series:
    texts = [
        _canonical(value) if type(value) is str else _texts([value], "dynamic")[0]
        for value in values
    ]
    return pl.Series(name, texts, pl.String(), strict=True)


LEAST, MOST = 1e-4, 1e16
COLUMNS: dict[str, Callable[[str, Sequence[Any]], pl.Series]] = {
    "bool": _booleans,
    "dynamic": _dynamics,
    "int": _integers,
    "long": _integers,
    "real": _reals,
}
"""How columns of a type become text at once, if all their cells are of the type."""


def _texts(values: Sequence[Any], type_: str) -> list[str | None]:
    text = TEXTS.get(type_, str)
    try:
        return [None if value is None else _utf8(text(value)) for value in values]
    except (TypeError, ValueError) as error:
        raise BadPayload(f"a cell that is no {type_}: {error}") from error


def _utf8(text: str | None) -> str | None:
    # JSON may escape half a surrogate pair, which no UTF-8 can carry.
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _bool(value: object) -> str:
    return "true" if value else "false"


def _real(value: Any) -> str | None:
    return repr(float(value)) if isfinite(float(value)) else None


def _dynamic(value: Any) -> str:
    """Canonical JSON. The service sends dynamics as text, and some clients parse them."""
    try:
        parsed = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return str(value)
    return orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS).decode()


_canonical = lru_cache(maxsize=4_096)(_dynamic)
"""The same objects come again and again: labels, devices, places."""

TEXTS: dict[str, Callable[[Any], str | None]] = {
    "bool": _bool,
    "real": _real,
    "dynamic": _dynamic,
}
"""How a cell of a type reads. Datetimes stay as sent: they have a seventh digit to lose."""
