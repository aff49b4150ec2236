"""Queues in SQLite: a row per case or request, with the time of its next turn.

A row is hidden while that time is still to come: because a worker has `taken` it, or by a delay.
"""

import sqlite3
from datetime import timedelta
from typing import Any

from tidegate.ports import Clock, Message

TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
    id TEXT PRIMARY KEY, due REAL NOT NULL, receipt INTEGER NOT NULL, attempts INTEGER NOT NULL,
    taken INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS {table}_due ON {table} (due);
"""
PUT = "INSERT OR IGNORE INTO {table} (id, due, receipt, attempts, taken) VALUES (?, ?, 0, 0, 0)"
# For a table of before. Nobody knows why its rows are hidden, so none of them is given away.
ALSO_TAKEN = "ALTER TABLE {table} ADD COLUMN taken INTEGER NOT NULL DEFAULT 1"


class SqliteQueue:
    """`ports.Queue` on the file that `database.connect` opened; each queue has its own table."""

    def __init__(self, database: sqlite3.Connection, clock: Clock, table: str = "queue") -> None:
        if not table.isidentifier():
            raise ValueError(f"{table!r} cannot name a queue")
        self._database = database
        self._clock = clock
        self._table = table
        database.executescript(TABLE.format(table=table))
        self._also_taken()

    def put(self, case: str) -> None:
        self._run(PUT, case, self._in())

    def take(self, hidden: timedelta) -> Message | None:
        # The receipt changes with every take: a worker that comes back late acknowledges nothing.
        found = self._run(
            "UPDATE {table}"
            " SET due = ?, receipt = receipt + 1, attempts = attempts + 1, taken = 1"
            " WHERE id = (SELECT id FROM {table} WHERE due <= ? ORDER BY due, id LIMIT 1)"
            " RETURNING id, receipt, attempts",
            self._in(hidden),
            self._in(),
        )
        return Message(*found[0]) if found else None

    def later(self, message: Message, delay: timedelta) -> None:
        self._run(
            "UPDATE {table} SET due = ?, attempts = 0, taken = 0 WHERE id = ? AND receipt = ?",
            self._in(delay),
            message.case,
            message.receipt,
        )

    def retry(self, message: Message, delay: timedelta) -> None:
        self._run(
            "UPDATE {table} SET due = ?, taken = 0 WHERE id = ? AND receipt = ?",
            self._in(delay),
            message.case,
            message.receipt,
        )

    def done(self, message: Message) -> None:
        self._run("DELETE FROM {table} WHERE id = ? AND receipt = ?", message.case, message.receipt)

    def wake(self, case: str) -> None:
        # One that is due already keeps its place.
        now = self._in()
        self._run(
            "UPDATE {table} SET due = ? WHERE id = ? AND due > ? AND NOT taken", now, case, now
        )

    def length(self) -> int:
        [(length,)] = self._run("SELECT count(*) FROM {table}")
        return int(length)

    def _also_taken(self) -> None:
        if self._run("SELECT 1 FROM pragma_table_info('{table}') WHERE name = 'taken'"):
            return
        try:
            self._run(ALSO_TAKEN)
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):  # another process was quicker
                raise

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(statement.format(table=self._table), values).fetchall()

    def _in(self, delay: timedelta = timedelta(0)) -> float:
        return (self._clock() + delay).timestamp()
