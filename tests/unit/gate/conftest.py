"""The gate on the simulated tenant, with real stores, all on a clock that the test turns."""

import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.entra import DEFENDER_SCOPE, Authorized, ClientCredentials
from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.plan import Actions
from tidegate.gate.run import Gated, apply, make_plan
from tidegate.gate.world import Target, World
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, TIME, fingerprinted, frame, unique
from tidegate.simulator import entra

# Rows that several tests share lie beside them; tests are imported by path.
sys.path.insert(0, str(Path(__file__).parent))


@dataclass
class Gate:
    """The gate's world; `known` is what it knows, `http` what it asks the tenant by."""

    tenant: Any
    home: Path
    http: Any
    sources: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        endpoint = f"{self.tenant.url}/simulated/oauth2/v2.0/token"
        tokens = ClientCredentials(
            self.http, endpoint, entra.CLIENT, entra.SECRET, DEFENDER_SCOPE, self.clock
        )
        self.defender = DefenderIndicators(Authorized(self.http, tokens), self.tenant.url)
        self.store = SegmentStore(self.home / "sightings")
        self.objects = FileObjects(self.home / "objects", self.clock)
        self.ledger = SqliteLedger(connect(self.home / "tidegate.sqlite"))
        self.policy = Policy(("good.example",), simulated=True)
        self.advisory: frozenset[str] = frozenset()

    @property
    def clock(self):
        return self.tenant.clock

    def knows(self, *found: Sighting) -> None:
        """Let these be all that sources say now."""
        whole = frame(found)
        self.sources |= set(whole["source"])
        for source in self.sources:
            rows = unique(whole.filter(pl.col("source") == source).select(*SCHEMA))
            self.write(source, rows)

    def write(self, source: str, rows: pl.DataFrame) -> None:
        new = fingerprinted(rows).with_columns(pl.lit(self.clock(), TIME).alias("written"))
        state = new.select(*STATE).sort("id")
        self.store.commit(source, state, state)

    def target(self, **more: Any) -> Target:
        given = {"limit": 15_000, "actions": Actions()}
        return Target("defender", "Microsoft Defender", self.defender, **given | more)

    def world(self, *targets: Target, **more: Any) -> World:
        grades = {"alpha": "A", "beta": "B"}
        feeds = SimpleNamespace(state=lambda _: FeedState())
        parts = (self.store, feeds, self.clock, self.policy, grades, frozenset())
        known = Knowledge(*parts, advisory=self.advisory)
        return World(
            known,
            targets or (self.target(),),
            self.objects,
            self.ledger,
            lambda: str(uuid4()),
            **more,
        )

    def plan(self, world: World | None = None):
        world = world or self.world()
        return make_plan(world.targets[0], world)

    def apply(self, world: World | None = None, **more: Any) -> Gated:
        world = world or self.world()
        return apply(world.targets[0], world, **more)

    def seen(self, value: str, confidence: int = 100, kind: Kind = Kind.DOMAIN, **more: Any):
        now = self.clock()
        made = Sighting(kind, value, "alpha", confidence, now, now, now + timedelta(days=300))
        return replace(made, **more)

    def holds(self) -> dict[str, str]:
        found = self.tenant.scene.memory.all("indicators")
        return {one["indicatorValue"]: one["action"] for one in found}

    def by_hand(self, value: str, **changed: Any) -> None:
        """Change an indicator in the tenant, as somebody does in the portal; None deletes it."""
        memory = self.tenant.scene.memory
        [one] = [each for each in memory.all("indicators") if each["indicatorValue"] == value]
        if changed:
            memory.put("indicators", one["id"], one | changed)
        else:
            memory.delete("indicators", one["id"])

    def analyst(self, value: str, kind: str = "DomainName", action: str = "Allowed") -> None:
        document = {
            "id": f"analyst-{value}",
            "indicatorValue": value,
            "indicatorType": kind,
            "action": action,
            "application": None,
            "createdBy": "alex",
            "title": "mine",
            "expirationTime": None,
        }
        self.tenant.scene.memory.put("indicators", document["id"], document)


@pytest.fixture
def gate(tenant, tmp_path):
    with HttpClient(allow_private=True, retries=0) as http:
        yield Gate(tenant, tmp_path, http)
