"""What every implementation of `Cases`, `Queue` and `Ledger` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate.adapters.local.cases import SqliteCases
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.model import (
    Alert,
    Artefact,
    Case,
    Device,
    Entity,
    Evidence,
    Ioc,
    Kind,
    Report,
    Stage,
    State,
    Trait,
    Verdict,
)
from tidegate.ports import Conflict, Queue

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HIDDEN = timedelta(minutes=10)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def databases(tmp_path):
    """Two connections, as two processes have them."""
    both = [connect(tmp_path / "folder" / "tidegate.sqlite") for _ in range(2)]
    yield both
    for database in both:
        database.close()


@pytest.fixture
def cases(databases):
    return SqliteCases(databases[0])


@dataclass
class Queues:
    """Two clients of one queue, as two processes have them, and the clock that hides messages."""

    one: Queue
    two: Queue
    clock: Any


@pytest.fixture(params=["sqlite", pytest.param("storage", marks=pytest.mark.slow)])
def queues(request):
    if request.param == "sqlite":
        clock, databases = Clock(), request.getfixturevalue("databases")
        yield Queues(*(SqliteQueue(database, clock) for database in databases), clock)
        return
    from azurite_lab import Turning, azurite, container, queue  # noqa: PLC0415 - SQLite needs none

    with container() as objects, queue(objects) as one, queue(objects, one.name) as two:
        yield Queues(one, two, Turning(azurite()))


@pytest.fixture
def queue(queues):
    return queues.one


@pytest.fixture
def turned(queues):
    """The clock of the queue."""
    return queues.clock


@pytest.fixture
def ledger(databases):
    return SqliteLedger(databases[0])


def full(name="a_1"):
    """A case that uses every field."""
    evidence = Evidence(Entity.FILE, "ab" * 32, "/tmp/x", None)  # noqa: S108 - a path in an alert
    device = Device("d1", "desk-1")
    alert = Alert(name, "t", "High", "New", "s", NOW, "7", device, (evidence,), ("c",))
    trait = Trait(5, "encrypts")
    report = Report("1", Verdict.MALICIOUS, NOW, "l", ("t",), (trait,), ("T1",), ())
    artefact = Artefact(
        "ab" * 32,
        Entity.FILE,
        "/x",
        NOW,
        NOW,
        State.COMPLETE,
        (device,),
        report=report,
        iocs=(Ioc(Kind.IPV4, "192.0.2.1", Verdict.CLEAN),),
        troubles=("late",),
    )
    entered = ((Stage.RECEIVED, NOW), (Stage.EXAMINE, NOW))
    return Case(name, NOW, Stage.EXAMINE, alert=alert, artefacts=(artefact,), entered=entered)


# --- cases ------------------------------------------------------------------------------------


def test_a_case_comes_back_as_it_was(cases):
    assert cases.create(full())
    assert replace(cases.get("a_1"), version=0) == full()
    assert cases.get("other") is None


def test_a_case_is_created_once(cases):
    assert cases.create(full())
    assert not cases.create(replace(full(), reason="another"))
    assert cases.get("a_1").reason is None


def test_a_case_is_saved_only_over_the_version_that_was_read(cases, databases):
    cases.create(full())
    mine, theirs = cases.get("a_1"), SqliteCases(databases[1]).get("a_1")
    cases.save(replace(mine, reason="mine"))
    with pytest.raises(Conflict):
        SqliteCases(databases[1]).save(replace(theirs, reason="theirs"))
    assert cases.get("a_1").reason == "mine"
    cases.save(replace(cases.get("a_1"), reason="mine again"))


def test_the_newest_come_first(cases):
    for hour in range(3):
        cases.create(replace(full(f"a_{hour}"), opened=NOW + timedelta(hours=hour)))
    assert [case.id for case in cases.newest(2)] == ["a_2", "a_1"]


def test_the_watermark_never_goes_back(cases):
    assert cases.watermark() is None
    cases.advance(NOW)
    cases.advance(NOW - timedelta(hours=1))
    assert cases.watermark() == NOW


# --- queue ------------------------------------------------------------------------------------


def test_a_message_is_shown_to_one_worker(queue, queues):
    queue.put("a_1")
    assert queue.take(HIDDEN).case == "a_1"
    assert queues.two.take(HIDDEN) is None


def test_a_case_waits_once(queue):
    queue.put("a_1")
    queue.put("a_1")
    queue.done(queue.take(HIDDEN))
    assert queue.take(HIDDEN) is None


def test_a_killed_workers_message_comes_back_and_counts(queue, turned):
    queue.put("a_1")
    assert queue.take(HIDDEN).attempts == 1
    turned.now += HIDDEN
    assert queue.take(HIDDEN).attempts == 2


def test_one_that_comes_back_late_acknowledges_nothing(queue, turned):
    queue.put("a_1")
    late = queue.take(HIDDEN)
    turned.now += HIDDEN
    other = queue.take(HIDDEN)
    queue.done(late)
    queue.later(late, timedelta(0))
    assert queue.take(HIDDEN) is None
    queue.done(other)
    turned.now += HIDDEN
    assert queue.take(HIDDEN) is None


def test_later_is_no_failed_attempt_but_retry_is(queue, turned):
    queue.put("a_1")
    queue.retry(queue.take(HIDDEN), timedelta(minutes=1))
    assert queue.take(HIDDEN) is None
    turned.now += timedelta(minutes=1)
    again = queue.take(HIDDEN)
    assert again.attempts == 2
    queue.later(again, timedelta(minutes=1))
    turned.now += timedelta(minutes=1)
    assert queue.take(HIDDEN).attempts == 1


def test_who_is_due_longest_comes_first(queue, turned):
    queue.put("b")
    turned.now += timedelta(seconds=1)
    queue.put("a")
    assert [queue.take(HIDDEN).case for _ in range(2)] == ["b", "a"]


def test_many_workers_never_share_a_message(queue, queues):
    for number in range(60):
        queue.put(f"a_{number}")

    def drain(mine):
        taken = []
        while message := mine.take(HIDDEN):
            taken.append(message.case)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [name for part in pool.map(drain, [queues.one, queues.two] * 2) for name in part]
    assert sorted(taken) == sorted(f"a_{number}" for number in range(60))


# --- ledger -----------------------------------------------------------------------------------


def test_what_is_begun_is_found_until_it_is_done(ledger):
    assert ledger.begin("k", "a_1", NOW) is None
    found = ledger.begin("k", "a_2", NOW)
    assert (found.owner, found.done, found.at) == ("a_1", False, NOW)
    ledger.finish("k", "result", NOW + timedelta(1))
    found = ledger.begin("k", "a_2", NOW)
    assert (found.done, found.result, found.at) == (True, "result", NOW + timedelta(1))


def test_only_what_still_says_the_same_is_forgotten(ledger):
    ledger.begin("k", "a_1", NOW)
    before = ledger.begin("k", "a_1", NOW)
    ledger.finish("k", "result", NOW)
    ledger.forget(before)
    after = ledger.begin("k", "a_2", NOW)
    assert after.done
    ledger.forget(after)
    assert ledger.begin("k", "a_2", NOW) is None


def test_an_owners_entries_come_in_order(ledger):
    for key in ("b", "a", "c"):
        ledger.begin(key, "a_1", NOW)
    ledger.begin("x", "a_2", NOW)
    assert [entry.key for entry in ledger.of("a_1")] == ["b", "a", "c"]


def test_one_of_many_begins(databases):
    def begin(database):
        return SqliteLedger(database).begin("k", "a_1", NOW)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(begin, databases * 8))
    assert found.count(None) == 1
