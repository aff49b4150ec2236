"""The tables of one SQLite file: each queue has its own, and those of before go on working."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.cases import SqliteCases
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.model import Stage, State
from tidegate.ports import Limit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    opened = connect(tmp_path / "tidegate.sqlite")
    yield opened
    opened.close()


def test_two_queues_do_not_mix(database):
    cases = SqliteQueue(database, lambda: NOW)
    requests = SqliteQueue(database, lambda: NOW, "requests")
    cases.put("a")
    requests.put("a")
    requests.put("b")
    assert (cases.length(), requests.length()) == (1, 2)
    taken = cases.take(timedelta(minutes=1))
    assert taken is not None
    cases.done(taken)
    assert (cases.length(), requests.length()) == (0, 2)


def test_a_hidden_message_still_counts(database):
    queue = SqliteQueue(database, lambda: NOW)
    queue.put("a")
    assert queue.take(timedelta(minutes=1)) is not None
    assert queue.length() == 1


@pytest.mark.parametrize("name", ["", "a b", "a;--", "a'b"])
def test_no_other_text_names_a_queue(database, name):
    with pytest.raises(ValueError, match="cannot name a queue"):
        SqliteQueue(database, lambda: NOW, name)


# --- a file of before ---------------------------------------------------------------------------

BEFORE = """
CREATE TABLE cases (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, opened REAL NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE TABLE marks (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;
CREATE TABLE ledger (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL, done INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_owner ON ledger (owner);
CREATE TABLE queue (
    id TEXT PRIMARY KEY, due REAL NOT NULL, receipt INTEGER NOT NULL, attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX queue_due ON queue (due);
"""
ARTEFACT = (
    '{"key":"abab","entity":"File","target":"/x","due":"2026-03-01T12:00:00Z",'
    '"since":"2026-03-01T12:00:00Z","state":"analysing","devices":[{"id":"d1","name":"desk-1"}],'
    '"action":null,"submission":"11","sample":"21","reused":false,"report":null,"iocs":[],'
    '"dropped":0,"troubles":[]}'
)
CASE = (
    '{{"id":"{}","opened":"2026-03-01T12:00:00Z","stage":"{}","end":"done","reason":null,'
    '"alert":null,"artefacts":[{}],"notes":[],"entered":[["received","2026-03-01T12:00:00Z"]],'
    '"waits":0,"version":0}}'
)


@pytest.fixture
def before(tmp_path):
    """The path of a file that an older version wrote."""
    path = tmp_path / "tidegate.sqlite"
    old, now = sqlite3.connect(path), NOW.timestamp()
    old.executescript(BEFORE)
    for number, stage in enumerate(["done", "examine", "received"]):
        case = CASE.format(f"a_{number}", stage, ARTEFACT)
        old.execute("INSERT INTO cases VALUES (?, 3, ?, ?)", (f"a_{number}", now - number, case))
    for key in ("a_1:alert.comment:ab", "detonate:File:abab", "a_1:indicator.block:cd"):
        old.execute("INSERT INTO ledger VALUES (?, 'a_1', ?, 1, 'done')", (key, now))
    for case, due in (("waits", now), ("hidden", now + 60)):
        old.execute("INSERT INTO queue VALUES (?, ?, 1, 1)", (case, due))
    old.commit()
    old.close()
    return path


@pytest.fixture
def grown(before):
    opened = connect(before)
    yield opened
    opened.close()


def names(database) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master").fetchall()}


def test_the_unfinished_cases_of_before_are_found(grown):
    cases = SqliteCases(grown)
    assert [case.id for case in cases.unfinished(9)] == ["a_2", "a_1"]
    one = cases.get("a_1")
    assert (one.version, one.artefacts[0].state) == (3, State.ANALYSING)
    cases.save(replace(one, stage=Stage.FAILED))
    assert [case.id for case in cases.unfinished(9)] == ["a_2"]


def test_the_unfinished_are_found_by_an_index(grown):
    said = []
    execute = grown.execute

    class Spying:
        def execute(self, statement, values=()):
            said.extend(execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
            return execute(statement, values)

    SqliteCases(Spying()).unfinished(9)
    assert [row[3] for row in said] == ["SCAN cases USING INDEX cases_unfinished"]


def test_the_ledger_of_before_is_read_by_scope(grown):
    ledger = SqliteLedger(grown)
    assert [entry.key for entry in ledger.of("a_1")] == [
        "a_1:alert.comment:ab",
        "a_1:indicator.block:cd",
    ]
    assert ledger.begin("detonate:File:abab", "a_2", NOW).owner == "a_1"
    assert ledger.begin("a_1:indicator.block:ef", "a_1", NOW) is None
    assert "ledger_owner" not in names(grown)


def test_a_queue_of_before_goes_on_and_nothing_hidden_there_is_given_away(grown):
    queue = SqliteQueue(grown, lambda: NOW)
    queue.wake("hidden")
    taken = queue.take(timedelta(minutes=1))
    assert (taken.case, taken.attempts) == ("waits", 2)
    assert queue.take(timedelta(minutes=1)) is None
    queue.later(taken, timedelta(hours=1))
    queue.wake("waits")
    assert queue.take(timedelta(minutes=1)).case == "waits"
    queue.put("new")
    assert queue.length() == 3


def test_many_processes_may_open_a_file_of_before_at_once(before):
    def opened(_: int) -> int:
        database = connect(before)
        length = SqliteQueue(database, lambda: NOW).length()
        SqliteBudgets(database, lambda: NOW).spend("one", [Limit(timedelta(hours=1), 1)])
        database.close()
        return length

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(opened, range(16))) == [2] * 16


def test_rows_that_are_too_old_to_count_are_deleted_now_and_then(database):
    now = NOW
    budgets = SqliteBudgets(database, lambda: now)
    limits = [Limit(timedelta(minutes=1), 5), Limit(timedelta(hours=1), 100)]
    for _ in range(500):
        for name in ("one", "two"):
            budgets.spend(name, limits)
        now += timedelta(minutes=1)
    rows = database.execute("SELECT name, count(*) FROM spending GROUP BY name").fetchall()
    assert {name for name, kept in rows if 60 <= kept <= 160} == {"one", "two"}
