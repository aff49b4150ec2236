"""Queues in SQLite: a row per case or request, with the time of its next turn."""

import sqlite3
from datetime import timedelta
from typing import Any

from tidegate.ports import Clock, Message

TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
    id TEXT PRIMARY KEY, due REAL NOT NULL, receipt INTEGER NOT NULL, attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS {table}_due ON {table} (due);
"""


class SqliteQueue:
    """`ports.Queue` on the file that `database.connect` opened; each queue has its own table."""

    def __init__(self, database: sqlite3.Connection, clock: Clock, table: str = "queue") -> None:
        if not table.isidentifier():
            raise ValueError(f"{table!r} cannot name a queue")
        self._database = database
        self._clock = clock
        self._table = table
        database.executescript(TABLE.format(table=table))

    def put(self, case: str) -> None:
        self._run("INSERT OR IGNORE INTO {table} VALUES (?, ?, 0, 0)", case, self._in())

    def take(self, hidden: timedelta) -> Message | None:
        # The receipt changes with every take: a worker that comes back late acknowledges nothing.
        found = self._run(
            "UPDATE {table} SET due = ?, receipt = receipt + 1, attempts = attempts + 1"
            " WHERE id = (SELECT id FROM {table} WHERE due <= ? ORDER BY due, id LIMIT 1)"
            " RETURNING id, receipt, attempts",
            self._in(hidden),
            self._in(),
        )
        return Message(*found[0]) if found else None

    def later(self, message: Message, delay: timedelta) -> None:
        self._run(
            "UPDATE {table} SET due = ?, attempts = 0 WHERE id = ? AND receipt = ?",
            self._in(delay),
            message.case,
            message.receipt,
        )

    def retry(self, message: Message, delay: timedelta) -> None:
        self._run(
            "UPDATE {table} SET due = ? WHERE id = ? AND receipt = ?",
            self._in(delay),
            message.case,
            message.receipt,
        )

    def done(self, message: Message) -> None:
        self._run("DELETE FROM {table} WHERE id = ? AND receipt = ?", message.case, message.receipt)

    def length(self) -> int:
        [(length,)] = self._run("SELECT count(*) FROM {table}")
        return int(length)

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(statement.format(table=self._table), values).fetchall()

    def _in(self, delay: timedelta = timedelta(0)) -> float:
        return (self._clock() + delay).timestamp()
