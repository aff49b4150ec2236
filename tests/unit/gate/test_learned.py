"""What was learned of sources: kept, read back, and used by whoever scores."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate import learned
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.learn import EVERY, learn
from tidegate.gate.learned import NAME, Learned, Tally, recall, relearn
from tidegate.gate.score import Voice
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import BadPayload, Conflict, FeedState, SourceDown
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRADES = {"one": "B", "two": "B", "all": "C", "label": "A"}


class NoFeeds:
    def state(self, _: str) -> FeedState:
        return FeedState()


@dataclass
class House:
    store: SegmentStore
    objects: FileObjects
    now: datetime = NOW
    told: list[str] = field(default_factory=list)

    @property
    def known(self) -> Knowledge:
        parts = (self.store, NoFeeds(), lambda: self.now, Policy(simulated=True), GRADES)
        found = Knowledge(*parts, frozenset(), advisory=frozenset({"label"}))
        return replace(found, learned=lambda: recall(self.objects))

    def put(self, source: str, numbers: range) -> None:
        until = self.now + timedelta(days=30)
        rows = [
            Sighting(Kind.DOMAIN, f"h{n}.example", source, 80, self.now, self.now, until)
            for n in numbers
        ]
        state = fingerprinted(unique(frame(rows).select(*SCHEMA)))
        state = state.with_columns(written=pl.lit(self.now, STATE["written"])).select(*STATE)
        self.store.commit(source, state, state)


@pytest.fixture
def house(tmp_path) -> House:
    return House(SegmentStore(tmp_path / "s"), FileObjects(tmp_path / "o", lambda: NOW))


def test_what_nobody_learned_is_nothing(house):
    assert recall(house.objects) == Learned()


def test_who_copies_whom_is_learned_from_the_store_and_used_by_whoever_scores(house):
    house.put("one", range(120))
    house.put("two", range(10, 130))
    house.put("all", range(1_000))
    house.put("label", range(120))
    house.put("vmray", range(120))
    found = learn(house.known, house.objects)
    assert found.groups == (("one", "two"),)
    assert found.copies == {"all": ("one", "two")}
    assert recall(house.objects) == found
    worth = sources(house.known).known
    assert worth["one"].group == worth["two"].group
    assert worth["all"].copies == {"one", "two"}
    assert worth["vmray"].voice is Voice.OWN
    assert worth["analyst"].voice is Voice.ANALYST


def test_it_is_learned_once_a_day_and_when_asked_for(house):
    assert learn(house.known, house.objects).groups == ()
    house.put("one", range(120))
    house.put("two", range(120))
    house.now += EVERY - timedelta(seconds=1)
    assert learn(house.known, house.objects).groups == ()
    assert learn(house.known, house.objects, again=True).groups == (("one", "two"),)
    house.put("two", range(200, 320))
    house.now += EVERY
    assert learn(house.known, house.objects).groups == ()


def test_to_learn_who_copies_keeps_how_sources_fared(house):
    tallies = {"one": Tally(hits=3, confirmed=2, false_positives=1)}
    relearn(house.objects, lambda held: held.model_copy(update={"tallies": tallies}))
    assert learn(house.known, house.objects).tallies == tallies
    one = sources(house.known).known["one"]
    assert (one.right, one.wrong) == (2, 1)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"copies": {"../a": []}}', b'{"tallies": {"a": 1}}']
)
def test_what_cannot_be_read_is_said_and_written_over(house, data):
    house.objects.put(NAME, data)
    with pytest.raises(BadPayload, match=NAME):
        recall(house.objects)
    relearn(house.objects, lambda held: held.model_copy(update={"derived": NOW}))
    assert recall(house.objects).derived == NOW


def test_two_writers_lose_nothing_of_each_other(house):
    def edit(held: Learned) -> Learned:
        if not held.tallies:  # another is faster, once
            relearn(house.objects, lambda other: other.model_copy(update={"tallies": TALLIES}))
        return held.model_copy(update={"derived": NOW})

    relearn(house.objects, edit)
    assert recall(house.objects) == Learned(derived=NOW, tallies=TALLIES)


TALLIES = {"one": Tally(hits=1)}


def test_a_writer_gives_up_when_others_never_stop(house, monkeypatch):
    def busy(*_, **__):
        raise Conflict

    monkeypatch.setattr(FileObjects, "put", busy)
    with pytest.raises(SourceDown, match=learned.NAME):
        relearn(house.objects, lambda held: held)
