"""What the simulated tenant remembers: documents and calls, in a file that outlives the process."""

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

Document = dict[str, Any]
NAMED = "tenant.sqlite"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
# The plus keeps SQLite from walking the whole table only because that is in order.
OLDEST_FIRST, NEWEST_FIRST = "+number", "+number DESC"

TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY, tab TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (tab, id)
) STRICT;
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, detail TEXT NOT NULL, at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS calls_name ON calls (name, at);
CREATE INDEX IF NOT EXISTS documents_order ON documents (tab, number);
CREATE INDEX IF NOT EXISTS documents_numbers ON documents (tab, CAST(id AS INTEGER));
CREATE INDEX IF NOT EXISTS alerts_updated
    ON documents (julianday(json_extract(body, '$.lastUpdateTime'))) WHERE tab = 'alerts';
CREATE INDEX IF NOT EXISTS "actions.machineId"
    ON documents (json_extract(body, '$.machineId')) WHERE tab = 'actions';
"""


class Memory:
    """Documents by table and id, blobs by name, and every call that changed something."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            folder / NAMED, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        # The tenant's memory is a toy's: a power cut may take its last second.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(TABLES)
        self._lock = threading.RLock()
        self._indexed: set[tuple[str, str]] = set()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the tenant for one read and write: all of it happens, or none."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    # --- documents ----------------------------------------------------------------------------

    def get(self, table: str, key: str) -> Document | None:
        found = self._documents("tab = ? AND id = ?", (table, key))
        return found[0] if found else None

    def all(self, table: str) -> list[Document]:
        """Return the table's documents in the order in which they were first put."""
        return self._documents("tab = ? ORDER BY number", (table,))

    def find(self, table: str, field: str, value: str | int | None) -> list[Document]:
        """Return the documents whose field has this value, in the order they were first put.

        The first question about a field of a table makes the index that answers it.
        """
        with self._lock:
            self._index(table, field)
            return self._documents(
                f"tab = '{table}' AND json_extract(body, '$.{field}') IS ? ORDER BY number",
                (value,),
            )

    def last(self, table: str, most: int) -> list[Document]:
        """Return the documents that were put last, the newest first, at most so many."""
        return self._documents("tab = ? ORDER BY number DESC LIMIT ?", (table, most))

    def page(
        self, table: str, where: str, values: Iterable[object], order: str, top: int, skip: int
    ) -> list[Document]:
        """Return a page of the documents for which the SQL condition holds."""
        # Told that the table is no narrow choice, SQLite takes the index of what is asked for. It
        # sorts numbers first, for to sort thousands of documents takes a hundred times as long.
        chosen = (
            f"SELECT number FROM documents WHERE likely(tab = '{table}') AND {where}"  # noqa: S608
            f" ORDER BY {order} LIMIT ? OFFSET ?"
        )
        return self._documents(f"number IN ({chosen}) ORDER BY {order}", (*values, top, skip))

    def put(self, table: str, key: str, document: Document) -> None:
        with self._lock:
            self._database.execute(
                "INSERT INTO documents (tab, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (tab, id) DO UPDATE SET body = excluded.body",
                (table, key, orjson.dumps(document).decode()),
            )

    def delete(self, table: str, key: str) -> bool:
        with self._lock:
            gone = self._database.execute(
                "DELETE FROM documents WHERE tab = ? AND id = ?", (table, key)
            )
        return gone.rowcount == 1

    def next_id(self, table: str) -> int:
        """Return a number that no document of the table has; 1 for the first."""
        with self._lock:
            row = self._database.execute(
                "SELECT CAST(id AS INTEGER) FROM documents WHERE tab = ?"
                " ORDER BY CAST(id AS INTEGER) DESC LIMIT 1",
                (table,),
            ).fetchone()
        return int(row[0]) + 1 if row else 1

    def _documents(self, condition: str, values: Sequence[object]) -> list[Document]:
        with self._lock:
            rows = self._database.execute(
                f"SELECT body FROM documents WHERE {condition}",  # noqa: S608 - our own names
                tuple(values),
            ).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def _index(self, table: str, field: str) -> None:
        if (table, field) in self._indexed:
            return
        if not NAME.fullmatch(table) or not NAME.fullmatch(field):
            raise ValueError(f"not names of ours: {table}, {field}")
        self._database.execute(
            f'CREATE INDEX IF NOT EXISTS "{table}.{field}" ON documents'
            f" (json_extract(body, '$.{field}')) WHERE tab = '{table}'"
        )
        # One that is made within a change goes when that is taken back.
        if not self._database.in_transaction:
            self._indexed.add((table, field))

    # --- blobs and calls ----------------------------------------------------------------------

    def blob(self, name: str) -> bytes | None:
        with self._lock:
            row = self._database.execute(
                "SELECT data FROM blobs WHERE name = ?", (name,)
            ).fetchone()
        return bytes(row[0]) if row else None

    def put_blob(self, name: str, data: bytes) -> None:
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (name, data))

    def delete_blob(self, name: str) -> None:
        with self._lock:
            self._database.execute("DELETE FROM blobs WHERE name = ?", (name,))

    def record(self, name: str, detail: str, at: float) -> None:
        """Write down a call that changed something."""
        with self._lock:
            self._database.execute(
                "INSERT INTO calls (name, detail, at) VALUES (?, ?, ?)", (name, detail, at)
            )

    def calls(self, name: str) -> list[str]:
        """Return the details of the calls of one name, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT detail FROM calls WHERE name = ? ORDER BY number", (name,)
            ).fetchall()
        return [row[0] for row in rows]

    def clear(self) -> None:
        """Forget everything."""
        with self.changing():
            for table in ("documents", "blobs", "calls"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        with self._lock:
            self._database.close()


def remembered(folder: Path, table: str) -> list[Document]:
    """Return a table of a tenant that another process may be; nothing where there is none yet."""
    address = f"{(folder / NAMED).absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
            rows = database.execute(
                "SELECT body FROM documents WHERE tab = ? ORDER BY number", (table,)
            ).fetchall()
    except sqlite3.OperationalError:  # no file, or one that is only just being made
        return []
    return [orjson.loads(row[0]) for row in rows]
