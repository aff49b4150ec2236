"""Log Analytics on one machine: the same KQL, run by DuckDB on a folder of tables.

A table is a file `<Table>.ndjson`, `.jsonl`, `.csv`, `.tsv` or `.parquet`. What the engine does not
know it refuses. Queries come from declarations, yet nothing in one may reach the machine: external
access ends once the tables are loaded, and a connection serves one query.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from re import findall
from threading import Event, Thread
from typing import Any

import duckdb
import duckdb_kql
from duckdb_kql.translate.functions import SCALAR_FUNCTIONS, FunctionSpec

from tidegate.declare.tables import TABLES
from tidegate.maps.answer import table
from tidegate.ports import BadPayload, Clock, LogTable, SourceDown, go_on

READERS = {
    ".ndjson": "read_json({file}, format='newline_delimited'{columns})",
    ".jsonl": "read_json({file}, format='newline_delimited'{columns})",
    ".csv": "read_csv({file}, header=true{text})",
    ".tsv": "read_csv({file}, header=true, delim='\t'{text})",
    ".parquet": "read_parquet({file})",
}
SQL_TYPES = {
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "string": "VARCHAR",
}
KQL_TYPES = {
    "BIGINT": "long",
    "BOOLEAN": "bool",
    "DATE": "datetime",
    "DOUBLE": "real",
    "FLOAT": "real",
    "HUGEINT": "long",
    "INTEGER": "int",
    "INTERVAL": "timespan",
    "JSON": "dynamic",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "UUID": "guid",
    "VARCHAR": "string",
}
# The engine has no limits of its own. DuckDB would also spill to disk and fetch extensions.
FENCES = (
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET temp_directory=''",
    "SET memory_limit='1GB'",
    "SET enable_external_access=false",
)
RECEIVED = "_TimeReceived"
IS_PRIVATE = """let ipv4_is_private = (ip: string) {
    let n = parse_ipv4(ip);
    (n >= 167772160 and n <= 184549375) or (n >= 2886729728 and n <= 2887778303)
        or (n >= 3232235520 and n <= 3232301055)
};
"""


def _polyfill() -> None:
    """Teach the engine what Log Analytics knows besides. Its registry is private: it is pinned."""
    made = (
        FunctionSpec("ingestion_time", "template", f'"{RECEIVED}"', (0,)),
        # There is no GeoLite2 in here: no answer, and the locator is asked.
        FunctionSpec(
            "geo_info_from_ip_address",
            "template",
            "CAST(CASE WHEN {0} IS NULL THEN NULL END AS JSON)",
            (1,),
        ),
        FunctionSpec("hash", "template", "CAST(hash({0}) % {1} AS BIGINT)", (2,)),
    )
    SCALAR_FUNCTIONS.update({spec.name: spec for spec in made})


_polyfill()


class LocalLogs:
    """`ports.LogSource` on a folder of tables."""

    def __init__(
        self, folder: Path, clock: Clock, *, seconds: float = 60, max_rows: int = 500_000
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._seconds = seconds
        self._max_rows = max_rows

    def now(self) -> datetime:
        return self._clock()

    def query(
        self,
        kql: str,
        start: datetime,
        end: datetime,
        *,
        finest: timedelta | None = None,  # noqa: ARG002 - one machine's tables fit into one answer
        check: Callable[[], None] = go_on,
    ) -> LogTable:
        check()
        return table(self.response(kql, start, end))

    def response(self, kql: str, start: datetime, end: datetime) -> dict[str, Any]:
        """Return the body with which Log Analytics would answer. Raises as `query` does."""
        with _refusals(), closing(duckdb_kql.connect()) as connection:
            for file in self._tables(kql):
                _load(connection, file, start, end)
            for fence in FENCES:
                connection.execute(fence)
            with _limited(connection, self._seconds):
                return self._answer(connection, kql)

    def _tables(self, kql: str) -> Iterator[Path]:
        """Yield the files of the tables that the query may name."""
        words = set(findall(r"\w+", kql))
        for file in sorted(self._folder.iterdir()):
            if file.stem in words and file.suffix in READERS:
                yield file

    def _answer(self, connection: Any, kql: str) -> dict[str, Any]:
        asked = IS_PRIVATE + kql if "ipv4_is_private" in kql else kql
        now = self._clock()
        relation = duckdb_kql.query(connection, asked, allow_write=False, query_now=now)
        types = [_kql_type(str(type_)) for type_ in relation.types]
        columns = [
            {"name": name, "type": type_}
            for name, type_ in zip(relation.columns, types, strict=True)
        ]
        rows = relation.limit(self._max_rows + 1).fetchall()
        shown = _rows(rows[: self._max_rows], types)
        body = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": shown}]}
        return body | (PARTIAL if len(rows) > self._max_rows else {})


PARTIAL = {"error": {"code": "PartialError", "message": "The result has more rows than the limit."}}


@contextmanager
def _refusals() -> Iterator[None]:
    """Say every way in which the engine refuses a query as BadPayload, with its reason."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise SourceDown("the query took too long") from error
    except (duckdb_kql.KqlError, duckdb.Error, ValueError) as error:
        raise BadPayload(f"the query was refused: {str(error).partition(chr(10))[0]}") from error


@contextmanager
def _limited(connection: Any, seconds: float) -> Iterator[None]:
    """Interrupt what runs longer: a query stops at its next chunk of rows."""
    done = Event()

    def interrupt() -> None:
        done.wait(seconds)
        # Again and again: an interrupt between two statements is forgotten.
        while not done.wait(0.1):
            connection.interrupt()

    watch = Thread(target=interrupt, name="kql time limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _load(connection: Any, file: Path, start: datetime, end: datetime) -> None:
    """Copy the rows of the time span into a table with the file's name."""
    shape = TABLES.get(file.stem, {})
    source = _reader(file, shape)
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    found = {name: type_ for name, type_, *_ in described}
    span = f"WHERE TimeGenerated >= {_sql_time(start)} AND TimeGenerated < {_sql_time(end)}"
    # No text of a query comes near: names are the file's, quoted, types and times are ours.
    connection.execute(
        f"CREATE TABLE {_quoted(file.stem)} AS SELECT * FROM "  # noqa: S608
        f"(SELECT {', '.join(_selected(found, shape))} FROM {source}) "
        f"{span if 'TimeGenerated' in found else ''}"
    )


def _reader(file: Path, shape: Mapping[str, str]) -> str:
    typed = ", ".join(f"{_quoted(name)}: '{SQL_TYPES[type_]}'" for name, type_ in shape.items())
    path = str(file).replace("'", "''")
    return READERS[file.suffix].format(
        file=f"'{path}'",
        columns=f", columns={{{typed}}}" if shape else "",
        text=", all_varchar=true" if shape else "",
    )


def _selected(found: Mapping[str, str], shape: Mapping[str, str]) -> Iterator[str]:
    """Yield the table's columns: declared ones with their type, the others as the engine likes."""
    for name in {**shape, **found}:
        if name == RECEIVED:
            continue
        source = _quoted(name) if name in found else "NULL"
        type_ = SQL_TYPES[shape[name]] if name in shape else _liked(found[name])
        yield f"CAST({source} AS {type_}) AS {_quoted(name)}"
    if "TimeGenerated" in found:
        received = [_quoted(name) for name in (RECEIVED, "TimeGenerated") if name in found]
        yield f"CAST(coalesce({', '.join(received)}) AS TIMESTAMP) AS {_quoted(RECEIVED)}"


def _liked(type_: str) -> str:
    """Return the type that the KQL engine wants for what DuckDB found in a file."""
    if type_.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    return type_ if type_ in KQL_TYPES or type_.startswith("DECIMAL") else "JSON"


def _kql_type(type_: str) -> str:
    if type_.startswith("DECIMAL"):
        return "decimal"
    return KQL_TYPES.get(type_, "dynamic")


def _rows(rows: list[tuple[Any, ...]], types: list[str]) -> list[list[Any]]:
    says = [CELLS.get(type_) for type_ in types]
    return [
        [
            cell if say is None or cell is None else say(cell)
            for cell, say in zip(row, says, strict=True)
        ]
        for row in rows
    ]


def _datetime(value: date) -> str:
    whole = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001 - all are UTC
    return f"{whole.replace(tzinfo=None).isoformat()}Z"


def _timespan(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    days = f"{value.days}." if value.days else ""
    part = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{part}"


def _real(value: float) -> float | str:
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return special.get(str(value), value)


CELLS: dict[str, Callable[[Any], Any]] = {
    "datetime": _datetime,
    "timespan": _timespan,
    "real": _real,
    "decimal": str,
    "guid": str,
}
"""How JSON carries the types that it lacks."""


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _sql_time(when: datetime) -> str:
    return f"TIMESTAMP '{when.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
