"""Alerts through Defender and through Graph: the same of both, on the simulated tenant."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tidegate.adapters.graph_alerts import GraphAlerts
from tidegate.model import Device, Entity, Evidence
from tidegate.ports import BadPayload, Response
from tidegate.simulator.estate import Happening, of_address, raise_alert
from tidegate.simulator.seed import (
    AGENT,
    DOWNLOADS,
    LOADER,
    PAGE,
    QUARANTINED,
    alert_id,
    device_id,
    digest,
    sha1_of,
)

LONG = timedelta(days=1)


def file(name, content, folder=DOWNLOADS, entity=Entity.FILE):
    path = f"{folder}\\{name}"
    return Evidence(entity, sha256=digest(content), path=path, sha1=sha1_of(content))


def same(alert):
    """What both ways tell of the device: only Graph tells what it is."""
    return (alert.device.id, alert.device.name, alert.device.group)


def test_an_alert_has_all_that_we_use(alerts, clock):
    alert = alerts.get(alert_id(9))
    assert (alert.id, alert.title) == (alert_id(9), "'Simulated' malware was prevented")
    assert (alert.severity, alert.status, alert.source) == ("Medium", "New", "WindowsDefenderAv")
    assert (alert.category, alert.family, alert.group) == ("Malware", "Simulated", "Workstations")
    assert alert.classification is None
    assert alert.incident == "1009"
    assert alert.evidence == (file("payload.exe", QUARANTINED),)
    made = clock.now - timedelta(minutes=15)
    assert alert.created == alert.updated == made
    assert same(alert) == (device_id("desk-3"), "desk-3.corp.example", "Workstations")


def test_evidence_of_every_kind_is_read(alerts):
    assert alerts.get(alert_id(1)).evidence == (file("invoice.exe", LOADER),)
    assert alerts.get(alert_id(3)).evidence == (Evidence(Entity.URL, url=PAGE),)
    [image] = alerts.get(alert_id(10)).evidence
    assert image == file("agent.exe", AGENT, "C:\\Program Files\\Agent", Entity.PROCESS)


def test_addresses_are_read_though_nothing_can_be_detonated(alerts, tenant, clock):
    evidence = (of_address("203.0.113.9"), of_address("203.0.113.9"), of_address("2001:db8::1"))
    raise_alert(tenant.scene, 50, clock.now, Happening("Connection", "desk-1", evidence))
    alert = alerts.get(alert_id(50))
    assert alert.addresses == ("203.0.113.9", "2001:db8::1")
    assert alert.evidence == ()


def test_an_alert_that_is_not_there_is_none(alerts):
    assert alerts.get("da0_0") is None


def test_a_comment_is_read_again(alerts, clock):
    clock.now += timedelta(minutes=1)
    alerts.comment(alert_id(1), 'seen: "invoice.exe"\n<b>')
    alert = alerts.get(alert_id(1))
    assert alert.comments == ('seen: "invoice.exe"\n<b>',)
    assert alert.updated == clock.now


@pytest.mark.parametrize(
    ("classification", "determination"),
    [
        ("TruePositive", "Malware"),
        ("TruePositive", "CompromisedUser"),
        ("FalsePositive", "NotMalicious"),
        ("FalsePositive", "InsufficientData"),
        ("InformationalExpectedActivity", "ConfirmedActivity"),
    ],
)
def test_a_classification_is_spelled_as_its_reader_wants(
    alerts, memory, classification, determination
):
    alerts.classify(alert_id(1), classification, determination)
    assert alerts.get(alert_id(1)).classification == classification
    assert memory.get("alerts", alert_id(1))["determination"] == determination
    with pytest.raises(BadPayload, match="400"):
        alerts.classify(alert_id(1), "Malicious", determination)


def test_an_alert_that_is_begun_is_in_progress(alerts, memory):
    alerts.begin(alert_id(2))
    assert alerts.get(alert_id(2)).status == "InProgress"
    assert memory.get("alerts", alert_id(2))["status"] == "InProgress"


def test_alerts_come_oldest_first_from_a_moment_on(alerts, clock):
    found = list(alerts.since(clock.now - timedelta(minutes=41)))
    assert [alert.id for alert in found] == [alert_id(n) for n in range(4, 11)]
    assert found[0] == alerts.get(alert_id(4))
    assert [alert.id for alert in alerts.since(clock.now)] == []


def test_alerts_are_paged_through(defender_alerts, graph_alerts, clock, monkeypatch):
    monkeypatch.setattr("tidegate.adapters.defender.PAGE", 4)
    monkeypatch.setattr("tidegate.adapters.defender.SHARED", 1)
    monkeypatch.setattr("tidegate.adapters.graph_alerts.PAGE", 3)
    for alerts in (defender_alerts, graph_alerts):
        found = [alert.id for alert in alerts.since(clock.now - LONG)]
        assert found == [alert_id(n) for n in range(1, 11)]


def test_only_graph_tells_what_the_device_is(defender_alerts, graph_alerts):
    told = Device(
        device_id("server-1"), "server-1.corp.example", "WindowsServer2022", "Servers", ("Prod",)
    )
    found = graph_alerts.get(alert_id(7)).device
    assert (found.os, found.group, found.tags) == (told.os, told.group, ("Production",))
    assert found.server
    assert defender_alerts.get(alert_id(7)).device.os == ""


# --- Graph's pages ----------------------------------------------------------------------------


class Pages:
    """`ports.Http` that answers with pages, each of which names the next."""

    def __init__(self, *links):
        self.links = list(links)
        self.asked = []

    def request(self, method, url, **asked):
        self.asked.append((url, asked))
        link = self.links.pop(0) if self.links else None
        body = f'{{"value": [], "@odata.nextLink": "{link}"}}' if link else '{"value": []}'
        return Response(200, {}, body.encode())


def test_the_next_page_is_asked_for_as_graph_says(clock):
    http = Pages("https://g.example/v1.0/security/alerts_v2?$skip=100")
    assert list(GraphAlerts(http, "https://g.example/v1.0").since(clock.now)) == []
    assert http.asked[1][0].endswith("?$skip=100")
    assert {asked["headers"]["prefer"] for _, asked in http.asked} == {
        "include-unknown-enum-members"
    }


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/security/alerts_v2",
        "https://g.example.evil.example/",
        "https://g.example@evil.example/",
        "http://g.example/v1.0/security/alerts_v2",
        "//g.example/",
        "file:///etc/passwd",
    ],
)
def test_the_token_follows_to_no_other_host(clock, link):
    http = Pages(link)
    with pytest.raises(BadPayload, match="another host"):
        list(GraphAlerts(http, "https://g.example/v1.0").since(clock.now))
    assert len(http.asked) == 1


def test_pages_that_never_end_do(clock, monkeypatch):
    monkeypatch.setattr("tidegate.adapters.graph_alerts.MOST_PAGES", 7)
    http = Pages(*["https://g.example/again"] * 99)
    with pytest.raises(BadPayload, match="more than 7 pages"):
        list(GraphAlerts(http, "https://g.example/v1.0").since(clock.now))


def test_the_simulated_next_page_keeps_the_filter(graph):
    answer = graph(
        "GET",
        "/security/alerts_v2",
        params={"$top": "3", "$filter": "createdDateTime ge 2026-01-01T00:00:00Z"},
    )
    query = parse_qs(urlsplit(answer["@odata.nextLink"]).query)
    assert (query["$skip"], query["$top"]) == (["3"], ["3"])
    assert "createdDateTime" in query["$filter"][0]
    assert [alert["id"] for alert in answer["value"]] == [alert_id(n) for n in (10, 9, 8)]
