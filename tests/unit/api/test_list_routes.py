"""Lists over HTTP: their headers, that nothing is sent twice, and exports beside them."""

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import md5
from http import HTTPStatus
from pathlib import Path

import pytest
from published_rows import DAY, NOW, row, wanted

from tidegate.adapters.local.files import FileObjects
from tidegate.api import app as web
from tidegate.api import exports, lists
from tidegate.api.readers import Doors
from tidegate.gate import shelf as shelves
from tidegate.gate.lists import FORMATS
from tidegate.gate.published import publish
from tidegate.gate.shelf import Shelf
from tidegate.model import Kind

LIST = "/api/lists/plain-domain"


class Site:
    """What is published, and a client that reads it, on a clock that the test turns."""

    def __init__(self, home: Path, browse) -> None:
        self.now = NOW
        self.objects = FileObjects(home, lambda: self.now)
        shelf = Shelf(self.objects, lambda: self.now)
        routers = [part.router(shelf, Doors(lambda _: True)) for part in (lists, exports)]
        self.client = browse(web.create(routers))

    def publish(self, *rows: dict) -> None:
        publish(wanted(*rows), self.now, self.objects)


@pytest.fixture
def site(tmp_path, browse) -> Site:
    return Site(tmp_path, browse)


def test_the_index_names_every_list(site):
    site.publish(row("a.example"), row("192.0.2.1", Kind.IPV4))
    found = {one["name"]: one for one in site.client.get("/api/lists").json()["lists"]}
    assert found.keys() == FORMATS.keys()
    assert found["paloalto-domain-wildcard"]["count"] == 2
    assert found["nginx-deny"]["count"] == 1
    for one in found.values():
        assert site.client.get(one["url"]).status_code == HTTPStatus.OK


def test_headers_tell_how_many_how_fresh_and_what_is_missing(site):
    site.publish(row("http://a.example/", Kind.URL), row("http://a.example/;", Kind.URL))
    answer = site.client.get("/api/lists/cisco-url")
    assert answer.text == "http://a.example/\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    said = {
        name: answer.headers[f"x-tidegate-{name}"] for name in ("count", "left-out", "over-limit")
    }
    assert said == {"count": "1", "left-out": "1", "over-limit": "0"}
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert parsedate_to_datetime(answer.headers["expires"]) == NOW + timedelta(minutes=5)
    assert parsedate_to_datetime(answer.headers["last-modified"]) == NOW
    assert parsedate_to_datetime(answer.headers["x-tidegate-first-expiry"]) == NOW + DAY


@pytest.mark.parametrize("shape", ["{}", "W/{}", '"other", {}', "*"])
def test_a_list_that_is_known_is_not_sent_again(site, shape):
    site.publish(row("a.example"))
    first = site.client.get(LIST)
    known = shape.format(first.headers["etag"])
    again = site.client.get(LIST, headers={"If-None-Match": known})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    for name in ("etag", "expires", "last-modified", "x-tidegate-count"):
        assert again.headers[name] == first.headers[name]
    site.now += timedelta(hours=1)
    site.publish(row("b.example"))
    changed = site.client.get(LIST, headers={"If-None-Match": first.headers["etag"]})
    assert changed.text == "b.example\n"


def test_a_cycle_that_changes_nothing_keeps_the_etag(site):
    site.publish(row("a.example", score=80.0))
    first = site.client.get(LIST)
    site.now += timedelta(hours=1)
    site.publish(row("a.example", score=80.2, expires=NOW + 9 * DAY))
    again = site.client.get(LIST)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["last-modified"] == first.headers["last-modified"]


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (format_datetime(NOW, usegmt=True), HTTPStatus.NOT_MODIFIED),
        (format_datetime(NOW - DAY, usegmt=True), HTTPStatus.OK),
        ("Sun, 01 Mar 2026 12:00:00 -0000", HTTPStatus.OK),
        ("yesterday", HTTPStatus.OK),
        ("", HTTPStatus.OK),
    ],
)
def test_who_knows_only_a_time_is_answered_by_it(site, since, status):
    site.publish(row("a.example"))
    assert site.client.get(LIST, headers={"If-Modified-Since": since}).status_code == status
    both = {"If-Modified-Since": since, "If-None-Match": '"other"'}
    assert site.client.get(LIST, headers=both).status_code == HTTPStatus.OK


def test_head_tells_the_same_without_the_list(site):
    site.publish(row("a.example"))
    got, head = site.client.get(LIST), site.client.request("HEAD", LIST)
    assert (head.status_code, head.content) == (HTTPStatus.OK, b"")
    for name in ("etag", "content-length", "x-tidegate-count"):
        assert head.headers[name] == got.headers[name]


def test_what_expires_leaves_though_no_cycle_comes(site):
    site.publish(row("a.example", expires=NOW + timedelta(minutes=20)), row("b.example"))
    assert site.client.get(LIST).headers["x-tidegate-count"] == "2"
    site.now += timedelta(minutes=29)
    known = {"If-Modified-Since": format_datetime(site.now, usegmt=True)}
    assert site.client.get(LIST, headers=known).status_code == HTTPStatus.NOT_MODIFIED
    site.now += timedelta(minutes=2)
    assert site.client.get(LIST, headers=known).text == "b.example\n"
    again = site.client.get(LIST)
    assert parsedate_to_datetime(again.headers["last-modified"]) == NOW + timedelta(minutes=30)


def test_scores_choose(site):
    site.publish(row("a.example", score=60), row("b.example", score=90))
    assert site.client.get(f"{LIST}?min_score=75").text == "b.example\n"
    for wrong in ("min_score=101", "min_score=x", "min_scor=1"):
        assert site.client.get(f"{LIST}?{wrong}").status_code == HTTPStatus.BAD_REQUEST


def test_md5_is_that_of_the_list(site):
    site.publish(row("a.example", score=60), row("b.example", score=90))
    for query in ("", "?min_score=75"):
        body = site.client.get(LIST + query).content
        expected = md5(body).hexdigest()  # noqa: S324 - Cisco's own
        assert site.client.get(f"{LIST}/md5{query}").text == f"{expected}\n"


def test_an_unknown_list_is_not_found(site):
    for path in ("/api/lists/none", "/api/lists/none/md5", "/api/lists/%2e%2e"):
        assert site.client.get(path).status_code == HTTPStatus.NOT_FOUND


def test_the_set_is_read_and_a_list_written_once_for_each_edition(site, monkeypatch):
    reads, renders = [], []
    really_read, really_render = shelves.published, lists.render
    monkeypatch.setattr(shelves, "published", lambda o: reads.append(1) or really_read(o))
    monkeypatch.setattr(lists, "render", lambda *a: renders.append(1) or really_render(*a))
    for cycle in range(2):
        site.publish(row(f"{cycle}.example"))
        for _ in range(5):
            assert site.client.get(LIST).status_code == HTTPStatus.OK
    assert (len(reads), len(renders)) == (2, 2)


@pytest.mark.parametrize(
    "path", ["export/stix", "export/csv", "misp/manifest.json", "misp/hashes.csv"]
)
def test_exports_are_not_sent_twice_and_of_nothing_there_is_something_empty(site, path):
    first = site.client.get(f"/api/{path}")
    assert first.status_code == HTTPStatus.OK
    known = {"If-None-Match": first.headers["etag"]}
    assert site.client.get(f"/api/{path}", headers=known).status_code == HTTPStatus.NOT_MODIFIED
    site.publish(row("a.example"))
    assert site.client.get(f"/api/{path}", headers=known).status_code == HTTPStatus.OK


def test_each_event_of_the_manifest_is_there(site):
    site.publish(row("a.example"), row("192.0.2.1", Kind.IPV4))
    events = site.client.get("/api/misp/manifest.json").json()
    assert len(events) == 2
    for event in events:
        found = site.client.get(f"/api/misp/{event}.json").json()["Event"]
        assert (found["uuid"], len(found["Attribute"])) == (event, 1)
    nobody = site.client.get(f"/api/misp/{'0' * 8}-0000-0000-0000-{'0' * 12}.json")
    assert nobody.status_code == HTTPStatus.NOT_FOUND
    assert site.client.get("/api/misp/x.json").status_code == HTTPStatus.BAD_REQUEST
