"""What every implementation of `Feeds`, `Runs` and `Suppressed` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tidegate.adapters.azure.feeds import ObjectFeeds
from tidegate.adapters.azure.withheld import WithheldObjects
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.ingest.withheld import WITHHELD
from tidegate.model import Kind, Origin, Outcome, Run, Sighting, Status
from tidegate.ports import Feeds, FeedState, Runs, Suppressed, Trouble, Withheld
from tidegate.sightings import frame

NOW = datetime(2026, 11, 20, 5, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
slow = pytest.mark.slow


@pytest.fixture
def databases(tmp_path: Path):
    """Two connections, as two processes have them."""
    both = [connect(tmp_path / "tidegate.sqlite") for _ in range(2)]
    yield both
    for database in both:
        database.close()


@pytest.fixture
def blobs():
    from azurite_lab import container  # noqa: PLC0415 - local stores need no SDK

    with container() as objects:
        yield objects


# --- feeds ------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "objects", pytest.param("blobs", marks=slow)])
def memories(request, tmp_path: Path) -> list[Feeds]:
    """Two clients of one memory."""
    if request.param == "sqlite":
        return [FeedTable(one) for one in request.getfixturevalue("databases")]
    if request.param == "objects":
        return [ObjectFeeds(FileObjects(tmp_path / "objects", lambda: NOW)) for _ in range(2)]
    return [ObjectFeeds(request.getfixturevalue("blobs")) for _ in range(2)]


@pytest.fixture
def memory(memories: list[Feeds]) -> Feeds:
    return memories[0]


def test_of_an_unknown_feed_nothing_is_remembered(memory):
    assert memory.state("never") == FeedState()
    assert memory.trouble("never") == Trouble()
    assert memory.switched() == {}


def test_what_is_remembered_comes_back_exactly(memory):
    state = FeedState(
        attempted=NOW,
        origin=Origin.LIVE,
        etag='"é"',
        not_before=NOW + HOUR,
        rows=7,
        payloads=("a", "b"),
    )
    memory.remember("one", state)
    memory.remember("two", FeedState(rows=1))
    assert memory.state("one") == state
    memory.remember("one", FeedState(cursor="c"))
    assert memory.state("one") == FeedState(cursor="c")


def test_trouble_is_kept_beside_the_state(memory):
    trouble = Trouble("down", "it says so", NOW, shrunk_to=3, shrunk_at=NOW)
    memory.note("one", trouble)
    memory.remember("one", FeedState(rows=1))
    assert memory.trouble("one") == trouble
    memory.note("one", Trouble())
    assert memory.trouble("one") == Trouble()


def test_a_days_budget_is_spent_once_across_processes(memories):
    def spend(memory: Feeds) -> bool:
        return memory.spend("one", "2026-11-20", 10)

    with ThreadPoolExecutor(4) as pool:
        allowed = list(pool.map(spend, memories * 12))
    assert sum(allowed) == 10


def test_every_day_and_every_feed_has_its_own_budget(memory):
    assert memory.spend("one", "2026-11-20", 1)
    assert not memory.spend("one", "2026-11-20", 1)
    assert memory.spend("one", "2026-11-21", 1)
    assert not memory.spend("one", "2026-11-20", 1)  # a clock that is behind
    assert memory.spend("two", "2026-11-20", 1)


def test_a_persons_word_is_kept_until_the_next(memories):
    one, two = memories
    one.switch("a", on=False)
    two.switch("b", on=True)
    assert one.switched() == {"a": False, "b": True}
    two.switch("a", on=True)
    assert one.switched() == {"a": True, "b": True}


# --- runs -------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=slow)])
def runs(request) -> Runs:
    if request.param == "sqlite":
        return RunTable(request.getfixturevalue("databases")[0])
    return request.getfixturevalue("cosmos").runs()


def run(number: int, feed: str = "one", status: Status = Status.OK) -> Run:
    rejected = {"no domain": 2}
    outcome = Outcome(feed, status, rows=number, rejected=rejected, payloads=("ab" * 32,))
    return Run(f"run-{number}", NOW + number * HOUR, outcome)


def test_a_run_comes_back_exactly(runs):
    known = replace(run(1), since=NOW - HOUR, until=NOW)
    runs.record(known)
    assert runs.get("run-1") == known
    assert runs.get("run-2") is None


@pytest.mark.parametrize("name", ["", "a/b", "..", "a?b#c", "a\n", "é" * 300])
def test_no_name_of_a_run_is_a_fault(runs, name):
    assert runs.get(name) is None


def test_recording_again_replaces(runs):
    runs.record(run(1))
    again = run(1, status=Status.SOURCE_DOWN)
    runs.record(again)
    assert runs.newest(None, 10) == [again]


def test_the_newest_runs_come_first(runs):
    for number in (2, 1, 3):
        runs.record(run(number, "one" if number < 3 else "two"))
    assert [one.id for one in runs.newest(None, 2)] == ["run-3", "run-2"]
    assert [one.id for one in runs.newest("one", 10)] == ["run-2", "run-1"]
    assert runs.newest("never", 10) == []


def test_what_was_read_up_to_a_time_comes_in_order(runs):
    for one in (run(3), run(1), run(2, status=Status.UNCHANGED), run(4), run(1, "two")):
        runs.record(replace(one, id=f"{one.id}-{one.outcome.feed}"))
    read = runs.read("one", NOW + 3 * HOUR)
    assert [one.outcome.rows for one in read] == [1, 3]


def test_runs_are_kept_for_90_days(runs, request):
    runs.record(run(1))
    later = NOW + timedelta(days=91)
    if not isinstance(runs, RunTable):
        request.getfixturevalue("cosmos").now = later  # the service's own TTL takes them
    runs.record(replace(run(2), at=later))
    assert [one.id for one in runs.newest(None, 10)] == ["run-2"]


# --- suppressed -------------------------------------------------------------------------------


@pytest.fixture(params=["files", "objects", pytest.param("blobs", marks=slow)])
def kept_out(request, tmp_path: Path) -> Suppressed:
    if request.param == "files":
        return WithheldFiles(tmp_path / "suppressed")
    if request.param == "objects":
        return WithheldObjects(FileObjects(tmp_path / "objects", lambda: NOW))
    return WithheldObjects(request.getfixturevalue("blobs"))


def seen(value: str, source: str = "one") -> Sighting:
    return Sighting(Kind.DOMAIN, value, source, 50, NOW, NOW, NOW + HOUR, ("a",))


def rows(*sightings: Sighting, why: str = "on a list") -> pl.DataFrame:
    return frame(sightings).drop("source").with_columns(why=pl.lit(why)).select(*WITHHELD)


def test_nothing_is_kept_out_of_an_unknown_source(kept_out):
    assert kept_out.state("never").schema == pl.Schema(WITHHELD)
    assert kept_out.state("never").is_empty()
    assert kept_out.of(seen("a.example").indicator) == []


def test_what_is_kept_out_is_replaced_whole(kept_out):
    kept_out.replace("one", rows(seen("a.example"), seen("b.example")))
    kept_out.replace("one", rows(seen("b.example"), seen("c.example")))
    assert sorted(kept_out.state("one")["value"]) == ["b.example", "c.example"]
    kept_out.replace("one", rows().clear())
    assert kept_out.state("one").is_empty()


def test_a_value_is_asked_for_in_all_sources(kept_out):
    kept_out.replace("one", rows(seen("a.example"), seen("b.example")))
    kept_out.replace("two", rows(seen("a.example", "two"), why="reserved"))
    assert kept_out.of(seen("a.example").indicator) == [
        Withheld(seen("a.example"), "on a list"),
        Withheld(seen("a.example", "two"), "reserved"),
    ]
    kept_out.replace("two", rows(seen("c.example", "two")))
    assert [one.sighting.source for one in kept_out.of(seen("a.example").indicator)] == ["one"]


@pytest.mark.parametrize("name", ["", "a/b", "..", "A", "a\n"])
def test_what_cannot_name_a_source_is_refused(kept_out, name):
    with pytest.raises(ValueError, match="not a source"):
        kept_out.replace(name, rows(seen("a.example")))
