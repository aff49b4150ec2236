"""Alerts as Defender may really send them: old, broken, hostile, and moving while they are read."""

import json
from datetime import UTC, datetime

import pytest

from tidegate.adapters.defender import DefenderAlerts
from tidegate.adapters.graph_alerts import GraphAlerts
from tidegate.model import Device, Entity, Evidence
from tidegate.ports import BadPayload, Response

URL = "https://d.example"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIGESTS = {"sha1": "cd" * 20, "sha256": "ab" * 32}
AT = "2026-03-01T00:00:00.1234567Z"


class Canned:
    """`ports.Http` that gives prepared answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def request(self, method, url, **more):
        self.asked.append((method, url, more))
        return Response(200, {}, json.dumps(self.answers.pop(0)).encode())


def alert_of(**more):
    http = Canned({"id": "a", "lastUpdateTime": AT, **more})
    return DefenderAlerts(http, URL).get("a")


def evidence_of(*rows):
    return alert_of(evidence=rows).evidence


# --- evidence ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"entityType": "File", "sha256": "none", "fileName": "a"},
        {"entityType": "File", "sha256": "None", "sha1": "NULL", "fileName": "a"},
        {"entityType": "File", "sha256": None, "fileName": "a"},
        {"entityType": "File", "sha256": "ab" * 31, "sha1": "x" * 40},
        {"entityType": "File", "md5": "ab" * 16, "fileName": "a"},
        {"entityType": "Process", "fileName": "a", "filePath": "C:\\x"},
        {"entityType": "Url", "url": None},
        {"entityType": "Url", "url": "none"},
        {"entityType": "User", **DIGESTS},
        {"entityType": None},
        {},
    ],
)
def test_evidence_that_names_nothing_is_none(row):
    assert evidence_of(row) == ()


@pytest.mark.parametrize(
    ("directory", "name", "path"),
    [
        ("C:\\x", "a", "C:\\x\\a"),
        ("C:\\x\\", "a", "C:\\x\\a"),
        ("C:\\", "a", "C:\\a"),
        ("%TEMP%", "a", "%TEMP%\\a"),
        ("\\\\server\\share", "a", "\\\\server\\share\\a"),
        ("/usr/bin", "a", "/usr/bin/a"),
        ("/Applications/A.app/", "a'b\u202e", "/Applications/A.app/a'b\u202e"),
        ("/", "a", "/a"),
        # Where it lies is known by both; the name alone tells what kind of file it is.
        (None, "a", "a"),
        ("", "a", "a"),
        ("none", "a", "a"),
        ("C:\\x", None, None),
        (None, None, None),
    ],
)
@pytest.mark.parametrize("entity", [Entity.FILE, Entity.PROCESS])
def test_paths_of_all_systems(entity, directory, name, path):
    row = {"entityType": entity, **DIGESTS, "fileName": name, "filePath": directory}
    assert evidence_of(row) == (Evidence(entity, path=path, **DIGESTS),)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"sha1": "CD" * 20, "sha256": "AB" * 32}, DIGESTS),
        ({"sha1": "cd" * 20, "sha256": None}, {"sha1": "cd" * 20}),
        ({"sha1": "cd" * 20, "sha256": "none"}, {"sha1": "cd" * 20}),
        ({"sha256": "ab" * 32}, {"sha256": "ab" * 32}),
    ],
)
def test_a_digest_is_kept_if_it_is_one(given, kept):
    assert evidence_of({"entityType": "File", **given}) == (Evidence(Entity.FILE, **kept),)


def test_the_same_evidence_counts_once():
    row = {"entityType": "File", **DIGESTS}
    shouted = {**row, "sha256": "AB" * 32}
    url = {"entityType": "Url", "url": "http://a.example"}
    assert len(evidence_of(row, shouted, row, url, url)) == 2


def test_files_of_an_old_tenant_are_evidence():
    file = {**DIGESTS, "fileName": "a.exe", "filePath": "C:\\x"}
    old = {"alertFiles": [file], "alertDomains": [{"host": "a.example"}], "alertIps": []}
    wanted = (Evidence(Entity.FILE, path="C:\\x\\a.exe", **DIGESTS),)
    assert alert_of(**old).evidence == wanted
    assert alert_of(evidence=None, **old).evidence == wanted
    # What a newer tenant says in both is told once.
    row = {"entityType": "Url", "url": "http://a.example"}
    assert [one.entity for one in alert_of(evidence=[row], **old).evidence] == [Entity.URL]


# --- the alert itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "family"),
    [
        ({"threatFamilyName": "Emotet", "threatName": "Trojan:Win32/Emotet"}, "Emotet"),
        ({"threatFamilyName": None, "threatName": "Trojan:Win32/Emotet"}, "Trojan:Win32/Emotet"),
        ({"threatFamilyName": "None", "threatName": None}, ""),
        ({}, ""),
    ],
)
def test_the_family_is_the_threats_or_else_its_name(given, family):
    assert alert_of(**given).family == family


@pytest.mark.parametrize(
    ("given", "classification"),
    [(None, None), ("Unknown", None), ("none", None), ("TruePositive", "TruePositive")],
)
def test_what_is_not_classified_is_none(given, classification):
    assert alert_of(classification=given).classification == classification


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x"])
def test_a_time_that_cannot_be_told_is_a_bad_payload(time):
    with pytest.raises(BadPayload):
        alert_of(lastUpdateTime=time)


def test_updates_are_the_documented_ones():
    http = Canned({}, {}, {})
    alerts = DefenderAlerts(http, URL)
    alerts.comment("a/b", "said")
    alerts.classify("a", "TruePositive", "Malware")
    alerts.begin("a")
    assert [(method, url) for method, url, _ in http.asked] == [
        ("PATCH", f"{URL}/api/alerts/a%2Fb"),
        ("PATCH", f"{URL}/api/alerts/a"),
        ("PATCH", f"{URL}/api/alerts/a"),
    ]
    assert [more["json"] for _, _, more in http.asked] == [
        {"comment": "said"},
        {"classification": "TruePositive", "determination": "Malware"},
        {"status": "InProgress"},
    ]
    # A comment that arrived twice would be there twice; the others are what they are.
    assert [more.get("retry", True) for _, _, more in http.asked] == [False, True, True]


# --- pages ------------------------------------------------------------------------------------


def rows(*ids):
    return {"value": [{"id": one, "lastUpdateTime": "2026-03-01T00:00:00Z"} for one in ids]}


def paged(monkeypatch, *pages):
    monkeypatch.setattr("tidegate.adapters.defender.PAGE", 3)
    monkeypatch.setattr("tidegate.adapters.defender.SHARED", 1)
    http = Canned(*pages)
    found = [alert.id for alert in DefenderAlerts(http, URL).since(NOW)]
    return found, [more["params"]["$skip"] for _, _, more in http.asked]


def test_alerts_are_read_page_by_page(monkeypatch):
    found, skips = paged(monkeypatch, rows(*"abc"), rows(*"cde"), rows(*"e"))
    assert (found, skips) == ([*"abcde"], ["0", "2", "4"])


def test_an_alert_that_moves_while_we_page_takes_no_other_with_it(monkeypatch):
    # `a` is updated after the first page: it goes to the end, and `d` one place up.
    found, _ = paged(monkeypatch, rows(*"abc"), rows(*"dea"), rows(*"a"))
    assert found == [*"abcde"]


def test_more_alerts_than_a_page_may_have_are_read_to_the_end():
    stamps = [f"2026-03-01T{n // 3_600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(12_345)]
    everything = [{"id": str(n), "lastUpdateTime": at} for n, at in enumerate(stamps)]

    class Listing:
        def request(self, *_, params, **__):
            skip = int(params["$skip"])
            page = everything[skip : skip + int(params["$top"])]
            return Response(200, {}, json.dumps({"value": page}).encode())

    found = [alert.id for alert in DefenderAlerts(Listing(), URL).since(NOW)]
    assert found == [one["id"] for one in everything]


# --- Graph ------------------------------------------------------------------------------------

KIND = "#microsoft.graph.security."


def graph_alert(*evidence, **more):
    alert = {"id": "a", "lastUpdateDateTime": AT, "evidence": evidence, **more}
    return GraphAlerts(Canned(alert), "https://g.example/v1.0").get("a")


def device(name, **more):
    return {"@odata.type": f"{KIND}deviceEvidence", "mdeDeviceId": name, **more}


def test_the_device_is_the_one_that_the_file_is_on():
    file = {"@odata.type": f"{KIND}fileEvidence", "mdeDeviceId": "two", "fileDetails": DIGESTS}
    told = device("two", deviceDnsName="two.example", rbacGroupName="Servers", tags=["t"])
    alert = graph_alert(device("one"), told, file)
    assert alert.device == Device("two", "two.example", "", "Servers", ("t",))
    assert alert.group == "Servers"
    assert graph_alert(device("one")).device == Device("one")
    assert graph_alert(file).device == Device("two")
    assert graph_alert(device(None)).device is None


def test_no_device_is_named_where_the_evidence_is_on_several():
    # What is done to a device must not be done to another.
    one = {"@odata.type": f"{KIND}fileEvidence", "mdeDeviceId": "one", "fileDetails": DIGESTS}
    other = {**one, "mdeDeviceId": "two"}
    assert graph_alert(device("one"), device("two")).device is None
    assert graph_alert(one, other, device("one")).device is None
    assert graph_alert(one, one, device("two")).device == Device("one")


def test_an_alert_that_is_none_hides_no_other(caplog):
    good = {"id": "a", "lastUpdateDateTime": AT}
    rows = [{"id": "b", "title": "secret"}, "c", None, good]
    [alert] = GraphAlerts(Canned({"value": rows}), "https://g.example/v1.0").since(NOW)
    assert alert.id == "a"
    rows = [{"id": "b", "title": "secret"}, {"id": "a", "lastUpdateTime": AT}]
    [alert] = DefenderAlerts(Canned({"value": rows}), URL).since(NOW)
    assert alert.id == "a"
    assert "not a Alert, left out: lastUpdateTime: Field required" in caplog.text
    assert "secret" not in caplog.text


def test_evidence_of_graph_is_read_by_its_type():
    details = {**DIGESTS, "fileName": "a", "filePath": "/x"}
    found = graph_alert(
        {"@odata.type": f"{KIND}fileEvidence", "fileDetails": details},
        {"@odata.type": f"{KIND}fileEvidence", "fileDetails": None},
        {"@odata.type": f"{KIND}processEvidence", "imageFile": details},
        {"@odata.type": f"{KIND}urlEvidence", "url": "http://a.example"},
        {"@odata.type": f"{KIND}userEvidence", "url": "http://b.example"},
        {"url": "http://c.example"},
    ).evidence
    assert [(one.entity, one.path or one.url) for one in found] == [
        (Entity.FILE, "/x/a"),
        (Entity.PROCESS, "/x/a"),
        (Entity.URL, "http://a.example"),
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"severity": "unknown"}, {"severity": "UnSpecified"}),
        ({"severity": "informational"}, {"severity": "Informational"}),
        ({"status": "inProgress"}, {"status": "InProgress"}),
        ({"detectionSource": "customTi"}, {"source": "CustomerTI"}),
        ({"detectionSource": "cloudAppSecurity"}, {"source": "cloudAppSecurity"}),
        ({"classification": "unknown"}, {"classification": None}),
        ({"classification": "falsePositive"}, {"classification": "FalsePositive"}),
        ({"threatDisplayName": "T"}, {"family": "T"}),
        ({}, {"severity": "", "status": "", "source": "", "device": None, "created": None}),
    ],
)
def test_graphs_words_are_told_in_defenders(theirs, ours):
    alert = graph_alert(**theirs)
    assert {key: getattr(alert, key) for key in ours} == ours
