"""The best of the store: as scoring everything finds them, in one pass or from what changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate import candidates as module
from tidegate.gate.bounds import KEY, View, bounds
from tidegate.gate.candidates import WHOLE, candidates
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.mark import harmless
from tidegate.gate.meant import unclean
from tidegate.gate.pool import NAME, Pool, dump, load, remember, remembered
from tidegate.gate.ranking import CANDIDATES, Wanted
from tidegate.gate.score import GRADES, scored
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, TIME, fingerprinted, frame, unique

pytestmark = pytest.mark.flow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRADED = {
    "alpha": "A",
    "beta": "B",
    "twin": "C",
    "twin2": "B",
    "list": "B",
    "list2": "C",
    "merged": "B",
    "merged2": "C",
    "label": "A",
    "analyst": "A",
}
SNAPSHOTS = ("list", "list2", "merged")
COPIES = {"merged": frozenset({"list", "twin"}), "merged2": frozenset({"alpha", "list"})}
NAMES = (*GRADED, "stranger")
VALUES = [
    *((Kind.DOMAIN, f"d{n}.example") for n in range(9)),
    *((Kind.DOMAIN, f"d{n}.good.example") for n in range(3)),
    *((Kind.IPV4, f"192.0.2.{n}") for n in range(8)),
    *((Kind.CIDR, f"198.51.100.{8 * n}/29") for n in range(2)),
]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small stores into slices, too, and let most of one be read as changed."""
    monkeypatch.setattr(module, "ROWS", 6)
    monkeypatch.setattr(module, "MANY", 1_000)


@dataclass
class House:
    """A store in a folder, a clock that we turn, and grades and times of answers that we set."""

    root: Path
    now: datetime = START
    grades: dict[str, str] = field(default_factory=lambda: dict(GRADED))
    fetched: dict[str, datetime] = field(default_factory=lambda: dict.fromkeys(SNAPSHOTS, START))
    policy: Policy = field(default_factory=lambda: Policy(("good.example",), simulated=True))

    def __post_init__(self) -> None:
        self.store = SegmentStore(self.root)

    def state(self, source: str) -> FeedState:
        return FeedState(fetched=self.fetched.get(source))

    def known(self) -> Knowledge:
        return Knowledge(
            self.store,
            self,
            lambda: self.now,
            self.policy,
            self.grades,
            frozenset(SNAPSHOTS),
            groups={"twin": "pair", "twin2": "pair"},
            copies=COPIES,
            advisory=frozenset({"label"}),
        )

    def write(self, *found: Sighting) -> None:
        """Write what sources say now; of what they said before the rest stays."""
        whole = frame(found)
        for source in whole["source"].unique():
            rows = unique(whole.filter(pl.col("source") == source).select(*SCHEMA))
            new = fingerprinted(rows).with_columns(pl.lit(self.now, TIME).alias("written"))
            old = self.store.state(source).join(rows, on="id", how="anti")
            self.commit(source, pl.concat([old, new.select(*STATE)]), new)

    def withdraw(self, source: str, *values: str) -> None:
        state = self.store.state(source)
        self.commit(source, state.filter(~pl.col("value").is_in(values)), state.clear())

    def commit(self, source: str, state: pl.DataFrame, changed: pl.DataFrame) -> None:
        self.store.commit(source, state.sort("id"), changed)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "sightings")


def sighting(
    what: tuple[Kind, str],
    source: str = "alpha",
    confidence: int = 80,
    seen: datetime = START,
    life: timedelta = 900 * HOUR,
    tlp: Tlp = Tlp.CLEAR,
    threat: str | None = None,
    before: timedelta = 0 * HOUR,
) -> Sighting:
    kind, value = what
    times = (seen - before, seen, max(seen, START) + life)
    return Sighting(kind, value, source, confidence, *times, threat=threat, tlp=tlp)


def many(count: int, source: str = "alpha", **more) -> list[Sighting]:
    """Return sightings of many domains, no two of the same confidence in ten."""
    return [
        sighting((Kind.DOMAIN, f"h{n}.example"), source, 50 + n % 50, **more) for n in range(count)
    ]


def simple(house: House, wanted: Wanted) -> list[dict[str, object]]:
    """Score everything, then take the best of each kind and what is held."""
    known = house.known()
    live = house.store.live(house.now).collect()
    newest = pl.col("first_seen").filter(pl.col("source") != "label").max().alias("newest")
    said = live.group_by("id").agg(newest, pl.col("expires", "tlp").max())
    rows = scored(live.filter(pl.col("source") != "label"), sources(known), house.now)
    why = unclean(rows, known.policy, known.exceptions, harmless(known)).alias("unclean")
    rows = rows.with_columns(why).join(said, on="id").select(*CANDIDATES)
    held, taken, count = set(wanted.held), [], {}
    order = rows.sort("score", "newest", "id", descending=[True, True, False])
    for row in order.iter_rows(named=True):
        clean, kind = row["unclean"] is None, row["kind"]
        places = count.setdefault(kind, {True: 0, False: 0})
        good = row["score"] >= wanted.least_score and Kind(kind) in wanted.kinds
        fits = places[clean] < wanted.most and places[True] < wanted.most
        if good:
            places[clean] += 1
        if (good and fits) or row["id"] in held:
            taken.append(row)
    return taken


def same(found: pl.DataFrame, expected: list[dict[str, object]]) -> None:
    """Compare; scores may differ in the last digit, for products are taken in any order."""
    told = found.to_dicts()
    scores = [row.pop("score") for row in told]
    assert scores == pytest.approx([row["score"] for row in expected], abs=1e-5)
    assert told == [{k: v for k, v in row.items() if k != "score"} for row in expected]


# --- against the simple way -------------------------------------------------------------------

hours = st.integers(0, 400).map(lambda n: n * HOUR)
Step = tuple[str, object]
writes = st.lists(
    st.builds(
        dict,
        what=st.sampled_from(VALUES),
        source=st.sampled_from(NAMES),
        confidence=st.sampled_from([0, 60, 60, 80, 80, 95, 100]),
        age=st.sampled_from([0, 0, 1, 20, 200]).map(lambda n: n * HOUR),
        before=st.sampled_from([0, 0, 1, 30]).map(lambda n: n * HOUR),
        life=st.sampled_from([5, 30, 900]).map(lambda n: n * HOUR),
        tlp=st.sampled_from([Tlp.CLEAR, Tlp.RED]),
        threat=st.sampled_from([None, "a", "b"]),
    ),
    min_size=1,
    max_size=25,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), writes),
        st.tuples(
            st.just("withdraw"),
            st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(VALUES), min_size=1)),
        ),
        st.tuples(st.just("pass"), st.sampled_from([0, 0.1, 1, 3, 12]).map(lambda n: n * HOUR)),
        st.tuples(st.just("confirm"), st.sampled_from(SNAPSHOTS)),
        st.tuples(st.just("grade"), st.tuples(st.sampled_from(NAMES), st.sampled_from("ABCF"))),
        st.tuples(st.just("ask"), st.sets(st.sampled_from(VALUES), max_size=3)),
    ),
    min_size=3,
    max_size=12,
)


def done(step: Step, house: House) -> None:
    match step:
        case ("write", [*rows]):
            house.now += timedelta(seconds=1)  # no source is written twice at one time
            house.write(
                *(
                    sighting(**{k: v for k, v in row.items() if k != "age"}, seen=seen)
                    for row in rows
                    for seen in [house.now - row["age"]]
                )
            )
        case ("withdraw", (source, values)):
            house.withdraw(source, *(value for _, value in values))
        case ("pass", time):
            house.now += time
        case ("confirm", source):
            house.fetched[source] = house.now
        case ("grade", (source, grade)):
            house.grades[source] = grade


@pytest.mark.slow
@settings(max_examples=20)
@given(writes, steps, st.integers(1, 3), st.sampled_from([0.0, 30.0, 50.0]))
def test_what_changed_is_enough_to_find_the_best(first, changes, most, least):
    with TemporaryDirectory() as folder:
        house, memory = House(Path(folder)), None
        for step in [("write", first), ("ask", set()), *changes, ("ask", set())]:
            done(step, house)
            if step[0] != "ask":
                continue
            held = pl.Series("id", [indicator_id(*one) for one in step[1]], dtype=pl.String)
            wanted = Wanted(most, least, held)
            expected = simple(house, wanted)
            same(candidates(house.known(), wanted)[0], expected)
            found, pool = candidates(house.known(), wanted, memory)
            same(found, expected)
            memory = load(dump(pool))


@pytest.mark.slow
@settings(max_examples=25)
@given(writes, st.sampled_from([0.0, 50.0]))
def test_the_order_of_sightings_does_not_matter(rows, least):
    def found(order: Iterator[dict]) -> pl.DataFrame:
        with TemporaryDirectory() as folder:
            house = House(Path(folder))
            for row in order:
                house.now = START
                done(("write", [row]), house)
            return candidates(house.known(), Wanted(2, least))[0]

    only = {(row["what"], row["source"]): row for row in rows}.values()
    assert found(iter(only)).equals(found(reversed(only)))


@pytest.mark.slow
@settings(max_examples=40)
@given(writes)
def test_no_score_is_above_its_bound_now_or_ever(rows):
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        done(("write", rows), house)
        view = View(sources(house.known()), frozenset(SNAPSHOTS), house.now)
        live = house.store.live(house.now).filter(pl.col("source") != "label").collect()
        bound = bounds(live.with_columns(KEY), view)
        for part in parts(live):
            for later in (0 * HOUR, 2 * HOUR, 100 * HOUR):
                later_on = view.now + later
                house.fetched = dict.fromkeys(SNAPSHOTS, later_on)
                found = scored(part, sources(house.known()), later_on).with_columns(KEY)
                both = found.join(bound, on=["key", "kind"])
                assert (both["score"] <= both["ever"]).all()
        house.fetched = dict.fromkeys(SNAPSHOTS, START)
        now = scored(live, view.sources, view.now).with_columns(KEY).join(bound, on="key")
        assert (now["score"] <= now["now"]).all()


def parts(live: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield what is left of sightings when sources fall silent."""
    yield live
    for source in live["source"].unique():
        yield live.filter(pl.col("source") != source)
        yield live.filter(pl.col("source") == source)


# --- from what changed ------------------------------------------------------------------------


def cycle(house: House, wanted: Wanted, memory: Pool) -> tuple[pl.DataFrame, Pool]:
    """Take one cycle of which the result is right, and which read only what changed."""
    found, pool = candidates(house.known(), wanted, memory)
    same(found, simple(house, wanted))
    assert pool.whole == memory.whole
    return found, pool


@pytest.fixture
def one_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a small store in one piece: in a slice of six nobody sees a crowd."""
    monkeypatch.setattr(module, "ROWS", 1_000)


@pytest.mark.usefixtures("one_slice")
def test_cycles_follow_what_is_written_withdrawn_and_old_without_reading_all(house):
    wanted = Wanted(5, 30.0)
    house.write(*many(200), *many(40, "list"))
    _, memory = candidates(house.known(), wanted)
    house.now += HOUR
    _, memory = cycle(house, wanted, memory)
    house.write(sighting((Kind.DOMAIN, "h40.example"), "beta", 100, house.now))
    found, memory = cycle(house, wanted, memory)
    assert "h40.example" in {*found["value"]}
    house.now += HOUR
    house.withdraw("beta", "h40.example")
    found, memory = cycle(house, wanted, memory)
    assert "h40.example" not in {*found["value"]}


@pytest.mark.usefixtures("one_slice")
def test_no_source_is_read_again_whoever_wrote(house, monkeypatch):
    wanted, read = Wanted(5, 30.0), []
    house.write(*many(60, "beta"), *many(40))
    _, memory = candidates(house.known(), wanted)
    live = SegmentStore.live
    monkeypatch.setattr(SegmentStore, "live", lambda *given: read.append(given[2]) or live(*given))
    house.now += HOUR
    _, memory = candidates(house.known(), wanted, memory)
    house.withdraw("alpha", "h3.example")
    _, memory = candidates(house.known(), wanted, memory)
    house.write(sighting((Kind.DOMAIN, "h5.example"), "alpha", 99, house.now))
    house.write(sighting((Kind.DOMAIN, "first.example"), "analyst", 99, house.now))
    found, memory = candidates(house.known(), wanted, memory)
    assert {"h5.example", "first.example"} <= {*found["value"]}
    assert {*map(str, read)} == {"()"}
    # Of what is put at a target by somebody else nothing is known.
    held = pl.Series("id", [indicator_id(Kind.DOMAIN, "h0.example")])
    candidates(house.known(), replace(wanted, held=held), memory)
    assert read[-1] is None


@pytest.mark.usefixtures("one_slice")
def test_while_nothing_is_written_the_memory_stays_as_it_is(house):
    wanted = Wanted(5, 30.0)
    house.write(*many(60), *many(40, "list"))
    _, first = candidates(house.known(), wanted)
    for _ in range(3):
        house.now += HOUR
        house.fetched["list"] = house.now
        assert cycle(house, wanted, first)[1] is first
    held = pl.Series("id", [many(1)[0].indicator])
    _, second = cycle(house, replace(wanted, held=held), first)
    assert held[0] in {*second.ids} - {*first.ids}
    house.write(sighting((Kind.DOMAIN, "h40.example"), "beta", 100, house.now))
    assert cycle(house, wanted, first)[1] is not first


@pytest.mark.usefixtures("one_slice")
def test_of_a_list_whose_words_are_all_alike_a_part_is_remembered(house):
    wanted = Wanted(5, 30.0)
    words = [replace(one, confidence=80) for one in many(200, "list")]
    house.write(*words, *(replace(one, source="merged") for one in words[50:]))
    _, memory = candidates(house.known(), wanted)
    assert len(memory.ids) < 50
    for _ in range(3):
        house.now += HOUR
        _, memory = cycle(house, wanted, memory)
        house.fetched["list"] = house.now
        _, memory = cycle(house, wanted, memory)


def test_what_is_held_comes_whatever_it_scores(house):
    poor = sighting((Kind.DOMAIN, "poor.example"), "stranger", 10)
    network = sighting((Kind.CIDR, "192.0.2.0/24"), "alpha")
    good = sighting((Kind.DOMAIN, "a.good.example"), "beta", 20)
    label = sighting((Kind.DOMAIN, "label.example"), "label")
    house.write(*many(100), poor, network, good, label)
    held = pl.Series("id", [one.indicator for one in (poor, network, good, label)])
    _, memory = candidates(house.known(), Wanted(5, 60.0))
    found, _ = cycle(house, Wanted(5, 60.0, held), memory)
    assert {poor.value, network.value, good.value} < {*found["value"]}
    assert label.value not in {*found["value"]}


def test_an_analysts_word_is_seen_however_it_is_scored(house):
    house.write(*many(100), sighting((Kind.DOMAIN, "said.example"), "analyst", 1))
    _, memory = candidates(house.known(), Wanted(3, 50.0))
    assert indicator_id(Kind.DOMAIN, "said.example") in {*memory.ids}


def test_the_strictest_marking_and_the_latest_end_are_told_labels_included(house):
    one = sighting((Kind.DOMAIN, "a.example"), life=10 * HOUR)
    two = sighting((Kind.DOMAIN, "a.example"), "label", life=20 * HOUR, tlp=Tlp.RED)
    house.write(one, two)
    found, _ = candidates(house.known(), Wanted(3, 50.0))
    told = found.select("sources", "tlp", "expires").rows()
    assert told == [(["alpha"], "red", START + 20 * HOUR)]
    assert found.schema == pl.Schema(CANDIDATES)


def test_what_hygiene_refuses_takes_nobodys_place(house):
    bad = [sighting((Kind.DOMAIN, f"b{n}.good.example"), "alpha", 100) for n in range(9)]
    house.write(*many(50), *bad)
    found, memory = candidates(house.known(), Wanted(4, 50.0))
    assert found["unclean"].is_null().sum() == 4
    assert found["unclean"].drop_nulls().to_list() == ["allow-list"] * 4
    cycle(house, Wanted(4, 50.0), memory)


# --- when the whole store is read ---------------------------------------------------------------


def changed(house: House, memory: Pool, wanted: Wanted) -> bool:
    """Whether the cycle after a change is right, and read the whole store."""
    found, pool = candidates(house.known(), wanted, memory)
    same(found, simple(house, wanted))
    return pool.whole > memory.whole


@pytest.fixture
def filled(house: House) -> tuple[House, Pool]:
    house.write(*many(100), *many(30, "beta"))
    _, memory = candidates(house.known(), Wanted(3, 30.0))
    house.now += HOUR
    return house, memory


def test_nothing_changed_reads_nothing_anew(filled):
    assert not changed(*filled, Wanted(3, 30.0))


@pytest.mark.slow
@pytest.mark.parametrize("other", [Wanted(4, 30.0), Wanted(3, 31.0)])
def test_another_question_needs_the_whole_store(filled, other):
    assert changed(*filled, other)


@pytest.mark.slow
def test_another_policy_needs_the_whole_store(filled):
    house, memory = filled
    house.policy = Policy(("h1.example",), simulated=True)
    assert changed(house, memory, Wanted(3, 30.0))


@pytest.mark.slow
def test_a_source_that_is_worth_much_more_needs_the_whole_store(filled):
    house, memory = filled
    house.grades["beta"] = "A"
    assert changed(house, memory, Wanted(3, 30.0))


def test_a_source_that_is_worth_a_little_more_does_not(filled, monkeypatch):
    house, memory = filled
    monkeypatch.setitem(GRADES, "B", GRADES["B"] * 1.001)
    assert not changed(house, memory, Wanted(3, 30.0))


@pytest.mark.slow
def test_too_few_left_need_the_whole_store(filled):
    house, memory = filled
    best = candidates(house.known(), Wanted(9, 30.0))[0]["value"]
    house.withdraw("alpha", *best)
    house.withdraw("beta", *best)
    assert changed(house, memory, Wanted(3, 30.0))


@pytest.mark.slow
def test_a_day_later_the_whole_store_is_read(filled):
    house, memory = filled
    house.now = memory.whole + WHOLE
    assert changed(house, memory, Wanted(3, 30.0))


@pytest.mark.slow
def test_a_clock_that_went_back_needs_the_whole_store(filled):
    house, memory = filled
    house.now = memory.at - HOUR
    _, pool = candidates(house.known(), Wanted(3, 30.0), memory)
    assert pool.whole == house.now


@pytest.mark.slow
def test_what_a_slow_clock_wrote_is_read(filled):
    house, memory = filled
    house.write(sighting((Kind.DOMAIN, "early.example"), "alpha", 30, house.now))
    _, memory = candidates(house.known(), Wanted(3, 30.0), memory)
    house.now -= HOUR
    house.write(sighting((Kind.DOMAIN, "late.example"), "alpha", 100, house.now))
    house.now += HOUR
    assert not changed(house, memory, Wanted(3, 30.0))


@pytest.mark.slow
def test_where_most_was_written_anew_the_whole_store_is_read(filled, monkeypatch):
    house, memory = filled
    monkeypatch.setattr(module, "MANY", 0.5)
    house.write(*many(80, seen=house.now))
    assert changed(house, memory, Wanted(3, 30.0))


# --- the memory -------------------------------------------------------------------------------


def test_the_memory_is_kept_and_read_again(filled, tmp_path):
    _, memory = filled
    objects = FileObjects(tmp_path / "objects", lambda: START)
    assert remembered(objects) is None
    remember(memory, objects)
    again = remembered(objects)
    assert again.ids.equals(memory.ids)
    assert again.rows.equals(memory.rows)
    assert replace(again, ids=memory.ids, rows=memory.rows) == memory


@pytest.mark.parametrize("data", [b"", b"PAR1", b"{}", "whole"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path, data):
    objects = FileObjects(tmp_path / "objects", lambda: START)
    if data == "whole":
        pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "file")
        data = (tmp_path / "file").read_bytes()
    objects.put(NAME, data)
    assert remembered(objects) is None


def test_an_empty_store_has_no_candidates(house):
    found, memory = candidates(house.known(), Wanted(3, 50.0))
    assert found.is_empty()
    assert found.schema == pl.Schema(CANDIDATES)
    house.write(*many(3))
    assert len(candidates(house.known(), Wanted(3, 50.0), memory)[0]) == 3
