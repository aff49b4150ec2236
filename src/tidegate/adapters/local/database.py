"""The one SQLite file of a machine: cases, their queue, the ledger.

Every operation of the stores above it is a single statement that returns what it did, so that one
connection serves all threads of a process (its row count belongs to whichever thread was last), and
any number of processes share the file without a transaction of ours.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

WAIT = 10.0  # seconds for a lock; writers hold it for milliseconds

TABLES = """
CREATE TABLE IF NOT EXISTS cases (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, opened REAL NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS queue (
    id TEXT PRIMARY KEY, due REAL NOT NULL, receipt INTEGER NOT NULL, attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS queue_due ON queue (due);
CREATE TABLE IF NOT EXISTS ledger (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL, done INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_owner ON ledger (owner);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which is made if absent. Safe for threads and processes; autocommits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # No cache of statements: from Python 3.12 on, two threads may be handed the same one.
    database = sqlite3.connect(
        path, timeout=WAIT, isolation_level=None, check_same_thread=False, cached_statements=0
    )
    database.execute("PRAGMA journal_mode = WAL")
    # Nothing may be done twice, so what was written must survive a power cut, too.
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(TABLES)
    return database


def when(seconds: float) -> datetime:
    """Return the time that a column holds."""
    return datetime.fromtimestamp(seconds, UTC)
