"""The sandbox changes its mind: what was blocked goes, what was let be is blocked, all are told.

Mostly at the alert whose file the sandbox knows: no live response comes in between.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.declare.responses import Responses, Rule, When
from tidegate.detonate import Unknown, approve, poll_finished, receive, recheck_due, undo, work
from tidegate.detonate.decisions import asked
from tidegate.model import Answer, Do, Stage, Turn, Verdict
from tidegate.ports import BadPayload, SourceDown
from tidegate.simulator.seed import KNOWN, LOADER, TOOL, alert_id, device_id, digest
from tidegate.simulator.vmray import stored_sample, stored_submission

pytestmark = pytest.mark.flow

CASE = alert_id(5)
FILE, PANEL = digest(KNOWN), "panel.stealer.example"
DESK = device_id("desk-2")
DAY = timedelta(days=1)
CLEAN = {"verdict": "clean"}
ASKED = (Do.COLLECT_PACKAGE, Do.SCAN_DEVICE, Do.QUARANTINE_FILE, Do.ISOLATE_DEVICE)
NOTHING = Responses(rules=(Rule(then={"isolate_device": Answer.NONE}),))


def evil(*domains, verdict="malicious"):
    rows = [
        {"domain": one, "ioc": True, "ioc_type": "domain", "verdict": verdict, "version": 3}
        for one in domains
    ]
    return {"verdict": verdict, "threats": ["Simulated"], "iocs": {"domains": rows}}


def says(stand, outcome, sample=KNOWN):
    stand.memory.put("outcomes", digest(sample), outcome)


def run(stand, world, *numbers):
    for number in numbers or (5,):
        receive(alert_id(number), world)
    return {case.id: case for case in stand.finish(world)}


def look_again(stand, world, later=DAY):
    """Look at all verdicts once more, and let the cases go on that this concerns."""
    stand.clock.now += later
    looked = recheck_due(world)
    stand.finish(world)
    return looked


def flipped(stand, world, outcome, sample=KNOWN):
    says(stand, outcome, sample)
    look_again(stand, world)
    return world.cases.get(CASE)


def turns(case):
    return {one.effect.do: one.turn for one in case.responses}


def remembered(world):
    return {row["value"]: row["confidence"] for row in world.sightings.state("vmray").to_dicts()}


def another(stand, name, **changes):
    """Raise one more alert like that of the known file."""
    document = stand.memory.get("alerts", CASE)
    stand.memory.put("alerts", name, {**document, "id": name, "comments": [], **changes})
    return name


# --- malicious, and then it is not ------------------------------------------------------------


def test_what_is_no_longer_malicious_is_taken_back_everywhere(stand):
    world = stand.world()
    run(stand, world)
    assert stand.indicators() == {FILE, PANEL}
    assert remembered(world) == {FILE: 100, PANEL: 100}
    case = flipped(stand, world, CLEAN)
    assert case.stage is Stage.DONE
    assert (case.verdict, case.artefacts[0].had) == (Verdict.CLEAN, Verdict.MALICIOUS)
    assert stand.indicators() == set()
    assert remembered(world) == {}
    assert stand.tags(5) == ["Simulated", "VMRay clean"]


def test_the_alert_is_told_what_it_was_and_what_was_taken_back(stand):
    world = stand.world()
    run(stand, world)
    flipped(stand, world, CLEAN)
    _, verdict, changes = stand.comments(5)
    assert verdict.startswith("Tidegate: VMRay says clean (it was malicious): file report.exe")
    assert changes.split("\n")[1:-1] == [
        *(f"{do} desk-2.corp.example rejected: the verdict has changed" for do in ASKED),
        "taken back: indicator.block panel[.]stealer[.]example",
        f"taken back: indicator.block {FILE}",
        "taken back: incident.tag 1005",
    ]


def test_suspicious_is_remembered_and_not_blocked(stand):
    world = stand.world()
    run(stand, world)
    flipped(stand, world, evil(PANEL, verdict="suspicious"))
    assert stand.indicators() == set()
    assert remembered(world) == {FILE: 75, PANEL: 75}


def test_a_response_is_taken_back_only_when_a_person_says_so(stand):
    then = {"isolate_device": Answer.DO, "collect_package": Answer.DO}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    world = stand.world()
    run(stand, world)
    case = flipped(stand, world, CLEAN)
    assert case.stage is Stage.DONE
    assert turns(case)[Do.RELEASE_DEVICE] is Turn.ASKED
    assert stand.memory.get("machines", DESK)["_isolated"]
    assert "Waits for approval: device.release desk-2.corp.example" in stand.comments(5)[-2]
    [release] = [key for key in asked(case) if key.startswith("device.release")]
    approve(CASE, "ann", world, only=release)
    stand.finish(world)
    assert not stand.memory.get("machines", DESK)["_isolated"]
    assert "device.release desk-2.corp.example succeeded" in stand.comments(5)[-1]


def test_what_was_asked_about_the_old_verdict_is_no_longer_asked(stand):
    world = stand.world()
    assert len(asked(run(stand, world)[CASE])) == 4
    case = flipped(stand, world, CLEAN)
    assert asked(case) == []
    assert set(turns(case).values()) == {Turn.REJECTED}
    with pytest.raises(Unknown, match="nothing to approve"):
        approve(CASE, "ann", world)
    assert stand.memory.calls("response") == []


def test_an_approval_that_comes_with_the_flip_is_too_late(stand):
    world = stand.world()
    run(stand, world)
    says(stand, CLEAN)
    stand.clock.now += DAY
    approve(CASE, "ann", world)
    recheck_due(world)
    stand.finish(world)
    assert stand.memory.calls("response") == []


def test_the_policy_is_asked_anew_about_the_new_verdict(stand):
    rules = (
        Rule(when=When(verdict=(Verdict.MALICIOUS,)), then={"tag_device": Answer.DO}),
        Rule(when=When(verdict=(Verdict.CLEAN,)), then={"classify_alert": Answer.DO}),
        *NOTHING.rules,
    )
    stand.policy = replace(stand.policy, responses=Responses(rules=rules))
    world = stand.world()
    run(stand, world)
    assert "VMRay malicious" in stand.memory.get("machines", DESK)["machineTags"]
    assert stand.memory.get("alerts", CASE)["classification"] is None
    flipped(stand, world, CLEAN)
    assert "VMRay malicious" not in stand.memory.get("machines", DESK)["machineTags"]
    assert stand.memory.get("alerts", CASE)["classification"] == "FalsePositive"


@pytest.mark.parametrize("first", [KNOWN, TOOL])
def test_what_another_analysis_found_stays(stand, first):
    # Both files use one domain, and each one of its own; one file is common software, which is
    # never blocked itself.
    says(stand, evil("shared.evil.example", "one.evil.example"))
    says(stand, evil("shared.evil.example", "two.evil.example"), TOOL)
    world = stand.world()
    run(stand, world, 4, 5)
    flipped(stand, world, CLEAN, first)
    own = {"two.evil.example"} if first is KNOWN else {FILE, "one.evil.example"}
    assert stand.indicators() == {"shared.evil.example", *own}
    assert set(remembered(world)) == {"shared.evil.example", *own}
    # When the last one is cleared, all of it goes.
    flipped(stand, world, CLEAN, TOOL if first is KNOWN else KNOWN)
    assert stand.indicators() == set()
    assert remembered(world) == {}


def test_a_file_of_a_case_may_change_while_another_stays(stand):
    rows = [
        row
        for number in (4, 5)
        for row in stand.memory.get("alerts", alert_id(number))["evidence"][1:]
    ]
    stand.alert(5, evidence=rows, machineId=device_id("desk-3"))
    says(stand, evil("two.evil.example"), TOOL)
    world = stand.world()
    run(stand, world)
    case = flipped(stand, world, CLEAN)
    assert case.verdict is Verdict.MALICIOUS
    assert stand.indicators() == {"two.evil.example"}
    assert stand.tags(5) == ["Simulated", "VMRay malicious"]
    # What waits for approval is about the other file.
    assert Turn.ASKED in set(turns(case).values())
    assert sum("VMRay says malicious: file tool.exe" in text for text in stand.comments(5)) == 1


# --- clean, and then it is not ----------------------------------------------------------------


def test_what_turns_malicious_is_blocked_and_commented(stand):
    says(stand, CLEAN)
    world = stand.world()
    run(stand, world)
    assert stand.indicators() == set()
    case = flipped(stand, world, evil(PANEL))
    assert case.verdict is Verdict.MALICIOUS
    assert stand.indicators() == {FILE, PANEL}
    assert remembered(world) == {FILE: 100, PANEL: 100}
    assert stand.tags(5) == ["Simulated", "VMRay malicious"]
    assert "VMRay says malicious (it was clean)" in stand.comments(5)[1]
    assert turns(case)[Do.ISOLATE_DEVICE] is Turn.ASKED


@pytest.mark.parametrize("first", [evil(PANEL), CLEAN])
def test_a_sandbox_that_changes_its_mind_twice_is_followed_twice(stand, first):
    says(stand, first)
    world = stand.world()
    run(stand, world)
    for outcome in (CLEAN, evil(PANEL), CLEAN, evil(PANEL)):
        flipped(stand, world, outcome)
        bad = outcome is not CLEAN
        assert stand.indicators() == ({FILE, PANEL} if bad else set())
        assert set(remembered(world)) == ({FILE, PANEL} if bad else set())
        assert stand.tags(5) == ["Simulated", "VMRay malicious" if bad else "VMRay clean"]


def test_what_a_person_took_back_stays_so_whatever_the_sandbox_says(stand):
    world = stand.world()
    run(stand, world)
    undo(CASE, "ann", world)
    stand.finish(world)
    assert stand.indicators() == set()
    flipped(stand, world, CLEAN)
    flipped(stand, world, evil(PANEL))
    assert stand.indicators() == set()
    assert remembered(world) == {}


# --- when it is looked at again ---------------------------------------------------------------


def test_nothing_happens_while_the_verdict_is_the_same(stand):
    world = stand.world()
    before = run(stand, world)[CASE]
    assert look_again(stand, world) == 1
    assert look_again(stand, world, timedelta(hours=23)) == 0
    assert look_again(stand, world, timedelta(hours=1)) == 1
    assert world.cases.get(CASE) == before
    assert len(stand.comments(5)) == 1


@pytest.mark.parametrize("first", [evil(PANEL), CLEAN])
def test_an_answer_that_says_nothing_changes_nothing(stand, first):
    says(stand, first)
    world = stand.world()
    before = run(stand, world)[CASE]
    flipped(stand, world, {**first, "verdict": None})
    assert world.cases.get(CASE) == before


def test_a_reanalysis_is_looked_at_at_once(stand):
    world = stand.world()
    run(stand, world)
    recheck_due(world)
    says(stand, CLEAN)
    sample = stored_sample(stand.tenant.scene, KNOWN, "report.exe", None)
    stored_submission(stand.tenant.scene, sample, stand.clock.now, "{}")
    stand.clock.now += timedelta(minutes=2)
    assert recheck_due(world) == 0
    assert poll_finished(world) == 1
    assert recheck_due(world) == 1
    stand.finish(world)
    assert stand.indicators() == set()


def test_while_the_sandbox_is_down_it_is_asked_again_before_long(stand):
    world = stand.world()
    run(stand, world)
    says(stand, CLEAN)
    stand.clock.now += DAY

    class Down:
        def __getattr__(self, _):
            raise SourceDown("the sandbox is down")

    assert recheck_due(replace(world, sandbox=Down())) == 1
    assert recheck_due(world) == 0
    assert look_again(stand, world, world.policy.longest_backoff) == 1
    assert world.cases.get(CASE).verdict is Verdict.CLEAN


def test_a_refusal_by_the_sandbox_is_asked_again_the_next_day(stand):
    world = stand.world()
    run(stand, world)
    says(stand, CLEAN)

    class Refusing:
        def __getattr__(self, _):
            raise BadPayload("403")

    stand.clock.now += DAY
    assert recheck_due(replace(world, sandbox=Refusing())) == 1
    assert look_again(stand, world, timedelta(hours=23)) == 0
    assert look_again(stand, world, timedelta(hours=1)) == 1
    assert world.cases.get(CASE).verdict is Verdict.CLEAN


def test_a_report_that_is_not_put_together_yet_is_waited_for(stand):
    world = stand.world()
    run(stand, world)
    says(stand, {**CLEAN, "status_waits": 99})
    look_again(stand, world)
    assert world.cases.get(CASE).verdict is Verdict.MALICIOUS
    says(stand, CLEAN)
    assert look_again(stand, world, world.policy.longest_backoff) == 1
    assert world.cases.get(CASE).verdict is Verdict.CLEAN


def test_it_is_looked_at_no_longer_than_its_indicators_live(stand):
    world = stand.world()
    run(stand, world)
    # The analysis is two days old.
    stand.clock.now += world.policy.indicator_life - timedelta(days=3)
    assert recheck_due(world) == 1
    assert world.rechecks.length() == 1
    assert look_again(stand, world) == 1
    assert world.rechecks.length() == 0
    says(stand, CLEAN)
    assert look_again(stand, world) == 0


class Dying:
    """Objects whose user dies right after it has written one."""

    def __init__(self, objects, error):
        self.objects, self.error = objects, error

    def __getattr__(self, name):
        return getattr(self.objects, name)

    def put(self, *args, **more):
        self.objects.put(*args, **more)
        raise self.error


def test_whoever_dies_before_the_cases_are_told_tells_them_when_back(stand, fuse):
    world = stand.world()
    run(stand, world)
    says(stand, CLEAN)
    stand.clock.now += DAY
    with pytest.raises(fuse().error):
        recheck_due(replace(world, objects=Dying(world.objects, fuse().error())))
    assert look_again(stand, world, world.policy.hidden) == 1
    assert world.cases.get(CASE).verdict is Verdict.CLEAN


# --- who is told ------------------------------------------------------------------------------


def test_all_cases_of_the_file_are_told(stand):
    world = stand.world()
    names = [another(stand, f"more_{n}", incidentId=1001 + n) for n in range(3)]
    for name in names:
        receive(name, world)
    run(stand, world)
    assert stand.indicators() == {FILE, PANEL}
    flipped(stand, world, CLEAN)
    assert stand.indicators() == set()
    for name in (CASE, *names):
        assert world.cases.get(name).verdict is Verdict.CLEAN
        comments = stand.memory.get("alerts", name)["comments"]
        assert sum("(it was malicious)" in one["comment"] for one in comments) == 1
    assert all("VMRay clean" in stand.tags(n) for n in (1, 2, 3, 5))


def test_a_tag_stays_while_another_case_of_the_incident_wants_it(stand):
    tagging = Responses(rules=(Rule(then={"tag_device": Answer.DO}),))
    stand.policy = replace(stand.policy, responses=tagging)
    stand.alert(4, incidentId=1005, machineId=DESK)
    says(stand, evil("two.evil.example"), TOOL)
    world = stand.world()
    receive(alert_id(4), world)
    run(stand, world)
    assert world.cases.get(alert_id(4)).verdict is Verdict.MALICIOUS
    flipped(stand, world, CLEAN)
    assert stand.tags(5) == ["Simulated", "VMRay malicious", "VMRay clean"]
    assert "VMRay malicious" in stand.memory.get("machines", DESK)["machineTags"]
    flipped(stand, world, CLEAN, TOOL)
    assert stand.tags(5) == ["Simulated", "VMRay clean"]
    assert "VMRay malicious" not in stand.memory.get("machines", DESK)["machineTags"]


def test_a_case_whose_responses_are_under_way_takes_the_new_verdict(stand):
    then = {"isolate_device": Answer.DO}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    document = stand.memory.get("machines", DESK)
    stand.memory.put("machines", DESK, {**document, "_online": False})
    world = stand.world()
    receive(CASE, world)
    work(world)
    recheck_due(world)
    says(stand, CLEAN)
    stand.clock.now += timedelta(hours=23)
    world.rechecks.wake(f"file-{FILE}")
    assert recheck_due(world) == 1
    work(world)
    stand.finish(world)
    case = world.cases.get(CASE)
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.CLEAN)
    # The device was not isolated yet, and never is.
    assert turns(case)[Do.ISOLATE_DEVICE] is Turn.FAILED
    assert not stand.memory.get("machines", DESK).get("_isolated")
    stand.memory.put("machines", DESK, {**stand.memory.get("machines", DESK), "_online": True})
    stand.finish(world)
    assert not stand.memory.get("machines", DESK).get("_isolated")
    assert stand.indicators() == set()
    assert "VMRay says clean (it was malicious)" in "".join(stand.comments(5))


def test_a_case_that_is_still_examined_takes_the_new_verdict(stand):
    rows = [
        row
        for number in (5, 6)
        for row in stand.memory.get("alerts", alert_id(number))["evidence"][1:]
    ]
    stand.alert(5, evidence=rows, machineId=device_id("roaming-1"))
    stand.policy = replace(stand.policy, device_deadline=timedelta(hours=1))
    world = stand.world()
    receive(CASE, world)
    work(world)
    says(stand, CLEAN)
    stand.clock.now += timedelta(minutes=1)
    recheck_due(world)
    work(world)
    assert world.cases.get(CASE).stage is Stage.EXAMINE
    stand.finish(world)
    case = world.cases.get(CASE)
    assert {one.key: one.verdict for one in case.artefacts}[FILE] is Verdict.CLEAN
    assert FILE not in stand.indicators()


def test_a_new_analysis_of_a_later_case_is_told_to_the_earlier_ones(stand):
    world = stand.world()
    run(stand, world, 1)
    first = alert_id(1)
    assert digest(LOADER) in stand.indicators()
    says(stand, CLEAN, LOADER)
    # Too old to be used again: the later case submits it anew.
    stand.clock.now += world.policy.resubmit_after
    run(stand, world, 2)
    assert world.cases.get(alert_id(2)).verdict is Verdict.CLEAN
    assert world.cases.get(first).verdict is Verdict.CLEAN
    assert stand.indicators() == set()
