"""Where a feed was asked too late: what was missed, what closes it, what is no gap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import Feed, feeds
from tidegate.ingest.gaps import Gap, gaps, missed
from tidegate.model import Origin, Outcome, Run, Status

START = datetime(2026, 11, 1, tzinfo=UTC)
THREATFOX, OPENPHISH, TAXII, DROP = (
    feeds()[name] for name in ("threatfox", "openphish", "taxii", "spamhaus_drop")
)  # two days, half a day, a cursor, a snapshot


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def asked(at: float, status: Status = Status.OK, feed: Feed = THREATFOX, **more) -> Run:
    origin = more.pop("origin", Origin.LIVE)
    return Run(f"{at}", hour(at), Outcome(feed.name, status, origin=origin), **more)


def read(first: float, last: float, status: Status = Status.OK) -> Run:
    span = {"since": hour(first), "until": hour(last)}
    return asked(900, status, origin=Origin.BACKFILL, **span)


def open_(*runs: Run, now: float, feed: Feed = THREATFOX) -> list[tuple[float, float]]:
    found = gaps(feed, runs, hour(now))
    hours = timedelta(hours=1)
    return [((gap.start - START) / hours, (gap.end - START) / hours) for gap in found]


def test_what_lies_before_the_reach_of_a_fetch_was_missed():
    assert open_(asked(0), asked(48), now=48) == []
    assert open_(asked(0), asked(60), now=60) == [(0, 12)]
    assert open_(asked(60), asked(0), asked(160), now=160) == [(0, 12), (60, 112)]


def test_a_feed_that_is_down_is_losing_now():
    assert open_(asked(0), now=40) == []
    assert open_(asked(0), asked(90, Status.SOURCE_DOWN), now=100) == [(0, 52)]


def test_unchanged_is_an_answer_and_a_failure_is_none():
    assert open_(asked(0), asked(40, Status.UNCHANGED), asked(80), now=80) == []
    for status in set(Status) - {Status.OK, Status.UNCHANGED}:
        assert open_(asked(0), asked(40, status), asked(80), now=80) == [(0, 32)]


def test_a_part_of_the_feed_or_a_file_closes_nothing():
    for run in (
        asked(40, since=hour(39)),
        asked(40, until=hour(39)),
        asked(40, origin=Origin.FILE),
        asked(40, origin=Origin.SAMPLE),
        asked(40, feed=OPENPHISH),
    ):
        assert open_(asked(0), run, asked(80), now=80) == [(0, 32)]


def test_what_was_read_again_is_no_gap():
    late = (asked(0), asked(80))  # (0, 32)
    assert open_(*late, read(0, 32), now=80) == []
    assert open_(*late, read(0, 10), read(10, 20), now=80) == [(20, 32)]
    assert open_(*late, read(10, 20), now=80) == [(0, 10), (20, 32)]
    assert open_(*late, read(-9, 5), read(3, 8), read(30, 99), now=80) == [(8, 30)]
    assert open_(*late, read(0, 32, Status.SOURCE_DOWN), now=80) == [(0, 32)]
    assert open_(*late, read(40, 50), now=80) == [(0, 32)]


@pytest.mark.parametrize("feed", [TAXII, DROP], ids=lambda feed: feed.name)
def test_cursors_and_snapshots_miss_nothing(feed):
    assert missed(feed, hour(0), hour(9_000)) is None


def test_a_gap_says_what_closes_it_in_whole_seconds():
    found = Gap(
        "urlhaus", hour(0) + timedelta(milliseconds=3), hour(1) + timedelta(seconds=0.1), True
    )
    assert found.command == (
        "tidegate backfill urlhaus --from 2026-11-01T00:00:00 --to 2026-11-01T01:00:01"
    )
    [lost] = gaps(OPENPHISH, [asked(0, feed=OPENPHISH)], hour(24))
    assert (lost.command, lost.closable) == (None, False)
    assert "cannot go back" in lost.advice


def test_every_feed_that_reaches_back_is_asked_in_time():
    reaching = [feed for feed in feeds().values() if feed.reach]
    assert {"urlhaus", "threatfox", "openphish", "blocklist_de", "malwarebazaar"} <= {
        feed.name for feed in reaching
    }
    assert all(feed.reach >= 2 * feed.every for feed in reaching)


def test_a_run_that_comes_too_late_says_so(lab, caplog):
    body = b"https://phish.example/1\n"
    lab.live(OPENPHISH, body)
    lab.pass_(hours=11)
    lab.live(OPENPHISH, body)
    assert "too late" not in caplog.text
    lab.pass_(hours=13)
    lab.live(OPENPHISH, body)
    [said] = [record.message for record in caplog.records if "too late" in record.message]
    assert "from 2026-11-20T16:00:00 to 2026-11-20T17:00:00 is lost" in said


HOURS = st.lists(st.integers(0, 400), min_size=1, max_size=8)
SPANS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 100)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(HOURS, SPANS, st.integers(0, 400))
def test_an_hour_is_in_a_gap_exactly_when_nobody_read_it(times, spans, moment):
    runs = [asked(at) for at in times] + [read(first, first + long) for first, long in spans]
    now, at = 400, moment + 0.5
    following = min([t for t in (*times, now) if t > at], default=None)
    begun = min(times) < at
    reached = following is not None and at > following - 48
    again = any(first < at < first + long for first, long in spans)
    expected = begun and following is not None and not (reached or again)
    assert any(first < at < last for first, last in open_(*runs, now=now)) is expected
