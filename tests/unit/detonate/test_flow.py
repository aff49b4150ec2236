"""One alert goes all the way: each of the tenant's alerts ends as it should."""

from datetime import timedelta

import pytest

from tidegate.detonate import poll, receive
from tidegate.detonate.worker import step
from tidegate.model import Do, Stage, State, Verdict
from tidegate.ports import Message, SourceDown
from tidegate.simulator.seed import LOADER, PAGE, alert_id, digest

pytestmark = pytest.mark.flow


def run(stand, *numbers):
    world = stand.world()
    for number in numbers:
        receive(alert_id(number), world)
    return {int(case.id.rpartition("_")[2]): case for case in stand.finish(world)}


def test_a_malicious_file_is_blocked_commented_tagged_and_remembered(stand):
    case = run(stand, 1)[1]
    assert case.stage is Stage.DONE
    assert [a.verdict for a in case.artefacts] == [Verdict.MALICIOUS]
    [comment] = stand.comments(1)
    assert "VMRay says malicious: file invoice.exe" in comment
    assert comment.index("5: Known malicious") < comment.index("3: Connects")
    assert stand.tags(1) == ["Simulated", "VMRay malicious"]
    assert stand.memory.calls("submit") == [digest(LOADER)]
    assert len(stand.memory.calls("live response")) == 1
    assert len(stand.memory.calls("import")) == 1


def test_only_what_is_malicious_and_no_ones_own_reaches_defender(stand):
    run(stand, 1)
    assert stand.indicators() == {
        digest(LOADER),
        digest(b"Tidegate sample: second stage\n"),
        "203.0.113.10",
        "2001:0db8:0000:0000:0000:0000:0bad:0001",
        "c2.loader.example",
        "www.drop.loader.example",
        "http://c2.loader.example/gate.php?id=1",
    }


def test_what_the_sandbox_found_stands_beside_the_feeds(stand):
    run(stand, 1)
    state = stand.world().sightings.state("vmray")
    assert len(state) == 7
    assert set(state["confidence"]) == {100}
    assert set(state["reference"]) == {"https://vmray.example/user/sample/view?id=2"}


def test_the_sample_is_gone_at_the_end(stand):
    world = stand.world()
    run(stand, 1)
    assert len(stand.memory.calls("submit")) == 1  # there was one
    assert list(world.objects.names("evidence/")) == []


def test_a_url_is_submitted_as_it_is(stand):
    case = run(stand, 3)[3]
    assert stand.memory.calls("submit") == [PAGE]
    assert case.stage is Stage.DONE
    assert stand.indicators() == {PAGE, "login.phish.example"}
    assert "hxxp://login[.]phish[.]example" in stand.comments(3)[0]
    assert not stand.memory.calls("live response")


def test_a_clean_file_blocks_nothing(stand):
    assert run(stand, 4)[4].artefacts[0].verdict is Verdict.CLEAN
    assert stand.indicators() == set()
    assert "VMRay says clean" in stand.comments(4)[0]
    assert stand.tags(4) == ["Simulated", "VMRay clean"]


def test_a_file_that_the_sandbox_knows_is_neither_fetched_nor_submitted(stand):
    case = run(stand, 5)[5]
    assert case.artefacts[0].reused
    assert not stand.memory.calls("submit")
    assert not stand.memory.calls("live response")
    assert stand.indicators() >= {"panel.stealer.example"}


def test_an_analysis_that_is_too_old_is_made_anew(stand):
    stand.clock.now += timedelta(days=6)
    case = run(stand, 5)[5]
    # Nobody has the file any more, so there is nothing to submit; but the old verdict is not used.
    assert case.artefacts[0].state is State.FAILED


@pytest.mark.slow
def test_the_next_device_answers_for_one_that_is_offline(stand):
    case = run(stand, 6)[6]
    assert case.stage is Stage.DONE
    assert case.artefacts[0].troubles == (
        "roaming-1.corp.example: the device did not answer in time",
    )
    assert len(stand.memory.calls("cancel")) == 1
    assert len(stand.memory.calls("live response")) == 2


def test_another_file_at_the_path_is_never_attributed(stand):
    case = run(stand, 7)[7]
    assert case.stage is Stage.FAILED
    assert not stand.memory.calls("submit")
    [comment] = stand.comments(7)
    assert "no verdict" in comment
    assert "hash mismatch" in comment
    assert stand.tags(7) == ["Simulated"]


def test_an_analysis_with_errors_is_a_failure_and_is_tried_again_by_the_next_alert(stand):
    assert run(stand, 8)[8].stage is Stage.FAILED
    assert "ended with errors" in stand.comments(8)[0]
    document = stand.memory.get("alerts", alert_id(8))
    stand.memory.put("alerts", "later_9", {**document, "id": "later_9", "comments": []})
    world = stand.world()
    receive("later_9", world)
    stand.finish(world)
    assert len(stand.memory.calls("submit")) == 2


@pytest.mark.slow
def test_the_same_file_in_two_alerts_is_one_submission_and_two_comments(stand):
    cases = run(stand, 1, 2)
    assert stand.memory.calls("submit") == [digest(LOADER)]
    assert len(stand.memory.calls("live response")) == 1
    assert len(stand.comments(1)) == len(stand.comments(2)) == 1
    assert sorted(case.artefacts[0].reused for case in cases.values()) == [False, True]
    assert len(stand.memory.calls("indicator")) == 7


@pytest.mark.slow
def test_several_artefacts_go_their_own_ways_and_share_a_device_in_turn(stand):
    rows = [stand.memory.get("alerts", alert_id(n))["evidence"][1] for n in (1, 8, 3)]
    stand.alert(1, evidence=rows)
    case = run(stand, 1)[1]
    assert case.stage is Stage.DONE_PARTIAL
    states = [artefact.state for artefact in case.artefacts]
    assert states == [State.COMPLETE, State.FAILED, State.COMPLETE]
    assert len(stand.comments(1)) == 3
    assert len(stand.memory.calls("live response")) == 2
    assert stand.tags(1) == ["Simulated", "VMRay malicious"]


@pytest.mark.slow
def test_all_alerts_are_polled_once(stand):
    world = stand.world()
    assert poll(world) == 10
    assert poll(world) == 0
    stand.finish(world)
    assert poll(world) == 0
    assert all(len(stand.comments(number)) == 1 for number in range(1, 11))


def test_evidence_may_lag_behind_its_alert(stand):
    document = stand.memory.get("alerts", alert_id(1))
    stand.alert(1, evidence=[])
    world = stand.world()
    receive(alert_id(1), world)
    step(world, world.queue.take(world.policy.hidden))
    assert world.cases.get(alert_id(1)).waits == 1
    stand.memory.put("alerts", alert_id(1), document)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evidence": []}, "no file or URL"),
        ({"evidence": [{"entityType": "Url", "url": "http://10.0.0.5/x"}]}, "no file or URL"),
        ({"status": "Resolved"}, "status is Resolved"),
        ({"detectionSource": "CustomerTI"}, "source is CustomerTI"),
    ],
)
def test_what_is_skipped_says_why(stand, changes, reason):
    stand.alert(1, **changes)
    case = run(stand, 1)[1]
    assert case.stage is Stage.SKIPPED
    [comment] = stand.comments(1)
    assert reason in comment


def test_an_alert_that_defender_does_not_have_fails(stand):
    world = stand.world()
    receive("gone_1", world)
    [case] = stand.finish(world)
    assert (case.stage, case.reason) == (Stage.FAILED, "Defender does not have this alert")


def test_an_analysts_indicator_is_left_alone(stand):
    world = stand.world()
    domain = "c2.loader.example"
    own = {
        "id": "1",
        "indicatorType": "DomainName",
        "indicatorValue": domain,
        "action": "Allowed",
        "application": None,
        "createdBy": "analyst@corp.example",
        "source": "analyst@corp.example",
        "sourceType": "User",
        "creationTimeDateTimeUtc": "2026-01-01T00:00:00Z",
        "expirationTime": None,
    }
    stand.memory.put("indicators", "1", own)
    receive(alert_id(1), world)
    stand.finish(world)
    assert stand.memory.get("indicators", "1") == own
    results = [e.result for e in world.ledger.of(alert_id(1)) if Do.BLOCK_INDICATOR in e.key]
    assert "was there already as Allowed" in results


def test_a_refused_indicator_is_a_result_not_an_end(stand):
    stand.policy = type(stand.policy)(
        hygiene=stand.policy.hygiene, network_action="BlockAndRemediate"
    )
    case = run(stand, 1)[1]
    assert case.stage is Stage.DONE
    results = [e.result for e in stand.world().ledger.of(case.id)]
    assert sum("not available" in result for result in results) == 5


def test_a_case_that_never_gets_through_fails_with_a_comment(stand):
    world = stand.world()

    class Down:
        def __getattr__(self, _):
            raise SourceDown("the sandbox is down")

    receive(alert_id(1), world)
    [case] = stand.finish(stand.world(sandbox=Down()))
    assert case.stage is Stage.FAILED
    assert "given up after 20 attempts" in stand.comments(1)[0]
    # Its claim on the file is free again.
    assert not [e for e in stand.world().ledger.of(case.id) if e.key.startswith("detonate:")]


def test_a_message_that_arrives_again_after_the_end_does_nothing(stand):
    run(stand, 4)
    world = stand.world()
    step(world, Message(alert_id(4), receipt=99, attempts=1))
    receive(alert_id(4), world)
    stand.finish(world)
    assert len(stand.comments(4)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 5])
def test_every_message_may_arrive_several_times(stand, times):
    world = stand.world()
    for number in (1, 2, 3):
        receive(alert_id(number), world)
    for _ in range(100):
        while message := world.queue.take(world.policy.hidden):
            for _ in range(times):
                step(world, message)
        stand.clock.now += timedelta(seconds=30)
    assert {case.stage for case in stand.finish(world)} == {Stage.DONE}
    assert sorted(stand.memory.calls("submit")) == sorted([digest(LOADER), PAGE])
    assert len(stand.memory.calls("live response")) == 1
    assert [len(stand.comments(number)) for number in (1, 2, 3)] == [1, 1, 1]
    assert len(stand.memory.calls("indicator")) == 9


def test_tokens_are_renewed_before_they_end_and_after_they_are_refused(stand):
    world = stand.world()
    assert world.alerts.get(alert_id(1))
    for token in stand.memory._database.execute(
        "SELECT id FROM documents WHERE tab = 'tokens'"
    ).fetchall():
        stand.memory.delete("tokens", token[0])
    assert world.alerts.get(alert_id(1))
    stand.clock.now += timedelta(hours=2)
    assert world.alerts.get(alert_id(1))
    assert len(stand.memory.calls("token")) == 3
