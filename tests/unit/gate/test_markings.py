"""What is marked too strictly is not sent to Defender, and the plan says so."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.gate.knowledge import Knowledge
from tidegate.gate.run import World, make_plan
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import APPLICATION, Enforced, FeedState
from tidegate.settings import Settings
from tidegate.sightings import frame, unexpired
from tidegate.wiring import local

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REASON = "marked too strictly (TLP)"


@dataclass
class Store:
    found: list[Sighting]
    held: list[Enforced]

    def live(self, now):
        return unexpired(frame(self.found).lazy(), now)

    def state(self, _):
        return FeedState()

    def current(self):
        return self.held


def sighting(tlp: Tlp, source: str = "one", days: int = 1) -> Sighting:
    until = NOW + timedelta(days=days)
    return Sighting(Kind.DOMAIN, "evil.example", source, 100, NOW, NOW, until, tlp=tlp)


def planned(*found: Sighting, held: tuple[Enforced, ...] = (), **more):
    store = Store(list(found), list(held))
    grades, advisory = {"one": "A", "two": "A", "label": "A"}, frozenset({"label"})
    policy = Policy(simulated=True)
    known = Knowledge(store, store, lambda: NOW, policy, grades, frozenset(), advisory=advisory)
    return make_plan(World(known, store, limit=10, headroom=0, least_score=1.0, **more))


@pytest.mark.parametrize("up_to", Tlp)
@pytest.mark.parametrize("tlp", Tlp)
def test_an_indicator_goes_as_far_as_its_marking(tlp, up_to):
    made = planned(sighting(tlp), up_to=up_to)
    allowed = list(Tlp).index(tlp) <= list(Tlp).index(up_to)
    assert (made.count("add"), made.refused) == ((1, {}) if allowed else (0, {REASON: 1}))


def test_without_a_setting_all_but_red_goes_to_the_own_tenant():
    assert planned(sighting(Tlp.AMBER_STRICT)).count("add") == 1
    assert planned(sighting(Tlp.RED)).refused == {REASON: 1}


@pytest.mark.parametrize("other", ["two", "label"])
def test_the_strictest_source_decides_even_one_that_only_advises(other):
    assert planned(sighting(Tlp.CLEAR), sighting(Tlp.RED, other)).refused == {REASON: 1}


def test_what_has_expired_marks_no_more():
    assert planned(sighting(Tlp.CLEAR), sighting(Tlp.RED, "two", days=-1)).count("add") == 1


def test_what_is_in_defender_and_turns_red_is_taken_out():
    held = Enforced(Kind.DOMAIN, "evil.example", "Block", id="7", application=APPLICATION)
    made = planned(sighting(Tlp.RED), held=(held,))
    assert [(change.do, change.why) for change in made.changes] == [("remove", REASON)]


def test_the_setting_reaches_the_gate(tmp_path):
    with local(Settings(home=tmp_path, gate_tlp="green")) as house:
        assert house.gate.up_to is Tlp.GREEN
