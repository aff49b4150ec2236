"""Responses on devices: what the policy lets happen, what people decide, and how each ends.

All is seen at the alert whose file the sandbox knows: no live response comes in between. It is of
desk-2; server-1 has had the file, too.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import orjson
import pytest

from tidegate.declare.responses import Exclude, Responses, Rule, When
from tidegate.detonate import Unknown, approve, receive, reject, step, undo, work
from tidegate.detonate.decisions import asked
from tidegate.detonate.effects import ledger_key
from tidegate.model import Answer, Do, Stage, Turn, Verdict
from tidegate.ports import LIVE_RESPONSE, Progress, SourceDown
from tidegate.simulator.estate import put_file, see_file
from tidegate.simulator.seed import DOWNLOADS, KNOWN, alert_id, device_id, sha1_of

pytestmark = pytest.mark.flow

CASE = alert_id(5)
DESK, SERVER = device_id("desk-2"), device_id("server-1")
ON_DEVICES = (
    *("collect_package", "scan_device", "quarantine_file"),
    *("restrict_device", "isolate_device"),
)
IN_ORDER = (
    *("CollectInvestigationPackage", "RunAntiVirusScan", "StopAndQuarantineFile"),
    *("RestrictCodeExecution", "Isolate"),
)
PATIENCE = timedelta(hours=1)


def rules(answer, *names, **more):
    """A policy with one rule about these actions, and none of the others on devices."""
    then = dict.fromkeys(ON_DEVICES, Answer.NONE) | dict.fromkeys(names, answer)
    more = {"exclude": Exclude(servers=False), **more}
    everywhere = more.pop("everywhere", False)
    return Responses(rules=(Rule(then=then, everywhere=everywhere),), **more)


def with_rules(stand, answer, *names, **more):
    stand.policy = replace(stand.policy, responses=rules(answer, *names, **more))
    return stand.world()


def impatient(stand):
    """Give up on devices after an hour; with a day, a test looks at them for seconds."""
    stand.policy = replace(stand.policy, response_deadline=PATIENCE)


def run(stand, world):
    receive(CASE, world)
    [case] = stand.finish(world)
    return case


def take(world):
    return world.queue.take(world.policy.hidden)


def turns(case):
    return {one.effect.do: one.turn for one in case.responses}


def asked_for(stand):
    """The machine actions that were asked for, in order: type and device."""
    return [tuple(call.split()) for call in stand.memory.calls("response")]


def machine(stand, device=DESK):
    return stand.memory.get("machines", device)


def change(stand, device=DESK, **changes):
    stand.memory.put("machines", device, {**machine(stand, device), **changes})


def lines(stand):
    """What the alert's last comment says, but for its marker."""
    return stand.comments(5)[-1].split("\n")[:-1]


@pytest.fixture
def file_on_desk(stand):
    put_file(stand.tenant.scene, "desk-2", "report.exe", KNOWN)


# --- asked and decided ------------------------------------------------------------------------


def test_what_is_asked_waits_and_the_case_is_done(stand):
    case = run(stand, stand.world())
    assert case.stage is Stage.DONE
    assert turns(case) == {
        Do.COLLECT_PACKAGE: Turn.ASKED,
        Do.SCAN_DEVICE: Turn.ASKED,
        Do.QUARANTINE_FILE: Turn.ASKED,
        Do.ISOLATE_DEVICE: Turn.ASKED,
    }
    assert asked(case) == [one.effect.key for one in case.responses]
    assert asked_for(stand) == []
    [comment] = stand.comments(5)
    assert "Waits for approval: device.collect desk-2.corp.example; device.scan" in comment


def test_a_clean_file_asks_for_nothing(stand):
    world = stand.world()
    receive(alert_id(4), world)
    [case] = stand.finish(world)
    assert case.responses == ()
    with pytest.raises(Unknown, match="nothing to approve"):
        approve(case.id, "ann", world)


def test_what_is_approved_happens_in_order_one_after_the_other(stand, file_on_desk):
    world = with_rules(stand, Answer.ASK, *ON_DEVICES)
    case = run(stand, world)
    assert approve(CASE, "ann", world) == [one.effect.key for one in case.responses]
    open_at_once = 0
    while world.queue.length():
        work(world)
        running = [
            one
            for one in stand.memory.find("actions", "machineId", DESK)
            if one["status"] == "Pending" and not stand.tenant.scene.over(one["_since"])
        ]
        open_at_once = max(open_at_once, len(running))
        stand.clock.now += timedelta(seconds=15)
    assert open_at_once == 1
    assert asked_for(stand) == [(name, "desk-2.corp.example") for name in IN_ORDER]
    assert set(turns(world.cases.get(CASE)).values()) == {Turn.SUCCEEDED}
    assert machine(stand)["_isolated"]
    assert machine(stand)["_restricted"]
    assert asked(world.cases.get(CASE)) == []


def test_one_of_them_may_be_approved_alone(stand):
    world = stand.world()
    case = run(stand, world)
    key = next(one.effect.key for one in case.responses if one.effect.do is Do.SCAN_DEVICE)
    assert approve(CASE, "ann", world, only=key) == [key]
    [case] = stand.finish(world)
    assert turns(case)[Do.SCAN_DEVICE] is Turn.SUCCEEDED
    assert turns(case)[Do.ISOLATE_DEVICE] is Turn.ASKED
    assert asked_for(stand) == [("RunAntiVirusScan", "desk-2.corp.example")]
    with pytest.raises(Unknown, match=f"nothing to approve by the key '{key}'"):
        approve(CASE, "ann", world, only=key)


def test_what_is_rejected_never_happens(stand):
    world = stand.world()
    run(stand, world)
    assert len(reject(CASE, "ann", world)) == 4
    [case] = stand.finish(world)
    assert set(turns(case).values()) == {Turn.REJECTED}
    assert asked_for(stand) == []
    assert lines(stand)[1:] == [
        f"{one.effect.do} desk-2.corp.example rejected" for one in case.responses
    ]
    with pytest.raises(Unknown, match="nothing to approve"):
        approve(CASE, "bob", world)


@pytest.mark.parametrize(("first", "second"), [(approve, reject), (reject, approve)])
def test_the_first_decision_holds(stand, first, second):
    world = with_rules(stand, Answer.ASK, "isolate_device")
    run(stand, world)
    # The second comes before a worker has seen the first.
    first(CASE, "ann", world)
    second(CASE, "bob", world)
    [case] = stand.finish(world)
    approved = first is approve
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.SUCCEEDED if approved else Turn.REJECTED}
    assert len(asked_for(stand)) == approved


def test_approving_twice_is_once(stand):
    world = with_rules(stand, Answer.ASK, "isolate_device")
    run(stand, world)
    assert approve(CASE, "ann", world) == approve(CASE, "bob", world)
    stand.finish(world)
    assert len(asked_for(stand)) == 1
    by = {entry.owner for entry in world.ledger.of(CASE) if ":approve." in entry.key}
    assert by == {"ann"}


def test_a_case_that_is_not_there_cannot_be_decided(stand):
    for decide in (approve, reject, undo):
        with pytest.raises(Unknown, match="no such case"):
            decide("nothing_1", "ann", stand.world())


def test_an_approval_comes_too_late_for_what_was_asked_long_ago(stand):
    world = stand.world()
    case = run(stand, world)
    stand.clock.now += world.policy.approval_life
    key = case.responses[0].effect.key
    assert approve(CASE, "ann", world, only=key) == [key]
    stand.clock.now += timedelta(seconds=1)
    with pytest.raises(Unknown, match=r"\Atoo old: "):
        approve(CASE, "ann", world)
    with pytest.raises(Unknown, match=rf"\Atoo old: {case.responses[1].effect.key}"):
        approve(CASE, "ann", world, only=case.responses[1].effect.key)
    # To say no, it is never too late.
    assert len(reject(CASE, "ann", world)) == 4
    [case] = stand.finish(world)
    assert turns(case)[Do.COLLECT_PACKAGE] is Turn.SUCCEEDED
    assert turns(case)[Do.ISOLATE_DEVICE] is Turn.REJECTED


def test_what_the_policy_does_is_done_unasked(stand):
    case = run(stand, with_rules(stand, Answer.DO, "scan_device"))
    assert turns(case) == {Do.SCAN_DEVICE: Turn.SUCCEEDED}
    assert not case.responses[0].asked
    assert "Waits" not in "".join(stand.comments(5))


def test_what_an_analyst_said_of_the_alert_meanwhile_holds(stand):
    then = dict.fromkeys(ON_DEVICES, Answer.NONE)
    then |= {"classify_alert": Answer.DO, "begin_alert": Answer.ASK}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    world = stand.world()
    receive(CASE, world)
    step(replace(world, policy=replace(world.policy, turn=timedelta(0))), take(world))
    assert world.cases.get(CASE).alert.status == "New"
    stand.alert(5, classification="FalsePositive", determination="NotMalicious", status="Resolved")
    stand.finish(world)
    approve(CASE, "ann", world)
    stand.finish(world)
    document = stand.memory.get("alerts", CASE)
    assert document["classification"] == "FalsePositive"
    assert document["status"] == "Resolved"


def test_an_effect_on_records_that_is_asked_waits_by_its_actions_name(stand):
    then = dict.fromkeys(ON_DEVICES, Answer.NONE)
    then |= {"classify_alert": Answer.ASK, "tag_device": Answer.ASK}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    world = stand.world()
    case = run(stand, world)
    assert asked(case) == ["classify_alert.malicious", "tag_device.malicious"]
    approve(CASE, "ann", world, only="classify_alert.malicious")
    reject(CASE, "ann", world, only="tag_device.malicious")
    [case] = stand.finish(world)
    assert asked(case) == []
    assert stand.memory.get("alerts", CASE)["classification"] == "TruePositive"
    assert "VMRay malicious" not in machine(stand)["machineTags"]


# --- which devices ----------------------------------------------------------------------------


def test_a_server_is_left_alone_and_the_case_notes_why(stand):
    stand.alert(5, machineId=SERVER, computerDnsName="server-1.corp.example")
    case = run(stand, stand.world())
    assert case.stage is Stage.DONE
    assert case.responses == ()
    assert "no response on server-1.corp.example: excluded: a server" in case.notes
    assert stand.indicators()


def test_a_device_with_a_tag_that_is_excluded_is_left_alone(stand):
    change(stand, machineTags=["vip"])
    world = with_rules(stand, Answer.DO, "isolate_device", exclude=Exclude(tags=("VIP",)))
    case = run(stand, world)
    assert case.responses == ()
    assert case.notes == ("no response on desk-2.corp.example: excluded by tag vip",)
    assert asked_for(stand) == []


def test_nothing_is_noted_where_nothing_would_have_been_done(stand):
    change(stand, machineTags=["vip"])
    case = run(stand, with_rules(stand, Answer.NONE, exclude=Exclude(tags=("VIP",))))
    assert (case.responses, case.notes) == ((), ())


def test_only_the_alerts_own_device_is_reached_by_default(stand):
    case = run(stand, with_rules(stand, Answer.DO, "scan_device"))
    assert [one.effect.target for one in case.responses] == [DESK]
    assert SERVER in {device.id for device in case.affected}


def test_everywhere_reaches_the_other_devices_of_the_file(stand):
    see_file(stand.tenant.scene, "desk-3", KNOWN)
    case = run(stand, with_rules(stand, Answer.DO, "scan_device", everywhere=True))
    assert {one.effect.target for one in case.responses} == {DESK, SERVER, device_id("desk-3")}
    assert case.responses[0].effect.target == DESK
    assert {one.turn for one in case.responses} == {Turn.SUCCEEDED}
    # They do not wait for each other.
    began = {one["creationDateTimeUtc"] for one in stand.memory.all("actions")}
    assert len(began) == 1


def test_elsewhere_what_is_excluded_or_unknown_is_left_out(stand):
    see_file(stand.tenant.scene, "desk-3", KNOWN)

    class Hunting:
        def devices_with(self, *_):
            return [replace(case_device, id="f" * 40)]

    case_device = stand.world().devices.get(device_id("desk-1"))
    case_device = replace(case_device, name="ghost-1", os="")
    with_rules(stand, Answer.DO, "scan_device", everywhere=True, exclude=Exclude())
    case = run(stand, stand.world(hunting=Hunting()))
    assert {one.effect.target for one in case.responses} == {DESK, device_id("desk-3")}
    assert set(case.notes) == {
        "no response on ghost-1: nothing is known of it",
        "no response on server-1.corp.example: excluded: a server",
    }


def test_nothing_is_noted_of_unknown_devices_where_nothing_would_have_been_done(stand):
    class Hunting:
        def devices_with(self, *_):
            return [replace(device, id="f" * 40, os="")]

    device = stand.world().devices.get(DESK)
    with_rules(stand, Answer.NONE, everywhere=True)
    case = run(stand, stand.world(hunting=Hunting()))
    assert (case.responses, case.notes) == ((), ())


def test_rules_look_at_each_device_by_itself(stand):
    servers = When(group=("servers",))
    isolating = Rule(when=servers, then={"isolate_device": Answer.DO}, everywhere=True)
    nothing = Rule(then=dict.fromkeys(ON_DEVICES, Answer.NONE))
    responses = Responses(rules=(isolating, nothing), exclude=Exclude(servers=False))
    stand.policy = replace(stand.policy, responses=responses)
    case = run(stand, stand.world())
    assert [(one.effect.do, one.effect.target) for one in case.responses] == [
        (Do.ISOLATE_DEVICE, SERVER)
    ]
    assert asked_for(stand) == [("Isolate", "server-1.corp.example")]


# --- how they end -----------------------------------------------------------------------------


def test_a_comment_tells_each_outcome_once(stand):
    world = with_rules(stand, Answer.DO, *ON_DEVICES)
    # Nobody has the file any more, so that there is nothing to quarantine.
    case = run(stand, world)
    assert turns(case)[Do.QUARANTINE_FILE] is Turn.FAILED
    assert len(stand.comments(5)) == 2
    assert lines(stand) == [
        "Tidegate:",
        "device.collect desk-2.corp.example succeeded",
        "device.scan desk-2.corp.example succeeded",
        "file.quarantine desk-2.corp.example failed: Failed (0x80070002)",
        "device.restrict desk-2.corp.example succeeded",
        "device.isolate desk-2.corp.example succeeded",
    ]
    receive(CASE, world)
    stand.finish(world)
    assert len(stand.comments(5)) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "OsPlatformNotSupported"), (403, "DisabledFeature")]
)
def test_what_defender_refuses_has_failed_and_is_told(stand, status, code):
    world = with_rules(stand, Answer.DO, "isolate_device", "scan_device")
    devices = replace(world.devices, http=Refusing(world.devices.http, "/isolate", status, code))
    case = run(stand, replace(world, devices=devices))
    assert case.stage is Stage.DONE
    assert turns(case) == {Do.SCAN_DEVICE: Turn.SUCCEEDED, Do.ISOLATE_DEVICE: Turn.FAILED}
    assert code in lines(stand)[-1]
    assert lines(stand)[-1].startswith("device.isolate desk-2.corp.example failed: ")


class Refusing:
    """An Http that answers posts to some paths as Defender refuses, so many times."""

    def __init__(self, http, path, status, code, times=1_000):
        self.http, self.path, self.times = http, path, times
        self.status, self.code = status, code

    def request(self, method, url, **asked):
        if method != "POST" or not url.endswith(self.path) or not self.times:
            return self.http.request(method, url, **asked)
        self.times -= 1
        error = {"code": self.code, "message": "No.", "target": "1-2-3"}
        answer = self.http.request("GET", f"{url.partition('/api/')[0]}/api/nothing", expect=(404,))
        return replace(answer, status=self.status, body=orjson.dumps({"error": error}))

    def download(self, *args, **more):
        return self.http.download(*args, **more)


def test_a_busy_device_is_waited_for(stand):
    world = with_rules(stand, Answer.DO, "scan_device")
    their_scan = world.devices.respond(Do.SCAN_DEVICE, DESK, "Quick", "by an analyst")
    receive(CASE, world)
    work(world)
    case = world.cases.get(CASE)
    assert (case.stage, turns(case)) == (Stage.RESPOND, {Do.SCAN_DEVICE: Turn.WAITING})
    [case] = stand.finish(world)
    assert turns(case) == {Do.SCAN_DEVICE: Turn.SUCCEEDED}
    assert case.responses[0].action != their_scan
    assert len(asked_for(stand)) == 2


def test_a_device_that_stays_busy_is_given_up_at_the_deadline(stand):
    change(stand, _online=False)
    impatient(stand)
    world = with_rules(stand, Answer.DO, "scan_device")
    world.devices.respond(Do.SCAN_DEVICE, DESK, "Quick", "by an analyst")
    case = run(stand, world)
    assert turns(case) == {Do.SCAN_DEVICE: Turn.FAILED}
    assert case.responses[0].detail == "the device stayed busy"
    assert stand.memory.calls("cancel") == []
    entry = world.ledger.get(ledger_key(case.responses[0].effect, case))
    assert (entry.done, entry.result) == (True, "failed: the device stayed busy")


def test_an_offline_device_is_given_up_at_the_deadline(stand):
    change(stand, _online=False)
    impatient(stand)
    world = with_rules(stand, Answer.DO, "isolate_device")
    begun = stand.clock.now
    case = run(stand, world)
    assert case.stage is Stage.DONE
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.FAILED}
    assert stand.memory.calls("cancel") == [case.responses[0].action]
    waited = stand.clock.now - begun
    assert PATIENCE <= waited < PATIENCE + timedelta(minutes=10)
    assert lines(stand)[1:] == [
        "device.isolate desk-2.corp.example failed: the device did not answer in time"
    ]


def test_what_has_failed_is_tried_again_with_the_case(stand):
    change(stand, _online=False)
    impatient(stand)
    world = with_rules(stand, Answer.DO, "isolate_device")
    assert set(turns(run(stand, world)).values()) == {Turn.FAILED}
    change(stand, _online=True)
    receive(CASE, world, again=True)
    [case] = stand.finish(world)
    assert set(turns(case).values()) == {Turn.SUCCEEDED}
    assert len(asked_for(stand)) == 2


def test_a_cancelled_response_has_failed(stand):
    change(stand, _online=False)
    world = with_rules(stand, Answer.DO, "isolate_device")
    receive(CASE, world)
    work(world)
    world.devices.cancel(world.cases.get(CASE).responses[0].action, "by an analyst")
    [case] = stand.finish(world)
    assert (case.responses[0].turn, case.responses[0].detail) == (Turn.FAILED, "Cancelled")


def test_a_lost_answer_is_found_again_by_our_mark(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    losing = Losing(world.devices.http, "/isolate")
    case = run(stand, replace(world, devices=replace(world.devices, http=losing)))
    assert losing.lost
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.SUCCEEDED}
    assert len(asked_for(stand)) == 1
    [made] = stand.memory.all("actions")
    assert case.responses[0].action == made["id"]


class Losing:
    """An Http that loses the answer to the first post to a path."""

    def __init__(self, http, path):
        self.http, self.path, self.lost = http, path, False

    def request(self, method, url, **asked):
        answer = self.http.request(method, url, **asked)
        if method == "POST" and url.endswith(self.path) and not self.lost:
            self.lost = True
            raise SourceDown("the connection broke")
        return answer

    def download(self, *args, **more):
        return self.http.download(*args, **more)


@pytest.mark.slow
def test_the_worker_may_die_around_any_call_of_a_response(stand_at, tmp_path, fuse):
    def lived(folder, **blows):
        stand = stand_at(folder)
        with_rules(stand, Answer.DO, "scan_device", "isolate_device")
        blown = fuse(**blows)
        try:
            case = run(stand, stand.world(blown))
        except fuse().error:
            case = run(stand, stand.world())
        assert set(turns(case).values()) == {Turn.SUCCEEDED}
        assert len(asked_for(stand)) == 2
        assert len(stand.comments(5)) == 2
        assert len(stand.memory.calls("indicator")) == 2
        stand.close()
        return blown.names

    calls = lived(tmp_path / "undisturbed")
    first = calls.index("GET api/machineactions")
    # What comes again is looked at once: waiting makes the same calls many times over.
    different = {pair: n for n, pair in enumerate(pairwise(calls), start=1) if n >= first}
    assert len(different) > 10
    for n in sorted(different.values()):
        lived(tmp_path / str(n), after=n)


# --- needless, and undone ---------------------------------------------------------------------


def test_what_somebody_did_before_is_needless_and_stays_theirs(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    world.devices.respond(Do.ISOLATE_DEVICE, DESK, "Full", "by an analyst")
    case = run(stand, world)
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.NEEDLESS}
    assert len(asked_for(stand)) == 1
    assert "needless: it was so already" in lines(stand)[-1]
    assert case.responses[0].effect.key not in undo(CASE, "ann", world)
    stand.finish(world)
    stand.clock.now += timedelta(minutes=1)
    world.devices.actions(DESK)
    assert machine(stand)["_isolated"]
    assert len(asked_for(stand)) == 1


def test_what_was_taken_back_by_somebody_is_done_again(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    for do in (Do.ISOLATE_DEVICE, Do.RELEASE_DEVICE):
        world.devices.respond(do, DESK, "Full", "by an analyst")
        stand.clock.now += timedelta(minutes=1)
        world.devices.actions(DESK)
    case = run(stand, world)
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.SUCCEEDED}
    assert machine(stand)["_isolated"]


def test_undo_takes_back_all_that_can_be(stand):
    then = dict.fromkeys(ON_DEVICES, Answer.DO) | {"tag_device": Answer.DO}
    stand.policy = replace(stand.policy, responses=Responses(rules=(Rule(then=then),)))
    world = stand.world()
    case = run(stand, world)
    assert stand.indicators()
    assert "VMRay malicious" in machine(stand)["machineTags"]
    taken = undo(CASE, "ann", world)
    done = {one.effect.do for one in case.responses if one.effect.key in taken}
    assert done == {Do.RESTRICT_DEVICE, Do.ISOLATE_DEVICE}
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert turns(case)[Do.RELEASE_DEVICE] is Turn.SUCCEEDED
    assert turns(case)[Do.UNRESTRICT_DEVICE] is Turn.SUCCEEDED
    assert not machine(stand)["_isolated"]
    assert not machine(stand)["_restricted"]
    assert stand.indicators() == set()
    assert stand.tags(5) == ["Simulated"]
    assert "VMRay malicious" not in machine(stand)["machineTags"]
    # What was done last is taken back first.
    assert [name for name, _ in asked_for(stand)][-2:] == ["Unisolate", "UnrestrictCodeExecution"]
    assert "taken back: device.tag desk-2.corp.example" in lines(stand)
    assert "device.release desk-2.corp.example succeeded" in lines(stand)


def test_what_is_undone_stays_so(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    run(stand, world)
    undo(CASE, "ann", world)
    stand.finish(world)
    said, did = len(stand.comments(5)), len(asked_for(stand))
    with pytest.raises(Unknown, match="nothing to undo"):
        undo(CASE, "ann", world)
    receive(CASE, world, again=True)
    stand.finish(world)
    assert stand.indicators() == set()
    assert stand.tags(5) == ["Simulated"]
    assert (len(stand.comments(5)), len(asked_for(stand))) == (said, did)
    assert not machine(stand)["_isolated"]


def test_what_is_undone_is_withdrawn_from_the_sightings_too(stand):
    world = with_rules(stand, Answer.NONE)
    run(stand, world)
    assert len(world.sightings.state("vmray")) == 2
    undo(CASE, "ann", world)
    stand.finish(world)
    # Else the gate would put the indicators back.
    assert len(world.sightings.state("vmray")) == 0


def test_one_effect_may_be_undone_alone(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    case = run(stand, world)
    key = case.responses[0].effect.key
    assert undo(CASE, "ann", world, only=key) == [key]
    [case] = stand.finish(world)
    assert turns(case)[Do.RELEASE_DEVICE] is Turn.SUCCEEDED
    assert stand.indicators()
    assert stand.tags(5) == ["Simulated", "VMRay malicious"]


def test_undo_while_a_response_is_under_way_stops_it(stand):
    change(stand, _online=False)
    world = with_rules(stand, Answer.DO, "isolate_device")
    receive(CASE, world)
    work(world)
    assert world.cases.get(CASE).stage is Stage.RESPOND
    taken = undo(CASE, "ann", world)
    assert world.cases.get(CASE).responses[0].effect.key in taken
    change(stand, _online=True)
    [case] = stand.finish(world)
    assert case.verdict is Verdict.MALICIOUS
    assert stand.indicators() == set()
    assert len(world.sightings.state("vmray")) == 0
    assert turns(case) == {Do.ISOLATE_DEVICE: Turn.FAILED}
    assert not machine(stand)["_isolated"]


def test_undo_that_comes_too_late_to_stop_a_response_takes_it_back(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    receive(CASE, world)
    while not any(one.action for one in world.cases.get(CASE).responses):
        stand.clock.now += timedelta(seconds=5)
        work(world)
    stand.clock.now += timedelta(minutes=5)
    [action] = world.devices.actions(DESK)[:1]
    assert (action.type, action.progress) == ("Isolate", Progress.SUCCEEDED)
    undo(CASE, "ann", world)
    [case] = stand.finish(world)
    assert turns(case) == {
        Do.ISOLATE_DEVICE: Turn.SUCCEEDED,
        Do.RELEASE_DEVICE: Turn.SUCCEEDED,
    }
    assert not machine(stand)["_isolated"]


def test_a_live_response_under_way_is_in_nobodys_way(stand):
    world = with_rules(stand, Answer.DO, "isolate_device")
    world.devices.collect(DESK, f"{DOWNLOADS}\\x.exe", "by an analyst")
    assert {one.type for one in world.devices.actions(DESK)} == {LIVE_RESPONSE}
    assert turns(run(stand, world)) == {Do.ISOLATE_DEVICE: Turn.SUCCEEDED}


def test_the_file_is_quarantined_by_its_sha1(stand, file_on_desk):
    case = run(stand, with_rules(stand, Answer.DO, "quarantine_file"))
    assert turns(case) == {Do.QUARANTINE_FILE: Turn.SUCCEEDED}
    [made] = stand.memory.all("actions")
    assert made["relatedFileInfo"]["fileIdentifier"] == sha1_of(KNOWN)
    assert f"quarantine:{sha1_of(KNOWN)}" in machine(stand)["_quarantine"]
    # To bring it back is no business of ours.
    assert not {one.effect.key for one in case.responses} & set(undo(CASE, "ann", stand.world()))


def test_what_waits_for_a_silent_device_fails_with_the_first_of_it(stand):
    change(stand, _online=False)
    impatient(stand)
    world = with_rules(stand, Answer.DO, "scan_device", "isolate_device")
    case = run(stand, world)
    assert set(turns(case).values()) == {Turn.FAILED}
    assert len(asked_for(stand)) == 1
    assert len(stand.memory.calls("cancel")) == 1
    assert stand.clock.now - case.opened < 2 * stand.policy.response_deadline
