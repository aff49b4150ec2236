"""Budgets in SQLite: a row for each one that was taken, with the time."""

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from tidegate.ports import Clock, Limit

TABLES = """
CREATE TABLE IF NOT EXISTS spending (name TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS spending_name ON spending (name, at);
CREATE TABLE IF NOT EXISTS stretches (name TEXT PRIMARY KEY, longest INTEGER NOT NULL) STRICT;
"""
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)  # times are whole ones: fractions would not add up
TIDY = 100  # how many a process takes between two looks for rows that are too old to count

ROOM = "(SELECT count(*) FROM spending WHERE name = ? AND at > ?) < ?"
TAKE = "INSERT INTO spending (name, at) SELECT ?, ? WHERE {} RETURNING at"
LONGEST = (
    "INSERT INTO stretches (name, longest) VALUES (?, ?) ON CONFLICT (name)"
    " DO UPDATE SET longest = max(longest, excluded.longest) RETURNING longest"
)


class SqliteBudgets:
    """`ports.Budgets` on the file that `database.connect` opened.

    What is older than the longest limit that its name ever had is forgotten.
    """

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._taken: Counter[str] = Counter()
        database.executescript(TABLES)

    def spend(self, name: str, limits: Sequence[Limit]) -> timedelta | None:
        if not NAME.match(name):
            raise ValueError(f"{name!r} cannot name a budget")
        while True:
            now = self._now()
            if self._take(name, limits, now):
                self._tidy(name, limits, now)
                return None
            # It may be that the clock of whoever tidied was past ours; then there is room by now.
            if wait := max(self._wait(name, limit, now) for limit in limits):
                return wait * MICROSECOND

    def spent(self, name: str, every: timedelta) -> int:
        [(spent,)] = self._run(
            "SELECT count(*) FROM spending WHERE name = ? AND at > ?",
            name,
            self._now() - every // MICROSECOND,
        )
        return int(spent)

    def _take(self, name: str, limits: Sequence[Limit], now: int) -> bool:
        """Take one if there is room in all limits: one statement, so no other comes in between."""
        room = " AND ".join(["TRUE", *(ROOM for _ in limits)])
        asked = [(name, now - limit.every // MICROSECOND, limit.most) for limit in limits]
        return bool(self._run(TAKE.format(room), name, now, *chain.from_iterable(asked)))

    def _wait(self, name: str, limit: Limit, now: int) -> int:
        """Return how long until the limit has room: until few enough of its stretch are left."""
        every = limit.every // MICROSECOND
        if limit.most <= 0:
            return every
        found = self._run(
            "SELECT at FROM spending WHERE name = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
            name,
            now - every,
            limit.most - 1,
        )
        return found[0][0] + every - now if found else 0

    def _tidy(self, name: str, limits: Sequence[Limit], now: int) -> None:
        self._taken[name] += 1
        if self._taken[name] % TIDY != 1:
            return
        asked = max((limit.every for limit in limits), default=timedelta(0)) // MICROSECOND
        [(longest,)] = self._run(LONGEST, name, asked)
        self._run("DELETE FROM spending WHERE name = ? AND at <= ?", name, now - longest)

    def _run(self, statement: str, *values: object) -> list[tuple[int, ...]]:
        return self._database.execute(statement, values).fetchall()

    def _now(self) -> int:
        return (self._clock() - EPOCH) // MICROSECOND
