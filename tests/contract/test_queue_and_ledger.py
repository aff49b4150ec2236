"""What every implementation of `Queue` and `Ledger` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.ports import Ledger, Queue

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HIDDEN = timedelta(minutes=10)
HOUR = timedelta(hours=1)
slow = pytest.mark.slow


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


@dataclass
class Queues:
    """Two clients of one queue, as two processes have them, and the clock that hides messages."""

    one: Queue
    two: Queue
    clock: Any


@pytest.fixture(params=["sqlite", pytest.param("storage", marks=slow)])
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


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=slow)])
def ledgers(request) -> list[Ledger]:
    """Two clients of one ledger, as two processes have them."""
    if request.param == "sqlite":
        return [SqliteLedger(one) for one in request.getfixturevalue("databases")]
    cosmos = request.getfixturevalue("cosmos")
    return [cosmos.ledger() for _ in range(2)]


@pytest.fixture
def ledger(ledgers):
    return ledgers[0]


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


def test_a_delayed_message_is_woken(queue, queues):
    queue.put("a_1")
    queue.later(queue.take(HIDDEN), HOUR)
    assert queue.take(HIDDEN) is None
    queues.two.wake("a_1")
    woken = queue.take(HIDDEN)
    assert (woken.case, woken.attempts) == ("a_1", 1)


def test_one_that_is_to_be_tried_again_is_woken_and_the_attempt_counts(queue, queues):
    queue.put("a_1")
    queue.retry(queue.take(HIDDEN), HOUR)
    queues.two.wake("a_1")
    assert queue.take(HIDDEN).attempts == 2


def test_what_a_worker_has_is_not_woken(queue, queues, turned):
    queue.put("a_1")
    queue.later(queue.take(HIDDEN), HOUR)
    turned.now += HOUR
    taken = queue.take(HIDDEN)
    queues.two.wake("a_1")
    assert queues.two.take(HIDDEN) is None
    queue.done(taken)
    assert queues.two.take(HIDDEN) is None


def test_what_a_worker_tries_again_is_not_woken_while_another_has_it(queue, queues, turned):
    queue.put("a_1")
    queue.retry(queue.take(HIDDEN), HOUR)
    turned.now += HOUR
    taken = queue.take(HIDDEN)
    queues.two.wake("a_1")
    assert queues.two.take(HIDDEN) is None
    queue.done(taken)
    assert queue.length() == 0


def test_what_was_woken_is_there_once(queue, queues, turned):
    queue.put("a_1")
    queue.later(queue.take(HIDDEN), HOUR)
    queue.wake("a_1")
    queues.two.wake("a_1")
    assert queue.length() == 1
    queue.done(queue.take(HIDDEN))
    turned.now += HOUR
    assert queue.take(HIDDEN) is None


def test_what_was_woken_and_taken_may_be_delayed_and_woken_again(queue, queues):
    queue.put("a_1")
    for _ in range(3):
        queue.later(queue.take(HIDDEN), HOUR)
        queues.two.wake("a_1")
    queue.done(queue.take(HIDDEN))
    assert queue.length() == 0


def test_whoever_waits_in_line_keeps_the_place_when_woken(queue, turned):
    queue.put("b")
    turned.now += timedelta(seconds=1)
    queue.put("a")
    queue.wake("b")
    assert [queue.take(HIDDEN).case for _ in range(2)] == ["b", "a"]


@pytest.mark.parametrize("name", ["never", "", "a/b", "é"])
def test_waking_what_is_not_there_does_nothing(queue, name):
    queue.wake(name)
    assert queue.take(HIDDEN) is None


def test_one_that_died_is_taken_again_after_it_was_hidden_however_often_woken(queue, turned):
    queue.put("a_1")
    queue.take(HIDDEN)
    queue.wake("a_1")
    turned.now += HIDDEN
    queue.wake("a_1")
    assert queue.take(HIDDEN).attempts == 2


# --- ledger -----------------------------------------------------------------------------------


def test_what_is_begun_is_found_until_it_is_done(ledger):
    assert ledger.begin("a_1:k", "one", NOW) is None
    found = ledger.begin("a_1:k", "two", NOW)
    assert (found.owner, found.done, found.at) == ("one", False, NOW)
    ledger.finish("a_1:k", "result", NOW + timedelta(1))
    found = ledger.begin("a_1:k", "two", NOW)
    assert (found.done, found.result, found.at) == (True, "result", NOW + timedelta(1))
    assert (found.key, found.owner) == ("a_1:k", "one")


def test_an_entry_is_got_without_beginning(ledgers):
    one, two = ledgers
    assert one.get("a_1:k") is None
    one.begin("a_1:k", "one", NOW)
    assert two.get("a_1:k") == one.begin("a_1:k", "two", NOW)
    one.finish("a_1:k", "result", NOW)
    assert two.get("a_1:k").result == "result"
    assert two.get("a_1:k2") is None


def test_what_is_gone_stays_gone_when_it_is_finished(ledger):
    ledger.finish("a_1:k", "result", NOW)
    assert ledger.get("a_1:k") is None
    assert ledger.of("a_1") == []


def test_the_last_who_finishes_is_right(ledgers):
    one, two = ledgers
    one.begin("a_1:k", "one", NOW)
    one.finish("a_1:k", "early", NOW)
    two.finish("a_1:k", "late", NOW + HOUR)
    assert one.get("a_1:k").result == "late"


def test_only_what_still_says_the_same_is_forgotten(ledger):
    ledger.begin("a_1:k", "one", NOW)
    before = ledger.begin("a_1:k", "one", NOW)
    ledger.finish("a_1:k", "result", NOW)
    ledger.forget(before)
    after = ledger.begin("a_1:k", "two", NOW)
    assert after.done
    ledger.forget(after)
    ledger.forget(after)
    assert ledger.begin("a_1:k", "two", NOW) is None


def test_a_scopes_entries_come_in_the_order_in_which_they_were_begun(ledgers):
    one, two = ledgers
    for key in ("b", "a", "c"):
        one.begin(f"a_1:{key}", "whoever", NOW)
    two.begin("a_1:0", "another", NOW + HOUR)
    two.finish("a_1:b", "result", NOW + 2 * HOUR)
    assert [entry.key for entry in two.of("a_1")] == ["a_1:b", "a_1:a", "a_1:c", "a_1:0"]
    assert [entry.owner for entry in one.of("a_1")] == ["whoever"] * 3 + ["another"]


def test_scopes_whose_names_are_alike_do_not_mix(ledger):
    keys = ["a:k", "a:k:more", "a-b:k", "a.b:k", "a_b:k", "a1:k", "A:k", "b:a"]
    for key in keys:
        ledger.begin(key, "a", NOW)
    assert [entry.key for entry in ledger.of("a")] == ["a:k", "a:k:more"]
    assert [entry.key for entry in ledger.of("a-b")] == ["a-b:k"]
    assert ledger.of("never") == []


def test_the_longest_key_and_a_long_result_are_kept(ledger):
    key = "file-" + "ab" * 32 + ":" + "Az09._:-" * 41 + "xx"
    assert len(key) == 400
    ledger.begin(key, "a_1", NOW)
    ledger.finish(key, "é\u2028\0" * 1000, NOW)
    assert ledger.of("file-" + "ab" * 32) == [ledger.get(key)]
    assert ledger.get(key).result == "é\u2028\0" * 1000


@pytest.mark.parametrize(
    "key", ["", "k", ":k", "a:", "a b:k", "a/b:k", "a:k?", "a:k#", "a:é", "a:k\n", "a:" + "k" * 399]
)
def test_what_cannot_be_a_key_is_refused_and_not_found(ledger, key):
    with pytest.raises(ValueError, match="no key of the ledger"):
        ledger.begin(key, "a_1", NOW)
    assert ledger.get(key) is None


def test_one_of_many_begins(ledgers):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda mine: mine.begin("a_1:k", "one", NOW), ledgers * 8))
    assert found.count(None) == 1
