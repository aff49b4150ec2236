"""The memory of feeds in the machine's SQLite file."""

import sqlite3
from dataclasses import dataclass

from pydantic import TypeAdapter

from tidegate.ports import FeedState, Trouble
from tidegate.stored import document

TABLES = """
CREATE TABLE IF NOT EXISTS feeds (name TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS budgets (
    feed TEXT NOT NULL, day TEXT NOT NULL, spent INTEGER NOT NULL, PRIMARY KEY (feed, day)
) STRICT;
CREATE TABLE IF NOT EXISTS troubles (feed TEXT PRIMARY KEY, trouble TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS switches (feed TEXT PRIMARY KEY, enabled INTEGER NOT NULL) STRICT;
"""
STATE = TypeAdapter(FeedState)
TROUBLE = TypeAdapter(Trouble)


@dataclass(frozen=True, slots=True)
class FeedTable:
    """`ports.Feeds` on one connection, which threads may share."""

    database: sqlite3.Connection

    def __post_init__(self) -> None:
        self.database.executescript(TABLES)

    def state(self, feed: str) -> FeedState:
        """See `ports.Feeds`."""
        row = self.database.execute("SELECT state FROM feeds WHERE name = ?", (feed,)).fetchone()
        return document(STATE, row[0], f"the memory of {feed}") if row else FeedState()

    def remember(self, feed: str, state: FeedState) -> None:
        """See `ports.Feeds`."""
        text = STATE.dump_json(state).decode()
        self.database.execute("REPLACE INTO feeds (name, state) VALUES (?, ?)", (feed, text))

    def spend(self, feed: str, day: str, budget: int) -> bool:
        """See `ports.Feeds`. One statement, so that two processes cannot spend one request."""
        spent = self.database.execute(
            "INSERT INTO budgets (feed, day, spent) VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET spent = spent + 1"
            " WHERE spent < ? RETURNING spent",
            (feed, day, budget),
        ).fetchall()
        return bool(spent)

    def trouble(self, feed: str) -> Trouble:
        """See `ports.Feeds`."""
        find = "SELECT trouble FROM troubles WHERE feed = ?"
        row = self.database.execute(find, (feed,)).fetchone()
        return document(TROUBLE, row[0], f"the trouble of {feed}") if row else Trouble()

    def note(self, feed: str, trouble: Trouble) -> None:
        """See `ports.Feeds`."""
        text = TROUBLE.dump_json(trouble).decode()
        self.database.execute("REPLACE INTO troubles (feed, trouble) VALUES (?, ?)", (feed, text))

    def switch(self, feed: str, on: bool) -> None:
        """See `ports.Feeds`."""
        self.database.execute(
            "REPLACE INTO switches (feed, enabled) VALUES (?, ?)", (feed, int(on))
        )

    def switched(self) -> dict[str, bool]:
        """See `ports.Feeds`."""
        rows = self.database.execute("SELECT feed, enabled FROM switches").fetchall()
        return {feed: bool(enabled) for feed, enabled in rows}
