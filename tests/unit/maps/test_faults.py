"""A process may die at any call of a refresh, or the store may fail: readers see whole versions."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import Dataset
from tidegate.maps import pointer, state, tsv
from tidegate.maps.listing import listing
from tidegate.maps.refresh import refresh
from tidegate.maps.result import Result
from tidegate.maps.world import World
from tidegate.ports import Conflict, LogTable, Place, SourceDown

START = datetime(2026, 11, 21, 4, tzinfo=UTC)
NAME = state.name("hits")
HITS = Dataset.model_validate(
    {
        "name": "hits",
        "title": "Hits",
        "query": "Hits",
        "file": "hits.tsv",
        "refresh": "15m",
        "window": "3d",
        "overlap": "10m",
        "retention": "7d",
        "columns": {"TimeGenerated": "datetime", "Id": "string"},
        "key": ["Id"],
        "locate": "Id",
        "label": "Id",
    }
)


class Dead(BaseException):
    """The process is gone: nothing catches this, and nothing is done after it."""


class Objects:
    """Counts calls; at the one that is chosen, does what is told before it or after it."""

    def __init__(self, objects: FileObjects, at: int, fault: Callable[[], None], *, after: bool):
        self._objects, self._at, self._fault, self._after = objects, at, fault, after
        self.calls: list[str] = []
        self.dead = False

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            if self.dead:
                raise Dead
            self.calls.append(f"{method} {args[0]}")
            chosen = len(self.calls) - 1 == self._at
            if chosen and not self._after:
                self._hit()
            answer = getattr(self._objects, method)(*args, **more)
            if chosen and self._after:
                self._hit()
            return answer

        return call

    def _hit(self) -> None:
        try:
            self._fault()
        except Dead:
            self.dead = True
            raise


class Town:
    """A clock, a workspace with a row more each time, and nowhere in particular."""

    def __init__(self, folder: Path) -> None:
        self.time = START
        self.asked = 0
        self.meanwhile: Callable[[], Any] = list
        self.objects = FileObjects(folder, self.now)
        self.world = World({"hits": HITS}, self, self.objects, self, self.now)
        self.seen = 0

    def now(self) -> datetime:
        return self.time

    def address(self, text: str) -> Place | None:
        return None

    country = address

    def query(self, *_: object, check: Callable[[], None], **__: object) -> LogTable:
        check()
        self.asked += 1
        self.meanwhile()
        when = f"{self.time:%Y-%m-%dT%H:%M:%SZ}"
        rows = pl.DataFrame({"TimeGenerated": [when], "Id": [str(self.asked)]})
        return LogTable(HITS.columns, rows)

    def through(self, objects: Any) -> World:
        return replace(self.world, objects=objects)

    def read(self) -> list[str]:
        """Read as a reader does; what is seen is whole, and never older than what was seen."""
        [entry] = listing(self.world)
        if entry["version"] is None:
            assert self.seen == 0
            return []
        stored = self.objects.get(entry["url"].removeprefix("/api/"))
        assert stored is not None
        data = gzip.decompress(stored.data)
        assert sha256(data).hexdigest() == entry["sha256"]
        assert entry["version"] >= self.seen
        self.seen = entry["version"]
        for name in ("datasets/hits/latest.json", "datasets/index.json"):
            self._pointed(name, entry["version"])
        return tsv.decode(data)["Id"].to_list()

    def _pointed(self, name: str, newest: int) -> None:
        """Whatever a pointer says is whole, too; it may be behind."""
        if (stored := self.objects.get(name)) is None:
            return
        told = orjson.loads(stored.data)
        told = told["datasets"]["hits"] if "datasets" in told else told
        found = self.objects.get(f"datasets/hits/{told['file']}")
        assert found is not None
        assert sha256(gzip.decompress(found.data)).hexdigest() == told["sha256"]
        assert told["version"] <= newest


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    made = Town(tmp_path)
    refresh(HITS, made.world)
    return made


def calls_of_one(town: Town) -> list[str]:
    counting = Objects(town.objects, -1, list, after=False)
    town.time += timedelta(hours=1)
    assert refresh(HITS, town.through(counting)).result is Result.REFRESHED
    return counting.calls


def die() -> None:
    raise Dead


def pointed(town: Town) -> int:
    stored = town.objects.get("datasets/hits/latest.json")
    assert stored is not None
    epoch: int = orjson.loads(stored.data)["epoch"]
    return epoch


@pytest.mark.slow
def test_wherever_it_dies_readers_see_whole_versions_and_the_next_run_goes_on(town: Town):
    """Before and after each call to the store: what the dead one did counts, or it does not."""
    calls = calls_of_one(town)
    assert {f"put {NAME}", f"acquire {NAME}", f"release {NAME}"} <= set(calls)
    assert len(calls) > 12
    for at in range(len(calls)):
        for after in (False, True):
            town.time += timedelta(minutes=16)
            before = town.read()
            dying = Objects(town.objects, at, die, after=after)
            with pytest.raises(Dead):
                refresh(HITS, town.through(dying))
            assert len(town.read()) - len(before) in {0, 1}
            town.time += timedelta(seconds=61)
            ended = refresh(HITS, town.world, force=True)
            assert ended.result is Result.REFRESHED, (dying.calls[-1], after)
            assert town.read()[-1] == str(town.asked)
            assert pointed(town) == state.read(town.objects, "hits").state.epoch


def test_until_its_lease_ends_a_dead_run_keeps_others_out(town: Town):
    town.time += timedelta(hours=1)
    calls = Objects(town.objects, 5, die, after=True)
    with pytest.raises(Dead):
        refresh(HITS, town.through(calls))
    town.time += timedelta(seconds=50)
    assert refresh(HITS, town.world).result is Result.BUSY
    town.time += timedelta(seconds=11)
    assert refresh(HITS, town.world).result is Result.REFRESHED


def down() -> None:
    raise SourceDown("503 ServerBusy")


def refused() -> None:
    raise Conflict("412 ConditionNotMet")


def of_the_commit(calls: list[str]) -> int:
    """Return which call commits: the last write of the state."""
    return max(at for at, call in enumerate(calls) if call == f"put {NAME}")


@pytest.mark.parametrize("fault", [down, refused])
def test_a_commit_whose_answer_was_lost_is_read_back(town: Town, fault: Callable[[], None]):
    """A repeated write is refused for its own success: that counts as committed."""
    at = of_the_commit(calls_of_one(town))
    town.time += timedelta(hours=1)
    told = refresh(HITS, town.through(Objects(town.objects, at, fault, after=True)))
    assert told.result is Result.REFRESHED
    assert town.read()[-1] == str(town.asked)


@pytest.mark.parametrize(("fault", "result"), [(down, Result.DOWN), (refused, Result.LOST)])
def test_a_commit_that_did_not_happen_is_not_told_as_one(town: Town, fault, result: Result):
    at = of_the_commit(calls_of_one(town))
    before = town.read()
    town.time += timedelta(hours=1)
    told = refresh(HITS, town.through(Objects(town.objects, at, fault, after=False)))
    assert told.result is result
    assert town.read() == before
    assert refresh(HITS, town.world).result is Result.REFRESHED


@pytest.mark.slow
def test_wherever_the_store_fails_the_next_run_goes_on(town: Town):
    for at in range(len(calls_of_one(town))):
        town.time += timedelta(minutes=16)
        failing = Objects(town.objects, at, down, after=False)
        assert refresh(HITS, town.through(failing)).result in {Result.DOWN, Result.REFRESHED}
        town.read()
        town.time += timedelta(seconds=61)  # it may not have been able to give its lease back
        assert refresh(HITS, town.world, force=True).result is Result.REFRESHED
        assert town.read()[-1] == str(town.asked)


def test_a_lease_broken_by_an_administrator_ends_the_run(town: Town):
    before = town.read()
    town.meanwhile = lambda: town.objects.break_lease(NAME)
    town.time += timedelta(hours=1)
    assert refresh(HITS, town.world).result is Result.LOST
    assert town.read() == before
    town.meanwhile = list
    assert refresh(HITS, town.world).result is Result.REFRESHED


def test_a_state_deleted_by_an_administrator_is_a_lost_lease_and_a_full_load(town: Town):
    def delete() -> None:
        town.meanwhile = list
        town.objects.break_lease(NAME)
        town.objects.delete(NAME)

    town.meanwhile = delete
    town.time += timedelta(hours=1)
    assert refresh(HITS, town.world).result is Result.LOST
    assert listing(town.world)[0]["version"] is None
    town.seen = 0
    assert refresh(HITS, town.world).result is Result.REFRESHED
    assert town.read() == [str(town.asked)]


def test_a_lease_that_somebody_took_for_ever_is_broken_after_two_hours(town: Town):
    town.objects.acquire(NAME, -1, "an administrator")
    town.time += timedelta(minutes=119)
    assert refresh(HITS, town.world).result is Result.BUSY
    assert town.objects.endless(NAME)
    town.time += timedelta(minutes=2)
    assert refresh(HITS, town.world).result is Result.BUSY
    assert refresh(HITS, town.world).result is Result.REFRESHED


def test_a_lease_that_is_renewed_is_never_broken(town: Town):
    town.time += timedelta(hours=9)
    town.objects.acquire(NAME, 60, "a slow one")
    for _ in range(3):
        assert refresh(HITS, town.world).result is Result.BUSY
        town.objects.renew(NAME, "a slow one")


def test_a_slow_writer_loses_to_the_one_who_came_after(town: Town):
    """Its lease runs out in mid-query; whatever it does then changes nothing."""
    told = []

    def slow() -> None:
        town.meanwhile = list
        town.time += timedelta(seconds=61)
        told.append(refresh(HITS, town.world, force=True))

    town.meanwhile = slow
    town.time += timedelta(hours=1)
    assert refresh(HITS, town.world).result is Result.LOST
    assert told[0].result is Result.REFRESHED
    newest = state.read(town.objects, "hits").state
    assert newest.run == told[0].run
    assert newest.epoch == 2
    town.read()


def test_a_pointer_never_goes_back(town: Town):
    newest = state.read(town.objects, "hits").state
    pointer.follow(town.objects, "hits", newest.model_copy(update={"epoch": 9}))
    pointer.follow(town.objects, "hits", newest)
    assert pointed(town) == 9
