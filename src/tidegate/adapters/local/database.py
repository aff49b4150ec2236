"""The one SQLite file of a machine: cases, their queue, the ledger, what was spent.

Every operation of the stores above it is a single statement that returns what it did, so that one
connection serves all threads of a process (its row count belongs to whichever thread was last), and
any number of processes share the file without a transaction of ours.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Self, cast

from tidegate.model import ENDS

WAIT = 10.0  # seconds for a lock; writers hold it for milliseconds

# Said of a case's document, by index and query alike: so a file of before needs no new column.
UNFINISHED = "json_extract(document, '$.stage') NOT IN ({})".format(
    ", ".join(f"'{end}'" for end in sorted(ENDS))
)
TABLES = f"""
CREATE TABLE IF NOT EXISTS cases (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, opened REAL NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS cases_unfinished ON cases (opened, id) WHERE {UNFINISHED};
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL, done INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT;
DROP INDEX IF EXISTS ledger_owner;
"""


class _Connection(sqlite3.Connection):
    """One whose statements never overlap, whichever threads they come from.

    Two that are open at once share a transaction: when it fails, one of them has told what it did
    and did not.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.alone = Lock()

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        return self.cursor(_Cursor).execute(statement, values)

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        with self.alone:
            return super().executescript(script)


class _Cursor(sqlite3.Cursor):
    """Has all rows by the time that `execute` returns."""

    def execute(self, statement: str, values: Any = (), /) -> Self:
        connection = cast("_Connection", self.connection)
        with connection.alone:
            super().execute(statement, values)
            self._rows = super().fetchall()
        return self

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return iter(self._rows)

    def fetchall(self) -> list[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which is made if absent. Safe for threads and processes; autocommits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # No cache of statements: from Python 3.12 on, two threads may be handed the same one.
    database = sqlite3.connect(
        path,
        timeout=WAIT,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=0,
        factory=_Connection,
    )
    database.execute("PRAGMA journal_mode = WAL")
    # Nothing may be done twice, so what was written must survive a power cut, too.
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(TABLES)
    return database


def when(seconds: float) -> datetime:
    """Return the time that a column holds."""
    return datetime.fromtimestamp(seconds, UTC)
