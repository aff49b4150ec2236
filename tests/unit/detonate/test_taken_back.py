"""Taking back while things happen: whatever comes in between, no device stays isolated for it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tidegate.declare.responses import Responses, Rule
from tidegate.detonate import Unknown, approve, receive, recheck_due, sweep, undo, work
from tidegate.detonate.decisions import asked
from tidegate.model import Answer, Do, Stage, Turn, Verdict
from tidegate.ports import Progress, Refused, SourceDown
from tidegate.simulator.seed import KNOWN, alert_id, device_id, digest

pytestmark = pytest.mark.flow

CASE, DESK = alert_id(5), device_id("desk-2")
ON_DEVICES = (
    *("collect_package", "scan_device", "quarantine_file"),
    *("restrict_device", "isolate_device"),
)


@dataclass
class Broken:
    """Devices of which one call goes wrong so many times, before or after it has happened."""

    devices: Any
    call: str
    error: Exception
    times: int = 1
    happens: bool = False

    def __getattr__(self, name):
        real = getattr(self.devices, name)
        if name != self.call or self.times == 0:
            return real

        def broken(*args, **more):
            self.times -= 1
            if self.happens:
                real(*args, **more)
            raise self.error

        return broken


@pytest.fixture
def world(stand):
    """A worker that isolates devices unasked, and asks before it scans them."""
    then = dict.fromkeys(ON_DEVICES, Answer.NONE)
    then |= {"isolate_device": Answer.DO, "scan_device": Answer.ASK}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    return stand.world()


def run(stand, world):
    receive(CASE, world)
    [case] = stand.finish(world)
    return case


def underway(stand, world):
    """Let the case come to where Defender has been asked to isolate the device."""
    receive(CASE, world)
    while not any(one.action for one in world.cases.get(CASE).responses):
        stand.clock.now += timedelta(seconds=5)
        work(world)


def turns(case):
    return {one.effect.do: one.turn for one in case.responses if one.turn is not Turn.ASKED}


def machine(stand):
    return stand.memory.get("machines", DESK)


def online(stand, *, it_is):
    stand.memory.put("machines", DESK, {**machine(stand), "_online": it_is})


def settled(stand, world):
    """Let Defender come to the end of all it was asked for; return whether it left isolation."""
    stand.clock.now += timedelta(minutes=5)
    world.devices.actions(DESK)
    return machine(stand)["_isolated"]


BACK = {Do.ISOLATE_DEVICE: Turn.SUCCEEDED, Do.RELEASE_DEVICE: Turn.SUCCEEDED}


def test_to_undo_twice_does_not_stop_the_release(stand, world):
    run(stand, world)
    undo(CASE, "ann", world)
    work(world)
    assert turns(world.cases.get(CASE))[Do.RELEASE_DEVICE] is Turn.RUNNING
    with pytest.raises(Unknown):
        undo(CASE, "bob", world)
    [case] = stand.finish(world)
    assert turns(case) == BACK
    assert not settled(stand, world)
    assert stand.memory.calls("cancel") == []


def test_a_release_that_cannot_be_asked_for_now_stays_one(stand, world):
    run(stand, world)
    undo(CASE, "ann", world)
    broken = Broken(world.devices, "respond", SourceDown("the connection broke"), times=5)
    down = replace(world, devices=broken)
    for _ in range(4):
        work(down)
        stand.clock.now += timedelta(minutes=15)
    assert len(world.cases.get(CASE).responses) == 3  # one of them is asked
    [case] = stand.finish(down)
    assert turns(case) == BACK
    assert not settled(stand, world)


def test_what_was_asked_for_without_an_answer_is_found_and_stopped(stand, world):
    receive(CASE, world)
    lost = SourceDown("the connection broke")
    work(replace(world, devices=Broken(world.devices, "respond", lost, happens=True)))
    assert turns(world.cases.get(CASE)) == {Do.ISOLATE_DEVICE: Turn.WAITING}
    undo(CASE, "ann", world)
    [case] = stand.finish(world)
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.FAILED}
    assert len(stand.memory.calls("cancel")) == 1
    assert not settled(stand, world)
    assert stand.indicators() == set()


@pytest.mark.parametrize("error", [SourceDown("down"), Refused("403", "no role")])
def test_what_cannot_be_cancelled_is_followed_and_taken_back(stand, world, error):
    online(stand, it_is=False)
    underway(stand, world)
    undo(CASE, "ann", world)
    online(stand, it_is=True)
    broken = replace(world, devices=Broken(world.devices, "cancel", error, times=9))
    [case] = stand.finish(broken)
    assert (case.stage, case.reason) == (Stage.DONE, None)
    assert turns(case) == BACK
    assert not settled(stand, world)


def test_a_person_is_asked_when_the_verdict_changed_too_late_to_stop_a_response(stand, world):
    underway(stand, world)
    stand.clock.now += timedelta(minutes=5)
    assert world.devices.actions(DESK)[0].progress is Progress.SUCCEEDED
    stand.memory.put("outcomes", digest(KNOWN), {"verdict": "clean"})
    recheck_due(world)
    stand.clock.now += world.policy.recheck_every
    recheck_due(world)
    [case] = stand.finish(world)
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.CLEAN)
    [key] = asked(case)
    assert key.startswith(Do.RELEASE_DEVICE)
    approve(CASE, "ann", world)
    [case] = stand.finish(world)
    assert turns(case) == {Do.SCAN_DEVICE: Turn.REJECTED, **BACK}
    assert not settled(stand, world)


def test_a_decision_is_heard_before_the_case_begins_again(stand, world):
    run(stand, world)
    undo(CASE, "ann", world)
    receive(CASE, world, again=True)
    [case] = stand.finish(world)
    assert case.runs == 2
    assert turns(case) == BACK
    assert stand.indicators() == set()


def test_a_release_does_not_fail_with_what_the_device_was_silent_to(stand, world):
    stand.policy = replace(stand.policy, response_deadline=timedelta(hours=1))
    world = stand.world()
    case = run(stand, world)
    online(stand, it_is=False)
    approve(CASE, "ann", world)
    work(world)
    isolated = next(one for one in case.responses if one.effect.do is Do.ISOLATE_DEVICE)
    undo(CASE, "bob", world, only=isolated.effect.key)
    stand.clock.now += timedelta(minutes=61)
    work(world)
    assert turns(world.cases.get(CASE))[Do.SCAN_DEVICE] is Turn.FAILED
    online(stand, it_is=True)
    [case] = stand.finish(world)
    assert turns(case) == {Do.SCAN_DEVICE: Turn.FAILED, **BACK}


def test_a_second_run_asks_anew_but_for_what_was_approved(stand, world):
    then = {"block_indicators": Answer.ASK, "tag_incident": Answer.ASK}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    world = stand.world()
    case = run(stand, world)
    approve(CASE, "ann", world, only="block_indicators.malicious")
    stand.finish(world)
    receive(CASE, world, again=True)
    [case] = stand.finish(world)
    assert dict(case.answers)["block_indicators"] is Answer.DO
    assert "tag_incident.malicious" in asked(case)


def test_a_folder_that_goes_while_it_is_looked_at_is_none_of_the_sweeps(stand, world, monkeypatch):
    (world.scratch / "theirs").mkdir(parents=True)
    listed = type(world.scratch).glob

    def going(folder, pattern):
        for one in listed(folder, pattern):
            one.rmdir()
            yield one

    monkeypatch.setattr(type(world.scratch), "glob", going)
    sweep(world)
    assert not (world.scratch / "theirs").exists()
