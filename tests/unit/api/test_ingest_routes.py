"""Runs of feeds and lookups over HTTP, and each app's health."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.api import app as web
from tidegate.api import health, ingest
from tidegate.declare.feed import feeds
from tidegate.gate.run import World as Gate
from tidegate.hygiene import Policy
from tidegate.ingest.world import World
from tidegate.ports import BadPayload, Response, SourceDown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LISTED = (
    b"https://login.phish.example/office?user=1&x=2\nhttp://192.0.2.7:8080/a\n"
    b"http://[2001:db8::1]/b\n" + b"".join(b"http://h%d.example/\n" % n for n in range(100))
)


@dataclass
class Web:
    """`ports.Http` that has an answer, or an error, for each address."""

    answers: dict[str, Any] = field(default_factory=dict)

    def download(self, url: str, to: Path, **_: Any) -> Response:
        found = self.answers.get(url, SourceDown(f"{url}: no network"))
        if isinstance(found, Exception):
            raise found
        to.write_bytes(found)
        return Response(200, {}, b"")


@pytest.fixture
def net() -> Web:
    return Web()


@pytest.fixture
def client(browse, net, tmp_path):
    database = connect(tmp_path / "tidegate.sqlite")
    store, memory = SegmentStore(tmp_path / "sightings"), FeedTable(database)
    policy = Policy(simulated=True)
    world = World(
        http=net,
        sightings=store,
        feeds=memory,
        runs=RunTable(memory.database),
        objects=FileObjects(tmp_path / "objects", lambda: NOW),
        clock=lambda: NOW,
        policy=policy,
        scratch=tmp_path / "scratch",
        secrets={},
        urls={"openphish": "https://one.example/", "blocklist_de": "https://two.example/"},
    )
    gate = Gate(store, memory, None, lambda: NOW, policy, {"openphish": "A"}, frozenset(), 1, 0, 50)
    two = {name: feeds()[name] for name in ("openphish", "blocklist_de")}

    def may(request: Any) -> bool:
        return "x-stranger" not in request.headers

    yield browse(web.create([ingest.router(world, gate, two, may_ingest=may)]))
    database.close()


def test_feeds_that_ran_are_told_each(client, net):
    net.answers["https://one.example/"] = LISTED
    answer = client.post("/api/ingest?feed=openphish")
    assert answer.status_code == 200
    [outcome] = answer.json()["feeds"]
    assert (outcome["feed"], outcome["status"], outcome["kept"]) == ("openphish", "ok", 103)


def test_some_failures_are_a_multi_status(client, net):
    net.answers["https://one.example/"] = LISTED
    answer = client.post("/api/ingest")
    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()["feeds"]] == ["ok", "source_down"]


def test_nothing_but_failures_is_a_bad_gateway(client, net):
    net.answers["https://one.example/"] = BadPayload("junk")
    answer = client.post("/api/ingest?feed=openphish&feed=blocklist_de")
    assert answer.status_code == 502
    assert [one["status"] for one in answer.json()["feeds"]] == ["bad_payload", "source_down"]


def test_an_unknown_feed_is_named_and_nothing_runs(client):
    answer = client.post("/api/ingest?feed=openphish&feed=nothing")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "no such feed: nothing"


def test_a_stranger_starts_no_run(client):
    assert client.post("/api/ingest", headers={"X-Stranger": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("asked", "kind", "value"),
    [
        ("https://login.phish.example/office?user=1&x=2", "url", None),
        ("hxxps://login[.]phish[.]example/office?user=1&x=2", "url", LISTED.split(b"\n")[0]),
        ("http://192.0.2.7:8080/a", "url", None),
        ("http://[2001:DB8::1]/b", "url", b"http://[2001:db8::1]/b"),
    ],
)
def test_a_value_is_found_in_any_spelling(client, net, asked, kind, value):
    net.answers["https://one.example/"] = LISTED
    client.post("/api/ingest?feed=openphish")
    answer = client.get(f"/api/indicators/{quote(asked, safe='')}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["kind"], body["value"]) == (kind, value.decode() if value else asked)
    assert "://" not in body["defanged"] or body["defanged"].startswith("hxxp")
    assert body["score"] > 0
    assert [one["source"] for one in body["sightings"]] == ["openphish"]
    assert body["terms"][0]["weight"] > 0


@pytest.mark.parametrize(
    "asked", ["192.0.2.9", "2001:db8::9", "ab" * 32, "a.example", "a@b.example"]
)
def test_what_nobody_reported_is_not_found(client, asked):
    answer = client.get(f"/api/indicators/{quote(asked, safe='')}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "nobody has reported it"


@pytest.mark.parametrize(
    "junk", ["junk", "a b", "x" * 5_000, "\x00", "\n", "%", "😀", "..", "http://"]
)
def test_junk_is_a_bad_request(client, junk):
    answer = client.get(f"/api/indicators/{quote(junk, safe='')}")
    assert answer.status_code in ({404} if junk == ".." else {400})


# --- health -----------------------------------------------------------------------------------


def healthy() -> None:
    """Nothing is wrong."""


def failing(error: Exception) -> health.Check:
    def check() -> None:
        raise error

    return check


def test_health_is_up_when_all_apps_are(browse):
    answer = browse(web.create([health.router({"ingest": healthy, "maps": healthy})]))
    told = answer.get("/api/health")
    assert told.status_code == 200
    assert told.json() == {"status": "healthy", "apps": {"ingest": "up", "maps": "up"}}


@pytest.mark.parametrize(
    "error",
    [
        SourceDown("secret place", retry_after=timedelta(1)),
        BadPayload("x"),
        OSError("x"),
        sqlite3.OperationalError("x"),
    ],
)
def test_health_says_which_app_is_down_and_no_more(browse, error):
    app = web.create([health.router({"ingest": failing(error), "maps": healthy})])
    told = browse(app).get("/api/health")
    assert told.status_code == 503
    assert told.json() == {"status": "unhealthy", "apps": {"ingest": "down", "maps": "up"}}
