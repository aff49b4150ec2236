"""The adapters of Defender, Graph and VMRay, on what those really send."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tidegate.adapters.defender import DefenderAlerts, DefenderDevices, joined
from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.entra import Authorized, ClientCredentials
from tidegate.adapters.graph import GraphIncidents
from tidegate.adapters.vmray import VmraySandbox
from tidegate.model import Entity, Kind, Verdict
from tidegate.ports import BadPayload, Enforced, Progress, Response, SourceDown

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "defender-vmray"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Canned:
    """`ports.Http` that gives prepared answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers: Iterator = iter(answers)
        self.asked = []

    def request(self, method, url, **more):
        self.asked.append((method, url, more))
        answer = next(self.answers)
        if isinstance(answer, Response):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response(200, {}, body)


def recorded(name):
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recordings in {RECORDED}")
    return path.read_bytes()


# --- Defender ---------------------------------------------------------------------------------


def test_an_alert_as_documented():
    http = Canned(recorded("ms-defender-docs/alert_edr_expand_evidence.json"))
    alert = DefenderAlerts(http, "https://d.example").get("da637472900382838869_1364969609")
    assert (alert.severity, alert.status, alert.incident) == ("Low", "New", "1126093")
    assert alert.updated == datetime(2021, 1, 26, 20, 33, 59, 200000, tzinfo=UTC)
    process, file = alert.evidence
    assert (process.entity, process.path) == (Entity.PROCESS, "C:\\Windows\\SysWOW64\\rundll32.exe")
    assert (file.entity, file.path) == (Entity.FILE, "c:\\temp\\suspicious.dll")
    assert alert.comments == ("test comment for docs",)


def test_an_alert_of_an_old_tenant_has_no_evidence():
    rows = json.loads(recorded("xsoar-mdatp/third_response_alerts.json"))
    rows = rows["value"] if isinstance(rows, dict) else rows
    found = list(DefenderAlerts(Canned({"value": rows}), "https://d.example").since(NOW))
    assert found
    assert all(alert.evidence == () for alert in found)


def test_evidence_without_a_usable_hash_is_none():
    rows = [
        {"entityType": "File", "sha256": "none", "fileName": "a"},
        {"entityType": "File", "sha256": None, "fileName": "a"},
        {"entityType": "File", "sha256": "ab" * 32, "fileName": None},
        {"entityType": "Url", "url": None},
        {"entityType": None},
    ]
    alert = {"id": "a", "lastUpdateTime": "2026-03-01T00:00:00.1234567Z", "evidence": rows}
    assert DefenderAlerts(Canned(alert), "https://d.example").get("a").evidence == ()


@pytest.mark.parametrize(
    ("directory", "name", "path"),
    [
        ("C:\\x", "a", "C:\\x\\a"),
        ("C:\\x\\", "a", "C:\\x\\a"),
        ("\\\\server\\share", "a", "\\\\server\\share\\a"),
        ("/usr/bin", "a", "/usr/bin/a"),
        ("/", "a", "/a"),
        ("", "a", "a"),
    ],
)
def test_paths_of_all_systems(directory, name, path):
    assert joined(directory, name) == path


def test_alerts_are_read_page_by_page(monkeypatch):
    monkeypatch.setattr("tidegate.adapters.defender.PAGE", 2)
    row = {"lastUpdateTime": "2026-03-01T00:00:00Z"}
    pages = [{"value": [{**row, "id": n} for n in ids]} for ids in ("ab", "c")]
    found = DefenderAlerts(Canned(*pages), "https://d.example").since(NOW)
    assert [alert.id for alert in found] == ["a", "b", "c"]


def test_a_live_response_as_documented():
    action = json.loads(recorded("ms-defender-docs/runliveresponse_response.json"))
    http = Canned(action, {"value": [action]})
    devices = DefenderDevices(http, http, "https://d.example")
    assert devices.collect("m", "C:\\a'b", "c") == "{machine_action_id}"
    body = http.asked[0][2]["json"]
    asked = json.loads(recorded("ms-defender-docs/runliveresponse_request.json"))
    assert body.keys() == asked.keys()
    assert body["Commands"][0].keys() == asked["Commands"][1].keys()
    [running] = devices.actions("m'; --")
    assert (running.progress, running.comment) == (Progress.RUNNING, "Testing Live Response API")
    assert "m''; --" in http.asked[1][2]["params"]["$filter"]


def test_a_succeeded_action_with_a_failed_command_has_failed():
    command = {"commandStatus": "Failed", "errors": ["gone"]}
    http = Canned({"id": "1", "status": "Succeeded", "commands": [command]})
    action = DefenderDevices(http, http, "https://d.example").action("1")
    assert (action.progress, action.detail) == (Progress.FAILED, "gone")


def test_a_refused_live_response_keeps_its_code():
    refused = {"error": {"code": "OsPlatformNotSupported", "message": "no", "target": "1"}}
    http = Canned(Response(400, {}, json.dumps(refused).encode()))
    with pytest.raises(BadPayload, match="OsPlatformNotSupported"):
        DefenderDevices(http, http, "https://d.example").collect("m", "C:\\a", "c")


def test_the_signed_link_is_opened_without_the_token():
    api, plain = Canned({"value": "https://s.example/x?sig=1"}), Canned(b"bytes")
    assert DefenderDevices(api, plain, "https://d.example").fetch("1", 99) == b"bytes"
    assert plain.asked == [("GET", "https://s.example/x?sig=1", {"max_bytes": 99})]


def test_imports_as_documented():
    answer = json.loads(recorded("ms-defender-docs/indicators_import_response.json"))
    wanted = [
        Enforced(kind, row["indicator"], "Block")
        for kind, row in zip((Kind.SHA1, Kind.SHA256), answer["value"], strict=True)
    ]
    placed = DefenderIndicators(Canned(answer), "https://d.example").add(wanted)
    assert [(one.id, one.failure) for one in placed] == [("2841", None), ("2842", None)]


def test_an_import_keeps_each_failure_and_misses_none():
    results = [
        {"id": None, "indicator": "a.example", "isFailed": True, "failureReason": "no"},
        {"id": "7", "indicator": "2001:0DB8:0000:0000:0000:0000:0000:0001", "isFailed": False},
    ]
    wanted = [
        Enforced(Kind.DOMAIN, "a.example", "Block"),
        Enforced(Kind.IPV6, "2001:db8::1", "Audit", expires=NOW),
        Enforced(Kind.DOMAIN, "b.example", "Block"),
    ]
    http = Canned({"value": results})
    placed = DefenderIndicators(http, "https://d.example").add(wanted)
    assert [one.failure for one in placed] == ["no", None, "not in Defender's answer"]
    body = http.asked[0][2]["json"]["Indicators"][1]
    assert body["generateAlert"] is True
    assert body["application"] == "Tidegate"
    assert body["expirationTime"] == "2026-03-01T00:00:00.000000Z"


def test_imports_go_in_batches():
    wanted = [Enforced(Kind.DOMAIN, f"a{n}.example", "Block") for n in range(1_001)]
    http = Canned(*[{"value": []}] * 3)
    assert len(DefenderIndicators(http, "https://d.example").add(wanted)) == 1_001
    assert [len(more["json"]["Indicators"]) for _, _, more in http.asked] == [500, 500, 1]


def test_an_indicator_as_documented():
    row = json.loads(recorded("ms-defender-docs/indicator.json"))
    network = {"indicatorValue": "2001:0db8:0:0:0:0:0:1", "indicatorType": "IpAddress", "id": 5}
    other = {"indicatorValue": "x", "indicatorType": "CertificateThumbprint"}
    http = Canned({"value": [row, network, other]})
    file, address, unknown = DefenderIndicators(http, "https://d.example").current()
    assert (file.kind, file.id, file.application) == (Kind.SHA256, "994", None)
    assert (address.kind, address.value) == (Kind.IPV6, "2001:db8::1")
    assert unknown.kind is None


# --- tokens -----------------------------------------------------------------------------------


def credentials(http):
    endpoint = "https://t.example"
    return ClientCredentials(http, endpoint, "c", "s", scope="x", clock=lambda: NOW)


def test_a_refused_token_is_renewed_once_and_then_given_up():
    refused = Response(401, {}, b"{}")
    tokens = Canned({"access_token": "a"}, {"access_token": "b"}, {"access_token": "c"})
    http = Canned(refused, {"ok": 1}, refused, refused)
    authorized = Authorized(http, credentials(tokens))
    assert authorized.request("GET", "https://d.example").status == 200
    with pytest.raises(SourceDown, match="refused"):
        authorized.request("GET", "https://d.example")
    sent = [more["headers"]["authorization"] for _, _, more in http.asked]
    assert sent == ["Bearer a", "Bearer b", "Bearer b", "Bearer c"]


def test_a_secret_is_in_no_text():
    assert "hush" not in repr(
        ClientCredentials(Canned(), "e", "c", "hush", scope="x", clock=lambda: NOW)
    )
    assert "hush" not in repr(VmraySandbox(Canned(), "https://v.example", SecretStr("hush")))


# --- Graph ------------------------------------------------------------------------------------


def test_a_tag_is_merged_into_an_incident_as_documented():
    row = json.loads(recorded("graph-docs/incident_update_response.json"))
    tagged = {**row, "customTags": ["Demo", "VMRay clean"]}
    http = Canned(row, {}, tagged)
    GraphIncidents(http, "https://g.example/v1.0").tag("2972395", "VMRay clean")
    assert [method for method, _, _ in http.asked] == ["GET", "PATCH", "GET"]
    assert http.asked[1][2]["json"] == {"customTags": ["Demo", "VMRay clean"]}


def test_a_merged_incident_is_followed():
    merged, target = {"id": "1", "redirectIncidentId": "2"}, {"id": "2", "customTags": ["t"]}
    http = Canned(merged, target)
    GraphIncidents(http, "https://g.example/v1.0").tag("1", "t")
    assert [url.rpartition("/")[2] for _, url, _ in http.asked] == ["1", "2"]


def test_incidents_that_redirect_in_a_circle_end():
    http = Canned(*[{"id": "1", "redirectIncidentId": "1"}] * 9)
    with pytest.raises(BadPayload, match="merges"):
        GraphIncidents(http, "https://g.example/v1.0").tag("1", "t")


# --- VMRay ------------------------------------------------------------------------------------


def sandbox(*answers):
    return VmraySandbox(Canned(*answers), "https://v.example", SecretStr("k"))


def test_a_report_as_recorded():
    vtis = {"data": json.loads(recorded("splunk-soar-vmray/sample_vtis.json"))}
    found = sandbox(
        recorded("vmray-misp-feed/iocs.json"),
        vtis,
        recorded("vmray-misp-feed/mitre_attack.json"),
        recorded("vmray-misp-feed/sample.json"),
    ).report("12")
    assert found.verdict is Verdict.MALICIOUS
    assert found.analysed == datetime(2021, 2, 10, 16, 25, 25, tzinfo=UTC)
    assert [trait.operation for trait in found.traits] == ["Creates mutex"]
    assert "T1060" in found.techniques
    # Four files, of which one is a memory dump.
    assert [one.shape for one in found.found] == [Kind.SHA256] * 3


def test_a_submission_as_recorded():
    found = sandbox(recorded("vmray-misp-feed/submission.json")).submission("51")
    assert (found.id, found.sample, found.finished, found.error) == ("51", "12", True, None)
    assert found.created - datetime(2021, 2, 17, tzinfo=UTC) < timedelta(days=1)


def test_a_report_that_is_not_complete_is_none_yet():
    waiting = {"data": {"status": "waiting", "iocs": {}}}
    assert sandbox(waiting, {"data": {"status": "finished"}}).report("1") is None


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"data": {"x": 1}}', b"null"])
def test_what_is_no_answer_is_never_unknown(body):
    with pytest.raises(BadPayload):
        sandbox(body).submissions(Entity.FILE, "ab" * 32)


def test_a_submission_that_vmray_did_not_take_says_why():
    answer = {"data": {"errors": [{"error_msg": "no jobs were created"}], "submissions": []}}
    with pytest.raises(BadPayload, match="no jobs were created"):
        sandbox(answer).submit_file("a.exe", b"x", "n")


def test_a_file_name_that_windows_forbids_is_replaced():
    row = {"submission_id": 1, "submission_sample_id": 2, "submission_created": "2026-03-01T00:00"}
    http = Canned({"data": {"submissions": [row]}})
    VmraySandbox(http, "https://v.example", SecretStr("k")).submit_file("a:b\u202eexe", b"x", "n")
    sent = http.asked[0][2]
    assert sent["files"]["sample_file"][0] == "a_b_exe"
    assert sent["data"]["shareable"] == "false"
    assert json.loads(sent["data"]["submission_metadata"]) == {"tidegate": "n"}
    assert sent["retry"] is False


@pytest.mark.parametrize("metadata", [None, "", "junk", "[]", "1", '{"tidegate": 5}'])
def test_metadata_of_others_is_no_nonce(metadata):
    row = {"submission_id": 1, "submission_sample_id": 2, "submission_created": "2026-03-01T00:00"}
    answer = {"data": {**row, "submission_submission_metadata": metadata}}
    assert sandbox(answer).submission("1").nonce is None
