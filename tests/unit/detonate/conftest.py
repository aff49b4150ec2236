"""A worker on the simulated tenant, both on one clock that we turn."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tidegate import hygiene
from tidegate.adapters.budgeted import Budgeted
from tidegate.adapters.defender import DefenderAlerts
from tidegate.adapters.defender_devices import DefenderDevices
from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.entra import DEFENDER_SCOPE, GRAPH_SCOPE, Authorized, ClientCredentials
from tidegate.adapters.fixed import FixedSecret
from tidegate.adapters.graph import GraphIncidents
from tidegate.adapters.http import HttpClient
from tidegate.adapters.hunting import GraphHunting
from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.cases import SqliteCases
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.queue import SqliteQueue
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.adapters.recent import Recent
from tidegate.adapters.vmray import VmraySandbox
from tidegate.detonate import Policy, World, poll_finished, work
from tidegate.model import ENDS, Case
from tidegate.ports import BadPayload, Response, SourceDown
from tidegate.simulator import entra
from tidegate.simulator.memory import Memory
from tidegate.simulator.seed import alert_id
from tidegate.simulator.server import Tenant

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy(hygiene=hygiene.Policy(simulated=True))


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class Clock:
    """A clock that only the test turns."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Fuse:
    """Counts what leaves the worker, and blows after the n-th call: 0 is before the first."""

    after: int | None = None
    error: Callable[[], BaseException] = Killed
    calls: int = 0
    names: list[str] = field(default_factory=list)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        if self.after == 0:
            self.after = None
            raise self.error()
        result = call()
        self.calls += 1
        self.names.append(name)
        if self.calls == self.after:
            self.after = None
            raise self.error()
        return result


@dataclass
class FusedHttp:
    """`ports.Http` with a fuse."""

    http: HttpClient
    fuse: Fuse

    def request(self, method: str, url: str, **more: Any) -> Response:
        path = url.split("/", 3)[3].partition("?")[0]
        call = f"{method} {path}"
        return self.fuse.around(call, lambda: self.http.request(method, url, **more))

    def download(self, url: str, to: Path, **more: Any) -> Response:
        return self.fuse.around("download", lambda: self.http.download(url, to, **more))


class FusedStore:
    """Any store with a fuse on each of its methods that writes."""

    READS = frozenset(
        {
            *(
                "get",
                "newest",
                "unfinished",
                "watermark",
                "of",
                "state",
                "live",
                "names",
                "writing",
            ),
            *("fetch", "length", "spent"),
        }
    )

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in self.READS:
            return method
        label = f"{type(self._store).__name__}.{name}"
        return lambda *args, **more: self._fuse.around(label, lambda: method(*args, **more))


def build(
    home: Path, url: str, http: FusedHttp, database: sqlite3.Connection, clock: Any, policy: Policy
) -> World:
    """Wire a worker to the tenant at the URL and to the stores below the folder."""

    budgets = SqliteBudgets(database, clock)

    def authorized(scope: str) -> Authorized:
        endpoint = f"{url}/simulated/oauth2/v2.0/token"
        tokens = ClientCredentials(http, endpoint, entra.CLIENT, entra.SECRET, scope, clock)
        return Authorized(Budgeted(http, budgets, clock), tokens)

    def store(made: Any) -> Any:
        return FusedStore(made, http.fuse)

    defender, graph = authorized(DEFENDER_SCOPE), authorized(GRAPH_SCOPE)
    key = FixedSecret(SecretStr("simulated"))
    return World(
        alerts=DefenderAlerts(defender, url),
        devices=DefenderDevices(defender, http, url),
        hunting=GraphHunting(graph, f"{url}/v1.0"),
        sandbox=VmraySandbox(http, url, key, clock=clock),
        incidents=GraphIncidents(graph, f"{url}/v1.0"),
        enforcement=Recent(DefenderIndicators(defender, url), clock),
        sightings=store(SegmentStore(home / "sightings")),
        objects=store(FileObjects(home / "objects", clock)),
        cases=store(SqliteCases(database)),
        queue=store(SqliteQueue(database, clock)),
        rechecks=store(SqliteQueue(database, clock, "rechecks")),
        ledger=store(SqliteLedger(database)),
        budgets=store(budgets),
        clock=clock,
        scratch=home / "scratch",
        policy=policy,
    )


@dataclass
class Stand:
    """The tenant, and workers that come and go beside it."""

    home: Path
    policy: Policy = POLICY
    tenant: Tenant = field(kw_only=True)
    url: str = field(kw_only=True)
    http: HttpClient = field(init=False)
    database: sqlite3.Connection | None = None

    def __post_init__(self) -> None:
        self.http = HttpClient(allow_private=True, retries=0, clock=self.clock)

    @property
    def clock(self) -> Any:
        return self.tenant.clock

    @property
    def memory(self) -> Memory:
        return self.tenant.scene.memory

    def close(self) -> None:
        self.http.close()
        if self.database:
            self.database.close()

    def world(self, fuse: Fuse | None = None, **changes: Any) -> World:
        """Build a worker's world anew, as a process that starts does."""
        if self.database:
            self.database.close()
        self.database = connect(self.home / "tidegate.sqlite")
        http = FusedHttp(self.http, fuse or Fuse())
        made = build(self.home, self.url, http, self.database, self.clock, self.policy)
        return replace(made, **changes)

    def finish(self, world: World, most: int = 3_000) -> list[Case]:
        """Work until the queue is empty, turning the clock to whatever is due next."""
        assert self.database is not None
        for _ in range(most):
            work(world)
            with suppress(SourceDown, BadPayload):
                poll_finished(world)
            if work(world):
                continue
            [due] = self.database.execute("SELECT min(due) FROM queue").fetchone()
            if due is None:
                break
            self.clock.now = max(self.clock.now, datetime.fromtimestamp(due, UTC))
        cases = world.cases.newest(100)
        assert all(case.stage in ENDS for case in cases)
        return cases

    def alert(self, number: int, **changes: Any) -> str:
        """Change a seeded alert in the tenant, and return its id."""
        document = self.memory.get("alerts", alert_id(number)) or {}
        self.memory.put("alerts", alert_id(number), {**document, **changes})
        return alert_id(number)

    def comments(self, number: int) -> list[str]:
        document = self.memory.get("alerts", alert_id(number)) or {}
        return [comment["comment"] for comment in document["comments"]]

    def indicators(self) -> set[str]:
        return {one["indicatorValue"] for one in self.memory.all("indicators")}

    def incident_comments(self, number: int) -> list[str]:
        found = self.memory.get("incidents", str(1000 + number)) or {}
        return [comment["comment"] for comment in found["comments"]]

    def tags(self, number: int) -> list[str]:
        return (self.memory.get("incidents", str(1000 + number)) or {})["customTags"]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, str]]:
    """One server for all tests: to start and stop one takes as long as a test."""
    tenant = Tenant(tmp_path_factory.mktemp("tenant"), timedelta(seconds=40), Clock())
    yield tenant, tenant.start()
    tenant.stop()


@pytest.fixture
def stand_at(shared: tuple[Tenant, str]) -> Iterator[Callable[[Path], Stand]]:
    """Stands for tests that need many, one after the other."""
    made: list[Stand] = []
    tenant, url = shared

    def make(folder: Path) -> Stand:
        folder.mkdir(parents=True, exist_ok=True)
        tenant.clock.now = START
        tenant.reset()
        made.append(Stand(folder, tenant=tenant, url=url))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def stand(stand_at: Callable[[Path], Stand], tmp_path: Path) -> Stand:
    return stand_at(tmp_path)


@pytest.fixture
def stand_in_real_time(tmp_path: Path) -> Iterator[Stand]:
    tenant = Tenant(tmp_path / "tenant", timedelta(milliseconds=300), lambda: datetime.now(UTC))
    stand = Stand(tmp_path, tenant=tenant, url=tenant.start())
    yield stand
    stand.close()
    tenant.stop()


@pytest.fixture
def fuse() -> type[Fuse]:
    return Fuse
