"""What all tests share: no network, the stored feeds, a place to ingest, `--rewrite`."""

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from tidegate.adapters import warninglists
from tidegate.adapters.local import database
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.declare.feed import Feed, feeds
from tidegate.hygiene import Policy
from tidegate.ingest.run import Job, run
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome
from tidegate.ports import Response
from tidegate.simulator import memory

STORED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "feeds"
START = datetime(2026, 11, 20, 5, tzinfo=UTC)

# How long an example takes says how busy the machine is: a deadline fails good code.
settings.register_profile("tidegate", deadline=None)
settings.load_profile("tidegate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write feeds' expected.jsonl anew")


@pytest.fixture(scope="session", autouse=True)
def no_power_cut() -> Iterator[None]:
    """Let nothing wait for the disk: what a killed process wrote is there, without that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        for one in (database, memory):
            patch.setattr(one, "TABLES", f"{one.TABLES}PRAGMA synchronous = OFF;")
        yield


@pytest.fixture(scope="session", autouse=True)
def few_warninglists() -> Iterator[None]:
    """Let houses of tests judge by our own lists: to compile the public ones takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEGATE_PACKAGED_WARNINGLISTS", "false")
        patch.setattr(warninglists, "_packaged", dict)  # many tests empty the environment
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch):
    """Refuse connections that leave this machine; the test fails even if its code forgave that."""
    left: list[object] = []
    connect_ = socket.socket.connect

    def guarded(self: socket.socket, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            left.append(address)
            raise OSError(f"no network in tests: {address}")
        return connect_(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert not left, f"this test opened a connection to {left}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture
def stored():
    """Return the path of a stored feed file; skip where the collection is not beside us."""

    def find(name: str) -> Path:
        if not STORED.is_dir():
            pytest.skip("the collection of stored feeds is not beside the project")
        return STORED / name

    return find


class FakeHttp:
    """Answers what it was given last: bytes, a Response, or an error to raise."""

    def __init__(self) -> None:
        self.answer: bytes | Response | Exception = b""
        self.asked: list[tuple[str, dict[str, str]]] = []

    def download(self, url, to, *, headers=None, max_bytes) -> Response:
        answer = self._next(url, headers)
        to.write_bytes(answer.body)
        return replace(answer, body=b"")

    def request(self, method, url, *, headers=None, params: Mapping[str, str] = {}, **_):
        return self._next(url, {**(headers or {}), **(params or {})})

    def _next(self, url, headers) -> Response:
        self.asked.append((url, dict(headers or {})))
        if isinstance(self.answer, Exception):
            raise self.answer
        plain = isinstance(self.answer, bytes)
        return Response(200, {}, self.answer) if plain else self.answer


@dataclass
class Lab:
    """A real store in a folder, a clock that we turn, a web that we write."""

    home: Path
    now: datetime = START
    http: FakeHttp = field(default_factory=FakeHttp)

    def __post_init__(self) -> None:
        self.database = connect(self.home / "tidegate.sqlite")
        self.database.execute("PRAGMA synchronous = OFF")
        self.world = World(
            http=self.http,
            sightings=SegmentStore(self.home / "sightings"),
            feeds=FeedTable(self.database),
            runs=RunTable(self.database),
            objects=FileObjects(self.home / "objects", lambda: self.now),
            clock=lambda: self.now,
            policy=Policy(simulated=True),
            scratch=self.home / "scratch",
            secrets={
                **{secret: "x" for feed in feeds().values() for secret in feed.secrets},
                "ABUSECH_KEY": "a",
                "OTX_KEY": "o",
                "ABUSEIPDB_KEY": "k",
            },
            urls={},
        )

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def live(self, feed: Feed, answer: bytes | Response | Exception, **more) -> Outcome:
        """Run the feed from its address, which answers this."""
        self.http.answer = answer
        return run(Job(feed, **more), self.world)

    def file(self, feed: Feed, file: Path, **more) -> Outcome:
        """Run the feed from a file."""
        return run(Job(feed, file, **{"origin": Origin.FILE, **more}), self.world)

    def state(self, feed: Feed):
        """Return the feed's sightings as the store has them."""
        return self.world.sightings.state(feed.name)

    def memory(self, feed: Feed):
        """Return what is remembered of the feed, except when it was last tried."""
        return replace(self.world.feeds.state(feed.name), attempted=None)

    def bytes(self, feed: Feed) -> dict[str, bytes]:
        """Return every file of the feed's part of the store."""
        folder = self.home / "sightings" / feed.name
        return {p.name: p.read_bytes() for p in folder.glob("*") if p.name != "lock"}


@pytest.fixture
def lab(tmp_path: Path):
    found = Lab(tmp_path)
    yield found
    found.database.close()
