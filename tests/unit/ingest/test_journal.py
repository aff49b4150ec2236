"""The log lines that alert queries read, against those queries' own filters.

`contains` of KQL ignores case; `extract` takes the first group of the first match.
"""

import logging
import re
from dataclasses import replace

import pytest

from tidegate.declare.feed import feeds
from tidegate.ingest import journal, requests
from tidegate.ingest.requests import Desk, Wanted
from tidegate.ingest.run import Job, run
from tidegate.ingest.schedule import Choice
from tidegate.model import Outcome, Status
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

CINS = feeds()["cins"]
LISTED = b"192.0.2.1\n192.0.2.2\n192.0.2.3\n"


@pytest.fixture
def traces(caplog):
    """Return what `traces` holds: messages without a traceback, with their severity."""
    caplog.set_level(logging.INFO, "tidegate.ingest.journal")

    def read() -> list[tuple[str, str]]:
        journalled = [one for one in caplog.records if one.name == journal.log.name]
        plain = [one for one in journalled if one.exc_info is None]
        return [(one.levelname, one.getMessage()) for one in plain]

    return read


def contains(rows: list[tuple[str, str]], text: str) -> list[str]:
    return [message for _, message in rows if text.lower() in message.lower()]


def extract(pattern: str, message: str) -> str | None:
    found = re.search(pattern, message)
    return found[1] if found else None


@pytest.mark.parametrize(
    "error",
    [SourceDown("no network"), BadPayload("junk"), BadPayload("\r\nFetched 9 from x\x1b[0m")],
)
def test_a_failure_is_found_by_the_first_query(lab, traces, error):
    lab.live(CINS, error)
    [message] = contains(traces(), "Error fetching from")
    assert extract(r"from (\w+):", message) == "cins"
    assert message.isprintable()
    assert [level for level, _ in traces()] == ["ERROR"]


def test_a_quarantine_is_a_failure_that_somebody_must_see(lab, traces):
    lab.live(CINS, LISTED + b"junk\n" * 90)
    [message] = contains(traces(), "Error fetching from")
    assert "quarantined" in message


def test_a_success_says_how_many(lab, traces):
    lab.live(CINS, LISTED)
    assert traces() == [("INFO", "Fetched 3 indicators from cins")]


def test_nothing_new_and_waiting_for_a_quota_are_no_errors(lab, traces):
    lab.live(CINS, LISTED)
    lab.live(CINS, LISTED)
    lab.live(CINS, QuotaSpent("tomorrow"))
    assert traces()[1:] == [("INFO", "Fetched 0 indicators from cins")] * 2


def test_the_second_query_reads_the_total(traces):
    ended = [Outcome("a", Status.OK, kept=120_000), Outcome("b", Status.SOURCE_DOWN)]
    journal.total([*ended, Outcome("c", Status.OK, kept=34)])
    [message] = contains(traces(), "Total ingested:")
    assert extract(r"Total ingested: (\d+)", message) == "120034"


def test_no_run_and_no_real_run_tell_no_total(traces):
    journal.total([])
    journal.total([Outcome("a", Status.OK, kept=3, dry_run=True)])
    assert traces() == []


def test_a_rehearsal_tells_nothing(lab, traces):
    lab.http.answer = LISTED
    run(Job(CINS, dry=True), lab.world)
    assert traces() == []


def test_a_request_of_several_feeds_tells_one_total_at_its_end(lab, traces):
    lab.http.answer = LISTED
    known = {name: feeds()[name] for name in ("cins", "emerging_threats")}
    desk = Desk(lab.world, _Nowhere(), known, lambda: Choice((), (), {}))
    asked = requests.ask(Wanted(tuple(known)), desk)
    requests.finish(asked.id, desk)
    messages = [message for _, message in traces()]
    assert messages == [
        "Fetched 3 indicators from cins",
        "Fetched 3 indicators from emerging_threats",
        "Total ingested: 6",
    ]


class _Nowhere:
    """A queue that the platform works on."""

    def put(self, case: str) -> None:
        """Take the message."""


def test_each_real_run_is_counted_with_its_requests(lab):
    seen: list[Outcome] = []
    lab.world = replace(lab.world, counted=seen.append)
    lab.live(CINS, LISTED)
    lab.live(CINS, SourceDown("no network"))
    run(Job(CINS, dry=True), lab.world)
    assert [(one.status, one.requests) for one in seen] == [
        (Status.OK, 1),
        (Status.SOURCE_DOWN, 1),
    ]
