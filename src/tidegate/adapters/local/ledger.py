"""The ledger in SQLite: what was begun outside, by whom, and how it ended."""

import re
import sqlite3
from datetime import datetime

from tidegate.adapters.local.database import when
from tidegate.ports import Entry

KEY = re.compile(r"(?=.{3,400}\Z)[A-Za-z0-9._-]+:[A-Za-z0-9._:-]+\Z")


class SqliteLedger:
    """`ports.Ledger` on the file that `database.connect` opened."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def begin(self, key: str, owner: str, now: datetime) -> Entry | None:
        if not KEY.match(key):
            raise ValueError(f"{key!r} is no key of the ledger")
        # Somebody may forget the entry between the two statements; then it is ours to begin.
        while True:
            made = self._database.execute(
                "INSERT OR IGNORE INTO ledger (key, owner, at, done, result)"
                " VALUES (?, ?, ?, 0, '') RETURNING key",
                (key, owner, now.timestamp()),
            )
            if made.fetchall():
                return None
            if found := self.get(key):
                return found

    def get(self, key: str) -> Entry | None:
        found = self._select("key = ?", key)
        return found[0] if found else None

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

    def of(self, scope: str) -> list[Entry]:
        # The semicolon is what comes after the colon.
        return self._select("key >= ? AND key < ?", f"{scope}:", f"{scope};")

    def _select(self, condition: str, *values: str) -> list[Entry]:
        rows = self._database.execute(
            "SELECT key, owner, at, done, result FROM ledger"  # noqa: S608 - conditions are ours
            f" WHERE {condition} ORDER BY rowid",
            values,
        ).fetchall()
        return [
            Entry(key, owner, when(at), bool(done), result) for key, owner, at, done, result in rows
        ]
