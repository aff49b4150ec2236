"""Asks an application without a socket, one request at a time; and a place to ingest over HTTP."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.api import app as web
from tidegate.api import feeds as feed_routes
from tidegate.api import indicators, ingest, marks, runs, stats
from tidegate.api.limits import Buckets
from tidegate.declare.feed import feeds
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.ingest import requests
from tidegate.ingest.schedule import Choice
from tidegate.ingest.world import World
from tidegate.ports import Response, SourceDown

sys.path.insert(0, str(Path(__file__).parents[1] / "gate"))  # the rows of the published set

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("openphish", "blocklist_de", "spamhaus_drop")
ONE, TWO = "https://one.example/", "https://two.example/"


@dataclass(frozen=True)
class Client:
    """A browser, as far as one request goes."""

    app: FastAPI
    base_url: str = "http://127.0.0.1:8080"

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())


@pytest.fixture
def browse() -> Callable[[FastAPI], Client]:
    return Client


@dataclass
class Web:
    """`ports.Http` that has an answer, or an error, for each address."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hold: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.hold.set()

    def download(self, url: str, to: Path, **_: Any) -> Response:
        self.asked.append(url)
        assert self.hold.wait(10), "nobody let the answer go"
        found = self.answers.get(url, SourceDown(f"{url}: no network"))
        if isinstance(found, Exception):
            raise found
        to.write_bytes(found)
        return Response(200, {}, b"")


@dataclass
class Place:
    """A store in a folder, three feeds of which two run by themselves, a web that we write."""

    home: Path
    now: datetime = NOW
    net: Web = field(default_factory=Web)

    def __post_init__(self) -> None:
        self.database = connect(self.home / "tidegate.sqlite")
        self.world = World(
            http=self.net,
            sightings=SegmentStore(self.home / "sightings"),
            feeds=FeedTable(self.database),
            runs=RunTable(self.database),
            suppressed=WithheldFiles(self.home / "suppressed"),
            objects=FileObjects(self.home / "objects", self.clock),
            clock=self.clock,
            policy=Policy(simulated=True),
            scratch=self.home / "scratch",
            secrets={},
            urls={"openphish": ONE, "blocklist_de": TWO},
        )
        queue = SqliteQueue(self.database, self.clock, "requests")
        choice = Choice(("spamhaus_drop",), (), {})
        known = {name: feeds()[name] for name in NAMES}
        self.desk = requests.Desk(self.world, queue, known, lambda: choice)
        self.known = Knowledge(
            self.world.sightings,
            self.world.feeds,
            self.clock,
            self.world.policy,
            {"openphish": "A", "blocklist_de": "C"},
            frozenset(),
            suppressed=self.world.suppressed,
        )

    def clock(self) -> datetime:
        return self.now

    def client(self, quick: float = 5.0, pace: int = 1_000) -> Client:
        def may(request: Any) -> bool:
            return "x-stranger" not in request.headers

        buckets = Buckets(pace)
        routers = [
            ingest.router(self.desk, may, buckets, quick),
            runs.router(self.desk),
            feed_routes.router(self.desk, may, buckets),
            marks.router(self.known, may),
            indicators.router(self.known),
            stats.router(self.desk, self.known),
        ]
        return Client(web.create(routers))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let a worker work beside us."""
        stopped = Event()
        thread = Thread(target=requests.attend, args=(self.desk, stopped))
        thread.start()
        try:
            yield
        finally:
            self.net.hold.set()
            stopped.set()
            thread.join()


@contextmanager
def placed(home: Path) -> Iterator[Place]:
    made = Place(home)
    yield made
    made.database.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place that all tests of a module share, and only read."""
    with placed(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """A client of a place whose worker works."""
    with place.working():
        yield place.client()
