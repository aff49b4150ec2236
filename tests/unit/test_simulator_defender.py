"""The simulated tenant answers as Defender, Entra and Graph do, and remembers."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.http import HttpClient
from tidegate.ports import BadPayload, QuotaSpent
from tidegate.simulator import entra, roles
from tidegate.simulator.seed import alert_id, device_id
from tidegate.simulator.server import application

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DESK = device_id("desk-1")


class Client:
    """Speaks to the tenant with a token."""

    def __init__(self, url, http, scope):
        self.url, self.http = url, http
        form = {
            "grant_type": "client_credentials",
            "client_id": entra.CLIENT,
            "client_secret": entra.SECRET,
            "scope": scope,
        }
        answer = http.request("POST", f"{url}/simulated/oauth2/v2.0/token", data=form)
        self.token = json.loads(answer.body)["access_token"]
        self.headers = {"authorization": f"Bearer {self.token}"}

    def __call__(self, method, path, expect=(), **more):
        answer = self.http.request(
            method, f"{self.url}{path}", headers=self.headers, expect=expect, **more
        )
        return json.loads(answer.body) if answer.body else None


@pytest.fixture
def http(clock, tenant):
    with HttpClient(allow_private=True, retries=0, clock=clock) as client:
        yield client


@pytest.fixture
def api(tenant, http):
    return Client(tenant.url, http, entra.DEFENDER)


@pytest.fixture
def graph(tenant, http):
    return Client(tenant.url, http, entra.GRAPH)


def indicator(value, kind="DomainName", action="Block", **more):
    return {
        "indicatorValue": value,
        "indicatorType": kind,
        "action": action,
        "title": "t",
        "description": "d",
        **more,
    }


def put(api, *indicators):
    answer = api("POST", "/api/indicators/import", json={"Indicators": list(indicators)})
    return answer["value"]


# --- tokens and roles -------------------------------------------------------------------------


def test_a_token_holds_for_an_hour_and_for_one_audience(api, clock, tenant, http):
    assert api("GET", "/api/alerts")["value"]
    other = Client(tenant.url, http, entra.GRAPH)
    assert other("GET", "/api/alerts", expect=(401,))["error"]["code"] == "Unauthorized"
    clock.now += timedelta(hours=1)
    assert "error" in api("GET", "/api/alerts", expect=(401,))


def test_a_wrong_secret_gets_no_token(tenant, http):
    form = dict.fromkeys(("client_id", "client_secret"), "x")
    form |= {"grant_type": "client_credentials", "scope": entra.GRAPH}
    with pytest.raises(BadPayload, match="401"):
        http.request("POST", f"{tenant.url}/simulated/oauth2/v2.0/token", data=form)


def test_a_token_says_what_it_is_good_for(api, graph):
    claims = {}
    for client in (api, graph):
        header, payload, signature = client.token.split(".")
        assert "=" not in client.token
        assert json.loads(urlsafe_b64decode(header + "=="))["typ"] == "JWT"
        assert len(signature) == 43
        told = json.loads(urlsafe_b64decode(payload + "=="))
        claims[told["aud"]] = told
        assert told["exp"] == (START + timedelta(hours=1)).timestamp()
        assert told["tid"] == entra.TENANT
    assert set(claims) == {
        "https://api.securitycenter.microsoft.com",
        "https://graph.microsoft.com",
    }
    assert {"Alert.ReadWrite.All", "Machine.LiveResponse", "Library.Manage"} <= set(
        claims["https://api.securitycenter.microsoft.com"]["roles"]
    )
    assert "ThreatHunting.Read.All" in claims["https://graph.microsoft.com"]["roles"]


@pytest.mark.parametrize(
    ("scope", "without", "method", "path"),
    [
        (entra.DEFENDER, roles.READS_ALERTS, "GET", "/api/alerts"),
        (entra.DEFENDER, {"Alert.ReadWrite.All"}, "PATCH", f"/api/alerts/{alert_id(1)}"),
        (entra.DEFENDER, roles.WRITES_INDICATORS, "GET", "/api/indicators"),
        (entra.DEFENDER, {"Machine.LiveResponse"}, "POST", f"/api/machines/{DESK}/runliveresponse"),
        (entra.DEFENDER, {"Machine.Isolate"}, "POST", f"/api/machines/{DESK}/isolate"),
        (entra.DEFENDER, {"Machine.ReadWrite.All"}, "POST", f"/api/machines/{DESK}/tags"),
        (entra.DEFENDER, {"File.Read.All"}, "GET", f"/api/files/{'0' * 64}"),
        (entra.DEFENDER, {"Library.Manage"}, "POST", "/api/libraryfiles"),
        (entra.GRAPH, roles.READS_INCIDENTS, "GET", "/v1.0/security/incidents/1001"),
        (entra.GRAPH, {"ThreatHunting.Read.All"}, "POST", "/v1.0/security/runHuntingQuery"),
        (
            entra.GRAPH,
            {"SecurityAlert.ReadWrite.All"},
            "PATCH",
            f"/v1.0/security/alerts_v2/{alert_id(1)}",
        ),
    ],
)
def test_every_route_wants_its_role(tenant, http, scope, without, method, path):
    tenant.scene.roles -= without
    client = Client(tenant.url, http, scope)
    body = {} if method == "GET" else {"json": {}}
    said = client(method, path, expect=(403,), **body)["error"]
    assert said["code"] == "Forbidden"
    assert not any(role in said["message"] for role in without)


def test_no_route_of_defender_and_graph_is_without_a_role(tenant):
    app = application(tenant.scene)
    paths = [
        (method, route.path)
        for route in _routes(app)
        if route.path.startswith(("/api", "/v1.0"))
        for method in route.methods
    ]
    assert len(paths) > 25
    assert [one for one in paths if not roles.needed(*one)] == []


def _routes(app):
    """All routes, also those of routers that are kept as they were included."""
    found, left = [], list(app.routes)
    while left:
        route = left.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            left += inner.routes
        elif hasattr(route, "methods"):
            found.append(route)
    return found


def test_each_api_has_a_quota_of_its_own(api, tenant, clock):
    tenant.scene.limits.a_minute = 2
    tenant.scene.limits.an_hour = 3
    for _ in range(2):
        api("GET", f"/api/alerts/{alert_id(1)}")
    clock.now += timedelta(seconds=15)
    with pytest.raises(QuotaSpent) as spent:
        api("GET", f"/api/alerts/{alert_id(2)}")
    assert spent.value.retry_after == timedelta(seconds=45)
    assert api("GET", "/api/alerts")["value"]
    clock.now += timedelta(seconds=45)
    api("GET", f"/api/alerts/{alert_id(2)}")
    with pytest.raises(QuotaSpent) as spent:
        api("GET", f"/api/alerts/{alert_id(2)}")
    assert spent.value.retry_after == timedelta(minutes=59)


# --- alerts -----------------------------------------------------------------------------------


def test_alerts_are_filtered_paged_and_expanded(api):
    since = (START - timedelta(minutes=41)).isoformat().replace("+00:00", "Z")
    where = f"lastUpdateTime ge {since} and (status eq 'New' or status eq 'InProgress')"
    found = api("GET", "/api/alerts", params={"$filter": where, "$top": "2", "$skip": "1"})
    assert [alert["id"] for alert in found["value"]] == [alert_id(5), alert_id(6)]
    assert found["value"][0]["evidence"] == []
    full = api("GET", "/api/alerts", params={"$expand": "evidence"})["value"][0]
    assert full == api("GET", f"/api/alerts/{alert_id(1)}")
    assert {len(row) for row in full["evidence"]} == {25}


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("incidentId eq 1003", [3]),
        ("incidentId ge 1009", [9, 10]),
        ("detectionSource ne 'WindowsDefenderAtp'", [9]),
        ("assignedTo eq null and category eq 'Malware'", [9]),
        ("assignedTo ne null", []),
        ("lastEventTime lt 2026-03-01T11:06:00", [1]),
        ("id eq 'it''s'", []),
    ],
)
def test_filters_compare_words_numbers_times_and_nothing(api, where, numbers):
    found = api("GET", "/api/alerts", params={"$filter": where})["value"]
    assert [alert["id"] for alert in found] == [alert_id(number) for number in numbers]


@pytest.mark.parametrize(
    "where", ["no such thing", "title eq 'x'", "status eq New", "lastUpdateTime ge yesterday"]
)
def test_a_filter_that_makes_no_sense_is_refused(api, where):
    answer = api("GET", "/api/alerts", params={"$filter": where}, expect=(400,))
    assert answer["error"]["code"] == "ODataError"


def test_a_comment_stays_and_touches_the_alert(api, clock):
    clock.now += timedelta(minutes=1)
    after = api("PATCH", f"/api/alerts/{alert_id(1)}", json={"comment": "seen"})
    assert after["comments"][0]["comment"] == "seen"
    assert after["lastUpdateTime"] == "2026-03-01T12:01:00.0000000Z"
    assert api("PATCH", "/api/alerts/none", json={}, expect=(404,))["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"status": "Done"}, "InvalidInput"),
        ({"classification": "Malicious"}, "InvalidInput"),
        ({"determination": "Clean"}, "InvalidInput"),
        ({"Status": "New"}, "InvalidRequestBody"),
        ({"severity": "High"}, "InvalidRequestBody"),
    ],
)
def test_an_update_that_defender_would_not_take_is_refused(api, body, code):
    answer = api("PATCH", f"/api/alerts/{alert_id(1)}", json=body, expect=(400,))
    assert answer["error"]["code"] == code
    assert api("GET", f"/api/alerts/{alert_id(1)}")["status"] == "New"


def test_an_alert_is_resolved_when_it_is(api):
    for status, resolved in (("Resolved", True), ("InProgress", False)):
        body = {"status": status, "assignedTo": "analyst@corp.example"}
        after = api("PATCH", f"/api/alerts/{alert_id(1)}", json=body)
        assert bool(after["resolvedTime"]) is resolved


# --- live response ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "commands",
    [
        [],
        "GetFile",
        [{"type": "Format"}],
        [{"type": "GetFile", "params": []}],
        [
            {"type": "GetFile", "params": [{"key": "Path", "value": "x"}]},
            {"type": "RunScript", "params": [{"key": "ScriptName", "value": "x"}]},
        ],
    ],
)
def test_commands_that_make_no_sense_are_refused(api, commands):
    body = {"Comment": "c", "Commands": commands}
    answer = api("POST", f"/api/machines/{DESK}/runliveresponse", json=body, expect=(400,))
    assert answer["error"]["code"] in {"InvalidRequestBody", "MissingRequiredParameter"}


def test_a_signed_link_holds_half_an_hour_and_takes_no_token(api, http, clock):
    command = {"type": "GetFile", "params": [{"key": "Path", "value": PATH}]}
    body = {"Comment": "c", "Commands": [command]}
    action = api("POST", f"/api/machines/{DESK}/runliveresponse", json=body)["id"]
    where = f"/api/machineactions/{action}"
    assert api("GET", f"{where}/GetLiveResponseResultDownloadLink(index=0)", expect=(404,))["error"]
    clock.now += timedelta(seconds=10)
    assert api("GET", where)["commands"][0]["commandStatus"] == "Completed"
    link = api("GET", f"{where}/GetLiveResponseResultDownloadLink(index=0)")["value"]
    assert http.request("GET", link).body
    for wrong in (link[:-1] + "x", link.replace("se=", "se=9")):
        with pytest.raises(BadPayload, match="403"):
            http.request("GET", wrong)
    with pytest.raises(BadPayload, match="400"):
        http.request("GET", link, headers=api.headers)
    clock.now += timedelta(minutes=31)
    with pytest.raises(BadPayload, match="403"):
        http.request("GET", link)


PATH = "C:\\Users\\alex\\Downloads\\invoice.exe"


# --- indicators -------------------------------------------------------------------------------


def test_an_import_fails_item_by_item_inside_a_200(api):
    results = put(
        api,
        indicator("good.example"),
        indicator("10.0.0.1", "IpAddress"),
        indicator("192.0.2.0/24", "IpAddress"),
        indicator("not a domain"),
        indicator("ab" * 32, "FileSha256", "BlockAndRemediate"),
        indicator("192.0.2.7", "IpAddress", "BlockAndRemediate"),
        indicator("audit.example", action="Audit"),
        indicator("old.example", expirationTime="2020-01-01T00:00:00Z"),
        {"indicatorValue": "x.example"},
    )
    assert [result["isFailed"] for result in results] == [0, 1, 1, 1, 0, 1, 1, 1, 1]
    assert all(bool(result["failureReason"]) is result["isFailed"] for result in results)
    assert len(api("GET", "/api/indicators")["value"]) == 2


def test_an_indicator_is_overwritten_by_value_and_deleted_by_id(api):
    [first] = put(api, indicator("a.example"))
    [second] = put(api, indicator("A.example", action="Warn"))
    assert first["id"] == second["id"]
    [held] = api("GET", "/api/indicators")["value"]
    assert held["action"] == "Warn"
    api("DELETE", f"/api/indicators/{first['id']}")
    assert api("GET", "/api/indicators")["value"] == []
    assert api("DELETE", f"/api/indicators/{first['id']}", expect=(404,))["error"]


def test_an_expired_indicator_is_gone(api, clock):
    until = (START + timedelta(minutes=30)).isoformat()
    put(api, indicator("a.example", expirationTime=until))
    clock.now += timedelta(minutes=30)
    assert api("GET", "/api/indicators")["value"] == []


def test_a_batch_has_a_limit(api):
    many = [indicator(f"a{n}.example") for n in range(501)]
    answer = api("POST", "/api/indicators/import", json={"Indicators": many}, expect=(400,))
    assert answer["error"]["code"] == "MaximumBatchSizeExceeded"


def test_a_tenant_has_a_limit(api, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.indicators.CAP", 2)
    results = put(api, *(indicator(f"a{n}.example") for n in range(3)))
    assert [result["isFailed"] for result in results] == [False, False, True]


# --- incidents --------------------------------------------------------------------------------


def test_tags_are_replaced_not_added(graph):
    where = "/v1.0/security/incidents/1001"
    assert graph("GET", where)["customTags"] == ["Simulated"]
    assert graph("PATCH", where, json={"customTags": ["x"]})["customTags"] == ["x"]
    assert graph("GET", "/v1.0/security/incidents/9", expect=(404,))["error"]


def test_a_comment_has_to_be_one(graph):
    where = "/v1.0/security/incidents/1001"
    comment = {"@odata.type": "#microsoft.graph.security.alertComment", "comment": "seen"}
    [said] = graph("POST", f"{where}/comments", json=comment)["value"]
    assert said["comment"] == graph("GET", where)["comments"][0]["comment"] == "seen"
    answer = graph("POST", f"{where}/comments", json={"comment": "x"}, expect=(400,))
    assert answer["error"]["code"] == "BadRequest"
