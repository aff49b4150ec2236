"""The simulated tenant's answers have the keys of what was recorded or documented."""

import json
from datetime import timedelta

import pytest

from tidegate.adapters.defender import DefenderAlerts
from tidegate.model import Do, Entity
from tidegate.ports import Response
from tidegate.simulator.seed import DOWNLOADS, LOADER, alert_id, device_id, digest, sha1_of

DESK = device_id("desk-1")
# The context of an OData answer says which metadata describe it, and nothing about its subject.
CONTEXT = {"@odata.context"}


def shape(value):
    """Return the keys of a JSON value, all the way down; of a list, those of all its items."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key not in CONTEXT}
    if isinstance(value, list):
        merged = {}
        for item in map(shape, value):
            merged |= item if isinstance(item, dict) else {}
        return [merged]
    return None


def lacks(ours, theirs, path=""):
    """Return what theirs has and ours has not; where ours is null, nothing is known of it."""
    if isinstance(theirs, list) and isinstance(ours, list):
        return lacks(ours[0], theirs[0], f"{path}[]")
    if not isinstance(theirs, dict) or ours is None:
        return []
    missing = [f"{path}.{key}" for key in theirs.keys() - ours.keys()]
    both = theirs.keys() & ours.keys()
    return missing + [one for key in both for one in lacks(ours[key], theirs[key], f"{path}.{key}")]


def test_the_comparison_finds_what_is_missing():
    theirs = {"a": 1, "b": [{"c": 1, "d": {"e": 2}}]}
    assert lacks(shape({"b": [{"c": 1, "d": {}}]}), shape(theirs)) == [".a", ".b[].d.e"]
    assert lacks(shape(theirs), shape(theirs)) == []


def test_an_alert_has_every_documented_key(api, recorded):
    theirs = recorded("ms-defender-docs/alert_edr_expand_evidence.json")
    api("PATCH", f"/api/alerts/{alert_id(1)}", json={"comment": "c"})
    for ours in (
        api("GET", f"/api/alerts/{alert_id(1)}"),
        api("GET", "/api/alerts", params={"$expand": "evidence"})["value"][0],
    ):
        assert lacks(shape(ours), shape(theirs)) == []
        assert lacks(shape(theirs), shape(ours)) == []


def test_a_live_response_has_every_documented_key(devices, api, recorded):
    theirs = recorded("ms-defender-docs/runliveresponse_response.json")
    asked = recorded("ms-defender-docs/runliveresponse_request.json")
    ours = api("POST", f"/api/machines/{DESK}/runliveresponse", json=asked)
    assert lacks(shape(ours), shape(theirs)) == []
    assert (ours["status"], ours["type"]) == (theirs["status"], theirs["type"])
    assert [one["command"] for one in ours["commands"]] == asked["Commands"]


def test_our_request_is_the_documented_one(devices, memory, recorded):
    asked = recorded("ms-defender-docs/runliveresponse_request.json")
    devices.stage(DESK, "minidump.ps1", "OfficeClickToRun", PATH, asked["Comment"])
    [action] = memory.all("actions")
    assert [one["command"] for one in action["commands"]] == asked["Commands"]
    assert action["requestorComment"] == asked["Comment"]


PATH = "C:\\windows\\TEMP\\OfficeClickToRun.dmp.zip"


def test_a_link_has_the_documented_form(devices, api, clock, recorded):
    theirs = recorded("ms-defender-docs/getliveresponse_downloadlink.json")
    action = devices.collect(DESK, f"{DOWNLOADS}\\invoice.exe", "c")
    clock.now += timedelta(seconds=10)
    devices.action(action)
    link = f"/api/machineactions/{action}/GetLiveResponseResultDownloadLink(index=0)"
    ours = api("GET", link)
    assert ours.keys() == theirs.keys()
    assert {"se=", "sp=", "sig="} <= {part[: part.find("=") + 1] for part in _query(ours["value"])}
    assert {"se=", "sp=", "sig="} <= {
        part[: part.find("=") + 1] for part in _query(theirs["value"])
    }


def _query(url):
    return url.partition("?")[2].split("&")


def test_an_error_has_the_documented_form(api, recorded):
    theirs = recorded("ms-defender-docs/error_invalid_request_body.json")
    where = f"/api/machines/{DESK}/tags"
    ours = api("POST", where, json={}, expect=(400,))
    assert shape(ours) == shape(theirs)
    assert ours["error"]["code"] == theirs["error"]["code"]


def test_an_incident_has_every_documented_key(graph, incidents, recorded):
    theirs = recorded("graph-docs/incident_update_response.json")
    incidents.comment("1001", "c")
    assert lacks(shape(graph("GET", "/security/incidents/1001")), shape(theirs)) == []


def test_hunting_answers_as_defender_does_but_for_the_casing(graph, recorded):
    theirs = recorded("ms-defender-docs/advancedqueries_run_response.json")
    query = f'DeviceFileEvents | where SHA256 == "{digest(LOADER)}"'
    ours = graph("POST", "/security/runHuntingQuery", json={"Query": query})
    assert ours.keys() - CONTEXT == {key.lower() for key in theirs}
    assert ours["schema"][0].keys() == {key.lower() for key in theirs["Schema"][0]}
    assert theirs["Results"][0].keys() == {one["Name"] for one in theirs["Schema"]}
    assert ours["results"][0].keys() == {one["name"] for one in ours["schema"]}


@pytest.mark.parametrize("do", [Do.COLLECT_PACKAGE, Do.SCAN_DEVICE, Do.QUARANTINE_FILE])
def test_an_action_says_what_it_is_about(devices, api, do):
    text = {Do.SCAN_DEVICE: "Full", Do.QUARANTINE_FILE: sha1_of(LOADER)}.get(do, "")
    action = api("GET", f"/api/machineactions/{devices.respond(do, DESK, text, 'c')}")
    about = {"fileIdentifier": sha1_of(LOADER), "fileIdentifierType": "Sha1"}
    assert action["scope"] == ("Full" if do is Do.SCAN_DEVICE else None)
    assert action["relatedFileInfo"] == (about if do is Do.QUARANTINE_FILE else None)


# --- what we read of recordings ---------------------------------------------------------------


class Recorded:
    """`ports.Http` that answers with one recording, once."""

    def __init__(self, answer):
        self.answer = answer

    def request(self, *_, **__):
        return Response(200, {}, json.dumps(self.answer).encode())


def test_a_documented_alert_is_read(recorded):
    http = Recorded(recorded("ms-defender-docs/alert_edr_expand_evidence.json"))
    alert = DefenderAlerts(http, "https://d.example").get("x")
    assert (alert.severity, alert.status, alert.incident) == ("Low", "New", "1126093")
    assert (alert.category, alert.group, alert.family) == ("Execution", "A", "")
    assert (alert.device.group, alert.classification) == ("A", None)
    assert alert.updated.isoformat() == "2021-01-26T20:33:59.200000+00:00"
    assert alert.created.isoformat() == "2021-01-26T20:33:57.722023+00:00"
    process, file = alert.evidence
    assert (process.entity, process.path) == (Entity.PROCESS, "C:\\Windows\\SysWOW64\\rundll32.exe")
    assert (file.entity, file.path) == (Entity.FILE, "c:\\temp\\suspicious.dll")
    assert (file.sha1, file.sha256[:8]) == ("8563f95b2f8a284fc99da44500cd51a77c1ff36c", "dc0ade0c")
    assert alert.comments == ("test comment for docs",)


def test_alerts_of_an_old_tenant_are_read(recorded, clock):
    for name, count in (("second", 1), ("third", 2)):
        http = Recorded(recorded(f"xsoar-mdatp/{name}_response_alerts.json"))
        found = list(DefenderAlerts(http, "https://d.example").since(clock.now))
        assert len(found) == count
        assert all(alert.evidence == () and alert.source == "CustomerTI" for alert in found)
        # Recorded as the word.
        assert {alert.category for alert in found} == {""}
