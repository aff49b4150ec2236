"""`sources.yaml`: many datasets in one file, without a folder for each.

A query is left as it is, but for the token `{time_window}`. What it answers is cast to the types
that its columns have, so that names alone are enough.
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from tidegate.declare.dataset import GEO, Column, Dataset, End, Type
from tidegate.declare.strict import Mistakes, Ours, checked
from tidegate.declare.tables import TABLES

WINDOW = "{time_window}"
# From the cursor on: ago() of it is the cursor, and a full load's cursor is the window's beginning.
SINCE = "(now() - _cursor)"
CASTS: dict[Type, str] = {
    "bool": "tobool",
    "datetime": "todatetime",
    "decimal": "todecimal",
    "dynamic": "todynamic",
    "guid": "toguid",
    "int": "toint",
    "long": "tolong",
    "real": "todouble",
    "string": "tostring",
    "timespan": "totimespan",
}
IDS = ("Id", "_ItemId", "SystemAlertId", "EventDataId", "IncidentNumber")
ADDRESSES = (
    "IPAddress",
    "IpAddress",
    "ObservableValue",
    "NetworkIP",
    "SourceIP",
    "DestinationIP",
    "RemoteIP",
    "CallerIpAddress",
    "ClientIP",
    "clientIp_s",
    "IP",
    "Address",
    "Location",
)


class Source(Ours):
    """One entry of the file. What is not said is guessed from the names of the columns."""

    id: Column
    name: str = Field(min_length=1)
    enabled: bool = True
    refresh_interval_seconds: int = Field(300, ge=60)
    query_time_window_hours: float = Field(24, gt=0, le=24 * 3650)
    incremental: bool = True
    incremental_overlap_minutes: int = Field(10, ge=0)
    output_filename: str
    kql_query: str = Field(min_length=1)
    columns: list[Column] | dict[Column, Type] = Field(min_length=1)
    key_columns: list[Column] | None = None
    time: Column | None = None
    locate: Column | None = None
    label: Column | None = None
    colour: Column | None = None
    shown: bool = True
    facets: list[Column] = Field([])
    weight: Column | None = None
    arc: Literal["sites"] | End | None = None
    kind: Literal["events", "indicators", "actors"] = "events"
    # Elsewhere these switch on what is always done here, or what is not needed.
    auto_enrich_geo: bool = False
    auto_generate_geojson: bool = False
    refresh_threshold_hours: float = 24


def dataset(source: Source, where: str) -> Dataset:
    """Return what an entry declares. Raises Mistakes that begin with `where`."""
    columns = _typed(source)
    window = timedelta(hours=source.query_time_window_hours)
    located = source.locate or _first(ADDRESSES, columns, f"{where}: locate: no column is known")
    dated = [name for name, type_ in columns.items() if type_ == "datetime"]
    happened = source.time or _first(["TimeGenerated", *dated], columns, f"{where}: time: no time")
    known = next(([name] for name in IDS if name in columns), [])
    fields = {
        "name": source.id,
        "query": _query(source, columns, located),
        "title": source.name,
        "file": source.output_filename,
        "refresh": timedelta(seconds=source.refresh_interval_seconds),
        "window": window,
        "overlap": timedelta(minutes=source.incremental_overlap_minutes),
        "retention": window,
        "columns": columns,
        "key": known if source.key_columns is None else source.key_columns,
        "time": happened,
        "locate": located,
        "label": source.label or located,
        "grain": "row" if source.incremental else "whole",
    }
    same = ("colour", "shown", "facets", "weight", "arc", "kind")
    return checked(Dataset, fields | {name: getattr(source, name) for name in same}, where)


def _first(names: list[str] | tuple[str, ...], columns: dict[str, Type], otherwise: str) -> str:
    for name in names:
        if name in columns:
            return name
    raise Mistakes([f"{otherwise}; name one of the columns"])


def _typed(source: Source) -> dict[str, Type]:
    """Return the columns but those of `GEO`, which every dataset has."""
    given = source.columns
    typed = given if isinstance(given, dict) else {name: _known(name) for name in given}
    return {name: type_ for name, type_ in typed.items() if name not in GEO}


def _known(name: str) -> Type:
    """Return the type that a column of this name has wherever we know one, else text."""
    types = {table[name] for table in TABLES.values() if name in table}
    found = next((type_ for type_ in CASTS if types == {type_}), None)
    return found or "string"


def _query(source: Source, columns: dict[str, Type], located: str) -> str:
    """Return the query with its window, and a last step that gives each column its type."""
    hours = f"{source.query_time_window_hours:g}h"
    asked = source.kql_query.replace(WINDOW, SINCE if source.incremental else hours)
    asked = asked.rstrip().rstrip(";").rstrip()
    placed = {name: type_ for name, type_ in GEO.items() if name in source.columns}
    casts = [f"{name} = {CASTS[type_]}({name})" for name, type_ in {**columns, **placed}.items()]
    if located == "Location" and "Country" not in placed:
        casts.append("Country = tostring(Location)")
    return f"{asked}\n| project\n    " + ",\n    ".join(casts)
