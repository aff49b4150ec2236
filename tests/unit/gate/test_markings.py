"""What is marked too strictly is not sent to Defender, and the plan says so."""

from datetime import timedelta

import pytest

from tidegate.model import Tlp
from tidegate.settings import Settings
from tidegate.wiring import local

pytestmark = pytest.mark.flow

REASON = "marked too strictly (TLP)"
DAY = timedelta(days=1)


def planned(gate, *markings: Tlp, **more):
    names = ("alpha", "beta")
    marked = zip(names, markings, strict=False)
    gate.knows(*(gate.seen("evil.example", source=name, tlp=tlp) for name, tlp in marked))
    return gate.plan(gate.world(gate.target(**more)))


@pytest.mark.parametrize("up_to", Tlp)
@pytest.mark.parametrize("tlp", Tlp)
def test_an_indicator_goes_as_far_as_its_marking(gate, tlp, up_to):
    made = planned(gate, tlp, up_to=up_to)
    allowed = list(Tlp).index(tlp) <= list(Tlp).index(up_to)
    assert (made.count("add"), made.refused) == ((1, {}) if allowed else (0, {REASON: 1}))


def test_without_a_setting_all_but_red_goes_to_the_own_tenant(gate):
    assert planned(gate, Tlp.AMBER_STRICT).count("add") == 1
    assert planned(gate, Tlp.RED).refused == {REASON: 1}


@pytest.mark.parametrize("advises", [True, False])
def test_the_strictest_source_decides_even_one_that_only_advises(gate, advises):
    gate.advisory = frozenset({"beta"} if advises else ())
    assert planned(gate, Tlp.CLEAR, Tlp.RED).refused == {REASON: 1}


def test_what_has_expired_marks_no_more(gate):
    over = gate.seen("evil.example", source="beta", tlp=Tlp.RED, expires=gate.clock() - DAY)
    gate.knows(gate.seen("evil.example"), over)
    assert gate.plan().count("add") == 1


def test_what_is_in_defender_and_turns_red_is_taken_out(gate):
    gate.knows(gate.seen("evil.example"))
    gate.apply()
    made = planned(gate, Tlp.RED)
    assert [(change.do, change.why) for change in made.changes] == [("remove", REASON)]


@pytest.mark.slow
def test_the_setting_reaches_the_gate(tmp_path):
    with local(Settings(home=tmp_path, gate_tlp="green")) as house:
        assert {one.up_to for one in house.gate.targets} == {Tlp.GREEN}
        assert house.gate.lists.up_to is Tlp.GREEN
