"""Health: shallow for anybody, deep for those who may know."""

import shutil
import sqlite3
from datetime import timedelta

import pytest

from tidegate.api import app as web
from tidegate.api import health, probes
from tidegate.declare.feed import feeds
from tidegate.ports import BadPayload, SourceDown

pytestmark = pytest.mark.slow

ONE = "https://one.example/"


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
    assert told.headers["cache-control"] == "no-store"
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


@pytest.mark.parametrize("path", ["/api/health?deep=true", "/api/health/deep"])
def test_only_a_few_may_look_deep(browse, path):
    answer = browse(web.create([health.router({"ingest": healthy})])).get(path)
    assert answer.status_code == 403


@pytest.fixture
def deep(browse, place):
    """Ask for deep health, after a feed that answers and one that does not."""
    place.net.answers[ONE] = b"".join(b"http://h%d.example/\n" % n for n in range(100))
    checks = {"ingest": health.ingest(place.world.feeds)}
    routes = health.router(checks, lambda: probes.ingest(place.desk), lambda _: True)
    client = browse(web.create([routes]))
    with place.working():
        place.client().post("/api/ingest")

    def ask():
        answer = client.get("/api/health?deep=true")
        assert client.get("/api/health/deep").json()["status"] == answer.json()["status"]
        body = answer.json()
        return answer.status_code, body["status"], {one["what"]: one for one in body["checks"]}

    return ask


def test_deep_health_probes_every_store(deep):
    code, _, checks = deep()
    assert code == 200
    assert checks.keys() - {"feed blocklist_de"} == set(probes.PROBES)
    assert checks["requests"]["detail"] == "0 requests wait"
    assert {one["state"] for name, one in checks.items() if name in probes.PROBES} == {"healthy"}


def test_a_feed_that_is_not_well_is_named_with_its_reason(deep, place):
    _, status, checks = deep()
    assert status == "degraded"
    assert checks["feed blocklist_de"]["detail"].startswith("down: ")
    assert "feed openphish" not in checks
    assert "feed spamhaus_drop" not in checks  # switched off
    place.now += 4 * feeds()["openphish"].every
    assert deep()[2]["feed openphish"]["detail"].startswith("stale: ")


def test_requests_that_pile_up_are_told(deep, place):
    for n in range(101):
        place.desk.queue.put(f"r{n}")
    assert deep()[2]["requests"] == {
        "what": "requests",
        "state": "degraded",
        "detail": "101 requests wait",
    }


def test_a_full_disk_is_told(deep, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    code, status, checks = deep()
    assert (code, status) == (503, "unhealthy")
    assert checks["scratch space"]["detail"] == "1 MiB free"


def test_a_store_that_cannot_be_read_is_down(deep, place):
    (place.home / "sightings" / "openphish" / "current").write_text("gone.parquet")
    code, status, checks = deep()
    assert (code, status) == (503, "unhealthy")
    assert checks["sightings"]["state"] == "unhealthy"


def test_a_store_that_cannot_be_written_is_down(deep, place):
    shutil.rmtree(place.home / "objects")
    (place.home / "objects").write_text("in the way")
    code, _, checks = deep()
    assert (code, checks["objects"]["state"]) == (503, "unhealthy")
