"""One refresh: what it asks for, what it keeps, and what happens when two run at once."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import Dataset
from tidegate.lease import Busy, held
from tidegate.maps import state, tsv
from tidegate.maps.listing import listing
from tidegate.maps.refresh import refresh, refresh_all
from tidegate.maps.result import Result
from tidegate.maps.world import World
from tidegate.ports import BadPayload, Conflict, LogTable, Place, SourceDown

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 21, 4, tzinfo=UTC)
HITS = Dataset.model_validate(
    {
        "name": "hits",
        "title": "Hits",
        "query": "Hits | where ingestion_time() > _cursor and ingestion_time() <= _cut",
        "file": "hits.tsv",
        "refresh": "15m",
        "window": "3d",
        "overlap": "10m",
        "retention": "7d",
        "columns": {"TimeGenerated": "datetime", "Id": "string", "Until": "datetime"},
        "key": ["Id"],
        "locate": "Id",
        "label": "Id",
        "gone": "Gone",
        "expires": "Until",
    }
)
TYPES = {**HITS.columns, "Gone": "bool"}
Row = tuple[str, str, str | None, str | None]


def row(id_: str, when: datetime, until: str | None = None, gone: str | None = "false") -> Row:
    return (f"{when:%Y-%m-%dT%H:%M:%SZ}", id_, until, gone)


class Nowhere:
    def address(self, text: str) -> Place | None:
        return None

    def country(self, text: str) -> Place | None:
        return None


class Town:
    """A clock, a workspace that answers what it is told to, and what it was asked."""

    def __init__(self) -> None:
        self.time = START
        self.rows: list[Row] = []
        self.partial = False
        self.error: Exception | None = None
        self.asked: list[tuple[str, datetime, datetime]] = []
        self.meanwhile: Callable[[], Any] = list

    def now(self) -> datetime:
        return self.time

    def query(self, kql: str, start: datetime, end: datetime, **_: object) -> LogTable:
        self.asked.append((kql, start, end))
        self.meanwhile()
        if self.error is not None:
            raise self.error
        rows = pl.DataFrame(self.rows, schema=dict.fromkeys(TYPES, pl.String()), orient="row")
        return LogTable(TYPES, rows, self.partial)


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def world(town: Town, tmp_path: Path) -> World:
    objects = FileObjects(tmp_path, town.now)
    return World({"hits": HITS}, town, objects, Nowhere(), town.now)


def ids(world: World) -> list[str]:
    manifest = saved(world).manifest
    assert manifest is not None
    stored = world.objects.get(f"datasets/hits/{manifest.file}")
    assert stored is not None
    return tsv.decode(gzip.decompress(stored.data))["Id"].to_list()


def saved(world: World) -> state.State:
    return state.read(world.objects, "hits").state


def step(world: World, town: Town, *rows: Row, after: timedelta = timedelta(hours=1)) -> None:
    town.time += after
    town.rows = list(rows)
    assert refresh(HITS, world).result is Result.REFRESHED


# --- what is asked -------------------------------------------------------------------------------


def test_the_first_refresh_asks_for_the_whole_window(world: World, town: Town):
    step(world, town, after=timedelta(0))
    kql, start, end = town.asked[0]
    assert kql.splitlines()[1] == "let _cut = datetime(2026-11-21T03:58:00Z);"
    assert kql.endswith(HITS.query)
    assert start == START - timedelta(minutes=2) - HITS.window
    assert end == START + timedelta(days=1)


def test_the_next_asks_from_the_watermark_with_overlap(world: World, town: Town):
    step(world, town)
    step(world, town)
    kql, start, _ = town.asked[1]
    assert kql.startswith("let _cursor = datetime(2026-11-21T04:48:00Z);")
    assert start == datetime(2026, 11, 18, 5, 58, tzinfo=UTC)


def test_an_empty_answer_moves_the_watermark_to_the_cut(world: World, town: Town):
    step(world, town)
    step(world, town)
    assert saved(world).watermark == town.time - timedelta(minutes=2)


def test_after_a_clock_was_put_right_the_whole_window_is_read_at_once(world: World, town: Town):
    step(world, town, after=timedelta(hours=9))
    town.time -= timedelta(hours=5)
    assert refresh(HITS, world).result is Result.REFRESHED
    assert town.asked[1][1] == town.time - timedelta(minutes=2) - HITS.window
    assert saved(world).watermark == town.time - timedelta(minutes=2)


def test_the_cut_is_a_whole_minute(world: World, town: Town):
    step(world, town, after=timedelta(seconds=59.5))
    assert saved(world).watermark == START - timedelta(minutes=2)


def test_every_day_the_whole_window_replaces_what_was_kept(world: World, town: Town):
    step(world, town, row("a", START), row("b", START - timedelta(days=5)))
    step(world, town, row("c", START), after=timedelta(hours=25))
    assert ids(world) == ["b", "c"]


def test_another_query_is_a_full_load(world: World, town: Town):
    step(world, town, row("a", START))
    other = HITS.model_copy(update={"query": "Hits | take 1 // _cursor _cut"})
    town.time += timedelta(hours=1)
    town.rows = [row("z", START)]
    refresh(other, world)
    assert ids(world) == ["z"]


# --- what is kept --------------------------------------------------------------------------------


def test_an_increment_is_merged_by_key_and_the_latest_wins(world: World, town: Town):
    step(world, town, row("a", START), row("b", START))
    later = START + timedelta(hours=1)
    step(world, town, row("a", later + timedelta(minutes=1)), row("a", later), row("c", later))
    assert ids(world) == ["b", "c", "a"]


def test_all_can_be_read_anew_at_any_time(world: World, town: Town):
    step(world, town, row("a", START), row("b", START))
    town.rows = [row("c", START)]
    assert refresh(HITS, world, full=True).result is Result.REFRESHED
    assert ids(world) == ["c"]


@pytest.mark.parametrize(("after", "warned"), [(100, True), (101, False)])
def test_a_full_load_that_brings_few_rows_is_told_of(
    world: World, town: Town, after: int, warned: bool
):
    step(world, town, *[row(f"r{n}", START) for n in range(1_001)])
    town.rows = [row(f"r{n}", START) for n in range(after)]
    refresh(HITS, world, full=True)
    said = [f"{after} rows after 1001: is the table still filled?"] if warned else []
    assert listing(world)[0]["warnings"] == said
    step(world, town)  # until another full load says otherwise
    assert listing(world)[0]["warnings"] == said
    refresh(HITS, world, full=True)
    assert listing(world)[0]["warnings"] == []


def test_of_two_answers_with_one_key_the_one_received_later_counts(world: World, town: Town):
    told = HITS.model_copy(update={"ingested": "Until", "expires": None})
    told = told.model_copy(update={"columns": {"TimeGenerated": "datetime", "Id": "string"}})
    town.rows = [
        row("a", START, "2026-11-21T03:59:00Z"),
        row("a", START - HOUR, "2026-11-21T04:00:00Z"),
    ]
    refresh(told, world)
    manifest = saved(world).manifest
    assert manifest is not None
    stored = world.objects.get(f"datasets/hits/{manifest.file}")
    assert stored is not None
    kept = tsv.decode(gzip.decompress(stored.data))
    assert kept["TimeGenerated"].to_list() == ["2026-11-21T03:00:00Z"]
    assert "Until" not in kept.columns


def test_a_row_that_is_gone_takes_its_key_with_it(world: World, town: Town):
    step(world, town, row("a", START), row("b", START))
    step(world, town, row("a", START, gone="true"), row("b", START, gone=None))
    assert ids(world) == ["b"]


def test_rows_end_with_their_time_or_the_retention(world: World, town: Town):
    ends = "2026-11-21T05:30:00Z"
    step(world, town, row("a", START - timedelta(days=6, hours=23)), row("b", START, ends))
    assert ids(world) == ["a", "b"]
    step(world, town)
    assert ids(world) == []


def test_a_row_from_the_future_is_kept_and_moves_nothing(world: World, town: Town):
    step(world, town, row("a", START + timedelta(hours=20)))
    assert ids(world) == ["a"]
    assert saved(world).watermark == town.time - timedelta(minutes=2)


def test_the_same_rows_are_the_same_version(world: World, town: Town):
    step(world, town, row("a", START))
    first = saved(world)
    step(world, town, row("a", START))
    assert saved(world).manifest == first.manifest
    assert saved(world).epoch == first.epoch + 1


def test_a_partial_full_load_adds_but_does_not_replace(world: World, town: Town):
    step(world, town, row("a", START))
    town.partial = True
    step(world, town, row("b", START), after=timedelta(hours=25))
    assert ids(world) == ["a", "b"]
    assert listing(world)[0]["partial"] is True
    town.partial = False
    step(world, town, row("c", START + timedelta(days=1)))
    assert ids(world) == ["c"]


def files(world: World) -> list[list[str]]:
    names = world.objects.names("datasets/hits/")
    return [name.rpartition("/")[2].split(".") for name in names if name.endswith(".gz")]


def test_old_versions_are_collected_but_not_at_once(world: World, town: Town):
    for hour in range(6):
        step(world, town, row(f"r{hour}", START))
    kept = {int(file[0].split("-")[0]) for file in files(world)}
    assert kept == {5, 6}


def test_what_was_replaced_within_the_hour_is_kept(world: World, town: Town):
    for turn in range(16):
        town.time += timedelta(minutes=10)
        town.rows = [row(f"r{turn}", START)]
        refresh(HITS, world, force=True)
    kept = sorted(int(file[0].split("-")[0]) for file in files(world) if file[1] == "tsv")
    assert kept == list(range(kept[0], 17))
    assert 7 <= len(kept) <= 9  # what was replaced 60 to 80 minutes ago, and since


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SourceDown("gone fishing"), BadPayload("bad query")])
def test_an_outage_keeps_the_data_and_says_why(world: World, town: Town, error: Exception):
    step(world, town, row("a", START))
    before = saved(world)
    town.error = error
    town.time += timedelta(hours=1)
    assert refresh(HITS, world).result is Result.DOWN
    after = saved(world)
    assert (after.manifest, after.watermark, after.epoch) == (
        before.manifest,
        before.watermark,
        before.epoch,
    )
    assert after.reason == str(error)
    town.error = None
    assert refresh(HITS, world).result is Result.REFRESHED
    assert saved(world).reason is None


def test_the_service_may_say_when_to_come_back(world: World, town: Town):
    town.error = SourceDown("throttled", retry_after=timedelta(seconds=77))
    assert refresh(HITS, world).wait == timedelta(seconds=77)


def test_fresh_data_is_not_asked_for_again(world: World, town: Town):
    step(world, town)
    town.time += timedelta(minutes=5)
    told = refresh(HITS, world)
    assert (told.result, told.wait) == (Result.FRESH, timedelta(minutes=10))
    assert len(town.asked) == 1


def test_while_another_holds_the_lease_it_is_busy_even_by_force(world: World, town: Town):
    inner = []
    town.meanwhile = lambda: inner.append(refresh(HITS, world, force=True).result)
    assert refresh(HITS, world).result is Result.REFRESHED
    assert inner == [Result.BUSY]


def test_a_stale_holder_commits_nothing(world: World, town: Town):
    """The lease runs out in mid-query, another refreshes, and then the first comes back."""
    step(world, town, row("a", START))
    inner = []

    def frozen() -> None:
        town.meanwhile = list
        town.time += timedelta(seconds=61)
        town.rows = [row("theirs", START)]
        inner.append(refresh(HITS, world, force=True))
        town.rows = [row("mine", START)]

    town.meanwhile = frozen
    town.time += timedelta(hours=1)
    assert refresh(HITS, world).result is Result.LOST
    assert inner[0].result is Result.REFRESHED
    assert ids(world) == ["a", "theirs"]


def test_a_stale_holder_is_refused_after_the_other_released(world: World, town: Town):
    state.create(world.objects, "hits", town.time)
    name = state.name("hits")
    world.objects.acquire(name, 60, "one")
    before, etag = state.read(world.objects, "hits")
    town.time += timedelta(seconds=61)
    with held(world.objects, name, "two") as lease:
        newer = before.model_copy(update={"epoch": 1})
        state.commit(world.objects, "hits", newer, lease=lease.run, etag=etag)
    with pytest.raises(Conflict):
        state.commit(world.objects, "hits", before, lease="one", etag=etag)
    assert saved(world).epoch == 1


def test_a_reader_in_mid_refresh_sees_the_whole_old_version(world: World, town: Town):
    step(world, town, row("a", START))
    seen = []
    town.meanwhile = lambda: seen.append((ids(world), listing(world)[0]["version"]))
    step(world, town, row("b", START))
    assert seen == [(["a"], 1)]
    assert ids(world) == ["a", "b"]
    assert listing(world)[0]["version"] == 2


@pytest.mark.slow
def test_many_writers_and_a_reader_who_never_sees_half(world: World, town: Town):
    results: list[Result] = []

    def write(name: str) -> None:
        for turn in range(8):
            town.rows = [row(f"{name}{turn}{n}", START) for n in range(50)]
            results.append(refresh(HITS, world, force=True).result)

    writers = [Thread(target=write, args=(name,)) for name in "abc"]
    refresh(HITS, world)
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        entry = listing(world)[0]
        found = world.objects.get(entry["url"].removeprefix("/api/"))
        # Collected only after 24 more commits: a reader who just looked still finds it.
        assert found is not None
        assert sha256(gzip.decompress(found.data)).hexdigest() == entry["sha256"]
        seen.add(entry["version"])
    assert set(results) <= {Result.REFRESHED, Result.BUSY}
    assert saved(world).epoch == 1 + results.count(Result.REFRESHED)
    assert seen


def test_the_lease_is_given_back(world: World, town: Town):
    step(world, town)
    with held(world.objects, state.name("hits"), "next"):
        pass


def test_a_held_lease_is_busy(world: World):
    state.create(world.objects, "hits", START)
    with (
        held(world.objects, state.name("hits"), "one"),
        pytest.raises(Busy),
        held(world.objects, state.name("hits"), "two"),
    ):
        pass


def test_a_lost_version_is_loaded_anew(world: World, town: Town):
    step(world, town, row("a", START))
    world.objects.delete(next(world.objects.names("datasets/hits/1-")))
    step(world, town, row("b", START))
    assert town.asked[1][1] == town.time - timedelta(minutes=2) - HITS.window
    assert ids(world) == ["b"]


def test_all_are_refreshed_and_one_outage_stays_its_own(world: World, town: Town):
    second = HITS.model_copy(update={"name": "second"})
    both = replace(world, datasets={"hits": HITS, "second": second})

    def down_once() -> None:
        town.meanwhile = lambda: setattr(town, "error", None)
        town.error = SourceDown("once")

    town.meanwhile = down_once
    assert [told.result for told in refresh_all(both)] == [Result.DOWN, Result.REFRESHED]


def test_a_newer_release_may_know_more_of_a_state(world: World, town: Town):
    step(world, town)
    stored = world.objects.get(state.name("hits"))
    assert stored is not None
    more = {**json.loads(stored.data), "colour_of_the_sky": "grey"}
    world.objects.put(state.name("hits"), json.dumps(more).encode())
    assert saved(world).epoch == 1
