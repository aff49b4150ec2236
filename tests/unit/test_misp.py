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
    assert (row["tlp"], row["threat"], row["tags"]) == ("tlp:green", "Vidar", "a b")


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
    assert cursor == "1795084800"
    server.asked.clear()
    server.manifest[SECOND] = {"timestamp": "1795084801"}
    assert fetched(server, cursor) == "1795084801"
    assert server.asked == ["manifest.json", f"{SECOND}.json"]


def test_a_manifest_names_events_and_no_other_address():
    with pytest.raises(BadPayload):
        fetched(Server(**{"https://elsewhere.example/x": 1795084800}))


def test_the_manifest_of_the_collection_is_read(stored):
    server = Server()
    server.manifest = orjson.loads(stored("misp/fixtures/misp_manifest.json").read_bytes())
    assert fetched(server, "1") == "1770300000"
