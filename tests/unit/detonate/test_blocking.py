"""Indicators in Defender: what is blocked, whose it stays, what is told when it is refused.

Mostly at the alert whose file the sandbox knows: no live response comes in between.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.actions.report_changes import MOST
from tidegate.detonate import receive, undo
from tidegate.model import Do, Kind, Stage
from tidegate.ports import APPLICATION, Enforced, SourceDown
from tidegate.simulator.seed import DROPPER, KNOWN, LOADER, alert_id, digest
from tidegate.simulator.vmray import stored_sample, stored_submission

pytestmark = pytest.mark.flow

CASE = alert_id(5)
FILE, PANEL = digest(KNOWN), "panel.stealer.example"
SIX = "2001:0db8:0000:0000:0000:0000:0bad:0001"
EVERY_ACTION = ("Allowed", "Audit", "Warn", "Block", "BlockAndRemediate", "Alert")


def run(stand, world, *numbers):
    for number in numbers or (5,):
        receive(alert_id(number), world)
    return {case.id: case for case in stand.finish(world)}


def with_policy(stand, **changes):
    stand.policy = replace(stand.policy, **changes)
    return stand.world()


def knows(stand, content, *domains):
    """Let the sandbox know a file already, and that it uses these domains."""
    rows = [
        {"domain": one, "ioc": True, "ioc_type": "domain", "verdict": "malicious", "version": 3}
        for one in domains
    ]
    found = {"verdict": "malicious", "threats": ["Simulated"], "iocs": {"domains": rows}}
    stand.memory.put("outcomes", digest(content), found)
    sample = stored_sample(stand.tenant.scene, content, "a.exe", None)
    stored_submission(stand.tenant.scene, sample, stand.clock.now - timedelta(days=1), "{}")


def analysts(stand, value, action="Allowed", kind="DomainName", **more):
    """Put an indicator of somebody else into Defender."""
    number = str(stand.memory.next_id("indicators"))
    document = {
        "id": number,
        "indicatorType": kind,
        "indicatorValue": value,
        "action": action,
        "title": "by hand",
        "description": "by hand",
        "severity": "Low",
        "application": None,
        "createdBy": "analyst@corp.example",
        "source": "analyst@corp.example",
        "sourceType": "User",
        "creationTimeDateTimeUtc": "2026-01-01T00:00:00Z",
        "expirationTime": None,
        "generateAlert": False,
        **more,
    }
    stand.memory.put("indicators", number, document)
    return number, document


def indicators(stand):
    return {one["indicatorValue"]: one for one in stand.memory.all("indicators")}


def results(world, case=CASE, do=Do.BLOCK_INDICATOR):
    entries = world.ledger.of(case)
    return [entry.result for entry in entries if entry.key.startswith(f"{case}:{do}:")]


def refusals(stand, number=5):
    """What the last comment tells of what Defender refused."""
    lines = stand.comments(number)[-1].split("\n")
    return [line for line in lines if line.startswith("refused: ")]


# --- what is sent -----------------------------------------------------------------------------


def test_an_indicator_says_whose_it_is_until_when_and_about_what(stand):
    run(stand, stand.world())
    made = indicators(stand)
    assert set(made) == {FILE, PANEL}
    for one in made.values():
        assert (one["application"], one["action"], one["severity"]) == ("Tidegate", "Block", "High")
        assert one["title"].startswith("Tidegate: ")
        assert CASE in one["description"]
        assert not one["generateAlert"]
        assert one["expirationTime"].startswith("2026-03-31T12:")


def test_an_address_of_version_six_is_written_in_eight_segments(stand):
    run(stand, stand.world(), 1)
    assert SIX in indicators(stand)
    assert indicators(stand)[SIX]["indicatorType"] == "IpAddress"


def test_one_that_is_there_in_eight_segments_is_known_again(stand):
    number, document = analysts(stand, SIX, kind="IpAddress")
    run(stand, stand.world(), 1)
    assert stand.memory.get("indicators", number) == document
    assert [one["indicatorValue"] for one in stand.memory.all("indicators")].count(SIX) == 1


def test_to_audit_is_to_raise_an_alert(stand):
    run(stand, with_policy(stand, file_action="Audit", network_action="Audit"))
    made = indicators(stand).values()
    assert {(one["action"], one["generateAlert"]) for one in made} == {("Audit", True)}


def test_what_is_not_available_for_a_type_is_refused_one_by_one_and_told(stand):
    actions = {"file_action": "BlockAndRemediate", "network_action": "BlockAndRemediate"}
    world = with_policy(stand, **actions)
    case = run(stand, world, 1)[alert_id(1)]
    assert case.stage is Stage.DONE
    made = indicators(stand)
    assert set(made) == {digest(LOADER), digest(b"Tidegate sample: second stage\n")}
    assert {one["action"] for one in made.values()} == {"BlockAndRemediate"}
    refused = [result for result in results(world, case.id) if result.startswith("refused: ")]
    assert len(refused) == 5
    assert len(refusals(stand, 1)) == 5
    assert all("BlockAndRemediate is not available" in line for line in refusals(stand, 1))


# --- what is not ------------------------------------------------------------------------------


def test_a_partial_failure_is_written_down_for_each_and_told_once(stand):
    # A name that we let pass and Defender does not.
    knows(stand, KNOWN, PANEL, "panel.c")
    world = stand.world()
    case = run(stand, world)[CASE]
    assert case.stage is Stage.DONE
    assert set(indicators(stand)) == {FILE, PANEL}
    assert len(stand.memory.calls("import")) == 1
    said = "InvalidDomainName: not a value of this type"
    assert sorted(results(world)) == ["indicator 1", "indicator 2", f"refused: {said}"]
    assert refusals(stand) == [f"refused: indicator.block panel[.]c: {said}"]
    assert len(stand.comments(5)) == 2


def test_a_url_that_is_refused_is_told_defanged(stand):
    run(stand, with_policy(stand, network_action="BlockAndRemediate"), 3)
    assert any("hxxp://login[.]phish[.]example/office" in line for line in refusals(stand, 3))
    assert not any("http://" in line for line in refusals(stand, 3))


def test_what_the_cap_leaves_no_room_for_is_left_to_the_gate(stand):
    for n in range(4):
        analysts(stand, f"other-{n}.example")
    world = with_policy(stand, indicator_cap=7)
    case = run(stand, world, 1)[alert_id(1)]
    assert case.stage is Stage.DONE
    assert len(stand.memory.all("indicators")) == 7
    left = [result for result in results(world, case.id) if "left to the gate" in result]
    assert len(left) == len(refusals(stand, 1)) == 4
    assert all(line.endswith("left to the gate") for line in refusals(stand, 1))
    # The gate finds them among the sightings.
    assert len(world.sightings.state("vmray")) == 7


def test_a_full_tenant_is_asked_for_nothing(stand):
    analysts(stand, "other.example")
    world = with_policy(stand, indicator_cap=1)
    run(stand, world)
    assert stand.memory.calls("import") == []
    assert len(refusals(stand)) == 2


def test_very_many_refusals_are_counted_in_the_comment(stand):
    names = [f"c{n}.evil.example" for n in range(MOST + 9)]
    knows(stand, KNOWN, *names)
    run(stand, with_policy(stand, indicator_cap=0))
    assert len(stand.comments(5)[-1]) <= 1_000
    assert "left to the gate" in stand.comments(5)[-1]


# --- whose it is ------------------------------------------------------------------------------


@pytest.mark.parametrize("action", EVERY_ACTION)
def test_an_analysts_indicator_is_never_overwritten(stand, action):
    number, document = analysts(stand, PANEL, action)
    world = stand.world()
    run(stand, world)
    assert stand.memory.get("indicators", number) == document
    assert set(indicators(stand)) == {FILE, PANEL}
    assert f"was there already as {action}" in results(world)
    assert len(stand.comments(5)) == 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("Panel.Stealer.EXAMPLE", "DomainName"),
        (FILE.upper(), "FileSha256"),
    ],
)
def test_an_analysts_indicator_in_another_spelling_is_not_overwritten_either(stand, value, kind):
    number, document = analysts(stand, value, kind=kind)
    run(stand, stand.world())
    assert stand.memory.get("indicators", number) == document
    assert len(stand.memory.all("indicators")) == 2


def test_an_analysts_url_in_another_spelling_is_not_overwritten_either(stand):
    url = "HTTP://C2.Loader.example:80/gate.php?id=1"
    number, document = analysts(stand, url, kind="Url")
    run(stand, stand.world(), 1)
    assert stand.memory.get("indicators", number) == document
    assert "http://c2.loader.example/gate.php?id=1" not in indicators(stand)


def test_undo_removes_what_is_ours_and_nothing_else(stand):
    theirs = [analysts(stand, "other.example"), analysts(stand, PANEL, "Allowed")]
    world = stand.world()
    run(stand, world)
    assert FILE in indicators(stand)
    undo(CASE, "ann", world)
    stand.finish(world)
    assert stand.memory.all("indicators") == [document for _, document in theirs]
    assert sorted(results(world, do=Do.REVOKE_INDICATOR)) == [
        "removed",
        "was gone, or is another's",
    ]


def test_an_indicator_that_an_analyst_deleted_is_gone_and_fine(stand):
    world = stand.world()
    run(stand, world)
    for one in stand.memory.all("indicators"):
        stand.memory.delete("indicators", one["id"])
    undo(CASE, "ann", world)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert indicators(stand) == {}


def test_an_indicator_that_two_files_use_stays_until_both_are_cleared(stand):
    knows(stand, KNOWN, "shared.evil.example", "one.evil.example")
    knows(stand, DROPPER, "shared.evil.example", "two.evil.example")
    row = stand.memory.get("alerts", CASE)["evidence"][1]
    other = {**row, "sha256": digest(DROPPER), "sha1": None}
    stand.alert(4, evidence=[other])
    world = stand.world()
    run(stand, world, 4, 5)
    assert len(indicators(stand)) == 5
    undo(CASE, "ann", world)
    stand.finish(world)
    assert set(indicators(stand)) == {digest(DROPPER), "shared.evil.example", "two.evil.example"}
    assert any(
        result.startswith("stays: file-") for result in results(world, do=Do.REVOKE_INDICATOR)
    )
    undo(alert_id(4), "ann", world)
    stand.finish(world)
    assert indicators(stand) == {}


class Losing:
    """Defender's indicators, of which the first import's answer is lost."""

    def __init__(self, enforcement):
        self.enforcement, self.lost = enforcement, False

    def __getattr__(self, name):
        return getattr(self.enforcement, name)

    def add(self, wanted):
        placed = self.enforcement.add(wanted)
        if not self.lost:
            self.lost = True
            raise SourceDown("the connection broke")
        return placed


def test_when_the_answer_is_lost_nothing_is_sent_twice(stand):
    world = stand.world()
    losing = Losing(world.enforcement)
    run(stand, replace(world, enforcement=losing))
    assert losing.lost
    assert stand.memory.calls("import") == ["2"]
    assert results(world) == ["was there already as Block"] * 2


def test_an_indicator_of_the_gates_is_known_as_ours(stand):
    world = stand.world()
    held = Enforced(Kind.DOMAIN, PANEL, "Block", "Tidegate: a feed", "by a feed", "High")
    world.enforcement.add([held])
    run(stand, world)
    assert "was there already as Block" in results(world)
    assert indicators(stand)[PANEL]["application"] == APPLICATION
    assert indicators(stand)[PANEL]["title"] == "Tidegate: a feed"
