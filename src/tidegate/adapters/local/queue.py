"""The queue of cases in SQLite: a row per case, with the time of its next turn."""

import sqlite3
from datetime import timedelta

from tidegate.ports import Clock, Message


class SqliteQueue:
    """`ports.Queue` on the file that `database.connect` opened."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, case: str) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO queue VALUES (?, ?, 0, 0)", (case, self._in())
        )

    def take(self, hidden: timedelta) -> Message | None:
        # The receipt changes with every take: a worker that comes back late acknowledges nothing.
        found = self._database.execute(
            "UPDATE queue SET due = ?, receipt = receipt + 1, attempts = attempts + 1"
            " WHERE id = (SELECT id FROM queue WHERE due <= ? ORDER BY due, id LIMIT 1)"
            " RETURNING id, receipt, attempts",
            (self._in(hidden), self._in()),
        ).fetchall()
        return Message(*found[0]) if found else None

    def later(self, message: Message, delay: timedelta) -> None:
        self._database.execute(
            "UPDATE queue SET due = ?, attempts = 0 WHERE id = ? AND receipt = ?",
            (self._in(delay), message.case, message.receipt),
        )

    def retry(self, message: Message, delay: timedelta) -> None:
        self._database.execute(
            "UPDATE queue SET due = ? WHERE id = ? AND receipt = ?",
            (self._in(delay), message.case, message.receipt),
        )

    def done(self, message: Message) -> None:
        self._database.execute(
            "DELETE FROM queue WHERE id = ? AND receipt = ?", (message.case, message.receipt)
        )

    def _in(self, delay: timedelta = timedelta(0)) -> float:
        return (self._clock() + delay).timestamp()
