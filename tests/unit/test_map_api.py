"""The map over HTTP: statuses, headers, and what is told to whom."""

import asyncio
import gzip
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tidegate.adapters.geo import Chain
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.map_metrics import MapMetrics
from tidegate.adapters.prometheus import Exposition
from tidegate.api import app as web
from tidegate.api import maps, refreshes
from tidegate.api.access import Access, open_to
from tidegate.declare.dataset import datasets
from tidegate.maps import runs, state
from tidegate.maps.pulse import pulses
from tidegate.maps.refresh import refresh
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

    def __init__(self, world: World, access: Access | None = None, per_minute: int = 600) -> None:
        access = access or open_to(lambda _request: True)
        routers = [maps.router(world, access), refreshes.router(world, access, per_minute)]
        app = web.create(routers)
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
        "deltas",
        "next_refresh",
        "refreshing",
        "warnings",
        "failed",
        "reason",
        "synthetic",
        "every_seconds",
        "time",
        "label",
        "colour",
        "kind",
        "facets",
        "shown",
        "weight",
        "arc",
        "key",
        "columns",
    }
    page = (Path(__file__).parents[2] / "docs" / "reference" / "map-api.md").read_text()
    table = page.partition("## `GET /api/datasets`")[2].partition("## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == set(found)
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
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
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
    state.create(world.objects, "signin_failures", START)
    name = state.name("signin_failures")
    world.objects.acquire(name, 60, "another")
    found = state.read(world.objects, "signin_failures")
    state.begin(world.objects, "signin_failures", found, "another", START)
    answer = client.post("/api/refresh", params={"source_id": "signin_failures", "force": "true"})
    assert answer.status_code == 202
    assert answer.headers["location"] == "/api/refresh/another"
    assert answer.headers["retry-after"] == "60"
    assert client.get("/api/refresh/another").json()["status"] == "running"
    assert entry(client)["refreshing"] == "2026-11-21T04:00:00Z"


def test_an_unknown_dataset_is_404(client: Client):
    assert client.post("/api/refresh", params={"source_id": "nothing"}).status_code == 404


def test_a_caller_who_hurries_is_429(world: World):
    client = Client(world, per_minute=len(world.datasets) + 1)
    statuses = [client.post("/api/refresh").status_code for _ in range(3)]
    assert statuses == [200, 204, 429]  # as much as there are datasets, then one
    limited = client.post("/api/refresh")
    assert 1 <= int(limited.headers["retry-after"]) <= 60


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


def access(read: bool, refresh: bool, force: bool, **more: Any) -> Access:
    return Access(lambda _: read, lambda _: refresh, lambda _: force, **more)


def test_refreshing_needs_permission_even_to_learn_what_there_is(world: World):
    client = Client(world, access(True, False, False, public=True))
    assert client.post("/api/refresh").status_code == 403
    assert client.post("/api/refresh", params={"source_id": "nothing"}).status_code == 403
    assert client.get("/api/datasets").status_code == 200


def test_a_visitor_may_refresh_but_not_force(world: World):
    client = Client(world, access(True, True, False))
    one = {"source_id": "signin_failures"}
    assert client.post("/api/refresh", params={**one, "force": "true"}).status_code == 403
    assert client.post("/api/refresh", params=one).status_code == 200


def test_reading_is_for_those_who_may(world: World):
    client = Client(world, access(False, False, False))
    for path in ("/api/datasets", "/api/datasets/signin_failures/1-0.tsv.gz", "/api/refresh/x"):
        assert client.get(path).status_code == 403
    readers = {"wall": SecretStr("sixteen characters or more")}
    client = Client(world, access(False, False, False, readers=readers))
    assert client.get("/api/datasets").status_code == 401
    assert client.get("/api/datasets").headers["www-authenticate"].startswith("Basic")
    shown = {"authorization": "Bearer sixteen characters or more"}
    assert client.get("/api/datasets", headers=shown).status_code == 200
    assert client.post("/api/refresh", headers=shown).status_code == 403


def test_no_other_site_refreshes_through_a_visitor(client: Client):
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert client.post("/api/refresh", headers=headers).status_code == 403


def test_a_parameter_that_is_not_there_is_400(client: Client):
    for wrong in ({"sourceid": "x"}, {"wait": "201"}, {"wait": "-1"}, {"force": "perhaps"}):
        assert client.post("/api/refresh", params=wrong).status_code == 400


def test_a_body_that_is_too_large_is_413(client: Client):
    assert client.post("/api/refresh", content=b"x" * 2_000).status_code == 413


def test_an_answer_has_the_id_that_was_given_if_it_can_be_one(client: Client):
    given = {"x-correlation-id": "shift-7.a_b"}
    assert client.get("/api/datasets", headers=given).headers["x-correlation-id"] == "shift-7.a_b"
    hostile = {"x-correlation-id": "a b" * 40}
    answer = client.post("/api/refresh", params={"source_id": "nothing"}, headers=hostile)
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]
    assert len(answer.headers["x-correlation-id"]) == 32


def test_who_does_not_wait_asks_later(client: Client, world: World):
    answer = client.post("/api/refresh", params={"source_id": "signin_failures", "wait": 0})
    where = answer.headers["location"]
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "10")
    assert where == f"/api/refresh/{answer.json()['run']}"
    for _ in range(1_000):
        told = client.get(where)
        ended = told.json()["status"] != "running"
        if ended and not list(world.objects.names("refreshes/open/")):
            break
    assert told.json()["status"] == "done"
    assert told.json()["results"][0]["result"] == "refreshed"
    assert "retry-after" not in told.headers
    assert list(world.objects.names("refreshes/open/")) == []


def test_of_a_run_that_nobody_knows_nothing_is_told(client: Client):
    for run in ("20261121040000-0123456789ab", "x", "00000000-0000-4000-8000-000000000000"):
        assert client.get(f"/api/refresh/{run}").status_code == 404


def test_what_its_process_left_the_timer_finishes(client: Client, world: World, clock: Ticking):
    """The process dies in its first dataset; another goes on once both leases have run out."""
    run = runs.ask(list(world.datasets), world)
    world.objects.acquire(f"refreshes/open/{run}", 60, "the dead")
    runs.take_over(world)
    assert client.get(f"/api/refresh/{run}").json()["status"] == "running"
    clock.time += timedelta(seconds=61)
    runs.take_over(world)
    told = client.get(f"/api/refresh/{run}").json()
    assert told["status"] == "done"
    assert {one["name"] for one in told["results"]} == set(world.datasets)
    assert list(world.objects.names("refreshes/open/")) == []


def test_a_failed_run_says_so(world: World, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    client = Client(replace(world, logs=LocalLogs(empty, world.clock)))
    client.post("/api/refresh", params={"source_id": "signin_failures"})
    [run] = [name.rpartition("/")[2] for name in world.objects.names("refreshes/2")]
    assert client.get(f"/api/refresh/{run}").json()["status"] == "failed"
    found = entry(client)
    assert found["reason"] == "the answer to the query could not be used"
    assert found["failed"] == "2026-11-21T04:00:00Z"
    own = state.read(world.objects, "signin_failures").state.run
    assert client.get(f"/api/refresh/{own}").json()["status"] == "failed"


def test_the_figures_tell_how_datasets_are_and_how_refreshes_ended(
    world: World, clock: Ticking, tmp_path: Path
):
    exposition = Exposition()
    metrics = MapMetrics(exposition.provider.get_meter("tidegate"), lambda: pulses(world))
    counted = replace(world, counted=metrics.refreshed)
    assert [one.age for one in pulses(world)] == [None] * len(world.datasets)
    dataset = counted.datasets["signin_failures"]
    refresh(dataset, counted)
    refresh(dataset, counted)
    world.objects.acquire(state.name("signin_failures"), 60, "another")
    refresh(dataset, counted, force=True)
    clock.time += timedelta(minutes=10)
    families = text_string_to_metric_families(exposition.text().decode())
    samples = [one for family in families for one in family.samples]
    exposition.close()
    ended = {one.labels["result"]: one.value for one in samples if "result" in one.labels}
    assert ended == {"refreshed": 1, "fresh": 1, "busy": 1}
    found = {one.name: one.value for one in samples if one.labels == {"dataset": dataset.name}}
    assert found["tidegate_map_age_seconds"] == 600
    assert found["tidegate_map_lag_seconds"] == 720
    assert found["tidegate_map_rows"] > 100
    assert found["tidegate_map_size_bytes"] > 1_000
    assert found["tidegate_map_incomplete"] == 0
    assert found["tidegate_map_answered_total"] == found["tidegate_map_rows"]
    assert found["tidegate_map_refresh_duration_seconds_count"] == 2


def test_runs_are_forgotten_after_a_day(client: Client, world: World, clock: Ticking):
    old = runs.ask([], world)
    clock.time += timedelta(hours=25)
    runs.ask([], world)
    assert client.get(f"/api/refresh/{old}").status_code == 404


def test_a_delta_is_served_like_a_version(client: Client, clock: Ticking):
    client.post("/api/refresh")
    before = client.get(entry(client)["url"]).content
    clock.time += timedelta(hours=1)
    client.post("/api/refresh")
    found = entry(client)
    [delta] = found["deltas"]
    assert (delta["from"], delta["to"]) == (1, found["version"])
    answer = client.get(delta["url"])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-disposition"].endswith('.delta"')
    assert hashlib.sha256(answer.content).hexdigest() == delta["sha256"]
    assert len(answer.content) == delta["bytes"] < len(before) / 2
    assert answer.text.count("\n") == 1 + delta["rows"] + delta["removed"] > 1


def test_the_stored_bytes_are_the_served_ones(client: Client, world: World):
    client.post("/api/refresh")
    found = entry(client)
    name = found["url"].removeprefix("/api/")
    stored = world.objects.get(name)
    assert stored is not None
    assert gzip.decompress(stored.data) == client.get(found["url"]).content
