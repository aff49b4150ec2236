"""The simulated tenant answers as Defender, Entra and Graph do, and remembers."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.http import HttpClient
from tidegate.ports import BadPayload, QuotaSpent
from tidegate.simulator import entra
from tidegate.simulator.seed import LOADER, alert_id, device_id, digest
from tidegate.simulator.server import Tenant

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATH = "C:\\Users\\alex\\Downloads\\invoice.exe"


class Clock:
    now = START

    def __call__(self):
        return self.now


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
        self.headers = {"authorization": f"Bearer {json.loads(answer.body)['access_token']}"}

    def __call__(self, method, path, expect=(), **more):
        answer = self.http.request(
            method, f"{self.url}{path}", headers=self.headers, expect=expect, **more
        )
        return json.loads(answer.body) if answer.body else None


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Tenant(tmp_path_factory.mktemp("tenant"), timedelta(seconds=10), Clock())
    made.url = made.start()
    yield made
    made.stop()


@pytest.fixture
def tenant(served):
    served.clock.now = START
    served.reset()
    return served


@pytest.fixture
def clock(tenant):
    return tenant.clock


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


def collect(api, device="desk-1", path=PATH, **more):
    command = {"type": "GetFile", "params": [{"key": "Path", "value": path}]}
    body = {"Comment": "test", "Commands": [command]}
    where = f"/api/machines/{device_id(device)}/runliveresponse"
    return api("POST", where, json=body, **more)


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


# --- tokens -----------------------------------------------------------------------------------


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


def test_a_filter_that_makes_no_sense_is_refused(api):
    answer = api("GET", "/api/alerts", params={"$filter": "no such thing"}, expect=(400,))
    assert answer["error"]["code"] == "ODataError"


def test_a_comment_stays_and_touches_the_alert(api, clock):
    clock.now += timedelta(minutes=1)
    after = api("PATCH", f"/api/alerts/{alert_id(1)}", json={"comment": "seen"})
    assert after["comments"][0]["comment"] == "seen"
    assert after["lastUpdateTime"] == "2026-03-01T12:01:00.0000000Z"
    assert api("PATCH", "/api/alerts/none", json={}, expect=(404,))["error"]


# --- live response ----------------------------------------------------------------------------


def test_a_live_response_takes_its_time_and_delivers_gzip_by_a_signed_link(
    api, http, clock, tenant
):
    action = collect(api)
    assert (action["status"], action["commands"][0]["commandStatus"]) == ("Pending", "Created")
    where = f"/api/machineactions/{action['id']}"
    assert api("GET", where)["status"] == "Pending"
    clock.now += timedelta(seconds=10)
    assert api("GET", where)["commands"][0]["commandStatus"] == "Completed"
    link = api("GET", f"{where}/GetLiveResponseResultDownloadLink(index=0)")["value"]
    assert gzip.decompress(http.request("GET", link).body) == LOADER
    with pytest.raises(BadPayload, match="403"):
        http.request("GET", link[:-1] + "x")
    clock.now += timedelta(minutes=31)
    with pytest.raises(BadPayload, match="403"):
        http.request("GET", link)
    assert tenant.scene.memory.calls("live response") == ["test"]


def test_a_device_does_one_live_response_at_a_time(api, clock):
    collect(api)
    answer = collect(api, expect=(400,))
    assert answer["error"]["code"] == "ActiveRequestAlreadyExists"
    clock.now += timedelta(seconds=10)
    assert collect(api)["status"] == "Pending"


def test_a_missing_file_fails_its_command_not_the_action(api, clock):
    action = collect(api, path="C:\\gone.exe")
    clock.now += timedelta(seconds=10)
    found = api("GET", f"/api/machineactions/{action['id']}")
    assert (found["status"], found["commands"][0]["commandStatus"]) == ("Succeeded", "Failed")


def test_an_offline_device_waits_until_it_is_cancelled(api, clock):
    action = collect(api, "roaming-1")
    clock.now += timedelta(minutes=50)
    where = f"/api/machineactions/{action['id']}"
    assert api("GET", where)["status"] == "Pending"
    assert api("POST", f"{where}/cancel", json={"Comment": "c"})["status"] == "Cancelled"
    assert api("POST", f"{where}/cancel", json={"Comment": "c"}, expect=(404,))["error"]


def test_too_many_live_responses_are_told_when_to_come_back(api, tenant):
    for number in range(10):
        tenant.scene.record("rate live response", str(number))
    with pytest.raises(QuotaSpent) as spent:
        collect(api)
    assert spent.value.retry_after == timedelta(seconds=60)


def test_the_devices_of_a_file(api):
    found = api("GET", f"/api/files/{digest(LOADER)}/machines")["value"]
    assert [one["computerDnsName"] for one in found] == [
        "desk-1.corp.example",
        "desk-2.corp.example",
    ]
    assert api("GET", f"/api/files/{'0' * 64}/machines", expect=(404,))["error"]


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


def test_an_incident_takes_comments(graph):
    where = "/v1.0/security/incidents/1001"
    comment = {"@odata.type": "microsoft.graph.security.alertComment", "comment": "seen"}
    graph("POST", f"{where}/comments", json=comment)
    assert graph("GET", where)["comments"][0]["comment"] == "seen"


# --- memory -----------------------------------------------------------------------------------


def test_the_tenant_outlives_its_process(tmp_path, clock):
    for expected in ([], ["a.example"]):
        tenant = Tenant(tmp_path, timedelta(seconds=10), clock)
        url = tenant.start()
        with HttpClient(allow_private=True, retries=0, clock=clock) as http:
            api = Client(url, http, entra.DEFENDER)
            held = [one["indicatorValue"] for one in api("GET", "/api/indicators")["value"]]
            put(api, indicator("a.example"))
        tenant.stop()
        assert held == expected
