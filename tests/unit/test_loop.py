"""The main job: one part that fails keeps the others from nothing."""

import threading
from types import SimpleNamespace

import pytest

from tidegate import functions, loop
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.declare.feed import feeds
from tidegate.gate.plan import Plan
from tidegate.gate.run import Gated
from tidegate.model import Case, Origin, Outcome, Stage, Status
from tidegate.ports import FeedState, SourceDown
from tidegate.settings import Settings
from tidegate.wiring import local


@pytest.fixture
def house(monkeypatch, tmp_path):
    """A house whose tenant does not answer, and whose map has no datasets."""
    tenant = {
        "defender_url": "http://127.0.0.1:9",
        "graph_url": "http://127.0.0.1:9",
        "entra_url": "http://127.0.0.1:9",
        "client_id": "app",
        "client_secret": "secret",
        "vmray_url": "http://127.0.0.1:9",
        "vmray_key": "key",
    }
    monkeypatch.setattr(loop, "refresh_all", lambda _: [])
    monkeypatch.setattr("tidegate.wiring.Local.maps", None)
    monkeypatch.setattr("tidegate.wiring.Local.refresh_old_warninglists", lambda *_: None)
    settings = Settings(home=tmp_path, feeds_off=list(feeds()), **tenant)
    with local(settings) as opened:
        yield opened


def silent(*_, **__):
    raise SourceDown("no answer")


def test_a_tenant_that_does_not_answer_leaves_the_rest_to_run(house, monkeypatch):
    monkeypatch.setattr(loop.detonate, "poll", silent)
    monkeypatch.setattr("tidegate.wiring.Local.enforcement", SimpleNamespace(current=silent))
    monkeypatch.setattr("tidegate.wiring.Local.feedback", None)
    told = []
    summary = loop.once(house, told.append)
    assert told == ["feeds", "alerts", "gate", "map"]
    assert summary.reason == "alerts were not read: no answer"
    assert [one.reason for one in summary.gated] == ["no answer"]
    assert summary.failed


def test_a_real_tenant_is_told_nothing_before_the_lists_of_the_harmless_were_asked_for(
    house, monkeypatch
):
    done = []
    monkeypatch.setattr(
        "tidegate.wiring.Local.refresh_old_warninglists", lambda *_: done.append("lists")
    )
    monkeypatch.setattr(loop, "gate_all", lambda _: done.append("gate") or [])
    monkeypatch.setattr(loop.detonate, "poll", silent)
    loop.once(house, lambda _: None)
    assert done == ["lists", "gate"]


def test_lists_are_renewed_beside_everything_else(house, monkeypatch):
    stopped, done = threading.Event(), []
    monkeypatch.setattr(loop, "LISTS_LOOK", 0)
    monkeypatch.setattr(
        "tidegate.wiring.Local.refresh_old_warninglists", lambda *_: done.append("lists")
    )
    monkeypatch.setattr("tidegate.wiring.Local.renew", lambda _: stopped.set())
    loop.lists_due(house, stopped)
    assert done == ["lists"]


def test_a_turn_works_on_cases_though_alerts_cannot_be_read(house, monkeypatch, caplog):
    worked = []
    monkeypatch.setattr(functions.detonate, "poll", silent)
    monkeypatch.setattr(functions.detonate, "work", worked.append)
    functions.read_alerts(house)
    assert worked == [house.detonate]
    assert "alerts were not read: no answer" in caplog.text


def test_a_plan_is_applied_to_a_real_tenant_only_when_told_to(house):
    [target] = house.gate.targets
    assert target.asks
    told = house.settings.model_copy(update={"gate_apply": True})
    with local(told) as other:
        assert not other.gate.targets[0].asks


NOTHING = [Gated("defender", plan=Plan("defender", (), 0, 0, 0, {}))]
DOWN = Outcome("f", Status.SOURCE_DOWN)


@pytest.mark.parametrize(
    ("summary", "failed"),
    [
        (loop.Summary([], [], NOTHING, []), False),
        (loop.Summary([DOWN], [], NOTHING, []), True),
        (loop.Summary([Outcome("f", Status.QUOTA_WAIT)], [], NOTHING, []), False),
        (loop.Summary([Outcome("f", Status.OK, origin=Origin.SAMPLE)], [], NOTHING, []), False),
        (loop.Summary([], [], [Gated("defender", reason="x")], []), True),
        (loop.Summary([], [], NOTHING, [], "x"), True),
    ],
)
def test_a_summary_knows_whether_a_person_should_look(summary, failed):
    assert summary.failed is failed


def test_an_unfinished_case_is_a_failure(house):
    case = Case("a_1", house.ingest.clock(), Stage.EXAMINE)
    assert loop.Summary([], [case], NOTHING, []).failed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_one_of_the_lasting_jobs_ends_both(house, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop.detonate, "run", broken)
    stopped = threading.Event()
    threads = loop.keep_going(house, stopped)
    assert stopped.wait(2)
    for thread in threads:
        thread.join(2)
    assert not any(thread.is_alive() for thread in threads)


def test_feeds_run_when_they_are_due_and_wait_for_who_writes_theirs(house, monkeypatch):
    monkeypatch.setattr(loop, "TICK", 0.01)
    one, two = feeds()["openphish"], feeds()["blocklist_de"]
    monkeypatch.setattr(loop, "enabled", lambda _: [one, two])
    ran, stopped = [], threading.Event()
    done = {feed.name: threading.Event() for feed in (one, two)}

    def run(job, world):
        with world.sightings.writing(job.feed.name):
            ran.append(job.feed.name)
            state = FeedState(attempted=world.clock())
            world.feeds.remember(job.feed.name, state)
            done[job.feed.name].set()
            return Outcome(job.feed.name, Status.OK)

    monkeypatch.setattr(loop, "run", run)
    other = SegmentStore(house.settings.home / "sightings")
    thread = threading.Thread(target=loop.feed_all, args=(house, stopped))
    with other.writing("openphish"):
        thread.start()
        assert done["blocklist_de"].wait(60)
        assert not stopped.wait(0.3)
        assert ran == ["blocklist_de"]
    assert done["openphish"].wait(60)
    assert not stopped.wait(0.3)
    stopped.set()
    thread.join(60)
    assert ran == ["blocklist_de", "openphish"]  # each once: then they are no longer due
