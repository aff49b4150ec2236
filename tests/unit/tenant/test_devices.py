"""Devices through Defender: every call of the adapter, on the simulated tenant."""

import gzip
import json
from datetime import timedelta

import pytest

from tidegate.adapters.defender_devices import DefenderDevices
from tidegate.model import RESPONSES, Device, Do
from tidegate.ports import (
    BUSY,
    LIVE_RESPONSE,
    BadPayload,
    FileFacts,
    Progress,
    QuotaSpent,
    Refused,
)
from tidegate.simulator.machines import occupy
from tidegate.simulator.on_device import DOWNLOADS as STAGED
from tidegate.simulator.quarantine import staged
from tidegate.simulator.seed import (
    DOWNLOADS,
    KNOWN,
    LOADER,
    OTHERS,
    QUARANTINED,
    TOOL,
    device_id,
    digest,
    sha1_of,
)

DESK, OTHER, AWAY, SERVER = map(device_id, ("desk-1", "desk-3", "roaming-1", "server-1"))
PATH = f"{DOWNLOADS}\\invoice.exe"
ARGUMENTS = ("-Run 0123456789abcdef -Hours 24", f"{STAGED}\\tidegate-0123456789abcdef.zip")
TEXTS = {
    Do.SCAN_DEVICE: "Quick",
    Do.ISOLATE_DEVICE: "Selective",
    Do.QUARANTINE_FILE: sha1_of(LOADER),
}


@pytest.fixture
def later(clock):
    """Let the time pass that an action takes."""

    def turn(seconds=10):
        clock.now += timedelta(seconds=seconds)

    return turn


# --- what is known ----------------------------------------------------------------------------


def test_a_device_is_known_by_its_id(devices):
    assert devices.get(SERVER) == Device(
        SERVER, "server-1.corp.example", "WindowsServer2022", "Servers", ("Production",)
    )
    assert devices.get("0" * 40) is None


def test_the_devices_of_a_file(devices):
    found = devices.holding(sha1_of(KNOWN))
    assert [device.name for device in found] == ["desk-2.corp.example", "server-1.corp.example"]
    assert [device.server for device in found] == [False, True]
    assert devices.holding("0" * 40) == []


def test_a_file_is_known_by_either_digest(devices):
    facts = FileFacts(sha1_of(TOOL), digest(TOOL), 48_000, "Example Software Ltd", trusted=True)
    assert devices.file(sha1_of(TOOL)) == devices.file(digest(TOOL)) == facts
    assert devices.file(digest(LOADER)) == FileFacts(sha1_of(LOADER), digest(LOADER), 3)
    assert devices.file("0" * 64) is None


def test_a_tag_is_added_and_removed_and_both_may_be_so_already(devices):
    for add in (True, True, False, False):
        devices.tag(DESK, "Tidegate: malicious", add=add)
        assert devices.get(DESK).tags == (("Tidegate: malicious",) if add else ())
    with pytest.raises(Refused) as refused:
        devices.tag("0" * 40, "x", add=True)
    assert refused.value.code == "ResourceNotFound"


# --- live response ----------------------------------------------------------------------------


def test_a_file_is_collected(devices, later, tmp_path):
    action = devices.collect(DESK, PATH, "ours")
    assert devices.action(action).progress is Progress.RUNNING
    later()
    done = devices.action(action)
    assert (done.progress, done.comment, done.type) == (Progress.SUCCEEDED, "ours", LIVE_RESPONSE)
    devices.fetch(action, 0, tmp_path / "packed", 1_000)
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == LOADER


def test_a_device_may_deliver_without_gzip(devices, machine, later, tmp_path):
    machine(DESK, _raw=True)
    action = devices.collect(DESK, PATH, "ours")
    later()
    devices.action(action)
    devices.fetch(action, 0, tmp_path / "plain", 1_000)
    assert (tmp_path / "plain").read_bytes() == LOADER


def test_a_missing_file_fails_the_action_that_defender_calls_succeeded(devices, later, api):
    action = devices.collect(DESK, "C:\\gone.exe", "ours")
    later()
    found = devices.action(action)
    assert (found.progress, found.detail) == (Progress.FAILED, "GetFile: The file was not found.")
    assert api("GET", f"/api/machineactions/{action}")["status"] == "Succeeded"


def test_a_device_does_one_live_response_at_a_time(devices, later):
    devices.collect(DESK, PATH, "ours")
    with pytest.raises(Refused) as refused:
        devices.collect(DESK, PATH, "ours too")
    assert refused.value.code == BUSY
    devices.collect(OTHER, PATH, "elsewhere")
    later()
    devices.collect(DESK, PATH, "ours again")


def test_one_from_the_portal_blocks_and_is_in_no_list(devices, tenant, later):
    occupy(tenant.scene, DESK, seconds=30)
    with pytest.raises(Refused) as refused:
        devices.collect(DESK, PATH, "ours")
    assert refused.value.code == BUSY
    assert devices.actions(DESK) == []
    later(30)
    assert devices.collect(DESK, PATH, "ours")


def test_a_device_without_the_feature_says_so(devices, machine):
    machine(DESK, _live_response=False)
    with pytest.raises(Refused, match="DisabledFeature") as refused:
        devices.collect(DESK, PATH, "ours")
    assert refused.value.code == "DisabledFeature"
    assert "correlation id '00000000-" in str(refused.value)


def test_an_offline_device_waits_until_it_is_cancelled(devices, later):
    action = devices.collect(AWAY, PATH, "ours")
    later(72 * 3_600)
    assert devices.action(action).progress is Progress.RUNNING
    for _ in range(2):
        devices.cancel(action, "too late")
    found = devices.action(action)
    assert (found.progress, found.detail) == (Progress.FAILED, "Cancelled")


def test_ten_a_minute_and_twenty_five_at_once(devices, tenant, later):
    tenant.scene.limits.live_responses_at_once = 1
    devices.collect(AWAY, PATH, "ours")
    with pytest.raises(QuotaSpent) as spent:
        devices.collect(DESK, PATH, "one too many at once")
    assert spent.value.retry_after == timedelta(seconds=60)
    tenant.scene.limits.live_responses_a_minute = 2
    later(20)
    with pytest.raises(QuotaSpent) as spent:
        devices.collect(DESK, PATH, "one too many in a minute")
    assert spent.value.retry_after == timedelta(seconds=40)


def test_the_actions_of_a_device_come_newest_first(devices, later):
    devices.collect(DESK, PATH, "first")
    later()
    devices.respond(Do.SCAN_DEVICE, DESK, "Full", "second")
    devices.collect(OTHER, PATH, "elsewhere")
    found = devices.actions(DESK)
    assert [(one.comment, one.type) for one in found] == [
        ("second", "RunAntiVirusScan"),
        ("first", LIVE_RESPONSE),
    ]
    assert [one.progress for one in found] == [Progress.RUNNING, Progress.SUCCEEDED]


# --- the quarantine ---------------------------------------------------------------------------


def test_a_quarantine_is_staged_and_fetched_in_one_call(devices, later, tmp_path):
    devices.upload_script("stage.ps1", b"# script")
    action = devices.stage(OTHER, "stage.ps1", *ARGUMENTS, "ours")
    later()
    assert devices.action(action).progress is Progress.SUCCEEDED
    for index in (0, 1):
        devices.fetch(action, index, tmp_path / str(index), 10_000)
    said = json.loads((tmp_path / "0").read_bytes())
    assert (said["script_name"], said["exit_code"], said["script_errors"]) == ("stage.ps1", 0, "")
    assert "\0" in said["script_output"]
    delivered = gzip.decompress((tmp_path / "1").read_bytes())
    assert delivered == staged([QUARANTINED, OTHERS])


def test_an_empty_quarantine_fails_the_script_and_skips_the_rest(devices, later, tmp_path, api):
    devices.upload_script("stage.ps1", b"# script")
    action = devices.stage(DESK, "stage.ps1", *ARGUMENTS, "ours")
    later()
    found = devices.action(action)
    assert (found.progress, found.detail) == (Progress.FAILED, "RunScript: Exit code 3.")
    commands = api("GET", f"/api/machineactions/{action}")["commands"]
    assert [one["commandStatus"] for one in commands] == ["Failed", "Created"]
    devices.fetch(action, 0, tmp_path / "said", 10_000)
    assert json.loads((tmp_path / "said").read_bytes())["exit_code"] == 3
    with pytest.raises(BadPayload, match="404"):
        devices.fetch(action, 1, tmp_path / "file", 10_000)


def test_a_script_that_is_not_in_the_library_fails(devices, later):
    action = devices.stage(OTHER, "other.ps1", *ARGUMENTS, "ours")
    later()
    assert devices.action(action).detail == "RunScript: The script is not in the library."


def test_a_script_is_put_over_one_of_the_same_name(devices, memory):
    for content in (b"one", b"two"):
        devices.upload_script("stage.ps1", content)
    [held] = memory.all("library")
    assert (held["fileName"], held["sha256"]) == ("stage.ps1", digest(b"two"))
    with pytest.raises(Refused):
        devices.upload_script("huge.ps1", b"x" * ((20 << 20) + 1))


# --- links ------------------------------------------------------------------------------------


@pytest.fixture
def collected(devices, later):
    action = devices.collect(DESK, PATH, "ours")
    later()
    devices.action(action)
    return action


def test_a_link_that_has_expired_is_asked_for_anew(devices, collected, clock, http, tmp_path):
    links = []

    class Slow:
        """A client before whose first try the half hour passes."""

        def download(self, url, to, **more):
            links.append(url)
            if len(links) == 1:
                clock.now += timedelta(minutes=31)
            return http.download(url, to, **more)

    patient = DefenderDevices(devices.http, Slow(), devices.url)
    patient.fetch(collected, 0, tmp_path / "packed", 1_000)
    assert len(set(links)) == 2
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == LOADER


def test_a_link_that_stays_refused_is_given_up(devices, collected, tmp_path):
    asked = []

    class Refusing:
        def download(self, url, to, **more):
            asked.append(url)
            raise Refused("storage answered 403", "403")

    with pytest.raises(BadPayload, match="403"):
        DefenderDevices(devices.http, Refusing(), devices.url).fetch(
            collected, 0, tmp_path / "x", 1
        )
    assert len(asked) == 2


def test_a_result_that_is_too_large_is_no_reason_to_ask_again(devices, collected, tmp_path, http):
    with pytest.raises(BadPayload, match="more than 5 bytes"):
        devices.fetch(collected, 0, tmp_path / "packed", 5)


# --- responses --------------------------------------------------------------------------------


@pytest.mark.parametrize("do", sorted(RESPONSES))
def test_every_response_is_asked_for_and_ends(devices, later, do, memory):
    action = devices.respond(do, DESK, TEXTS.get(do, ""), "ours")
    assert devices.action(action).progress is Progress.RUNNING
    later()
    done = devices.action(action)
    assert (done.progress, done.comment) == (Progress.SUCCEEDED, "ours")
    assert [one.id for one in devices.actions(DESK)] == [action]


@pytest.mark.parametrize("do", sorted(RESPONSES))
def test_a_response_that_is_under_way_is_busy(devices, do):
    devices.respond(do, DESK, TEXTS.get(do, ""), "ours")
    with pytest.raises(Refused) as refused:
        devices.respond(do, DESK, TEXTS.get(do, ""), "ours too")
    assert refused.value.code == BUSY


def test_a_package_that_nobody_collects_is_refused_for_another_reason(devices):
    with pytest.raises(Refused) as refused:
        devices.respond(Do.COLLECT_PACKAGE, DESK, "", "")
    assert refused.value.code == "MissingRequiredParameter"


def test_an_isolated_device_is_released_and_can_be_isolated_again(devices, later):
    for do in (Do.ISOLATE_DEVICE, Do.RELEASE_DEVICE, Do.ISOLATE_DEVICE):
        devices.respond(do, DESK, "Full", "ours")
        later()
    with pytest.raises(Refused) as refused:
        devices.respond(Do.ISOLATE_DEVICE, DESK, "Full", "ours")
    assert refused.value.code == BUSY


def test_a_quarantined_file_is_gone_from_its_place_and_can_be_staged(devices, later, memory, api):
    devices.respond(Do.QUARANTINE_FILE, DESK, sha1_of(LOADER).upper(), "ours")
    later()
    [action] = devices.actions(DESK)
    assert action.type == "StopAndQuarantineFile"
    assert memory.blob(f"{DESK}:{PATH}") is None
    collected = devices.collect(DESK, PATH, "ours")
    later()
    assert devices.action(collected).progress is Progress.FAILED
    again = devices.respond(Do.QUARANTINE_FILE, DESK, sha1_of(LOADER), "ours")
    later()
    found = devices.action(again)
    assert (found.progress, found.detail) == (Progress.FAILED, "Failed (0x80070002)")


def test_only_a_sha1_can_be_quarantined(devices):
    with pytest.raises(Refused) as refused:
        devices.respond(Do.QUARANTINE_FILE, DESK, digest(LOADER), "ours")
    assert refused.value.code == "InvalidHashValue"


def test_what_a_system_cannot_do_is_refused(devices, machine):
    machine(DESK, osPlatform="macOS")
    with pytest.raises(Refused) as refused:
        devices.respond(Do.RESTRICT_DEVICE, DESK, "", "ours")
    assert refused.value.code == "OsPlatformNotSupported"


def test_other_effects_are_no_responses(devices):
    with pytest.raises(KeyError):
        devices.respond(Do.TAG_DEVICE, DESK, "x", "ours")
