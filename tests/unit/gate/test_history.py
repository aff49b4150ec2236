"""What remembered runs tell of a feed."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.gate.history import POINTS, history
from tidegate.model import Origin, Outcome, Run, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ran(hours_ago: float, status: Status = Status.OK, **more) -> Run:
    at = NOW - timedelta(hours=hours_ago)
    outside = {name: more.pop(name) for name in ("since", "until") if name in more}
    return Run(f"r{hours_ago}", at, Outcome("feed", status, **more), **outside)


def test_nothing_is_known_of_a_feed_that_never_ran():
    found = history([], NOW)
    assert (found.runs, found.answers, found.status, found.churn) == (0, 0, None, None)
    assert found.volume == (None,) * POINTS
    assert not any(found.refused)


def test_the_first_load_is_no_churn_and_an_unchanged_answer_is_none():
    first = ran(30, rows=100, kept=100, new=100)
    second = ran(20, rows=100, kept=100, new=10, withdrawn=10)
    third = ran(10, Status.UNCHANGED, rows=100)
    assert history([first], NOW).churn is None
    assert history([third, second, first], NOW).churn == pytest.approx(0.1)


def test_a_change_of_everything_is_a_churn_of_two():
    runs = [ran(1, kept=50, new=50, withdrawn=50), ran(2, kept=50, new=50)]
    assert history(runs, NOW).churn == 2


def test_the_newest_run_says_how_it_is_and_the_last_news_when_it_moved():
    runs = [
        ran(1, Status.QUARANTINED, reason="too few rows", rows=3),
        ran(2, Status.UNCHANGED, rows=9),
        ran(5, kept=9, new=1, rows=9),
        ran(9, Status.SOURCE_DOWN, reason="no network"),
        ran(10, Status.QUOTA_WAIT),
    ]
    found = history(runs, NOW)
    assert (found.status, found.reason) == (Status.QUARANTINED, "too few rows")
    assert (found.runs, found.answers, found.failed, found.quarantined) == (5, 2, 2, 1)
    assert found.changed == NOW - timedelta(hours=5)


def test_a_sample_shows_rows_but_is_no_answer():
    sample = ran(2, rows=4, kept=4, new=4, origin=Origin.SAMPLE)
    assert history([sample], NOW).answers == 0
    assert history([sample], NOW).volume[-1] == 4
    found = history([ran(1, rows=900, kept=900, new=900), sample], NOW)
    assert (found.answers, found.volume[-1], found.churn) == (1, 900, None)


def test_part_of_a_payload_says_nothing_of_the_feed():
    part = ran(1, rows=3, since=NOW - timedelta(days=1))
    assert history([part], NOW).runs == 0


def test_costs_are_means_over_all_runs():
    runs = [ran(1, requests=3, seconds=2.0), ran(2, Status.SOURCE_DOWN, requests=1, seconds=1.0)]
    found = history(runs, NOW)
    assert (found.requests, found.seconds) == (2, 1.5)


def test_the_curve_has_the_last_rows_of_each_half_day_and_marks_what_was_refused():
    runs = [
        ran(0, rows=8),
        ran(11.9, rows=7),
        ran(12.1, Status.QUARANTINED, rows=1),
        ran(13, rows=6),
        ran(30 * 24 - 1, rows=5),
        ran(30 * 24 + 1, rows=4),
    ]
    found = history(runs, NOW)
    assert (found.volume[-1], found.volume[-2], found.volume[0]) == (8, 6, 5)
    assert [at for at, refused in enumerate(found.refused) if refused] == [POINTS - 2]
    assert sum(rows is not None for rows in found.volume) == 3


def test_a_clock_that_was_set_back_is_no_reason_to_crash():
    assert history([ran(-5, rows=2)], NOW).volume[-1] == 2
