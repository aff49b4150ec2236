"""Indicators, tokens and incidents, on what Defender, Entra and Graph really send."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.entra import Authorized, ClientCredentials
from tidegate.adapters.graph import GraphIncidents
from tidegate.model import Kind
from tidegate.ports import BadPayload, Enforced, Response, SourceDown

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
    if not RECORDED.is_dir():
        pytest.skip("the collection of recordings is not beside the project")
    return (RECORDED / name).read_bytes()


# --- indicators -------------------------------------------------------------------------------


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


def test_a_tag_that_others_keep_overwriting_is_tried_again_later():
    row = {"id": "1", "customTags": ["theirs"]}
    http = Canned(row, {}, row, {}, row, {}, row)
    with pytest.raises(SourceDown, match="overwriting"):
        GraphIncidents(http, "https://g.example/v1.0").tag("1", "ours")
    assert [method for method, _, _ in http.asked] == ["GET", "PATCH"] * 3 + ["GET"]


def test_only_the_one_tag_is_removed():
    row = {"id": "1", "customTags": ["a", "ours", "b"]}
    http = Canned(row, {}, {**row, "customTags": ["a", "b"]})
    GraphIncidents(http, "https://g.example/v1.0").untag("1", "ours")
    assert http.asked[1][2]["json"] == {"customTags": ["a", "b"]}


def test_an_incident_without_tags_and_comments_has_none():
    http = Canned({"id": "1", "customTags": None, "comments": None}, {"id": "1"})
    incidents = GraphIncidents(http, "https://g.example/v1.0")
    incidents.untag("1", "ours")
    assert incidents.comments("1") == []


def test_a_comment_is_sent_once():
    http = Canned({"id": "1"}, {})
    GraphIncidents(http, "https://g.example/v1.0").comment("1", "said")
    method, url, more = http.asked[1]
    assert (method, url.rpartition("/")[2], more["retry"]) == ("POST", "comments", False)
    assert more["json"] == {
        "@odata.type": "microsoft.graph.security.alertComment",
        "comment": "said",
    }
