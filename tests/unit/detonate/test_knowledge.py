"""What is known of an artefact, by whom, and who may detonate it: claims, sharing, looking up."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from tidegate.detonate import receive, work
from tidegate.detonate.worker import give_up
from tidegate.model import Case, Stage, State, Verdict
from tidegate.simulator.estate import put_file
from tidegate.simulator.seed import (
    BROKEN,
    KNOWN,
    LOADER,
    PAGE,
    TOOL,
    alert_id,
    device_id,
    digest,
)
from tidegate.simulator.vmray import stored_sample, stored_submission

pytestmark = pytest.mark.flow


def copies(stand, number, *names, **changes):
    """Raise the same alert again under other ids."""
    document = stand.memory.get("alerts", alert_id(number))
    for name in names:
        again = {**document, "id": name, "comments": [], **changes}
        stand.memory.put("alerts", name, again)
    return names


def take(stand, world, *names):
    """Take these alerts to the end of their cases; return those, in this order."""
    for name in names:
        receive(name, world)
    stand.finish(world)
    return [world.cases.get(name) for name in names]


def said(stand, name):
    return [comment["comment"] for comment in stand.memory.get("alerts", name)["comments"]]


def submitted(stand):
    return stand.memory.calls("submit")


def asked(stand):
    return stand.memory.calls("live response")


# --- one for all ------------------------------------------------------------------------------


@pytest.mark.slow
def test_several_alerts_with_the_same_hash_are_one_detonation(stand):
    names = copies(stand, 1, *(f"many_{n}" for n in range(10)))
    cases = take(stand, stand.world(), *names)
    assert {case.stage for case in cases} == {Stage.DONE}
    assert {case.verdict for case in cases} == {Verdict.MALICIOUS}
    assert submitted(stand) == [digest(LOADER)]
    assert len(asked(stand)) == 1
    assert [len(said(stand, name)) for name in names] == [1] * 10
    assert sum(case.artefacts[0].reused for case in cases) == 9
    assert len(stand.memory.calls("indicator")) == 7


def test_several_alerts_with_the_same_url_are_one_detonation(stand):
    names = copies(stand, 3, "url_1", "url_2")
    cases = take(stand, stand.world(), *names)
    assert submitted(stand) == [PAGE]
    assert [case.verdict for case in cases] == [Verdict.MALICIOUS] * 2


def test_an_alert_that_comes_later_reuses_what_the_case_before_it_learnt(stand):
    world = stand.world()
    take(stand, world, alert_id(1))
    [second] = take(stand, world, alert_id(2))
    [artefact] = second.artefacts
    assert (artefact.reused, artefact.verdict) == (True, Verdict.MALICIOUS)
    assert submitted(stand) == [digest(LOADER)]
    assert len(stand.comments(2)) == 1


def test_the_report_is_asked_of_the_sandbox_once_for_all_cases(stand):
    world = stand.world()
    take(stand, world, alert_id(1))

    class Silent:
        def finished(self, *_):
            return []

        def __getattr__(self, _):
            raise AssertionError("the sandbox is not asked again")

    [second] = take(stand, replace(world, sandbox=Silent()), alert_id(2))
    assert second.verdict is Verdict.MALICIOUS


# --- how old ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "times"), [(timedelta(days=6), 1), (timedelta(days=8), 2)])
def test_an_analysis_is_reused_until_the_resubmit_window_is_over(stand, age, times):
    world = stand.world()
    take(stand, world, alert_id(4))
    stand.clock.now += age
    [later] = take(stand, world, *copies(stand, 4, "later_4"))
    assert later.stage is Stage.DONE
    assert len(submitted(stand)) == times
    assert later.artefacts[0].reused is (times == 1)


def test_an_earlier_analysis_of_somebody_else_counts_from_its_submission(stand):
    # It was submitted two days before the stand's time.
    stand.policy = replace(stand.policy, resubmit_after=timedelta(days=2, hours=1))
    world = stand.world()
    [first] = take(stand, world, alert_id(5))
    assert first.artefacts[0].reused
    put_file(stand.tenant.scene, "desk-2", "report.exe", KNOWN)
    stand.clock.now += timedelta(hours=2)
    [later] = take(stand, world, *copies(stand, 5, "later_5"))
    assert not later.artefacts[0].reused
    assert submitted(stand) == [digest(KNOWN)]


def test_a_resubmit_window_of_0_days_submits_always_but_not_twice_at_once(stand):
    stand.policy = replace(stand.policy, resubmit_after=timedelta(0))
    world = stand.world()
    together = take(stand, world, alert_id(3), *copies(stand, 3, "other_3"))
    assert {case.stage for case in together} == {Stage.DONE}
    assert submitted(stand) == [PAGE]
    [later] = take(stand, world, *copies(stand, 3, "later_3"))
    assert later.stage is Stage.DONE
    assert submitted(stand) == [PAGE, PAGE]


# --- claims -----------------------------------------------------------------------------------


def test_a_failed_detonation_is_left_to_the_next_case(stand):
    world = stand.world()
    [first] = take(stand, world, alert_id(8))
    assert first.artefacts[0].state is State.FAILED
    [later] = take(stand, world, *copies(stand, 8, "later_8"))
    assert later.artefacts[0].state is State.FAILED
    assert submitted(stand) == [digest(BROKEN)] * 2


def test_a_case_that_waits_takes_over_when_the_other_one_fails(stand):
    # Nobody has the file on the first alert's device any more; the second alert's has it.
    stand.memory.delete_blob(f"{device_id('desk-1')}:C:\\Users\\alex\\Downloads\\invoice.exe")
    stand.policy = replace(stand.policy, other_devices=0, quarantine=False)
    first, second = take(stand, stand.world(), alert_id(1), alert_id(2))
    assert (first.stage, second.stage) == (Stage.FAILED, Stage.DONE)
    assert submitted(stand) == [digest(LOADER)]


def test_a_claim_lost_by_a_case_that_vanished_is_taken_over(stand):
    world = stand.world()
    world.ledger.begin(f"file-{digest(TOOL)}:claim", "gone_1", stand.clock.now)
    [case] = take(stand, world, alert_id(4))
    assert (case.stage, case.artefacts[0].reused) == (Stage.DONE, False)
    assert submitted(stand) == [digest(TOOL)]


def test_a_claim_is_waited_for_as_long_as_its_case_is_under_way(stand):
    world = stand.world()
    world.cases.create(Case("other_1", stand.clock.now))
    world.ledger.begin(f"file-{digest(TOOL)}:claim", "other_1", stand.clock.now)
    receive(alert_id(4), world)
    work(world)
    stand.clock.now += timedelta(days=5)
    work(world)
    assert world.cases.get(alert_id(4)).artefacts[0].state is State.LOOKUP
    assert submitted(stand) == []


def test_a_claim_of_our_own_is_gone_on_with_after_a_crash(stand):
    world = stand.world()
    key = sha256(PAGE.encode()).hexdigest()
    world.ledger.begin(f"url-{key}:claim", alert_id(3), stand.clock.now)
    [case] = take(stand, world, alert_id(3))
    assert (case.stage, case.artefacts[0].reused) == (Stage.DONE, False)
    assert stand.clock.now - case.opened < timedelta(hours=1)
    assert submitted(stand) == [PAGE]


def test_a_claim_of_somebody_else_is_not_given_back_by_a_case_that_fails(stand):
    stand.memory.put("vmray", "refused", {f"/sample/sha256/{digest(TOOL)}": [403, "not yours"]})
    world = stand.world()
    held = f"file-{digest(TOOL)}:claim"
    receive(alert_id(4), world)
    work(world)
    assert world.ledger.get(held) is None
    world.cases.create(Case("other_1", stand.clock.now))
    world.ledger.begin(held, "other_1", stand.clock.now)
    receive(alert_id(4), world, again=True)
    work(world)
    give_up(alert_id(4), "no more turns", world)
    assert world.cases.get(alert_id(4)).artefacts[0].state is State.FAILED
    assert world.ledger.get(held).owner == "other_1"


# --- what the sandbox has already -------------------------------------------------------------


def test_what_somebody_is_just_analysing_is_waited_for_and_not_submitted(stand):
    scene = stand.tenant.scene
    stand.memory.put("outcomes", digest(TOOL), {"verdict": "suspicious", "slow": 1_800})
    sample = stored_sample(scene, TOOL, "tool.exe", None)
    stored_submission(scene, sample, stand.clock.now - timedelta(minutes=5), "{}")
    [case] = take(stand, stand.world(), alert_id(4))
    assert case.verdict is Verdict.SUSPICIOUS
    assert case.artefacts[0].reused
    assert submitted(stand) == asked(stand) == []


def test_an_analysis_of_somebody_else_that_never_ends_is_made_anew(stand):
    scene = stand.tenant.scene
    stand.memory.put("outcomes", digest(TOOL), {"slow": 86_400})
    sample = stored_sample(scene, TOOL, "tool.exe", None)
    stored_submission(scene, sample, stand.clock.now - timedelta(hours=7), "{}")
    stand.memory.put("outcomes", digest(TOOL), {"verdict": "clean"})
    [case] = take(stand, stand.world(), alert_id(4))
    assert (case.verdict, case.artefacts[0].reused) == (Verdict.CLEAN, False)
    assert submitted(stand) == [digest(TOOL)]


def test_an_analysis_of_somebody_else_that_failed_is_made_anew(stand):
    scene = stand.tenant.scene
    sample = stored_sample(scene, BROKEN, "broken.exe", None)
    stored_submission(scene, sample, stand.clock.now - timedelta(hours=1), "{}")
    [case] = take(stand, stand.world(), alert_id(8))
    assert case.artefacts[0].state is State.FAILED
    assert submitted(stand) == [digest(BROKEN)]


# --- what is no answer is never unknown -------------------------------------------------------


def refused(stand, path, status):
    stand.memory.put("vmray", "refused", {path: [status, "Not for you"]})


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_of_vmray_is_never_taken_for_unknown(stand, status):
    refused(stand, f"/sample/sha256/{digest(TOOL)}", status)
    [case] = take(stand, stand.world(), alert_id(4))
    assert case.stage is Stage.FAILED
    assert f"VMRay answered {status}" in case.artefacts[0].troubles[0]
    assert "no verdict for file tool.exe" in stand.comments(4)[0]
    assert submitted(stand) == asked(stand) == []


def test_an_earlier_analysis_that_another_user_may_not_show_is_never_taken_for_unknown(stand):
    [sample] = stand.memory.all("samples")
    refused(stand, f"/submission/sample/{sample['sample_id']}", 403)
    [case] = take(stand, stand.world(), alert_id(5))
    assert case.stage is Stage.FAILED
    assert submitted(stand) == asked(stand) == []


def test_a_refusal_of_the_search_for_a_url_is_never_taken_for_unknown(stand):
    refused(stand, "/submission/search", 403)
    [case] = take(stand, stand.world(), alert_id(3))
    assert case.stage is Stage.FAILED
    assert submitted(stand) == []


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_an_outage_of_vmray_is_waited_for_and_never_taken_for_unknown(stand, status):
    refused(stand, f"/sample/sha256/{digest(TOOL)}", status)
    world = stand.world()
    receive(alert_id(4), world)
    for _ in range(5):
        work(world)
        stand.clock.now += timedelta(minutes=20)
    assert world.cases.get(alert_id(4)).artefacts[0].state is State.LOOKUP
    assert submitted(stand) == asked(stand) == []
    stand.memory.delete("vmray", "refused")
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert (len(submitted(stand)), len(asked(stand))) == (1, 1)
