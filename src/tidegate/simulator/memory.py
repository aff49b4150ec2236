"""What the simulated tenant remembers: documents and calls, in a file that outlives the process."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

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
"""


class Memory:
    """Documents by table and id, blobs by name, and every call that changed something."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            folder / "tenant.sqlite", isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        # The tenant's memory is a toy's: a power cut may take its last second.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(TABLES)
        self._lock = threading.RLock()

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

    def get(self, table: str, key: str) -> Document | None:
        with self._lock:
            row = self._database.execute(
                "SELECT body FROM documents WHERE tab = ? AND id = ?", (table, key)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, table: str) -> list[Document]:
        """Return the table's documents in the order in which they were first put."""
        with self._lock:
            rows = self._database.execute(
                "SELECT body FROM documents WHERE tab = ? ORDER BY number", (table,)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def put(self, table: str, key: str, document: Document) -> None:
        with self._lock:
            self._database.execute(
                "INSERT INTO documents (tab, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (tab, id) DO UPDATE SET body = excluded.body",
                (table, key, json.dumps(document)),
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
                "SELECT max(CAST(id AS INTEGER)) FROM documents WHERE tab = ?", (table,)
            ).fetchone()
        return int(row[0] or 0) + 1

    def blob(self, name: str) -> bytes | None:
        with self._lock:
            row = self._database.execute(
                "SELECT data FROM blobs WHERE name = ?", (name,)
            ).fetchone()
        return bytes(row[0]) if row else None

    def put_blob(self, name: str, data: bytes) -> None:
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (name, data))

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

    def count(self, name: str, since: float) -> int:
        """Return how many calls of one name there were after this time."""
        with self._lock:
            row = self._database.execute(
                "SELECT count(*) FROM calls WHERE name = ? AND at > ?", (name, since)
            ).fetchone()
        return int(row[0])

    def clear(self) -> None:
        """Forget everything."""
        with self.changing():
            for table in ("documents", "blobs", "calls"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def close(self) -> None:
        with self._lock:
            self._database.close()
