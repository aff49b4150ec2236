"""The score against its own formula in plain Python, and what `explain` tells of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.files import FileObjects
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.learned import Learned, Tally
from tidegate.gate.mark import Word, word
from tidegate.gate.published import publish
from tidegate.gate.score import GRADES, LIFETIMES, Source, Sources, Voice, scored, terms
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import FeedState
from tidegate.sightings import TIME, frame

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KNOWN = Sources(
    {
        "alpha": Source("A"),
        "beta": Source("B"),
        "copy": Source("C", group="lists"),
        "copy2": Source("D", group="lists"),
        "today": Source("B", confirmed=NOW - DAY),
        "early": Source("E", confirmed=NOW - 3_000 * DAY),
        "measured": Source("B", right=9, wrong=11),
        "vmray": Source("A", voice=Voice.OWN),
        "analyst": Source("A", voice=Voice.ANALYST),
        "colleague": Source("A", voice=Voice.ANALYST),
    }
)
VALUES = [
    (Kind.IPV4, "192.0.2.1"),
    (Kind.URL, "http://a.example/x"),
    (Kind.DOMAIN, "a.example"),
    (Kind.SHA256, "ab" * 32),
    (Kind.CIDR, "192.0.2.0/24"),
]


def sighting(source="alpha", confidence=100, age=0 * DAY, what=VALUES[0], **more):
    seen = NOW - age
    kind, value = what
    return Sighting(kind, value, source, confidence, seen, seen, NOW + DAY, **more)


def score(*sightings, known=KNOWN):
    return scored(frame(sightings), known, NOW)["score"].to_list()


def reference(sightings, known=KNOWN):
    """The formula as the module's docstring has it, one indicator at a time."""
    best, words = {}, {}
    for one in sightings:
        source = known.known.get(one.source, Source("F"))
        at = best.setdefault(one.indicator, {})
        if source.voice is Voice.ANALYST:
            said = (one.last_seen, -one.confidence)
            words[one.indicator] = max(words.get(one.indicator, said), said)
            continue
        seen = max(one.last_seen, source.confirmed or one.last_seen)
        age = max(NOW - seen, timedelta(0))
        decay = max(0.0, 1 - (age / LIFETIMES[one.kind]) ** 2)
        weight = source.reliability * one.confidence / 100 * decay
        group = source.voice, source.group or one.source
        at[group] = max(at.get(group, 0.0), weight)
    found = {}
    for indicator, weights in best.items():
        doubt = {Voice.FEED: 1.0, Voice.OWN: 1.0}
        for (voice, _), weight in weights.items():
            doubt[voice] *= 1 - weight
        heard = max(doubt[Voice.FEED], 0.05 + doubt[Voice.FEED] / 2)
        found[indicator] = 100 * (1 - heard * doubt[Voice.OWN])
        if indicator in words:
            found[indicator] = -words[indicator][1]
    return found


some = st.builds(
    sighting,
    source=st.sampled_from([*KNOWN.known, "nobody"]),
    confidence=st.integers(0, 100),
    age=st.timedeltas(-DAY, 900 * DAY).map(lambda age: timedelta(seconds=int(age.total_seconds()))),
    what=st.sampled_from(VALUES),
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(some, max_size=12))
def test_the_score_is_the_formula(sightings):
    found = scored(frame(sightings), KNOWN, NOW)
    assert dict(zip(found["id"], found["score"], strict=True)) == pytest.approx(
        reference(sightings), abs=1e-5
    )
    assert found["id"].is_sorted()


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    st.lists(some, min_size=1, max_size=12).flatmap(
        lambda s: st.tuples(st.just(s), st.permutations(s))
    )
)
def test_the_order_of_sightings_does_not_matter(both):
    given_, shuffled = both
    assert scored(frame(given_), KNOWN, NOW).equals(scored(frame(shuffled), KNOWN, NOW))


@pytest.mark.parametrize(("part", "decay"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.0), (2.0, 0.0)])
@pytest.mark.parametrize("what", VALUES)
def test_a_word_decays_over_the_lifetime_of_its_kind(what, part, decay):
    age = LIFETIMES[what[0]] * part
    assert score(sighting("vmray", age=age, what=what)) == [pytest.approx(100 * decay)]


def test_a_sighting_of_the_future_counts_as_one_of_now():
    assert score(sighting(age=-DAY)) == score(sighting())


def test_independent_sources_add_up_and_stay_below_95():
    assert score(sighting("beta", 50), sighting("nobody", 50)) == [
        pytest.approx(100 * (1 - (1 - 0.425) * (1 - 0.05)))
    ]
    assert score(*(sighting(name) for name in ("alpha", "beta", "copy"))) == [95]


# --- voices -----------------------------------------------------------------------------------


def test_a_fresh_detonation_stands_above_all_feeds():
    assert score(sighting("vmray")) == [100]
    assert score(sighting("vmray", 75), sighting("alpha")) == [
        pytest.approx(100 * (1 - 0.05 * 0.25))
    ]


@pytest.mark.parametrize("confidence", [0, 100])
@pytest.mark.parametrize("others", [[], ["alpha"], ["alpha", "vmray", "nobody"]])
def test_an_analysts_word_stands_above_all_and_does_not_fade(confidence, others):
    said = sighting("analyst", confidence, age=300 * DAY)
    assert score(said, *map(sighting, others)) == [confidence]


def test_of_several_analysts_the_newest_word_holds():
    old, new = sighting("analyst", 100, DAY), sighting("colleague", 0)
    assert score(old, new) == [0]
    assert score(replace(old, last_seen=NOW + DAY), new) == [100]
    assert score(sighting("analyst", 100), new) == [0]


def test_an_analysts_reason_is_no_threat():
    rows = [sighting("analyst", threat="it is ours"), sighting("alpha", threat="loader")]
    assert scored(frame(rows), KNOWN, NOW)["threat"].to_list() == ["loader"]
    assert scored(frame(rows[:1]), KNOWN, NOW)["threat"].to_list() == [None]


# --- measured precision -----------------------------------------------------------------------


def test_judged_hits_move_a_grade_by_the_posterior_against_the_prior():
    source = Source("B", right=9, wrong=11)
    assert source.precision == 0.45
    assert source.reliability == pytest.approx(0.85 * (27 / 40) / 0.9)
    assert Source("B").precision is None
    assert Source("B").reliability == pytest.approx(0.85)


def test_few_judged_hits_move_little():
    assert Source("B", wrong=1).reliability > 0.8
    assert Source("B", right=1).reliability < 0.86


@given(st.sampled_from("ABCDEF"), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_source_leaves_the_grades_by_what_is_measured(grade, right, wrong):
    source = Source(grade, right=right, wrong=wrong)
    assert min(GRADES[grade], GRADES["E"]) <= source.reliability <= GRADES["A"]
    assert Source(grade, right=right + 1, wrong=wrong).reliability >= source.reliability
    assert Source(grade, right=right, wrong=wrong + 1).reliability <= source.reliability


def test_an_advisory_source_has_no_weight_however_right_it_is():
    assert Source("A", advisory=True, right=1_000).reliability == 0


# --- the other terms --------------------------------------------------------------------------


def test_sources_of_one_group_count_once_with_their_strongest_word():
    both = score(sighting("copy", 80), sighting("copy2", 90))
    assert both == score(sighting("copy", 80))


def test_what_a_snapshot_holds_was_true_when_it_was_fetched():
    old = 100 * DAY
    assert score(sighting("today", 100, old)) == [pytest.approx(85 * (1 - (1 / 14) ** 2))]
    assert score(sighting("beta", 100, old)) == [0]
    assert score(sighting("early", 100, DAY)) == [pytest.approx(30 * (1 - (1 / 14) ** 2))]


def test_an_indicator_carries_its_sources_and_its_threat():
    rows = [sighting("beta"), sighting("alpha", threat="loader"), sighting("copy")]
    [row] = scored(frame(rows), KNOWN, NOW).to_dicts()
    assert row["sources"] == ["alpha", "beta", "copy"]
    assert row["threat"] == "loader"


def test_nothing_known_scores_nothing():
    assert scored(frame([]), KNOWN, NOW).is_empty()
    assert terms(frame([]), KNOWN, NOW).is_empty()


# --- explain ----------------------------------------------------------------------------------


@dataclass
class Store:
    """Just enough of `ports.Sightings` and `ports.Feeds`."""

    found: list[Sighting]

    def of(self, indicator):
        return [one for one in self.found if one.indicator == indicator]

    def get(self, _):
        return None

    def state(self, feed):
        return FeedState(fetched=NOW - DAY) if feed == "today" else FeedState()


def known(*found, allow=()):
    store = Store(list(found))
    policy = Policy(allow, simulated=True)
    grades = {name: source.grade for name, source in KNOWN.known.items()}
    snapshots = frozenset({"today"})
    return Knowledge(store, store, lambda: NOW, policy, grades, snapshots)


def test_explaining_shows_every_term_of_the_score():
    found = [sighting("alpha", 50), sighting("today", 100, 100 * DAY)]
    told = explain(*VALUES[0], known(*found))
    assert told.id == indicator_id(*VALUES[0])
    assert told.sightings == found
    assert [term["source"] for term in told.terms] == ["today", "alpha"]
    assert told.terms[1] == {
        "source": "alpha",
        "voice": "feed",
        "grade": "A",
        "precision": None,
        "reliability": 1.0,
        "confidence": 50,
        "age_days": 0.0,
        "decay": 1.0,
        "group": "alpha",
        "weight": 0.5,
        "copies": [],
        "uncounted": None,
    }
    doubt = 1.0
    for term in told.terms:
        doubt *= 1 - float(term["weight"])
    assert doubt < 0.1  # above 90 what feeds say counts half
    assert told.score == pytest.approx(100 * (0.95 - doubt / 2), abs=0.1)


def uncounted(known_):
    return {term["source"]: term["uncounted"] for term in explain(*VALUES[0], known_).terms}


def test_explaining_says_why_a_source_does_not_count():
    held = known(
        sighting("alpha"), sighting("beta", age=99 * DAY), sighting("label"), sighting("copy", 0)
    )
    grades = {**held.grades, "label": "A"}
    assert uncounted(replace(held, grades=grades, advisory=frozenset({"label"}))) == {
        "alpha": None,
        "beta": "it is too old",
        "copy": "it is not sure at all",
        "label": "it labels, and does not call bad",
    }


def test_explaining_says_who_repeats_whom():
    held = known(sighting("alpha"), sighting("beta"), sighting("copy"))
    learned = Learned(groups=(("beta", "copy"),), copies={"beta": ("alpha", "today")})
    told = replace(held, learned=lambda: learned)
    assert uncounted(told) == {
        "alpha": None,
        "beta": "it repeats copy",
        "copy": None,
    }
    told = replace(held, learned=lambda: Learned(copies={"beta": ("alpha", "today")}))
    assert uncounted(told)["beta"] == "it copies alpha"
    [beta] = [term for term in explain(*VALUES[0], told).terms if term["source"] == "beta"]
    assert beta["copies"] == ["alpha"]


def test_explaining_shows_what_was_measured():
    held = known(sighting("beta"))
    learned = Learned(tallies={"beta": Tally(hits=30, confirmed=9, false_positives=11)})
    [term] = explain(*VALUES[0], replace(held, learned=lambda: learned)).terms
    assert (term["grade"], term["precision"], term["reliability"]) == ("B", 0.45, 0.638)


def test_explaining_tells_what_an_analyst_said():
    said = word(*VALUES[0], Word.HARMLESS, "our own scanner", "kim", NOW)
    told = explain(*VALUES[0], known(sighting("alpha"), said))
    assert (told.score, told.unclean) == (0.0, "analyst: our own scanner")
    assert told.marked is not None
    assert (told.marked.word, told.marked.by, told.marked.at) == (Word.HARMLESS, "kim", NOW)
    assert {term["source"]: term["uncounted"] for term in told.terms} == {
        "alpha": "an analyst has spoken",
        "analyst": None,
    }


def test_explaining_tells_since_when_others_are_served_it(tmp_path):
    objects = FileObjects(tmp_path, lambda: NOW)
    held = replace(known(sighting("alpha")), objects=objects)
    assert explain(*VALUES[0], held).published is None
    rows = scored(frame([sighting("alpha")]), KNOWN, NOW).with_columns(
        tags=pl.lit([], pl.List(pl.String)),
        reference=pl.lit(None, pl.String),
        first_seen=pl.lit(NOW, TIME),
        expires=pl.lit(NOW, TIME),
        tlp=pl.lit("clear"),
        action=pl.lit("Block"),
    )
    publish(rows, NOW - DAY, objects)
    assert explain(*VALUES[0], held).published == NOW - DAY
    publish(rows.clear(), NOW, objects)
    assert explain(*VALUES[0], held).published is None


def test_explaining_tells_expired_sightings_apart():
    old = replace(sighting(), expires=NOW)
    told = explain(*VALUES[0], known(old))
    assert (told.score, told.sightings, told.expired) == (0.0, [], [old])


def test_explaining_says_what_is_never_enforced():
    assert explain(*VALUES[0], known(sighting(), allow=("192.0.2.0/24",))).unclean == "allow-list"
    assert explain(Kind.IPV4, "10.0.0.1", known()).unclean == "private"


def test_explaining_what_nobody_reported():
    told = explain(Kind.DOMAIN, "b.example", known())
    assert (told.score, told.terms, told.sightings, told.expired) == (0.0, [], [], [])


def test_scores_are_numbers_that_a_plan_can_compare():
    assert scored(frame([sighting()]), KNOWN, NOW).schema["score"] == pl.Float64
