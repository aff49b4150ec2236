"""What nobody else clears up is cleared up; a case that gets no further ends, and says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.detonate import receive, slots, sweep, work
from tidegate.detonate.worker import give_up, step
from tidegate.model import Artefact, Entity, Stage, State
from tidegate.ports import SourceDown
from tidegate.simulator.seed import LOADER, alert_id, device_id, digest

pytestmark = pytest.mark.flow

CASE = alert_id(1)
MINUTE = timedelta(minutes=1)


def lose_messages(stand):
    stand.database.execute("DELETE FROM queue")


def until(stand, world, stage=None, state=None):
    """Work on the case, step by step, until it or its artefact is there."""
    impatient = replace(world, policy=replace(world.policy, turn=timedelta(0)))
    for _ in range(200):
        case = world.cases.get(CASE)
        states = {artefact.state for artefact in case.artefacts}
        if case.stage is stage or state in states:
            return case
        while message := world.queue.take(world.policy.hidden):
            step(impatient, message)
            case = world.cases.get(CASE)
            if case.stage is stage or state in {one.state for one in case.artefacts}:
                return case
        stand.clock.now += timedelta(seconds=15)
    raise AssertionError(f"never at {stage or state}")


# --- messages ---------------------------------------------------------------------------------


def test_a_lost_message_is_put_again(stand):
    world = stand.world()
    receive(CASE, world)
    lose_messages(stand)
    assert work(world) == 0
    assert sweep(world).cases == 1
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE


def test_a_message_that_is_not_lost_keeps_its_place(stand):
    world = stand.world()
    receive(CASE, world)
    work(world)
    before = stand.database.execute("SELECT * FROM queue").fetchall()
    assert len(before) == 1
    sweep(world)
    assert stand.database.execute("SELECT * FROM queue").fetchall() == before


def test_a_case_that_has_ended_gets_no_turn(stand):
    world = stand.world()
    receive(alert_id(5), world)
    stand.finish(world)
    assert (sweep(world).cases, world.queue.length()) == (0, 0)


def test_the_age_of_the_oldest_case_is_told(stand):
    world = stand.world()
    assert sweep(world).oldest == 0
    receive(CASE, world)
    stand.clock.now += 7 * MINUTE
    receive(alert_id(3), world)
    stand.clock.now += MINUTE
    found = sweep(world)
    assert (found.cases, found.oldest) == (2, 480)
    stand.finish(world)
    assert sweep(world).oldest == 0


# --- locks ------------------------------------------------------------------------------------


def artefact(key="ab" * 32):
    return Artefact(key, Entity.FILE, "C:\\a.exe", None, None)


def test_locks_of_those_who_never_came_back_are_freed_and_live_ones_are_not(stand):
    world = stand.world()
    case = receive(CASE, world)
    deadline = world.policy.device_deadline
    assert slots.take("d1", artefact(), case, world)
    stand.clock.now += deadline
    assert slots.take("d2", artefact(), case, world)
    stand.clock.now += deadline - MINUTE
    assert sweep(world).locks == 0
    stand.clock.now += MINUTE
    assert sweep(world).locks == 1
    other = artefact("cd" * 32)
    assert slots.take("d1", other, case, world)
    assert not slots.take("d2", other, case, world)


def test_a_lock_is_given_back_when_its_case_ends(stand):
    world = stand.world()
    receive(CASE, world)
    until(stand, world, state=State.FETCH)
    assert [entry.key for entry in world.ledger.of(slots.SCOPE)] == [
        f"live-response:{device_id('desk-1')}"
    ]
    stand.finish(world)
    assert world.ledger.of(slots.SCOPE) == []


# --- samples ----------------------------------------------------------------------------------


def test_samples_of_old_days_are_purged(stand):
    world = stand.world()
    names = {
        day: f"evidence/{day}/gone_1/{'ab' * 32}"
        for day in ("20260101", "20260226", "20260227", "20260301", "20991231")
    }
    odd = ["evidence/2026/gone_1/x", "evidence/20261350/gone_1/x", "evidence/readme", "reports/1"]
    for name in (*names.values(), *odd):
        world.objects.put(name, b"x")
    assert sweep(world).samples == 2
    left = {*world.objects.names("evidence/"), *world.objects.names("reports/")}
    assert left == {names["20260227"], names["20260301"], names["20991231"], *odd}
    assert sweep(world).samples == 0


def test_the_sample_of_a_case_that_is_under_way_stays(stand):
    world = stand.world()
    receive(CASE, world)
    until(stand, world, state=State.SUBMIT)
    [name] = world.objects.names("evidence/")
    stand.clock.now += world.policy.evidence_kept + timedelta(days=1)
    assert sweep(world).samples == 0
    assert list(world.objects.names("evidence/")) == [name]
    give_up(CASE, "nobody got it any further", world)
    stand.finish(world)
    assert list(world.objects.names("evidence/")) == []


def test_the_sample_of_a_case_that_has_ended_goes(stand):
    world = stand.world()
    receive(alert_id(5), world)
    stand.finish(world)
    world.objects.put(f"evidence/20260201/{alert_id(5)}/{'ab' * 32}", b"x")
    assert sweep(world).samples == 1


# --- poison -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.LOOKUP, State.ACQUIRE, State.FETCH, State.ANALYSING])
def test_a_case_that_is_given_up_fails_with_a_comment(stand, state):
    world = stand.world()
    receive(CASE, world)
    until(stand, world, state=state)
    lose_messages(stand)
    give_up(CASE, "its message was taken too often", world)
    [case] = stand.finish(world)
    assert (case.stage, case.reason) == (Stage.FAILED, "its message was taken too often")
    [comment] = stand.comments(1)
    assert "no verdict for file invoice.exe" in comment
    assert "its message was taken too often" in comment
    assert stand.indicators() == set()
    # Others may try: neither the file nor the device is held any more.
    assert world.ledger.get(f"file-{digest(LOADER)}:claim") is None
    assert world.ledger.of(slots.SCOPE) == []


def test_a_case_that_is_given_up_before_its_alert_was_read_says_so_too(stand):
    world = stand.world()
    receive(CASE, world)
    give_up(CASE, "its message was taken too often", world)
    [case] = stand.finish(world)
    assert case.stage is Stage.FAILED
    [comment] = stand.comments(1)
    assert "not detonated: its message was taken too often" in comment


@pytest.mark.parametrize("stage", [Stage.RECORD, Stage.WRITEBACK, Stage.CLEANUP, Stage.RESPOND])
def test_a_case_that_is_given_up_late_still_says_what_is_known(stand, stage):
    world = stand.world()
    receive(CASE, world)
    until(stand, world, stage=stage)
    give_up(CASE, "its message was taken too often", world)
    [case] = stand.finish(world)
    assert case.stage is Stage.FAILED
    assert "VMRay says malicious" in stand.comments(1)[0]
    # What the policy says of blocking is heard while the verdict is recorded.
    assert (digest(LOADER) in stand.indicators()) is (stage is not Stage.RECORD)


def test_what_has_ended_is_not_given_up(stand):
    world = stand.world()
    receive(alert_id(5), world)
    [before] = stand.finish(world)
    give_up(alert_id(5), "its message was taken too often", world)
    give_up("nothing_1", "its message was taken too often", world)
    assert stand.finish(world) == [before]
    assert len(stand.comments(5)) == 1


def test_what_was_given_up_may_be_tried_again(stand):
    world = stand.world()
    receive(CASE, world)
    give_up(CASE, "its message was taken too often", world)
    stand.finish(world)
    receive(CASE, world, again=True)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert "VMRay says malicious" in stand.comments(1)[-1]


def test_a_case_that_a_step_cannot_take_any_further_ends_with_a_comment(stand):
    class Down:
        def __getattr__(self, _):
            raise SourceDown("the incidents are down")

    receive(CASE, stand.world())
    [case] = stand.finish(stand.world(incidents=Down()))
    assert case.stage is Stage.FAILED
    assert case.reason == "given up after 20 attempts"
    assert "VMRay says malicious" in stand.comments(1)[0]
