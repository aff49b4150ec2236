"""A Log Analytics response as a table of text, and a table as what its dataset declared."""

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from tidegate.declare.dataset import GEO, Dataset
from tidegate.maps.rows import Cut, frame, loads
from tidegate.ports import BadPayload, LogTable

WHOLE = {"int", "long"}


class _Theirs(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Column(_Theirs):
    name: str
    type: str


class _Table(_Theirs):
    name: str = ""
    columns: list[_Column]
    rows: list[Any]


class _Error(_Theirs):
    code: str | None = None
    message: str | None = None


class _Response(_Theirs):
    tables: list[_Table]
    error: _Error | None = None


def read(body: bytes) -> LogTable:
    """Return the primary result of a response as it was sent. Raises BadPayload."""
    try:
        return _large(cut) if (cut := Cut.of(body)) else table(loads(body))
    except (ValueError, RecursionError) as error:
        raise BadPayload("not a Log Analytics response: not JSON") from error


def _large(cut: Cut) -> LogTable:
    columns = _columns(_response(cut.frame).tables[0])
    frames = [frame(columns, rows) for rows in cut.chunks()]
    found = _response(cut.frame)
    primary = _primary(found.tables)
    if primary is found.tables[0]:
        return LogTable(columns, pl.concat(frames), _partial(found.error))
    return _table(found, primary)


def table(response: Any) -> LogTable:
    """Return the primary result of a response body. Raises BadPayload."""
    found = _response(response)
    return _table(found, _primary(found.tables))


def _response(given: Any) -> _Response:
    try:
        return _Response.model_validate(given)
    except ValidationError as error:
        # A list of frames is Kusto's own v2 shape, from another endpoint.
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadPayload(f"not a Log Analytics response: {where} {first['msg']}") from error


def _primary(tables: list[_Table]) -> _Table | None:
    named = (each for each in tables if each.name == "PrimaryResult")
    return next(named, next(iter(tables), None))


def _table(found: _Response, primary: _Table | None) -> LogTable:
    partial = _partial(found.error)
    if primary is None:
        return LogTable({}, pl.DataFrame(), partial)
    columns = _columns(primary)
    return LogTable(columns, frame(columns, primary.rows), partial)


def _columns(primary: _Table) -> dict[str, str]:
    columns = {column.name: column.type for column in primary.columns}
    if len(columns) < len(primary.columns):
        raise BadPayload("not a Log Analytics response: two columns of one name")
    return columns


def _partial(error: _Error | None) -> bool:
    if error is not None and error.code != "PartialError":
        raise BadPayload(f"the query failed: {error.code}: {error.message}")
    return error is not None


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
