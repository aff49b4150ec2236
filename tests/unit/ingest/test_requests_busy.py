"""A request for a feed that another run writes waits its turn, and not for ever."""

from datetime import timedelta

import pytest

from tidegate.adapters.local.queue import SqliteQueue
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.declare.feed import feeds
from tidegate.ingest import requests
from tidegate.ingest.requests import Desk, Progress, Wanted
from tidegate.ingest.schedule import Choice
from tidegate.model import Status
from tidegate.ports import SourceDown

BOTH = Wanted(("openphish", "urlhaus_online"))
LISTED = b"".join(b"http://h%d.example/\n" % n for n in range(100))


@pytest.fixture
def desk(lab) -> Desk:
    lab.http.answer = LISTED
    known = {name: feeds()[name] for name in BOTH.feeds}
    queue = SqliteQueue(lab.database, lambda: lab.now, "requests")
    return Desk(lab.world, queue, known, lambda: Choice((), (), {}))


@pytest.fixture
def other(lab) -> SegmentStore:
    """The store as another process has it."""
    return SegmentStore(lab.world.sightings.root)


def found(request: requests.Request, desk: Desk) -> requests.Request:
    again = requests.find(request.id, desk)
    assert again is not None
    return again


def test_the_other_feeds_go_first_and_the_busy_one_is_run_later(desk, lab, other):
    asked = requests.ask(BOTH, desk)
    with other.writing("openphish"):
        requests.work(desk)
        lab.pass_(seconds=15)
        requests.work(desk)
        waiting = found(asked, desk)
        assert [one.feed for one in waiting.outcomes] == ["urlhaus_online"]
        assert (waiting.progress, waiting.left) == (Progress.RUNNING, ("openphish",))
        for _ in range(2 * requests.ATTEMPTS):  # to wait is no failed attempt
            lab.pass_(seconds=15)
            assert requests.work(desk) == 1
    assert desk.world.runs.newest("openphish", 9) == []
    lab.pass_(seconds=15)
    requests.work(desk)
    done = found(asked, desk)
    assert done.progress is Progress.DONE
    assert [(one.feed, one.status) for one in done.outcomes][1] == ("openphish", Status.OK)
    assert len(desk.world.runs.newest("openphish", 9)) == 1
    assert desk.queue.length() == 0


def test_it_waits_no_longer_than_its_patience(desk, lab, other):
    asked = requests.ask(Wanted(("openphish",)), desk)
    with other.writing("openphish"):
        requests.work(desk)
        lab.pass_(seconds=requests.PATIENCE.total_seconds())
        requests.work(desk)
    [outcome] = found(asked, desk).outcomes
    assert outcome.status is Status.SOURCE_DOWN
    assert "being written" in str(outcome.reason)


def test_a_queue_that_brings_its_messages_is_told_to_bring_it_again(desk, lab, other):
    asked = requests.ask(BOTH, desk)
    with other.writing("openphish"):
        for left in (("urlhaus_online", "openphish"), ("openphish",)):
            with pytest.raises(SourceDown) as waits:
                requests.finish(asked.id, desk)
            assert waits.value.retry_after == timedelta(seconds=15)
            assert found(asked, desk).left == left
    requests.finish(asked.id, desk)
    assert found(asked, desk).progress is Progress.DONE
    assert found(asked, desk).outcomes[1].status is Status.OK


def test_a_dry_run_waits_for_nobody(desk, other):
    asked = requests.ask(Wanted(("openphish",), dry_run=True), desk)
    with other.writing("openphish"):
        requests.work(desk)
    assert found(asked, desk).outcomes[0].status is Status.OK
