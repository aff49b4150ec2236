"""Analysts' words: written once, newest first, heard by whoever chooses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.bulk import bulk
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.mark import LIFE, Word, harmless, mark, unmark, word, words
from tidegate.gate.meant import unclean
from tidegate.gate.score import Source, Sources, scored
from tidegate.gate.select import Caps, Verdicts, select
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.ports import FeedState, SourceDown
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAD = (Kind.DOMAIN, "bad.example")
POLICY = Policy(simulated=True)


class NoFeeds:
    def state(self, _: str) -> FeedState:
        return FeedState()


@pytest.fixture
def store(tmp_path) -> SegmentStore:
    made = SegmentStore(tmp_path)
    rows = [Sighting(*BAD, "one", 80, NOW, NOW, NOW + timedelta(days=30), threat="loader")]
    state = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    state = state.with_columns(written=pl.lit(NOW, STATE["written"])).select(*STATE)
    made.commit("one", state, state)
    return made


def known(store: SegmentStore, now: datetime = NOW) -> Knowledge:
    return Knowledge(store, NoFeeds(), lambda: now, POLICY, {"one": "B"}, frozenset())


def said(what: Word = Word.HARMLESS, because: str = "ours", by: str = "kim", at=NOW, **more):
    return word(*BAD, what, because, by, at, **more)


def test_a_word_is_a_sighting_with_reason_and_name(store):
    assert mark([said()], store, NOW) == 1
    [found] = words(known(store))
    assert (found.source, found.confidence, found.threat) == ("analyst", 0, "ours")
    assert (found.tags, found.tlp, found.expires) == (("by:kim",), Tlp.AMBER, NOW + LIFE)


@pytest.mark.parametrize(("what", "score"), [(Word.MALICIOUS, 100.0), (Word.HARMLESS, 0.0)])
def test_a_word_decides_the_score(store, what, score):
    mark([said(what)], store, NOW)
    assert explain(*BAD, known(store)).score == score
    [row] = bulk([BAD[1]], known(store)).to_dicts()
    assert row["score"] == score
    assert row["never_enforced"] == (None if score else "analyst: ours")


def test_the_same_word_twice_changes_nothing(store):
    assert mark([said()], store, NOW) == 1
    before = store.state("analyst")
    assert mark([said()], store, NOW + HOUR) == 0
    assert store.state("analyst").equals(before)


def test_a_word_that_is_said_again_holds_longer(store):
    mark([said()], store, NOW)
    assert mark([said(at=NOW + HOUR)], store, NOW + HOUR) == 1
    [found] = words(known(store))
    assert (found.first_seen, found.last_seen) == (NOW, NOW + HOUR)
    assert found.expires == NOW + HOUR + LIFE


def test_the_newest_word_takes_the_place_of_the_one_before(store):
    mark([said(because="a")], store, NOW)
    mark([said(Word.MALICIOUS, "b", "lee", NOW + HOUR)], store, NOW + HOUR)
    [found] = words(known(store, NOW + HOUR))
    assert (found.confidence, found.threat, found.tags) == (100, "b", ("by:lee",))
    assert found.first_seen == NOW + HOUR
    assert mark([said(because="late", at=NOW)], store, NOW + HOUR) == 0


def test_a_word_ends_when_it_expires_and_its_row_goes(store):
    mark([said(life=timedelta(days=1))], store, NOW)
    later = NOW + timedelta(days=1)
    assert words(known(store, later)) == []
    assert harmless(known(store, later)).is_empty()
    assert unmark([indicator_id(*BAD)], store, later) == 0
    assert store.state("analyst").is_empty()


def test_a_word_can_be_taken_back(store):
    mark([said()], store, NOW)
    assert unmark([indicator_id(*BAD)], store, NOW) == 1
    assert unmark([indicator_id(*BAD)], store, NOW) == 0
    assert explain(*BAD, known(store)).unclean is None
    assert explain(*BAD, known(store)).score == pytest.approx(68, abs=0.1)


def test_nobody_writes_beside_another(store):
    with store.writing("analyst"), pytest.raises(SourceDown):
        mark([said()], store, NOW)


@pytest.mark.parametrize(("because", "by"), [("", "kim"), (" \n", "kim"), ("ours", "\x1b")])
def test_a_word_needs_a_reason_and_a_name(because, by):
    with pytest.raises(ValueError, match="a reason and a name"):
        said(because=because, by=by)


@given(st.text(min_size=1, max_size=900))
def test_a_reason_is_one_printable_line(text):
    found = said(because=f"x{text}").threat
    assert found is not None
    assert found.isprintable()
    assert len(found) <= 500


changes = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(Word), st.sampled_from("ab")), max_size=6
)


@pytest.mark.slow
@given(changes, st.randoms(use_true_random=False))
def test_words_of_any_order_leave_the_same(tmp_path_factory, found, random):
    spoken = [said(what, text, at=NOW + n * HOUR) for n, what, text in found]
    spoken = [*{(one.last_seen, one.threat): one for one in spoken}.values()]
    shuffled = [*spoken]
    random.shuffle(shuffled)
    left = []
    for order in (spoken, shuffled):
        store = SegmentStore(tmp_path_factory.mktemp("words"))
        for one in order:
            mark([one], store, NOW)
        left.append([replace(one, first_seen=NOW) for one in words(known(store))])
    assert left[0] == left[1]


# --- what is chosen ---------------------------------------------------------------------------


def test_what_is_called_harmless_is_never_chosen(store):
    mark([said()], store, NOW)
    found = scored(store.live(NOW).collect(), Sources({"one": Source("B")}), NOW)
    rows = found.with_columns(pl.col("last_seen").alias("newest"))
    held = pl.Series("id", [indicator_id(*BAD)], dtype=pl.String)
    verdicts = Verdicts(held=held, harmless=harmless(known(store)))
    chosen = select(rows, verdicts, POLICY, Caps(10, least_score=0.0))
    assert chosen["why_not"].to_list() == ["analyst: ours"]


def test_an_analysts_reason_comes_before_hygienes():
    rows = pl.DataFrame(
        {
            "id": ["1", "2", "3"],
            "kind": ["ipv4"] * 3,
            "value": ["10.0.0.1", "10.0.0.2", "192.0.2.1"],
            "sources": [["one"]] * 3,
        }
    )
    word_ = pl.DataFrame({"id": ["3", "1"], "why": ["analyst: a", "analyst: b"]})
    assert unclean(rows, POLICY, {}, word_).to_list() == ["analyst: b", "private", "analyst: a"]
