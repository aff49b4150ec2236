"""The app `ingest` on Azure's own SDKs, end to end: Azurite, and the stand-in of Cosmos DB.

What this does not show: the host's timers, its own way with queues, roles and private networks.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from azurite_lab import Azurite, azurite
from cosmos_standin import Fault, Standin, served
from driver import bring, http, indexed, loaded, tick
from rerouted import Rerouted

from tidegate import functions
from tidegate.adapters.azure import lists
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.adapters.http import HttpClient
from tidegate.declare.feed import feeds
from tidegate.hygiene import Policy
from tidegate.ingest.requests import Wanted, ask, find
from tidegate.lease import held
from tidegate.ports import Conflict
from tidegate.settings import Settings
from tidegate.wiring import Azure

pytestmark = pytest.mark.slow

FEEDS = ("feodo", "openphish", "tor_exits")
LIST = {
    "name": "one",
    "version": 1,
    "description": "d",
    "type": "string",
    "matching_attributes": ["ip-dst"],
    "list": ["198.51.100.12"],
}


class Here(Azure):
    """The house on Azure whose feeds are served on loopback, and say documentation addresses."""

    def _http(self, *, outside: bool = False) -> HttpClient:
        return self._open.enter_context(HttpClient(retries=0, allow_private=True))

    @cached_property
    def policy(self) -> Policy:
        return self._judged_by()

    def _judged_by(self) -> Policy:
        return Policy(simulated=True, lists=self.warninglists.lists())

    def refresh_old_warninglists(self) -> None:
        """Bring no public lists: they are not here."""


@dataclass
class World:
    """Everything around the app: the feeds' web, the emulators, instances of the app."""

    azurite: Azurite
    cosmos: Standin
    transport: Rerouted
    asked: list[str]
    apps: list[ModuleType] = field(default_factory=list)
    houses: list[Azure] = field(default_factory=list)

    def open(self) -> Azure:
        self.houses.append(Here(Settings(), transport=self.transport))
        return self.houses[-1]

    def instance(self) -> dict:
        """Start an instance of the app; return its functions."""
        self.apps.append(loaded("ingest"))
        return indexed(self.apps[-1])

    def deliver(self, *instances: dict, queue: str = "feeds", function: str = "run_feed") -> list:
        """Bring what is in a queue to the instances in turns, as the host does; return texts."""
        with QueueClient.from_connection_string(self.azurite.connection, queue) as client:
            taken = list(client.receive_messages(max_messages=32))

            def one(number: int) -> str:
                message = taken[number]
                bring(instances[number % len(instances)][function], message.content, message.id)
                client.delete_message(message)
                return message.content

            with ThreadPoolExecutor(max(len(taken), 1)) as pool:
                return list(pool.map(one, range(len(taken))))

    def objects(self, prefix: str) -> dict[str, bytes]:
        store = self.houses[-1].objects
        return {name: store.get(name).data for name in store.names(prefix)}


class _Web(BaseHTTPRequestHandler):
    """Serves the feeds' samples, with ETags; remembers what it was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.asked.append(name)
        known = self.headers.get("if-none-match") == f'"{name}"'
        body = b"" if known else feeds()[name].sample()
        self.send_response(304 if known else 200)
        self.send_header("etag", f'"{name}"')
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Web", (_Web,), {"asked": asked}))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def world(web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    running = azurite()
    standin = Standin([INDICATORS, RUNS])
    local = {part for part in running.connection.split(";") if "Endpoint=" in part}
    hosts = {urlsplit(part.split("=", 1)[1]).netloc for part in local}
    environment = {
        "HOME": str(tmp_path / "home"),
        "COSMOS_URL": f"https://{standin.host}",
        "COSMOS_KEY": standin.key,
        "STORAGE_CONNECTION": running.connection,
        "STORAGE_CONTAINER": running.name(),
        "STORAGE_FOLDERS": "[]",
        "FEEDS_OFF": json.dumps(sorted(feeds().keys() - set(FEEDS))),
        "FEED_URLS": json.dumps({name: f"{web[0]}/{name}" for name in FEEDS}),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"TIDEGATE_{name}", value)
    with served(standin) as cosmos:
        routes = {".documents.azure.com": cosmos, **{host: f"http://{host}" for host in hosts}}
        made = World(running, standin, Rerouted(routes), web[1])
        monkeypatch.setattr(functions, "house", made.open)
        yield made
        for app in made.apps:
            app.app.startup_task_done = False  # else it ends its lifespan from `__del__`
        for queue in ("feeds", "requests"):
            client = QueueClient.from_connection_string(running.connection, queue)
            # Nothing may have been put there yet: then there is none.
            with client, suppress(ResourceNotFoundError):
                client.clear_messages()
        for house in made.houses:
            house.__exit__()


def let_time_come(world: World) -> None:
    """Make every feed due again."""
    memory = world.houses[-1].memory
    for name in FEEDS:
        state = memory.state(name)
        memory.remember(name, replace(state, attempted=state.attempted - timedelta(hours=6)))


def test_from_the_timer_to_a_look_up(world):
    app = world.instance()
    tick(app["feeds"])
    assert world.asked == []  # the timer alone fetches nothing
    assert sorted(world.deliver(app)) == sorted(FEEDS)
    assert sorted(world.asked) == sorted(FEEDS)
    documents = world.cosmos.documents()
    assert {one["source"] for one in documents.values()} == set(FEEDS)
    runs = world.cosmos.documents("runs").values()
    assert {(one["feed"], one["status"]) for one in runs} == {(name, "ok") for name in FEEDS}
    assert world.objects("states/").keys() >= {f"states/{name}.parquet" for name in FEEDS}
    assert world.objects("feeds/").keys() >= {f"feeds/{name}/state.json" for name in FEEDS}
    assert world.objects("tickets/") == {}
    status, found = http(app["http_app_func"], "GET", "/api/indicators/198.51.100.12")
    assert status == 200
    assert [one["source"] for one in found["sightings"]] == ["feodo"]


def test_a_feed_that_says_the_same_costs_nothing(world):
    app = world.instance()
    tick(app["feeds"])
    world.deliver(app)
    sightings, documents = world.objects("states/"), world.cosmos.documents()
    tick(app["feeds"])
    assert world.deliver(app) == []  # none is due
    let_time_come(world)
    tick(app["feeds"])
    world.cosmos.seen.clear()
    assert len(world.deliver(app)) == len(FEEDS)
    assert [one["status"] for one in world.cosmos.documents("runs").values()].count(
        "unchanged"
    ) == len(FEEDS)
    # One upsert each, of the run's own document.
    assert [one.verb for one in world.cosmos.seen] == ["upsert"] * len(FEEDS)
    assert world.cosmos.documents() == documents
    assert world.objects("states/") == sightings


def test_two_instances_run_each_feed_once(world):
    one, two = world.instance(), world.instance()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda app: tick(app["feeds"]), (one, two)))
    assert sorted(world.deliver(one, two)) == sorted(FEEDS)
    assert sorted(world.asked) == sorted(FEEDS)
    assert len(world.cosmos.documents("runs")) == len(FEEDS)


def test_a_message_that_comes_twice_runs_its_feed_once(world):
    app = world.instance()
    tick(app["feeds"])
    for _ in range(2):  # the second time after the first is done
        bring(app["run_feed"], "feodo", "a message")
    assert world.asked == []  # neither is the one that the timer sent
    world.deliver(app)
    bring(app["run_feed"], "feodo", "another", attempt=1)
    assert sorted(world.asked) == sorted(FEEDS)
    bring(app["run_feed"], "feodo", "whose process died", attempt=2)
    assert len(world.asked) == len(FEEDS) + 1


def test_a_message_about_nothing_is_harmless(world):
    app = world.instance()
    for text in ("no_such_feed", "../x", "", "\x00", "a" * 500):
        bring(app["run_feed"], text, "a message")
        bring(app["run_request"], text, "a message")
    assert world.asked == []
    assert world.objects("tickets/") == {}


def test_what_is_asked_for_is_run_by_its_message(world):
    app = world.instance()
    house = world.open()
    asked = ask(Wanted(("feodo", "tor_exits")), house.desk)
    assert world.deliver(app, queue="requests", function="run_request") == [asked.id]
    found = find(asked.id, house.desk)
    assert [(one.feed, one.status) for one in found.outcomes] == [
        ("feodo", "ok"),
        ("tor_exits", "ok"),
    ]
    assert http(app["http_app_func"], "GET", f"/api/runs/{asked.id}")[0] == 200
    assert world.objects("tickets/") == {}


def test_a_request_that_another_works_on_comes_again(world):
    app = world.instance()
    house = world.open()
    asked = ask(Wanted(("feodo",)), house.desk)
    with held(house.objects, f"requests/{asked.id}", str(uuid4())):
        assert world.deliver(app, queue="requests", function="run_request") == [asked.id]
        assert world.asked == []
        assert world.deliver(app, queue="requests", function="run_request") == []  # not at once
    world.azurite.turn(61)
    assert world.deliver(app, queue="requests", function="run_request") == [asked.id]
    assert [one.status for one in find(asked.id, house.desk).outcomes] == ["ok"]
    assert world.objects("tickets/") == {}


def test_a_request_that_became_poison_is_told_as_given_up(world):
    app, house = world.instance(), world.open()
    asked = ask(Wanted(("feodo", "tor_exits")), house.desk)
    with held(house.objects, f"requests/{asked.id}", str(uuid4())), pytest.raises(Conflict):
        bring(app["give_up_request"], asked.id, "put away")  # it comes again
    bring(app["give_up_request"], asked.id, "put away", attempt=2)
    status, found = http(app["http_app_func"], "GET", f"/api/runs/{asked.id}")
    assert (status, found["state"], found["left"]) == (200, "done", [])
    reasons = {one["feed"]: one["reason"] for one in found["feeds"]}
    given_up = "given up: its process ended or failed each time"
    assert reasons == dict.fromkeys(("feodo", "tor_exits"), given_up)
    assert world.asked == []
    assert world.objects("tickets/") == {}


def test_a_feed_that_became_poison_is_told_once_and_left_alone_for_a_day(world, caplog):
    app = world.instance()
    tick(app["feeds"])
    for attempt in (1, 2):
        bring(app["give_up_feed"], "feodo", "put away", attempt)
    alerts = [one.getMessage() for one in caplog.records if "alert feed=" in one.getMessage()]
    assert len(alerts) == 1
    assert alerts[0].startswith('alert feed=feodo state=bad reason="given up for a day')
    assert "tickets/feeds/feodo.json" in world.objects("tickets/")


def test_poison_about_nothing_is_harmless(world):
    app = world.instance()
    for text in ("no_such_feed", "../x", "", "\x00", "a" * 500):
        bring(app["give_up_feed"], text, "a message")
        bring(app["give_up_request"], text, "a message")
    assert world.objects("tickets/") == world.objects("requests/") == {}


def test_a_store_that_is_down_leaves_feeds_to_their_next_time(world):
    app = world.instance()
    tick(app["feeds"])
    world.cosmos.faults = [Fault(503, times=999)]
    assert sorted(world.deliver(app)) == sorted(FEEDS)
    assert world.cosmos.documents() == {}
    assert world.objects("tickets/") == {}
    world.cosmos.faults = []
    let_time_come(world)
    tick(app["feeds"])
    world.deliver(app)
    assert {one["source"] for one in world.cosmos.documents().values()} == set(FEEDS)


def test_a_list_that_another_instance_brings_is_shown_over_http(world, monkeypatch):
    monkeypatch.setattr(lists, "MINUTE", timedelta(0))
    app = world.instance()
    tick(app["feeds"])
    world.deliver(app)
    path = "/api/indicators/198.51.100.12"
    assert http(app["http_app_func"], "GET", path)[1]["never_enforced"] is None
    world.houses[-1].objects.put("warninglists/one.json", json.dumps(LIST).encode())
    found = http(app["http_app_func"], "GET", path)[1]
    assert found["never_enforced"] == "warninglist one"
    before = world.asked.copy()
    let_time_come(world)
    tick(app["feeds"])
    world.deliver(app)
    assert len(world.asked) == len(before) + len(FEEDS)
    assert http(app["http_app_func"], "GET", path)[1]["sightings"] == []


def test_health_is_that_of_the_stores(world):
    app = world.instance()
    assert http(app["health"], "GET", "/api/health")[0] == 200
