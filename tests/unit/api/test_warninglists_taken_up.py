"""New warninglists reach a house that is open: all of its parts, and the routes that keep them."""

import json

import pytest

from tidegate.hygiene import reason
from tidegate.model import Kind
from tidegate.serve import Current
from tidegate.settings import Settings
from tidegate.wiring import local

VALUE = "203.0.113.9"
LIST = {
    "name": "One",
    "version": 1,
    "type": "cidr",
    "matching_attributes": ["ip-src"],
    "list": [VALUE],
}


@pytest.fixture
def house(tmp_path):
    with local(Settings(home=tmp_path)) as opened:
        yield opened


def bring(house, **more):
    folder = house.settings.home / "warninglists"
    folder.mkdir(exist_ok=True)
    (folder / "one.json").write_text(json.dumps(LIST | more))


def judged(house):
    """Return what each part says of the value."""
    parts = {
        "ingest": house.ingest.policy,
        "desk": house.desk.world.policy,
        "knowledge": house.knowledge.policy,
        "enrichment": house.enrichment.known.policy,
        "detonate": house.detonate.policy.hygiene,
        "feedback": house.feedback.knowledge.policy,
        "gate": house.gate.knowledge.policy,
        "what the gate hears": house.gate.feedback.knowledge.policy,
    }
    return {name: reason(Kind.IPV4, VALUE, policy) for name, policy in parts.items()}


@pytest.mark.slow
def test_what_a_command_brings_beside_us_is_obeyed_by_every_part(house):
    assert {*judged(house).values()} == {None}
    under_way = house.gate
    house.renew()
    assert house.edition == 0
    bring(house)
    house.renew()
    assert {*judged(house).values()} == {"warninglist one"}
    assert reason(Kind.IPV4, VALUE, under_way.knowledge.policy) is None
    assert house.gate.targets == under_way.targets
    house.renew()
    assert house.edition == 1


def test_a_house_that_judged_nothing_yet_reads_the_lists_when_it_does(house):
    bring(house)
    house.renew()
    assert house.edition == 0
    assert reason(Kind.IPV4, VALUE, house.knowledge.policy) == "warninglist one"


@pytest.mark.slow
def test_routes_follow(house, browse):
    browser = browse(Current(house))
    house.renew()
    asked = f"/api/indicators/{VALUE}"
    said = {"value": VALUE, "word": "malicious", "because": "seen", "by": "alex"}
    assert browser.post("/api/indicators/mark", json=said).status_code == 200
    assert browser.get(asked).json()["never_enforced"] is None
    bring(house)
    house.renew()
    assert browser.get(asked).json()["never_enforced"] == "warninglist one"
