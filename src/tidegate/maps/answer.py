"""A Log Analytics response as a table of text, and a table as what its dataset declared."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import orjson
import polars as pl

from tidegate.declare.dataset import GEO, Dataset
from tidegate.ports import BadPayload, LogTable

WHOLE = {"int", "long"}


def table(response: Any) -> LogTable:
    """Return the primary result of a response body. Raises BadPayload."""
    if not isinstance(response, Mapping) or not isinstance(response.get("tables"), list):
        # A list of frames is Kusto's own v2 shape, from another endpoint.
        raise BadPayload("not a Log Analytics response: no tables")
    partial = _partial(response.get("error"))
    tables = {each.get("name"): each for each in response["tables"]}
    primary = tables.get("PrimaryResult") or next(iter(tables.values()), None)
    if primary is None:
        return LogTable({}, pl.DataFrame(), partial)
    columns = {column["name"]: column["type"] for column in primary["columns"]}
    return LogTable(columns, _rows(columns, primary["rows"]), partial)


def _partial(error: Mapping[str, Any] | None) -> bool:
    if error is not None and error.get("code") != "PartialError":
        raise BadPayload(f"the query failed: {error.get('code')}: {error.get('message')}")
    return error is not None


def _rows(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    if any(len(row) != len(columns) for row in rows):
        raise BadPayload("a row that does not have a cell per column")
    cells = zip(*rows, strict=True) if rows else [()] * len(columns)
    named = zip(columns.items(), cells, strict=True)
    return pl.DataFrame(
        [pl.Series(name, _texts(values, type_), pl.String()) for (name, type_), values in named]
    )


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


TEXTS: dict[str, Callable[[Any], str | None]] = {
    "bool": _bool,
    "real": _real,
    "dynamic": _dynamic,
}
"""How a cell of a type reads. Datetimes stay as sent: they have a seventh digit to lose."""


def conform(answer: LogTable, dataset: Dataset) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows with the declared columns, the dataset's own extras, and warnings.

    Raises BadPayload when a type changed, or when a column is missing and may not be.
    """
    extras = [*GEO, *dataset.passing]
    if not answer.columns:
        # No table at all is how a workspace says that it has no data.
        names = [*dataset.columns, *extras]
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String())), []
    missing = [name for name in dataset.columns if name not in answer.columns]
    if missing and dataset.drift == "refuse":
        raise BadPayload(f"{dataset.name}: not in the answer: {', '.join(missing)}")
    for name, type_ in dataset.columns.items():
        _same_type(name, type_, answer.columns.get(name, type_))
    columns = [
        pl.col(name) if name in answer.columns else pl.lit(None, pl.String()).alias(name)
        for name in [*dataset.columns, *extras]
    ]
    return answer.rows.select(columns), [f"{name} was not answered" for name in missing]


def _same_type(name: str, declared: str, answered: str) -> None:
    if declared != answered and not {declared, answered} <= WHOLE:
        raise BadPayload(f"{name} is declared {declared}, the answer says {answered}")
