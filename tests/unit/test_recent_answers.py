"""Answers of the logs that are kept for a moment, on real caches."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters import recent_answers
from tidegate.adapters.cache import ObjectCache
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.recent_answers import HOLDS, RecentAnswers
from tidegate.ports import LogTable, SourceDown

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = pl.DataFrame({"b": ["1", None, "\t"], "a": ["x", "", "é"]})
ANSWER = LogTable({"b": "long", "a": "string"}, ROWS)


class Logs:
    """Answers what it was told to, and counts."""

    answer = ANSWER
    asked = 0

    def now(self):
        return NOW

    def query(self, kql, start, end, *, finest=None, check=None):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def logs():
    return Logs()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    return ObjectCache(FileObjects(tmp_path, clock), clock)


@pytest.fixture
def recent(logs, cache):
    return RecentAnswers(logs, cache, "w")


def test_the_same_question_is_asked_once(recent, logs):
    answers = [recent.query("T", NOW - DAY, NOW) for _ in range(3)]
    assert logs.asked == 1
    for one in answers:
        assert list(one.columns.items()) == list(ANSWER.columns.items())
        assert one.rows.equals(ROWS)
        assert not one.partial
    assert recent.now() == NOW


def test_another_question_is_another(recent, logs, cache):
    recent.query("T", NOW - DAY, NOW)
    recent.query("U", NOW - DAY, NOW)
    recent.query("T", NOW - DAY, NOW + timedelta(minutes=1))
    RecentAnswers(logs, cache, "other").query("T", NOW - DAY, NOW)
    assert logs.asked == 4


def test_an_answer_is_kept_for_a_moment_only(recent, logs, clock):
    recent.query("T", NOW - DAY, NOW)
    clock.now += HOLDS
    recent.query("T", NOW - DAY, NOW)
    assert logs.asked == 2


def test_what_is_partial_or_went_wrong_is_not_kept(recent, logs):
    logs.answer = LogTable(ANSWER.columns, ROWS, partial=True)
    assert recent.query("T", NOW - DAY, NOW).partial
    logs.answer = SourceDown("busy")
    with pytest.raises(SourceDown):
        recent.query("T", NOW - DAY, NOW)
    logs.answer = ANSWER
    assert not recent.query("T", NOW - DAY, NOW).partial


@pytest.mark.parametrize("bound", ["MAX_ROWS", "MAX_BYTES"])
def test_what_is_too_big_is_not_kept(recent, logs, monkeypatch, bound):
    monkeypatch.setattr(recent_answers, bound, 2)
    for _ in range(2):
        recent.query("T", NOW - DAY, NOW)
    assert logs.asked == 2


def test_no_data_is_an_answer_too(recent, logs):
    logs.answer = LogTable({}, pl.DataFrame())
    for _ in range(2):
        assert recent.query("T", NOW - DAY, NOW).rows.height == 0
    assert logs.asked == 1


@pytest.mark.parametrize("broken", [b"", b"{", b"[]\n", b"[]\nPAR1", b'[["a"]]\nx', b"\xff\n\xff"])
def test_a_broken_entry_is_none(recent, logs, cache, broken):
    cache.put(recent._key("T", NOW - DAY, NOW), broken, HOLDS)
    assert recent.query("T", NOW - DAY, NOW).rows.equals(ROWS)
    assert logs.asked == 1
