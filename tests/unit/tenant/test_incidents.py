"""Incidents and hunting through Graph, on the simulated tenant."""

import pytest

from tidegate.adapters.hunting import GraphHunting
from tidegate.model import Device
from tidegate.ports import BadPayload, QuotaSpent, Response
from tidegate.simulator.seed import KNOWN, LOADER, device_id, digest


@pytest.fixture
def merged(memory):
    """Let an incident have been merged into another."""
    memory.put(
        "incidents", "1001", {**memory.get("incidents", "1001"), "redirectIncidentId": "1002"}
    )


def tags(memory, incident):
    return memory.get("incidents", incident)["customTags"]


def test_tags_are_merged_with_those_of_others(incidents, memory):
    for _ in range(2):
        incidents.tag("1001", "VMRay malicious")
    assert tags(memory, "1001") == ["Simulated", "VMRay malicious"]
    for _ in range(2):
        incidents.untag("1001", "VMRay malicious")
    assert tags(memory, "1001") == ["Simulated"]
    assert memory.calls("incident update") == ["1001"] * 2


def test_comments_are_read_again(incidents):
    incidents.comment("1001", "first")
    incidents.comment("1001", "second")
    assert incidents.comments("1001") == ["first", "second"]
    assert incidents.comments("1002") == []


@pytest.mark.usefixtures("merged")
def test_a_merged_incident_stands_for_the_other(incidents, memory):
    incidents.tag("1001", "ours")
    incidents.comment("1001", "said")
    assert tags(memory, "1001") == ["Simulated"]
    assert tags(memory, "1002") == ["Simulated", "ours"]
    assert incidents.comments("1001") == incidents.comments("1002") == ["said"]
    incidents.untag("1001", "ours")
    assert tags(memory, "1002") == ["Simulated"]


def test_an_incident_that_is_not_there_is_a_bad_payload(incidents):
    for call in (incidents.comments, lambda one: incidents.tag(one, "x")):
        with pytest.raises(BadPayload, match="404"):
            call("9")


# --- hunting ----------------------------------------------------------------------------------


def test_the_devices_with_a_file_are_hunted_for(hunting):
    desk, server = (f"{name}.corp.example" for name in ("desk-2", "server-1"))
    assert hunting.devices_with(digest(KNOWN), 50) == [
        Device(device_id("desk-2"), desk),
        Device(device_id("server-1"), server),
    ]
    assert len(hunting.devices_with(digest(LOADER), 1)) == 1
    assert hunting.devices_with("0" * 64, 50) == []


def test_too_many_hunts_are_told_when_to_come_back(hunting, tenant):
    tenant.scene.limits.hunts_a_minute = 1
    hunting.devices_with("0" * 64, 5)
    with pytest.raises(QuotaSpent):
        hunting.devices_with("0" * 64, 5)


@pytest.mark.parametrize(
    "digest_", ["", "A" * 64, "0" * 63, "0" * 65, f"{'0' * 64}\n", '" or true //', "0" * 40]
)
def test_nothing_but_a_sha256_gets_into_a_query(digest_):
    with pytest.raises(BadPayload, match="not a SHA-256"):
        GraphHunting(None, "https://g.example/v1.0").devices_with(digest_, 5)


class Answers:
    def __init__(self, body):
        self.body = body

    def request(self, *_, **asked):
        self.asked = asked
        return Response(200, {}, self.body.encode())


ROW = '{"DeviceId": "d", "DeviceName": "n"}'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"schema": [{{"name": "DeviceId"}}], "results": [{ROW}]}}',
        f'{{"schema": [{{"Name": "DeviceId"}}], "results": [{ROW}]}}',
        f'{{"Schema": [{{"Name": "DeviceId"}}], "Results": [{ROW}, {ROW}]}}',
        f'{{"Schema": [{{"Name": "DeviceId"}}], "Results": [{{"DeviceId": null}}, {ROW}]}}',
    ],
)
def test_an_answer_is_read_in_either_casing(body):
    http = Answers(body)
    found = GraphHunting(http, "https://g.example/v1.0").devices_with("a" * 64, 7)
    assert found == [Device("d", "n")]
    assert f'SHA256 == "{"a" * 64}"' in http.asked["json"]["Query"]
    assert "| take 7" in http.asked["json"]["Query"]
    assert http.asked["json"]["Timespan"] == "P30D"


@pytest.mark.parametrize(
    "body", ["{}", "[]", '{"schema": [], "results": []}', '{"schema": null, "results": null}']
)
def test_an_answer_without_the_column_is_no_answer(body):
    with pytest.raises(BadPayload):
        GraphHunting(Answers(body), "https://g.example/v1.0").devices_with("a" * 64, 7)
