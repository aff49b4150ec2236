"""Who only advises never leads to a block, and a list of lists is not heard twice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import Use, feeds
from tidegate.gate.candidates import candidates
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.ranking import Wanted
from tidegate.gate.score import LIFETIMES, Source, Sources, scored
from tidegate.gate.select import ENFORCEABLE
from tidegate.hosts import HOSTLESS
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import FeedState
from tidegate.sightings import empty, frame, unexpired

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = (Kind.IPV4, "192.0.2.1")
KNOWN = Sources(
    {
        "one": Source("A"),
        "two": Source("B"),
        "copier": Source("C", copies=frozenset({"one", "two"})),
        "other": Source("C", copies=frozenset({"one"})),
    }
)


def sighting(source: str, confidence: int = 100) -> Sighting:
    return Sighting(*ADDRESS, source, confidence, NOW, NOW, NOW + timedelta(days=1))


def score(*found: Sighting) -> float:
    return scored(frame(found), KNOWN, NOW)["score"].item()


def test_every_kind_has_a_lifetime():
    assert LIFETIMES.keys() == set(Kind)


def test_what_defender_does_not_take_is_not_enforceable():
    assert set(Kind) - set(ENFORCEABLE) == {
        Kind.CIDR,
        Kind.EMAIL,
        Kind.CVE,
        Kind.ASN,
        Kind.CERTIFICATE,
        *HOSTLESS,
    }


def test_a_list_of_lists_alone_is_heard():
    assert score(sighting("copier", 100)) == pytest.approx(70)


def test_beside_what_it_copies_it_adds_only_what_its_word_exceeds():
    assert score(sighting("one", 90), sighting("copier")) == pytest.approx(90)
    assert score(sighting("one", 20), sighting("copier")) == pytest.approx(70)
    both = score(sighting("one", 50), sighting("two", 50))
    assert both > 70
    assert score(sighting("one", 50), sighting("two", 50), sighting("copier")) == both


def test_it_is_independent_of_what_it_does_not_copy():
    assert score(sighting("two", 80), sighting("other", 80)) == pytest.approx(100 - 32 * 0.44)


PERCENT = st.integers(0, 100)


@pytest.mark.slow
@settings(deadline=None)
@given(PERCENT, PERCENT, PERCENT)
def test_a_word_more_never_lowers_a_score(one, two, copier):
    without = score(sighting("one", one), sighting("two", two))
    with_it = score(sighting("one", one), sighting("two", two), sighting("copier", copier))
    assert with_it >= without - 1e-6
    assert with_it <= max(without, 0.7 * copier) + 1e-5


@dataclass
class Store:
    found: list[Sighting]

    def of(self, indicator):
        return [one for one in self.found if one.indicator == indicator]

    def versions(self):
        return {"alpha": str(self.found)}

    def live(self, now, only=None):
        return unexpired(frame(self.found).lazy(), now)

    def state(self, name):
        return empty() if name == "analyst" else FeedState()


def known(*found: Sighting) -> Knowledge:
    store = Store(list(found))
    grades, advisory = {"one": "A", "tor": "A"}, frozenset({"tor"})
    parts = (store, store, lambda: NOW, Policy(simulated=True), grades, frozenset())
    return Knowledge(*parts, advisory=advisory)


def test_a_label_never_leads_to_a_block():
    assert candidates(known(sighting("tor")), Wanted(9, 1.0))[0].is_empty()


def test_a_label_adds_nothing_to_what_others_say():
    told = explain(*ADDRESS, known(sighting("tor"), sighting("one", 60)))
    assert told.score == 60
    assert [(term["source"], term["weight"]) for term in told.terms] == [("one", 0.6), ("tor", 0)]


def test_the_feeds_that_only_advise():
    advising = {name: feed.use for name, feed in feeds().items() if feed.use is not Use.BLOCK}
    assert advising == {
        "cisa_kev": Use.CONTEXT,
        "spamhaus_asn": Use.CONTEXT,
        "tor_exits": Use.LABEL,
    }


def test_lists_of_lists_name_feeds():
    assert {of for feed in feeds().values() for of in feed.copies} <= feeds().keys()
    assert all(feed.group for feed in feeds().values() if feed.copies)
