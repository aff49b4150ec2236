"""Runs that were asked for: never forgotten, each feed run once, whoever dies in between."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tidegate.adapters.local.queue import SqliteQueue
from tidegate.declare.feed import feeds
from tidegate.ingest import requests
from tidegate.ingest.requests import Desk, Progress, Wanted
from tidegate.ingest.schedule import Choice
from tidegate.lease import held
from tidegate.model import Status
from tidegate.ports import Conflict, SourceDown

BOTH = Wanted(("openphish", "blocklist_de"))
LISTED = b"".join(b"http://h%d.example/\n" % n for n in range(100))


class Killed(BaseException):
    """The process dies."""


@pytest.fixture
def desk(lab) -> Desk:
    lab.http.answer = LISTED  # which blocklist_de, a list of addresses, cannot read
    known = {name: feeds()[name] for name in BOTH.feeds}
    queue = SqliteQueue(lab.database, lambda: lab.now, "requests")
    return Desk(lab.world, queue, known, lambda: Choice((), (), {}))


def ended(request: str, desk: Desk) -> requests.Request:
    found = requests.find(request, desk)
    assert found is not None
    assert found.progress is Progress.DONE
    return found


def test_a_request_is_worked_on_feed_by_feed(desk, lab):
    asked = requests.ask(BOTH, desk)
    assert requests.find(asked.id, desk) == asked
    assert asked.progress is Progress.QUEUED
    assert requests.work(desk) == 2
    found = ended(asked.id, desk)
    assert [outcome.feed for outcome in found.outcomes] == ["openphish", "blocklist_de"]
    assert (found.left, found.started) == ((), lab.now)
    assert desk.queue.length() == 0
    for name in BOTH.feeds:
        run = desk.world.runs.get(f"{asked.id}.{name}")
        assert run is not None
        assert run.outcome in found.outcomes


def test_two_requests_take_turns(desk, lab):
    first = requests.ask(BOTH, desk)
    lab.pass_(seconds=1)
    second = requests.ask(BOTH, desk)
    ran: list[str] = []
    desk = replace(desk, world=replace(desk.world, progress=lambda feed, _: ran.append(feed)))
    requests.work(desk)
    assert ended(first.id, desk).outcomes
    assert ended(second.id, desk).outcomes[0].status is Status.UNCHANGED
    assert list(dict.fromkeys(ran)) == ["openphish", "blocklist_de"]


def test_finish_does_all_that_is_left_and_again_nothing(desk, lab):
    asked = requests.ask(BOTH, desk)
    requests.finish(asked.id, desk)
    before = ended(asked.id, desk)
    count = len(lab.http.asked)
    requests.finish(asked.id, desk)
    requests.work(desk)
    assert ended(asked.id, desk) == before
    assert len(lab.http.asked) == count


def test_while_one_works_another_does_not(desk, lab):
    asked = requests.ask(BOTH, desk)
    with held(desk.world.objects, f"requests/{asked.id}", "another"):
        with pytest.raises(Conflict):
            requests.finish(asked.id, desk)
        assert requests.work(desk) == 1
        assert lab.http.asked == []
    lab.pass_(minutes=1)
    requests.work(desk)
    assert ended(asked.id, desk).outcomes


def test_a_store_that_is_down_is_tried_again(desk, lab, monkeypatch):
    asked = requests.ask(BOTH, desk)
    with monkeypatch.context() as patched:
        down = SourceDown("the store", retry_after=timedelta(seconds=5))
        patched.setattr(type(desk.world.runs), "get", lambda *_: (_ for _ in ()).throw(down))
        assert requests.work(desk) == 1
    lab.pass_(seconds=5)
    requests.work(desk)
    assert ended(asked.id, desk).outcomes


def test_a_feed_that_is_gone_is_told(desk):
    asked = requests.ask(Wanted(("gone",)), desk)
    requests.work(desk)
    [outcome] = ended(asked.id, desk).outcomes
    assert (outcome.status, outcome.reason) == (Status.SOURCE_DOWN, "no such feed any more")


def test_a_feed_that_ends_the_process_each_time_is_given_up(desk, lab, monkeypatch):
    asked = requests.ask(BOTH, desk)

    def deadly(job: Any, world: Any) -> Any:
        if job.feed.name == "openphish":
            raise Killed
        return really(job, world)

    really = requests.run
    monkeypatch.setattr(requests, "run", deadly)
    for _ in range(requests.ATTEMPTS):
        with pytest.raises(Killed):
            requests.work(desk)
        lab.pass_(minutes=3)
    requests.work(desk)
    first, second = ended(asked.id, desk).outcomes
    assert first.status is Status.BAD_PAYLOAD
    assert first.reason is not None
    assert first.reason.startswith("given up")
    assert desk.world.runs.newest("openphish", 1)[0].outcome == first
    assert second.feed == "blocklist_de"
    assert second.reason != first.reason


def test_a_request_whose_message_is_gone_is_ended_with_its_reason(desk, lab):
    asked = requests.ask(BOTH, desk)
    assert desk.queue.take(timedelta(0))
    with held(desk.world.objects, f"requests/{asked.id}", "other"), pytest.raises(Conflict):
        requests.abandon(asked.id, desk, "nobody brings it")
    requests.abandon(asked.id, desk, "nobody brings it")
    outcomes = ended(asked.id, desk).outcomes
    assert [(one.feed, one.status, one.reason) for one in outcomes] == [
        (name, Status.BAD_PAYLOAD, "given up: nobody brings it") for name in BOTH.feeds
    ]
    assert lab.http.asked == []
    requests.abandon(asked.id, desk, "twice")
    assert ended(asked.id, desk).outcomes == outcomes


@pytest.mark.parametrize("name", ["", "20261120050000-0123456789ab", "../x", "\0"])
def test_to_abandon_what_nobody_asked_for_is_harmless(desk, name):
    requests.abandon(name, desk, "nobody brings it")
    assert desk.world.runs.newest(None, 1) == []


def test_a_message_that_came_too_often_gives_up_what_ended_the_others(desk, monkeypatch):
    asked = requests.ask(BOTH, desk)
    requests.finish(asked.id, desk, requests.ATTEMPTS)
    first, second = ended(asked.id, desk).outcomes
    assert (first.status, first.reason is not None) == (Status.BAD_PAYLOAD, True)
    assert not str(second.reason).startswith("given up")


def test_old_requests_are_forgotten_with_their_runs(desk, lab):
    old = requests.ask(BOTH, desk)
    requests.work(desk)
    lab.pass_(days=91)
    new = requests.ask(BOTH, desk)
    assert requests.find(old.id, desk) is None
    assert requests.find(new.id, desk) is not None


def test_a_message_whose_request_is_gone_goes_away(desk):
    desk.queue.put("20260101000000-0123456789ab")
    assert requests.work(desk) == 1
    assert desk.queue.length() == 0


@pytest.mark.parametrize("name", ["", "..", "../x", "x" * 500, "20260101000000-0123456789AB"])
def test_no_other_name_finds_anything(desk, name):
    assert requests.find(name, desk) is None
