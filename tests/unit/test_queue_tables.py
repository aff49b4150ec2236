"""Queues in one file: each has messages of its own."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.queue import SqliteQueue

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
