"""The TAXII server by the standard's rules: types, errors, headers, filters, read-only."""

from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_rows import NOW, row, wanted

from tidegate.adapters.local.files import FileObjects
from tidegate.api import app as web
from tidegate.api import taxii
from tidegate.api.readers import Doors
from tidegate.gate.published import publish
from tidegate.gate.shelf import Shelf
from tidegate.model import indicator_id
from tidegate.stix.write import indicator_id as stix_id

TYPE = "application/taxii+json;version=2.1"
ROOT = "/taxii2/tidegate/"
COLLECTIONS = f"{ROOT}collections/"
SHARED, OWN = f"{COLLECTIONS}shared/", f"{COLLECTIONS}own/"
HOUR = timedelta(hours=1)
A = stix_id(indicator_id("domain", "a.example"))
MARKINGS = {SHARED: 2, OWN: 4}


class Server:
    def __init__(self, home: Path, browse) -> None:
        self.now = NOW
        self.objects = FileObjects(home, lambda: self.now)
        shelf = Shelf(self.objects, lambda: self.now)
        app = web.create([taxii.router(shelf, Doors(lambda _: True))])
        self.client = browse(app)

    def publish(self, *rows: dict) -> None:
        publish(wanted(*rows), self.now, self.objects)

    def get(self, path: str, **more):
        return self.client.get(path, headers={"Accept": TYPE}, **more)

    def ids(self, path: str, **query) -> list[str]:
        return [one["id"] for one in self.get(path, params=query).json().get("objects", [])]


@pytest.fixture
def server(tmp_path, browse) -> Server:
    made = Server(tmp_path, browse)
    made.publish(row("a.example"), row("b.example", tlp="amber"), row("c.example"))
    return made


# --- what there is ----------------------------------------------------------------------------


def test_the_server_can_be_discovered_down_to_its_objects(server):
    found = server.get("/taxii2/").json()
    assert found["default"] in found["api_roots"]
    root = server.get(found["default"]).json()
    assert TYPE in root["versions"]
    assert root["max_content_length"] > 0
    collections = server.get(f"{found['default']}collections/").json()["collections"]
    assert {one["alias"] for one in collections} == {"shared", "own"}
    for one in collections:
        assert one["can_read"] is True
        assert one["can_write"] is False
        assert one["media_types"] == ["application/stix+json;version=2.1"]
        for name in (one["id"], one["alias"]):
            assert server.get(f"{COLLECTIONS}{name}/").json() == one
            assert server.get(f"{COLLECTIONS}{name}/objects/").json()["objects"]


@pytest.mark.parametrize(("path", "count"), [(SHARED, 2), (OWN, 3)])
def test_a_collection_holds_what_may_go_there_and_the_markings(server, path, count):
    objects = server.get(f"{path}objects/").json()["objects"]
    types = [one["type"] for one in objects]
    assert types.count("indicator") == count
    assert types.count("marking-definition") == MARKINGS[path]
    for one in objects:
        assert one["spec_version"] == "2.1"
        assert set(one.get("object_marking_refs", [])) <= {each["id"] for each in objects}


def test_without_a_set_there_are_markings_alone(tmp_path, browse):
    server = Server(tmp_path / "empty", browse)
    assert len(server.ids(f"{SHARED}objects/")) == MARKINGS[SHARED]
    empty = server.get(f"{SHARED}objects/", params={"match[type]": "indicator"})
    assert (empty.status_code, empty.json()) == (HTTPStatus.OK, {})
    assert not [name for name in empty.headers if name.startswith("x-taxii")]


# --- types and errors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (TYPE, 200),
        ("application/taxii+json", 200),
        ("application/taxii+json; version=2.1", 200),
        ('application/taxii+json;version="2.1"', 200),
        ("application/taxii+json;version=2.0, application/taxii+json;version=2.1", 200),
        ("*/*", 200),
        ("application/*;q=0.5", 200),
        ("application/taxii+json;version=2.0", 406),
        ("application/vnd.oasis.taxii+json; version=2.0", 406),
        ("application/json", 406),
        ("text/html", 406),
        ("*/*;q=0", 406),
        ("", 406),
    ],
)
def test_content_is_negotiated(server, accept, status):
    answer = server.client.get("/taxii2/", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"] == TYPE


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/taxii2/nothing/", 404),
        (f"{ROOT}status/1/", 404),
        (f"{COLLECTIONS}nothing/", 404),
        (f"{COLLECTIONS}nothing/objects/", 404),
        (f"{SHARED}objects/indicator--nothing/", 404),
        (f"{SHARED}objects/indicator--nothing/versions/", 404),
        (f"{SHARED}objects/?limit=0", 400),
        (f"{SHARED}objects/?limit=x", 400),
        (f"{SHARED}objects/?next=x", 400),
        (f"{SHARED}objects/?added_after=yesterday", 400),
        (f"{SHARED}objects/?match[version]=newest", 400),
        (f"{SHARED}objects/?match[id]={A}&match[id]={A}", 400),
        (f"{SHARED}objects/?mach[id]={A}", 400),
        (f"{SHARED}objects/{A}/?match[id]={A}", 400),
    ],
)
def test_errors_are_taxiis(server, path, status):
    answer = server.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == TYPE
    body = answer.json()
    assert body["title"]
    assert body["http_status"] == str(status)


def test_a_partners_objects_are_not_found_in_the_other_collection(server):
    hidden = stix_id(indicator_id("domain", "b.example"))
    assert server.get(f"{SHARED}objects/{hidden}/").status_code == HTTPStatus.NOT_FOUND
    assert server.get(f"{OWN}objects/{hidden}/").status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"{SHARED}objects/", 403),
        ("DELETE", f"{SHARED}objects/{A}/", 403),
        ("POST", f"{COLLECTIONS}nothing/objects/", 404),
        ("PUT", f"{SHARED}objects/", 405),
    ],
)
def test_nothing_can_be_written(server, method, path, status):
    answer = server.client.request(method, path, headers={"Accept": TYPE}, content=b"{}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, TYPE)


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["objects", "manifest"])
def test_pages_are_told_by_headers_and_next(server, part):
    whole, seen, query = server.ids(f"{OWN}{part}/"), [], {"limit": 2}
    while True:
        answer = server.get(f"{OWN}{part}/", params=query)
        body = answer.json()
        seen += [one["id"] for one in body["objects"]]
        first, last = (answer.headers[f"x-taxii-date-added-{end}"] for end in ("first", "last"))
        assert datetime.fromisoformat(first) <= datetime.fromisoformat(last)
        assert len(body["objects"]) <= 2
        if not body["more"]:
            assert "next" not in body
            break
        query["next"] = body["next"]
    assert seen == whole
    assert len(whole) == len(set(whole)) == 7


@pytest.mark.slow
@given(limit=st.integers(1, 9), count=st.integers(0, 9))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_limit_leads_to_the_same_objects(server, limit, count):
    server.now += HOUR
    server.publish(*(row(f"{n}.example") for n in range(count)))
    seen, query = [], {"limit": limit}
    while True:
        body = server.get(f"{SHARED}objects/", params=query).json()
        seen += [one["id"] for one in body["objects"]]
        if not body["more"]:
            break
        query["next"] = body["next"]
    assert seen == server.ids(f"{SHARED}objects/")


def test_a_limit_above_the_servers_is_the_servers(server, monkeypatch):
    monkeypatch.setattr("tidegate.gate.collection.MOST", 3)
    body = server.get(f"{OWN}objects/", params={"limit": 1_000_000}).json()
    assert (len(body["objects"]), body["more"]) == (3, True)


def test_the_last_date_added_leads_to_what_is_new(server):
    last = server.get(f"{OWN}objects/").headers["x-taxii-date-added-last"]
    assert server.get(f"{OWN}objects/", params={"added_after": last}).json() == {}
    server.now += HOUR
    server.publish(row("a.example", threat="Emotet"), row("c.example"))
    objects = server.get(f"{OWN}objects/", params={"added_after": last}).json()["objects"]
    by_id = {one["id"]: one for one in objects}
    gone = by_id.pop(stix_id(indicator_id("domain", "b.example")))
    assert gone["revoked"] is True
    assert gone["modified"] == "2026-03-01T13:00:00.000Z"
    (renamed,) = by_id.values()
    assert (renamed["name"], renamed["created"]) == ("Emotet", "2026-03-01T12:00:00.000Z")


# --- filters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"match[id]": A}, 1),
        ({"match[id]": f"{A},indicator--nothing"}, 1),
        ({"match[type]": "indicator"}, 2),
        ({"match[type]": "indicator,marking-definition"}, 4),
        ({"match[type]": "malware"}, 0),
        ({"match[version]": "all"}, 4),
        ({"match[version]": "first,last"}, 4),
        ({"match[version]": "2026-03-01T12:00:00Z"}, 2),
        ({"match[version]": "2026-03-01T12:00:00.000Z"}, 2),
        ({"match[version]": "2026-03-01T12:00:00.001Z"}, 0),
        ({"match[spec_version]": "2.1"}, 4),
        ({"match[spec_version]": "2.0"}, 0),
        ({"match[type]": "indicator", "match[id]": A, "added_after": "2026-01-01T00:00:00Z"}, 1),
        ({"added_after": "2026-03-01T12:00:00.000000Z"}, 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("part", ["objects", "manifest"])
def test_filters_filter(server, part, query, count):
    assert len(server.ids(f"{SHARED}{part}/", **query)) == count


def test_an_object_its_manifest_and_its_versions_agree(server):
    (one,) = server.get(f"{SHARED}objects/{A}/").json()["objects"]
    (entry,) = server.get(f"{SHARED}manifest/", params={"match[id]": A}).json()["objects"]
    assert one["id"] == entry["id"] == A
    assert entry["version"] == one["modified"]
    assert entry["media_type"] == "application/stix+json;version=2.1"
    assert datetime.fromisoformat(entry["date_added"]) == NOW
    versions = server.get(f"{SHARED}objects/{A}/versions/")
    assert versions.json() == {"more": False, "versions": [one["modified"]]}
    assert versions.headers["x-taxii-date-added-first"] == entry["date_added"]
    filtered = server.get(
        f"{SHARED}objects/{A}/", params={"match[version]": "2001-01-01T00:00:00Z"}
    )
    assert (filtered.status_code, filtered.json()) == (HTTPStatus.OK, {})
