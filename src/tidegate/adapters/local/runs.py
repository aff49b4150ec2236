"""The runs of feeds in the machine's SQLite file."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from tidegate.model import Run, Status
from tidegate.stored import document, readable

TABLE = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, feed TEXT NOT NULL, at REAL NOT NULL, status TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_feed ON runs (feed, at);
"""
RUN = TypeAdapter(Run)
PUT = "REPLACE INTO runs (id, feed, at, status, document) VALUES (?, ?, ?, ?, ?)"
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RunTable:
    """`ports.Runs` on one connection, which threads may share."""

    database: sqlite3.Connection

    def __post_init__(self) -> None:
        self.database.executescript(TABLE)

    def record(self, run: Run) -> None:
        """See `ports.Runs`. Runs older than 90 days are forgotten."""
        at, outcome = run.at.timestamp(), run.outcome
        text = RUN.dump_json(run).decode()
        row = (run.id, outcome.feed, at, outcome.status, text)
        self.database.execute(PUT, row)
        self.database.execute("DELETE FROM runs WHERE at < ?", (at - KEPT.total_seconds(),))

    def get(self, run: str) -> Run | None:
        """See `ports.Runs`."""
        found = self._runs("WHERE id = ?", run)
        return found[0] if found else None

    def newest(self, feed: str | None, limit: int) -> list[Run]:
        """See `ports.Runs`."""
        where = "WHERE (feed = ? OR ? IS NULL) ORDER BY at DESC, rowid DESC LIMIT ?"
        return self._runs(where, feed, feed, limit)

    def read(self, feed: str, until: datetime) -> list[Run]:
        """See `ports.Runs`."""
        where = "WHERE feed = ? AND status = ? AND at <= ? ORDER BY at, rowid"
        return self._runs(where, feed, Status.OK, until.timestamp())

    def _runs(self, where: str, *values: object) -> list[Run]:
        rows = self.database.execute(f"SELECT id, document FROM runs {where}", values)  # noqa: S608
        return list(readable(_run, rows.fetchall()))


def _run(row: tuple[str, str]) -> Run:
    name, text = row
    return document(RUN, text, f"run {name}")
