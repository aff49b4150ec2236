"""MISP events and their manifest."""

from datetime import UTC, datetime

import orjson
import pytest

from tidegate.misp import pages, rows
from tidegate.ports import BadPayload, Response

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
FIRST, SECOND = "5a2b1f00-0d5c-4e0a-9d2e-4f1a950d210f", "5a2b1f00-0d5c-4e0a-9d2e-4f1a950d2110"


def attribute(kind: str, value: str, **more) -> dict:
    return {"type": kind, "value": value, "to_ids": True, "timestamp": "1795084800", **more}


def event(*attributes: dict, **more) -> dict:
    return {"Event": {"uuid": FIRST, "Attribute": list(attributes), **more}}


def read(found: object) -> list[dict]:
    return rows(orjson.dumps(found))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("ip-dst|port", "192.0.2.5|80", [("socket", "192.0.2.5:80")]),
        ("ip-src|port", "2001:db8::5|80", [("socket", "2001:db8::5:80")]),
        ("domain|ip", "a.example|192.0.2.5", [("domain", "a.example"), ("address", "192.0.2.5")]),
        ("hostname|port", "a.example|443", [("domain", "a.example")]),
        ("filename|sha256", "a|b.exe|" + "ab" * 32, [("sha256", "ab" * 32)]),
        ("filename|md5", "a.exe|" + "ab" * 16, [("md5", "ab" * 16)]),
        ("malware-sample", "a.exe|" + "ab" * 16, [("md5", "ab" * 16)]),
        ("x509-fingerprint-sha1", "ab" * 20, [("certificate", "ab" * 20)]),
        ("AS", "AS64500", [("asn", "AS64500")]),
        ("filename", "a|b.exe", [("filename", "a|b.exe")]),
        ("mutex", "a|b", [("mutex", "a|b")]),
        ("regkey", "HKLM\\a", [("registry", "HKLM\\a")]),
        ("regkey|value", "HKLM\\a|x|y", [("registry", "HKLM\\a")]),
        ("email-subject", "It is due", [("email-subject", "It is due")]),
        ("yara", "rule x", [(None, "rule x")]),
    ],
)
def test_composites_fall_into_their_parts(kind, value, expected):
    found = read(event(attribute(kind, value)))
    assert [(row["shape"], row["value"]) for row in found] == expected


def test_an_event_comes_alone_or_in_an_answer():
    alone = event(attribute("domain", "a.example"))
    for found in (alone, {"response": [alone]}, {"response": alone}):
        assert len(read(found)) == 1


def test_objects_hold_attributes_too():
    inner = {"Object": [{"Attribute": [attribute("md5", "ab" * 16)]}, {"Attribute": None}]}
    assert [row["shape"] for row in read(event(attribute("url", "u"), **inner))] == ["url", "md5"]


def test_what_is_not_meant_for_detection_is_over_or_no_row():
    found = read(
        event(
            attribute("domain", "a.example", to_ids=False),
            attribute("domain", "b.example", deleted=True),
            attribute("text", "c", to_ids=False),
            attribute("domain", "d.example"),
        )
    )
    assert [(row["value"], row["expires"]) for row in found] == [
        ("a.example", "1795084800"),
        ("b.example", "1795084800"),
        ("d.example", None),
    ]


def test_tags_say_family_marking_and_the_rest():
    tags = ["tlp:green", 'misp-galaxy:malpedia="Vidar"', "a,b"]
    found = event(attribute("domain", "a.example"), Tag=[{"name": name} for name in tags])
    (row,) = read(found)
    assert (row["tlp"], row["threat"], row["tags"]) == ("green", "Vidar", "a b")


def tagged(*names: str, kind: str = "domain", value: str = "a.example") -> dict:
    (row,) = read(event(attribute(kind, value, Tag=[{"name": name} for name in names])))
    return row


def test_the_strictest_marking_of_event_and_attribute_holds():
    (row,) = read(
        event(
            attribute("domain", "a.example", Tag=[{"name": "tlp:white"}]),
            Tag=[{"name": "tlp:amber+strict"}, {"name": "tlp:ex:chr"}],
        )
    )
    assert row["tlp"] == "amber+strict"


@pytest.mark.parametrize(
    ("tag", "tags"),
    [
        ('misp-galaxy:mitre-attack-pattern="Web Protocols - T1071.001"', "attack:T1071.001"),
        ('misp-galaxy:mitre-enterprise-attack-attack-pattern="X - T1193"', "attack:T1193"),
        ('misp-galaxy:mitre-attack-pattern="Without a number"', ""),
        ('misp-galaxy:threat-actor="T1071 Group"', ""),
    ],
)
def test_galaxies_of_attack_patterns_are_techniques(tag, tags):
    assert tagged(tag)["tags"] == tags


@pytest.mark.parametrize(
    ("tag", "family"),
    [
        ('misp-galaxy:mitre-malware="Emotet - S0367"', "Emotet"),
        ('misp-galaxy:mitre-tool="Cobalt Strike"', "Cobalt Strike"),
        ('misp-galaxy:ransomware="Lock - er"', "Lock - er"),
        ('misp-galaxy:target-information="Somewhere"', None),
    ],
)
def test_galaxies_of_malware_are_families(tag, family):
    assert tagged(tag)["threat"] == family


def test_the_port_beside_a_host_is_a_tag():
    assert tagged("x", kind="hostname|port", value="a.example|8443")["tags"] == "x,port:8443"
    assert tagged("x", kind="hostname|port", value="a.example|any")["tags"] == "x"


def test_rows_of_an_event_refer_to_it():
    found = event(attribute("domain", "a.example"), attribute("domain", "b.example"))
    assert {row["reference"] for row in read(found)} == {f"MISP event {FIRST}"}
    base = rows(orjson.dumps(found), "https://misp.example/feed/")
    assert {row["reference"] for row in base} == {f"https://misp.example/feed/{FIRST}.json"}


class Server:
    """A folder of a MISP feed."""

    def __init__(self, **stamps: int) -> None:
        self.manifest = {event: {"timestamp": str(stamp)} for event, stamp in stamps.items()}
        self.asked: list[str] = []

    def __call__(self, url, params) -> Response:
        self.asked.append(url)
        return Response(200, {}, orjson.dumps(self.manifest if url == "manifest.json" else {}))


def fetched(server: Server, cursor: str | None = None) -> str:
    reading = pages(server, SINCE, cursor)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value


def test_only_events_that_changed_are_asked_for():
    server = Server(**{FIRST: 1795084800, SECOND: int(SINCE.timestamp()) - 1})
    cursor = fetched(server)
    assert server.asked == ["manifest.json", f"{FIRST}.json"]
    assert cursor.startswith("1795084800.")
    server.asked.clear()
    server.manifest[SECOND] = {"timestamp": "1795084801"}
    assert fetched(server, cursor).startswith("1795084801.")
    assert server.asked == ["manifest.json", f"{SECOND}.json"]


def test_a_manifest_names_events_and_no_other_address():
    with pytest.raises(BadPayload):
        fetched(Server(**{"https://elsewhere.example/x": 1795084800}))


def test_the_manifest_of_the_collection_is_read(stored):
    server = Server()
    server.manifest = orjson.loads(stored("misp/fixtures/misp_manifest.json").read_bytes())
    assert fetched(server, "1").startswith("1770300000.")
