"""The ledger in SQLite: what was begun outside, by whom, and how it ended."""

import sqlite3
from datetime import datetime

from tidegate.adapters.local.database import when
from tidegate.ports import Entry


class SqliteLedger:
    """`ports.Ledger` on the file that `database.connect` opened."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def begin(self, key: str, owner: str, now: datetime) -> Entry | None:
        # Somebody may forget the entry between the two statements; then it is ours to begin.
        while True:
            made = self._database.execute(
                "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, 0, '') RETURNING key",
                (key, owner, now.timestamp()),
            )
            if made.fetchall():
                return None
            found = self._select("key = ?", key)
            if found:
                return found[0]

    def finish(self, key: str, result: str, now: datetime) -> None:
        self._database.execute(
            "UPDATE ledger SET done = 1, result = ?, at = ? WHERE key = ?",
            (result, now.timestamp(), key),
        )

    def forget(self, entry: Entry) -> None:
        self._database.execute(
            "DELETE FROM ledger WHERE key = ? AND owner = ? AND at = ? AND done = ? AND result = ?",
            (entry.key, entry.owner, entry.at.timestamp(), entry.done, entry.result),
        )

    def of(self, owner: str) -> list[Entry]:
        return self._select("owner = ?", owner)

    def _select(self, condition: str, value: str) -> list[Entry]:
        rows = self._database.execute(
            "SELECT key, owner, at, done, result FROM ledger"  # noqa: S608 - conditions are ours
            f" WHERE {condition} ORDER BY rowid",
            (value,),
        ).fetchall()
        return [
            Entry(key, owner, when(at), bool(done), result) for key, owner, at, done, result in rows
        ]
