"""The map over HTTP: statuses, headers, and what is told to whom."""

import asyncio
import gzip
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tidegate.adapters.geo import Chain
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.api.maps import router
from tidegate.declare.dataset import datasets
from tidegate.maps import state
from tidegate.maps.world import World
from tidegate.simulator.places import place
from tidegate.simulator.tables import write_tables

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 21, 4, tzinfo=UTC)


class Ticking:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    write_tables(made, START, signins=500, indicators=200)
    return made


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def world(tables: Path, tmp_path: Path, clock: Ticking) -> World:
    return World(
        {name: datasets()[name] for name in ("signin_failures", "threat_indicators")},
        LocalLogs(tables, clock),
        FileObjects(tmp_path, clock),
        Chain(reserved=[place]),
        clock,
        synthetic=True,
    )


class Client:
    """Asks the routes without a socket, one request at a time."""

    def __init__(self, world: World, *, may: bool = True) -> None:
        app = FastAPI()
        app.include_router(router(world, lambda _request: may))
        self._transport = httpx.ASGITransport(app)

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def head(self, url: str) -> httpx.Response:
        return self.request("HEAD", url)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            host = "http://tidegate.example"
            async with httpx.AsyncClient(transport=self._transport, base_url=host) as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


def entry(client: Client, name: str = "signin_failures") -> dict[str, Any]:
    listed = client.get("/api/datasets").json()["datasets"]
    return next(each for each in listed if each["name"] == name)


def test_before_the_first_refresh_there_is_nothing_to_read(client: Client):
    found = entry(client)
    assert (found["version"], found["url"], found["refreshed"]) == (None, None, None)
    assert found["columns"][0] == {"name": "TimeGenerated", "type": "datetime"}


def test_the_listing_says_what_the_page_needs(client: Client):
    client.post("/api/refresh")
    found = entry(client)
    assert set(found) == {
        "name",
        "title",
        "version",
        "url",
        "rows",
        "located",
        "unlocated",
        "bytes",
        "sha256",
        "refreshed",
        "watermark",
        "partial",
        "synthetic",
        "every_seconds",
        "time",
        "label",
        "colour",
        "kind",
        "facets",
        "weight",
        "arc",
        "key",
        "columns",
    }
    assert found["version"] == 1
    assert found["rows"] == found["located"] + found["unlocated"] > 100
    assert found["refreshed"] == "2026-11-21T04:00:00Z"
    assert found["watermark"] == "2026-11-21T03:58:00Z"
    assert found["synthetic"] is True
    assert found["every_seconds"] == 900
    assert [column["name"] for column in found["columns"]][-5:] == [
        "Latitude",
        "Longitude",
        "Country",
        "GeoPrecision",
        "GeoSource",
    ]


def test_a_version_is_packed_immutable_and_what_the_listing_says(client: Client):
    client.post("/api/refresh")
    found = entry(client)
    answer = client.get(found["url"])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/tab-separated-values")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert hashlib.sha256(answer.content).hexdigest() == found["sha256"]
    assert len(answer.content) == found["bytes"]
    assert answer.text.count("\n") == found["rows"] + 1


def test_a_client_without_gzip_gets_plain_text(client: Client):
    client.post("/api/refresh")
    answer = client.get(entry(client)["url"], headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("TimeGenerated\t")


def test_what_the_reader_has_is_not_sent_again(client: Client):
    client.post("/api/refresh")
    for url in (entry(client)["url"], "/api/datasets"):
        etag = client.get(url).headers["etag"]
        again = client.get(url, headers={"if-none-match": f'"other", {etag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_head_has_the_headers_alone(client: Client):
    client.post("/api/refresh")
    answer = client.head(entry(client)["url"])
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "signin_failures/1-0.tsv.gz",
        "signin_failures/..%2F..%2Flocks%2Fsignin_failures.state.json",
        "signin_failures/signin_failures.state.json",
        "locks/signin_failures.state.json",
        "nothing/1-0.tsv.gz",
        "signin_failures/.meta",
    ],
)
def test_what_is_no_version_is_not_found(client: Client, path: str):
    client.post("/api/refresh")
    assert client.get(f"/api/datasets/{path}").status_code == 404


@pytest.mark.slow
def test_an_old_version_can_still_be_read(client: Client, world: World, clock: Ticking):
    client.post("/api/refresh")
    first = entry(client)["url"]
    clock.time += timedelta(days=20)
    client.post("/api/refresh")
    assert entry(client)["url"] != first
    assert client.get(first).status_code == 200


# --- refreshing ----------------------------------------------------------------------------------


def test_a_refresh_says_what_it_did(client: Client):
    answer = client.post("/api/refresh")
    assert answer.status_code == 200
    assert answer.headers["x-refreshed-count"] == "2"
    assert answer.headers["x-cached-count"] == "0"
    assert {each["result"] for each in answer.json()["results"]} == {"refreshed"}


def test_fresh_data_is_204_and_says_when_to_come_back(client: Client, clock: Ticking):
    client.post("/api/refresh", params={"source_id": "signin_failures"})
    clock.time += timedelta(minutes=5)
    answer = client.post("/api/refresh", params={"source_id": "signin_failures"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["retry-after"] == "600"
    assert answer.headers["x-next-refresh"] == "2026-11-21T04:15:00Z"
    assert answer.headers["x-cached-count"] == "1"


@pytest.mark.slow
def test_force_skips_the_throttle(client: Client):
    client.post("/api/refresh")
    assert client.post("/api/refresh", params={"force": "true"}).status_code == 200


def test_while_another_refreshes_it_is_202(client: Client, world: World):
    state.create(world.objects, "signin_failures")
    world.objects.acquire(state.name("signin_failures"), 60, "another")
    answer = client.post("/api/refresh", params={"source_id": "signin_failures", "force": "true"})
    assert answer.status_code == 202
    assert answer.headers["location"] == "/api/datasets"
    assert answer.headers["retry-after"] == "60"


def test_an_unknown_dataset_is_404(client: Client):
    assert client.post("/api/refresh", params={"source_id": "nothing"}).status_code == 404


@pytest.mark.slow
def test_a_caller_who_hurries_is_429(client: Client, clock: Ticking):
    statuses = [client.post("/api/refresh").status_code for _ in range(7)]
    assert statuses == [200, *[204] * 5, 429]
    limited = client.post("/api/refresh")
    assert limited.headers["retry-after"] == "60"
    clock.time += timedelta(minutes=1)
    assert client.post("/api/refresh").status_code == 204


def test_an_outage_is_503_and_tells_nothing_of_the_inside(world: World, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    here = replace(world, logs=LocalLogs(empty, world.clock))
    answer = Client(here).post("/api/refresh")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "300"
    assert "SigninLogs" not in answer.text
    assert str(tmp_path) not in answer.text
    reason = state.read(world.objects, "signin_failures").state.reason
    assert reason is not None
    assert "refused" in reason


def test_refreshing_needs_permission_and_reading_does_not(world: World):
    client = Client(world, may=False)
    assert client.post("/api/refresh").status_code == 403
    assert client.post("/api/refresh", params={"source_id": "nothing"}).status_code == 403
    assert client.get("/api/datasets").status_code == 200


def test_the_stored_bytes_are_the_served_ones(client: Client, world: World):
    client.post("/api/refresh")
    found = entry(client)
    name = found["url"].removeprefix("/api/")
    stored = world.objects.get(name)
    assert stored is not None
    assert gzip.decompress(stored.data) == client.get(found["url"]).content
