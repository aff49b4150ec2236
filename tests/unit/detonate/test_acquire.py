"""A file's bytes from devices that are away, busy, unable or hostile; and from quarantine."""

import gzip
import json
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from tidegate.detonate import quarantine, receive, slots, work
from tidegate.detonate.acquire import attempts, mark
from tidegate.detonate.worker import step
from tidegate.model import Artefact, Device, Do, Entity, Stage, State, Verdict
from tidegate.ports import BadPayload, Refused
from tidegate.simulator.estate import (
    Happening,
    Machine,
    of_file,
    put_file,
    put_machine,
    quarantine_file,
    raise_alert,
    see_file,
)
from tidegate.simulator.machines import occupy
from tidegate.simulator.seed import (
    DOWNLOADS,
    LOADER,
    OTHERS,
    QUARANTINED,
    ROAMING,
    alert_id,
    device_id,
    digest,
)

pytestmark = pytest.mark.flow

DESK_1, DESK_2, DESK_3 = (device_id(f"desk-{n}") for n in (1, 2, 3))
ROAMER = device_id("roaming-1")
PATIENCE = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TRIED = f"{DESK_1}:{DOWNLOADS}\\invoice.exe"


def run(stand, world, *numbers):
    for number in numbers or (1,):
        receive(alert_id(number), world)
    cases = {int(case.id.rpartition("_")[2]): case for case in stand.finish(world)}
    return cases[numbers[0] if numbers else 1]


def impatient(stand):
    """Give up on a device after an hour: with a day, a test looks at it for seconds."""
    stand.policy = replace(stand.policy, device_deadline=PATIENCE)
    return stand.world()


def change(stand, device, **changes):
    document = stand.memory.get("machines", device)
    stand.memory.put("machines", device, {**document, **changes})


def lose(stand, place=TRIED):
    """Let the file be gone from its place."""
    stand.memory.delete_blob(place)


def asked(stand):
    """The live responses that were asked for: device, and whether out of quarantine."""
    found = [one for one in stand.memory.all("actions") if one["type"] == "LiveResponse"]
    return [(one["computerDnsName"].partition(".")[0], len(one["commands"]) == 2) for one in found]


def troubles(case):
    return case.artefacts[0].troubles


# --- devices that are away --------------------------------------------------------------------


def test_an_offline_device_is_given_up_at_the_deadline_and_the_next_is_asked(stand):
    change(stand, DESK_1, _online=False)
    begun = stand.clock.now
    case = run(stand, impatient(stand))
    assert case.stage is Stage.DONE
    assert troubles(case) == ("desk-1.corp.example: the device did not answer in time",)
    # It is not asked for its quarantine: who is away is away.
    assert asked(stand) == [("desk-1", False), ("desk-2", False)]
    assert len(stand.memory.calls("cancel")) == 1
    assert PATIENCE < stand.clock.now - begun < PATIENCE + timedelta(minutes=15)


def test_a_device_that_comes_back_in_time_is_waited_for(stand):
    change(stand, DESK_1, _online=False)
    world = impatient(stand)
    receive(alert_id(1), world)
    work(world)
    stand.clock.now += PATIENCE - 10 * MINUTE
    work(world)
    change(stand, DESK_1, _online=True)
    [case] = stand.finish(world)
    assert (case.stage, troubles(case)) == (Stage.DONE, ())
    assert asked(stand) == [("desk-1", False)]
    assert stand.memory.calls("cancel") == []


def test_when_no_device_answers_the_case_fails_and_says_which(stand):
    for device in (DESK_1, DESK_2):
        change(stand, device, _online=False)
    case = run(stand, impatient(stand))
    assert case.stage is Stage.FAILED
    assert len(stand.memory.calls("cancel")) == 2
    [comment] = stand.comments(1)
    for name in ("desk-1", "desk-2"):
        assert f"{name}.corp.example: the device did not answer in time" in comment


def test_without_a_device_of_its_own_the_file_comes_from_one_that_has_it(stand):
    stand.alert(1, machineId=None)
    case = run(stand, stand.world())
    assert (case.stage, case.alert.device, troubles(case)) == (Stage.DONE, None, ())
    assert len(asked(stand)) == 1


def test_where_defender_may_not_tell_who_has_the_file_its_own_device_is_asked(stand):
    class Silent:
        def __init__(self, devices):
            self.devices = devices

        def __getattr__(self, name):
            return getattr(self.devices, name)

        def holding(self, _):
            raise Refused("no role", "403")

    world = stand.world()
    case = run(stand, replace(world, devices=Silent(world.devices)))
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.MALICIOUS)
    assert troubles(case) == ("not asked where else it is: no role",)
    assert asked(stand) == [("desk-1", False)]


def test_a_live_response_that_is_looked_at_is_looked_at_ever_less_often(stand, fuse):
    change(stand, DESK_1, _online=False)
    blown = fuse()
    impatient(stand)
    run(stand, stand.world(blown))
    looks = [name for name in blown.names if name.startswith("GET api/machineactions/")]
    # Four in the first minute, ten in the next ten, then one in five minutes; and desk-2's.
    assert 22 <= len(looks) <= 32


# --- devices that are unable ------------------------------------------------------------------


def test_a_device_without_live_response_is_passed_over(stand):
    change(stand, DESK_1, _live_response=False)
    case = run(stand, stand.world())
    assert case.stage is Stage.DONE
    [trouble] = troubles(case)
    assert trouble.startswith("desk-1.corp.example: Defender refused runliveresponse: Disabled")
    assert asked(stand) == [("desk-2", False)]
    assert stand.world().ledger.of(slots.SCOPE) == []


class Refusing:
    """An Http that answers the live responses of one device as Defender refuses them."""

    def __init__(self, http, device, status, code):
        self.http, self.path = http, f"/{device}/runliveresponse"
        self.status, self.code, self.asked = status, code, 0

    def request(self, method, url, **asked):
        if not url.endswith(self.path):
            return self.http.request(method, url, **asked)
        self.asked += 1
        answer = self.http.request("GET", f"{url.partition('/api/')[0]}/api/none", expect=(404,))
        error = {"code": self.code, "message": "No.", "target": "1-2-3"}
        return replace(answer, status=self.status, body=orjson.dumps({"error": error}))


def with_refusals(stand, *refusal):
    world = stand.world()
    http = Refusing(world.devices.http, DESK_1, *refusal)
    return replace(world, devices=replace(world.devices, http=http)), http


@pytest.mark.parametrize(
    ("status", "code", "times"),
    [
        (403, "DisabledFeature", 1),
        (403, "Forbidden", 1),
        (400, "OsPlatformNotSupported", 1),
        (400, "ClientVersionNotSupported", 1),
        # What Defender says of a device group without a remediation level is not documented: any
        # other refusal may be about the one way alone.
        (403, "DisallowedOperation", 2),
        (400, "BadRequest", 2),
        (404, "ResourceNotFound", 2),
    ],
)
def test_whatever_a_device_refuses_the_next_is_asked(stand, status, code, times):
    world, http = with_refusals(stand, status, code)
    case = run(stand, world)
    assert case.stage is Stage.DONE
    assert http.asked == times == len(troubles(case))
    assert all(code in trouble for trouble in troubles(case))
    assert asked(stand) == [("desk-2", False)]


def artefact(**more):
    return Artefact("ab" * 32, Entity.FILE, more.pop("target", "C:\\x\\a.exe"), None, None, **more)


def ways(stand, device, *others, source="WindowsDefenderAtp", **more):
    world = stand.world()
    receive(alert_id(1), world)
    found = world.alerts.get(alert_id(1))
    case = replace(world.cases.get(alert_id(1)), alert=replace(found, device=device, source=source))
    policy = replace(world.policy, **more.pop("policy", {}))
    made = attempts(artefact(**more), case, list(others), policy)
    return [(one.device.id, one.quarantined) for one in made]


def test_a_file_is_taken_from_its_place_and_then_from_quarantine(stand):
    windows = Device("d1", os="Windows11")
    assert ways(stand, windows) == [("d1", False), ("d1", True)]
    assert ways(stand, windows, policy={"quarantine": False}) == [("d1", False)]


@pytest.mark.parametrize("os", ["macOS", "Linux", "Ubuntu"])
def test_only_windows_has_a_quarantine(stand, os):
    assert ways(stand, Device("d1", os=os), target="/tmp/a") == [("d1", False)]  # noqa: S108
    assert ways(stand, Device("d1", os=os), target="", source="WindowsDefenderAv") == []


def test_what_antivirus_took_away_is_looked_for_in_quarantine_first(stand):
    device = Device("d1", os="Windows11")
    assert ways(stand, device, source="WindowsDefenderAv") == [("d1", True), ("d1", False)]


def test_a_file_without_a_place_can_only_be_in_quarantine(stand):
    assert ways(stand, Device("d1", os="Windows11"), target="a.exe") == [("d1", True)]


def test_so_many_others_are_asked_and_each_once(stand):
    own = Device("d1", os="macOS")
    others = [own, *(Device(f"e{n}", os="macOS") for n in range(9))]
    found = ways(stand, own, *others, target="/a", policy={"other_devices": 3})
    assert found == [(name, False) for name in ("d1", "e0", "e1", "e2")]


def test_an_id_that_could_be_anything_is_asked_nothing(stand):
    assert ways(stand, Device("../alerts", os="macOS"), target="/a") == []


def test_a_mac_is_asked_for_the_file_and_not_for_its_quarantine(stand):
    change(stand, DESK_1, osPlatform="macOS")
    change(stand, DESK_2, _live_response=False)
    lose(stand)
    case = run(stand, stand.world())
    assert case.stage is Stage.FAILED
    assert asked(stand) == [("desk-1", False)]
    assert stand.memory.all("library") == []


# --- devices that are busy --------------------------------------------------------------------


def test_a_live_response_of_the_portal_that_no_list_shows_is_waited_for(stand):
    occupy(stand.tenant.scene, DESK_1, 300)
    begun = stand.clock.now
    case = run(stand, stand.world())
    assert (case.stage, troubles(case)) == (Stage.DONE, ())
    assert asked(stand) == [("desk-1", False)]
    assert stand.clock.now - begun > timedelta(seconds=300)


def test_a_device_that_stays_busy_is_given_up_at_the_deadline(stand):
    occupy(stand.tenant.scene, DESK_1, 1e9)
    case = run(stand, impatient(stand))
    assert case.stage is Stage.DONE
    assert troubles(case) == ("desk-1.corp.example: the device stayed busy",)
    assert asked(stand) == [("desk-2", False)]


def test_an_analysts_live_response_is_waited_for_and_left_alone(stand):
    world = stand.world()
    theirs = world.devices.collect(DESK_1, f"{DOWNLOADS}\\broken.exe", "by an analyst")
    case = run(stand, world)
    assert (case.stage, troubles(case)) == (Stage.DONE, ())
    assert case.artefacts[0].action != theirs
    assert len(stand.memory.calls("live response")) == 2
    assert stand.memory.calls("cancel") == []


@pytest.mark.parametrize("do", [Do.COLLECT_PACKAGE, Do.SCAN_DEVICE, Do.ISOLATE_DEVICE])
def test_other_actions_of_the_device_are_in_nobodys_way(stand, do):
    world = stand.world()
    text = {Do.SCAN_DEVICE: "Full", Do.ISOLATE_DEVICE: "Full"}.get(do, "")
    world.devices.respond(do, DESK_1, text, "by an analyst")
    receive(alert_id(1), world)
    work(world)
    assert world.cases.get(alert_id(1)).artefacts[0].state is State.FETCH


def open_ones(stand):
    """How many live responses are open now: of each device, and in all."""
    rows = [
        one["machineId"]
        for one in stand.memory.find("actions", "status", "Pending")
        if not stand.tenant.scene.over(one["_since"])
        or not stand.memory.get("machines", one["machineId"])["_online"]
    ]
    return {device: rows.count(device) for device in rows}


def desks(stand, count, **more):
    """Raise an alert on each of so many new devices, each about a file of its own."""
    scene = stand.tenant.scene
    for n in range(20, 20 + count):
        content = f"Tidegate sample: number {n}\n".encode()
        put_machine(scene, Machine(f"more-{n}", **more))
        put_file(scene, f"more-{n}", f"a{n}.exe", content)
        what = Happening("A file", f"more-{n}", (of_file(f"a{n}.exe", content),))
        raise_alert(scene, n, stand.clock.now, what)
    return [alert_id(n) for n in range(20, 20 + count)]


def test_one_live_response_at_a_time_on_a_device_over_several_cases(stand):
    scene = stand.tenant.scene
    for n in (21, 22, 23):
        content = f"Tidegate sample: number {n}\n".encode()
        put_file(scene, "desk-1", f"a{n}.exe", content)
        what = Happening("A file", "desk-1", (of_file(f"a{n}.exe", content),))
        raise_alert(scene, n, stand.clock.now, what)
    world = stand.world()
    for n in (21, 22, 23):
        receive(alert_id(n), world)
    most = 0
    while world.queue.length():
        work(world)
        most = max([most, *open_ones(stand).values()])
        stand.clock.now += timedelta(seconds=15)
    assert most == 1
    assert {case.stage for case in world.cases.newest(10)} == {Stage.DONE}
    assert asked(stand) == [("desk-1", False)] * 3


def test_so_many_live_responses_at_once_in_the_tenant(stand):
    alerts = desks(stand, 5, online=False)
    stand.policy = replace(stand.policy, live_responses=2, device_deadline=timedelta(minutes=30))
    world = stand.world()
    for alert in alerts:
        receive(alert, world)
    most = 0
    while world.queue.length():
        work(world)
        most = max(most, len(open_ones(stand)))
        stand.clock.now += MINUTE
    assert most == 2
    reasons = [troubles(case)[-1] for case in world.cases.newest(10)]
    assert len(reasons) == 5
    assert all("did not answer in time" in one or "no live response" in one for one in reasons)


def test_twenty_five_devices_may_have_one_and_no_twenty_sixth(stand):
    world = stand.world()
    case = receive(alert_id(1), world)
    assert all(slots.take(f"d{n}", artefact(), case, world) for n in range(25))
    assert not slots.take("d25", artefact(), case, world)
    # To ask again for what one has is no second one.
    assert slots.take("d7", artefact(), case, world)
    slots.give_back("d7", artefact(), case, world)
    assert slots.take("d25", artefact(), case, world)
    assert not slots.take("d7", artefact(), case, world)
    assert len(world.ledger.of(slots.SCOPE)) == 25


def test_nobody_gives_back_what_is_anothers(stand):
    world = stand.world()
    case, other = receive(alert_id(1), world), receive(alert_id(2), world)
    assert slots.take("d1", artefact(), case, world)
    slots.give_back("d1", artefact(), other, world)
    assert not slots.take("d1", artefact(), other, world)


class Counted:
    """An Http that writes down whatever is asked of it, refused or not."""

    def __init__(self, http, sent):
        self.http, self.sent = http, sent

    def __getattr__(self, name):
        return getattr(self.http, name)

    def request(self, method, url, **asked):
        self.sent.append(url)
        return self.http.request(method, url, **asked)


@pytest.mark.slow
def test_ten_live_responses_a_minute_over_two_workers(stand, fuse):
    alerts = desks(stand, 12)
    other = type(stand)(stand.home, stand.policy, tenant=stand.tenant, url=stand.url)
    sent, fuses = [], [fuse(), fuse()]
    for one in (stand, other):
        one.http = Counted(one.http, sent)
    worlds = [stand.world(fuses[0]), other.world(fuses[1])]
    for alert in alerts:
        receive(alert, worlds[0])
    try:
        turn = 0
        while message := worlds[turn % 2].queue.take(stand.policy.hidden):
            step(worlds[turn % 2], message)
            turn += 1
        assert len(stand.memory.calls("live response")) == 10
        # Nobody had to be refused by Defender.
        assert sum(url.endswith("/runliveresponse") for url in sent) == 10
        assert all(one.names for one in fuses)
        stand.clock.now += MINUTE
        work(worlds[1])
        assert len(stand.memory.calls("live response")) == 12
    finally:
        other.close()
    assert {case.stage for case in stand.finish(worlds[0])} == {Stage.DONE}


# --- how a live response ends -----------------------------------------------------------------


def test_one_that_an_analyst_cancels_has_failed(stand):
    change(stand, DESK_1, _online=False)
    world = impatient(stand)
    receive(alert_id(1), world)
    work(world)
    [case] = world.cases.newest(1)
    world.devices.cancel(case.artefacts[0].action, "not now")
    change(stand, DESK_1, _online=True)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert troubles(case)[0] == "desk-1.corp.example: live response failed: Cancelled"


def test_one_that_succeeded_with_a_command_that_failed_has_failed(stand):
    lose(stand)
    case = run(stand, stand.world())
    [first, second] = troubles(case)
    assert first == ("desk-1.corp.example: live response failed: GetFile: The file was not found.")
    assert second.startswith("quarantine, desk-1.corp.example: live response failed: RunScript: ")
    assert case.stage is Stage.DONE
    assert asked(stand) == [("desk-1", False), ("desk-1", True), ("desk-2", False)]
    first = stand.memory.all("actions")[0]
    assert (first["status"], first["commands"][0]["commandStatus"]) == ("Succeeded", "Failed")


def test_one_that_timed_out_has_failed(stand):
    change(stand, DESK_1, _online=False)
    world = impatient(stand)
    receive(alert_id(1), world)
    work(world)
    [made] = stand.memory.all("actions")
    stand.memory.put("actions", made["id"], {**made, "status": "TimeOut"})
    change(stand, DESK_1, _online=True)
    [case] = stand.finish(world)
    assert troubles(case)[0] == "desk-1.corp.example: live response failed: TimeOut"


def test_one_that_nobody_remembers_is_known_by_its_mark(stand):
    world = stand.world()
    receive(alert_id(1), world)
    work(world)
    [case] = world.cases.newest(1)
    [made] = stand.memory.all("actions")
    assert made["requestorComment"] == mark(case.artefacts[0], case)
    assert alert_id(1) in made["requestorComment"]
    forgot = replace(case.artefacts[0], state=State.ACQUIRE, action=None, due=stand.clock.now)
    world.cases.save(replace(case, artefacts=(forgot,)))
    stand.database.execute("UPDATE queue SET due = 0")
    stand.finish(world)
    assert asked(stand) == [("desk-1", False)]


# --- what it brings ---------------------------------------------------------------------------


class Spoiling:
    """An Http whose downloads are other bytes than those that were sent; the first so many."""

    def __init__(self, http, spoil, times=1):
        self.http, self.spoil, self.times = http, spoil, times

    def download(self, url, to, **more):
        answer = self.http.download(url, to, **more)
        if self.times:
            self.times -= 1
            to.write_bytes(self.spoil(to.read_bytes()))
        return answer


def spoiled(stand, spoil):
    world = stand.world()
    plain = Spoiling(world.devices.plain, spoil)
    return replace(world, devices=replace(world.devices, plain=plain))


@pytest.mark.parametrize("raw", [True, False])
def test_a_file_may_come_packed_or_not(stand, raw):
    change(stand, DESK_1, _raw=raw)
    assert run(stand, stand.world()).stage is Stage.DONE
    assert stand.memory.calls("submit") == [digest(LOADER)]


@pytest.mark.parametrize("raw", [True, False])
def test_a_file_that_is_a_gzip_itself_stays_one(stand, raw):
    content = gzip.compress(LOADER, mtime=0)
    change(stand, DESK_1, _raw=raw)
    put_file(stand.tenant.scene, "desk-1", "a.gz.exe", content)
    stand.alert(1, evidence=[of_file("a.gz.exe", content)])
    run(stand, stand.world())
    assert stand.memory.calls("submit") == [digest(content)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda packed: packed[:-9], "cut off"),
        (lambda packed: packed[:10] + b"\xff" * 30, "a broken gzip"),
        (lambda _: gzip.compress(b"\0" * (24 << 20)), "unpacks to more than"),
        (lambda _: gzip.compress(b"another file"), "hash mismatch: the file is another one"),
        (lambda _: b"", "hash mismatch: the file is another one"),
    ],
    ids=["cut off", "broken", "a bomb", "another", "empty"],
)
def test_what_is_not_the_file_is_never_submitted_and_the_next_way_is_tried(stand, spoil, said):
    world = spoiled(stand, spoil)
    case = run(stand, world)
    assert case.stage is Stage.DONE
    assert said in troubles(case)[0]
    assert said in stand.comments(1)[0]
    assert stand.memory.calls("submit") == [digest(LOADER)]
    assert list(world.objects.names("evidence/")) == []
    assert list(world.scratch.iterdir()) == []
    assert world.ledger.of(slots.SCOPE) == []


def test_a_file_that_is_too_large_is_given_up_everywhere(stand):
    stand.policy = replace(stand.policy, max_bytes=10)
    case = run(stand, stand.world())
    assert case.stage is Stage.FAILED
    assert "more than 10 bytes" in troubles(case)[0]
    assert stand.memory.calls("submit") == []


def test_a_file_that_is_larger_than_the_sandbox_takes_is_not_submitted(stand):
    class Small:
        def __init__(self, sandbox):
            self.sandbox = sandbox

        def __getattr__(self, name):
            return getattr(self.sandbox, name)

        def max_bytes(self):
            return len(LOADER) - 1

    world = stand.world()
    case = run(stand, replace(world, sandbox=Small(world.sandbox)))
    assert case.stage is Stage.FAILED
    assert troubles(case) == ("the file is larger than the sandbox takes",)
    assert stand.memory.calls("submit") == []


def test_another_file_at_the_place_is_told_and_the_right_one_taken_elsewhere(stand):
    put_file(stand.tenant.scene, "desk-1", "invoice.exe", b"Tidegate sample: not this one\n")
    case = run(stand, stand.world())
    assert case.stage is Stage.DONE
    assert troubles(case)[0] == "desk-1.corp.example: hash mismatch: the file is another one"
    assert [one.key for one in case.artefacts] == [digest(LOADER)]
    assert stand.memory.calls("submit") == [digest(LOADER)]


class Late:
    """An Http whose first downloads come when their links have expired."""

    def __init__(self, http, clock, times):
        self.http, self.clock, self.times = http, clock, times

    def download(self, url, to, **more):
        if self.times:
            self.times -= 1
            self.clock.now += timedelta(minutes=31)
        return self.http.download(url, to, **more)


def test_a_link_that_has_expired_is_asked_for_again(stand):
    world = stand.world()
    plain = Late(world.devices.plain, stand.clock, 1)
    case = run(stand, replace(world, devices=replace(world.devices, plain=plain)))
    assert (case.stage, troubles(case)) == (Stage.DONE, ())
    assert asked(stand) == [("desk-1", False)]


def test_a_link_that_is_always_too_late_is_a_way_that_failed(stand):
    world = stand.world()
    plain = Late(world.devices.plain, stand.clock, 2)
    case = run(stand, replace(world, devices=replace(world.devices, plain=plain)))
    assert case.stage is Stage.DONE
    assert "answered 403" in troubles(case)[0]
    assert asked(stand)[0] == ("desk-1", False)


# --- quarantine -------------------------------------------------------------------------------


def test_what_antivirus_took_away_comes_out_of_quarantine_by_one_live_response(stand):
    world = stand.world()
    case = run(stand, world, 9)
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.MALICIOUS)
    assert asked(stand) == [("desk-3", True)]
    assert stand.memory.calls("submit") == [digest(QUARANTINED)]
    [made] = stand.memory.all("actions")
    assert [one["command"]["type"] for one in made["commands"]] == ["RunScript", "GetFile"]
    assert {"c2.trojan.example", digest(QUARANTINED)} == stand.indicators()


def test_the_script_is_told_how_far_to_look_back_and_nothing_of_the_alert(stand):
    stand.policy = replace(stand.policy, quarantine_hours=24)
    run(stand, stand.world(), 9)
    [made] = stand.memory.all("actions")
    given = {one["key"]: one["value"] for one in made["commands"][0]["command"]["params"]}
    assert given["ScriptName"] == quarantine.script_name()
    run_id = given["Args"].split()[1]
    assert given["Args"] == f"-Run {run_id} -Hours 24"
    [path] = [one["value"] for one in made["commands"][1]["command"]["params"]]
    assert path == quarantine.archive_path(run_id)
    assert alert_id(9) not in given["Args"] + path


def test_what_a_script_prints_may_hold_nul_characters(stand):
    case = run(stand, stand.world(), 9)
    printed = stand.memory.blob(f"{case.artefacts[0].action}-0")
    assert "\0" in json.loads(printed)["script_output"]
    assert case.stage is Stage.DONE


class Kept:
    """Objects that remember all that was ever put."""

    def __init__(self, objects):
        self.objects, self.seen = objects, []

    def __getattr__(self, name):
        return getattr(self.objects, name)

    def put(self, name, data, **more):
        self.seen.append((name, data if isinstance(data, bytes) else data.read_bytes()))
        return self.objects.put(name, data, **more)


def test_other_peoples_malware_in_the_same_quarantine_is_never_stored(stand):
    world = stand.world()
    kept = Kept(world.objects)
    run(stand, replace(world, objects=kept), 9)
    assert OTHERS in [stand.memory.blob(f"quarantine:{one}") for one in sha1s(stand)]
    [(_, sample)] = [one for one in kept.seen if one[0].startswith("evidence/")]
    mask = bytes(byte ^ 0xA5 for byte in range(256))
    assert sample.translate(mask) == QUARANTINED
    assert stand.memory.calls("submit") == [digest(QUARANTINED)]
    assert list(world.scratch.iterdir()) == []


def sha1s(stand):
    names = stand.memory.get("machines", DESK_3)["_quarantine"]
    return [name.removeprefix("quarantine:") for name in names]


def test_a_quarantine_without_the_file_says_so_and_its_place_is_tried(stand):
    change(stand, DESK_3, _quarantine=[f"quarantine:{sha1s(stand)[1]}"])
    put_file(stand.tenant.scene, "desk-3", "payload.exe", QUARANTINED)
    case = run(stand, stand.world(), 9)
    assert case.stage is Stage.DONE
    assert troubles(case) == ("quarantine, desk-3.corp.example: the file is not in quarantine",)
    assert asked(stand) == [("desk-3", True), ("desk-3", False)]


def test_an_empty_quarantine_is_no_way(stand):
    change(stand, DESK_3, _quarantine=[])
    case = run(stand, stand.world(), 9)
    assert case.stage is Stage.FAILED
    assert "RunScript: Exit code 3." in troubles(case)[0]
    assert asked(stand)[0] == ("desk-3", True)


def test_an_archive_that_is_none_is_refused_and_the_next_way_tried(stand):
    put_file(stand.tenant.scene, "desk-3", "payload.exe", QUARANTINED)
    case = run(stand, spoiled(stand, lambda _: b"no zip at all"), 9)
    assert case.stage is Stage.DONE
    assert "the staged quarantine is no zip" in troubles(case)[0]


def test_the_script_is_uploaded_once_for_all_cases_and_workers(stand):
    scene = stand.tenant.scene
    quarantine_file(scene, "desk-1", ROAMING)
    see_file(scene, "desk-1", ROAMING)
    stand.alert(6, machineId=DESK_1, detectionSource="WindowsDefenderAv")
    run(stand, stand.world(), 9)
    run(stand, stand.world(), 6)
    assert asked(stand) == [("desk-3", True), ("desk-1", True)]
    assert stand.memory.calls("library") == [quarantine.script_name()]


def test_a_script_that_somebody_removed_is_back_the_next_day(stand):
    run(stand, stand.world(), 9)
    stand.memory.delete("library", quarantine.script_name())
    stand.clock.now += timedelta(days=1)
    quarantine_file(stand.tenant.scene, "desk-1", ROAMING)
    stand.alert(6, machineId=DESK_1, detectionSource="WindowsDefenderAv")
    case = run(stand, stand.world(), 6)
    assert case.stage is Stage.DONE
    assert troubles(case) == ()
    assert len(stand.memory.calls("library")) == 2


def test_a_library_that_refuses_the_script_leaves_the_other_ways(stand):
    class Refused:
        def __init__(self, devices):
            self.devices = devices

        def __getattr__(self, name):
            return getattr(self.devices, name)

        def upload_script(self, *_):
            raise BadPayload("Defender refused the script")

    put_file(stand.tenant.scene, "desk-3", "payload.exe", QUARANTINED)
    world = stand.world()
    case = run(stand, replace(world, devices=Refused(world.devices)), 9)
    assert case.stage is Stage.DONE
    assert "Defender refused the script" in troubles(case)[0]
    assert world.ledger.of(slots.SCOPE) == []


def test_each_run_has_an_archive_of_its_own(stand):
    world = stand.world()
    change(stand, DESK_3, _quarantine=[f"quarantine:{sha1s(stand)[1]}"])
    run(stand, world, 9)
    receive(alert_id(9), world, again=True)
    stand.finish(world)
    paths = {
        one["commands"][1]["command"]["params"][0]["value"]
        for one in stand.memory.all("actions")
        if len(one["commands"]) == 2
    }
    assert len(paths) == 2
    stamps = [one["creationDateTimeUtc"] for one in stand.memory.all("actions")]
    assert stamps == sorted(stamps, key=datetime.fromisoformat)
