"""What holds whatever happens: caps, analysts' words, hygiene, churn, and that it comes to rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.gate import journal
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.plan import Plan
from tidegate.gate.run import apply
from tidegate.gate.world import Target, World
from tidegate.hygiene import Policy, reason
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import APPLICATION, Enforced, FeedState, Placed, SourceDown
from tidegate.sightings import CHANGE, REPORTED, empty, frame, unexpired

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMIT, CHURN, DWELL = 8, 4, DAY
POLICY = Policy(("good.example",), simulated=True)
NAMES = [f"d{n}.example" for n in range(12)] + ["sub.d1.example", "good.example", "x.good.example"]
names, sources = st.sampled_from(NAMES), st.sampled_from("ab")
LEASE = "6f1dd1c8-8a5a-4a1e-9d0e-2f9f4a1c7b35"


class Tenant:
    """`ports.Enforcement` in memory, as Defender behaves: upserts, expiry, a cap, and failures."""

    def __init__(self, clock) -> None:
        self.clock, self.ids, self.held = clock, map(str, count()), {}
        self.down_after: int | None = None
        self.came = self.went = 0

    def current(self, *, fresh: bool = False) -> list[Enforced]:
        now = self.clock()
        self.held = {k: v for k, v in self.held.items() if v.expires is None or v.expires > now}
        return list(self.held.values())

    def add(self, wanted):
        return [self._placed(one) for one in wanted]

    def _placed(self, one: Enforced) -> Placed:
        self._tick()
        found = next((k for k, v in self.held.items() if v.value == one.value), None)
        assert found is None or self.held[found].application == APPLICATION, "an analyst's word"
        if found is None and len(self.held) >= LIMIT:
            return Placed(one.value, failure="the tenant's limit is reached")
        self.came += found is None
        key = found or next(self.ids)
        self.held[key] = replace(one, id=key)
        return Placed(one.value, key)

    def remove(self, ids) -> None:
        for one in ids:
            self._tick()
            assert self.held[one].application == APPLICATION, "an analyst's word"
            self.went += 1
            del self.held[one]

    def _tick(self) -> None:
        if self.down_after is not None:
            self.down_after -= 1
            if self.down_after < 0:
                raise SourceDown("429")


class Gate(RuleBasedStateMachine):
    """Feeds, analysts, time and failures in any order, and the gate in between."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        home = Path(self.folder.name)
        self.now = START
        self.found: dict[tuple[str, str], Sighting] = {}
        self.tenant = Tenant(lambda: self.now)
        store = SimpleNamespace(
            live=self.live,
            reported=self.reported,
            changes=self.changes,
            versions=self.versions,
            state=lambda _: empty(),
        )
        feeds = SimpleNamespace(state=lambda _: FeedState())
        known = Knowledge(store, feeds, lambda: self.now, POLICY, {"a": "A", "b": "C"}, frozenset())
        target = Target("defender", "Defender", self.tenant, LIMIT)
        objects, database = FileObjects(home, lambda: self.now), connect(home / "t.sqlite")
        self.database = database
        self.world = World(
            known,
            (target,),
            objects,
            SqliteLedger(database),
            lambda: LEASE,
            churn=CHURN,
            dwell=DWELL,
        )

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def versions(self):
        return {source: str(self.rows([source])) for source in "ab"}

    def live(self, now, only=None):
        return unexpired(frame(self.rows(only)).lazy(), now)

    def reported(self, ids, now, *, again):
        found = self.live(now).filter(pl.col("id").is_in(ids.implode()))
        return found.select(*REPORTED).collect()

    def changes(self, since):
        """Tell of everything that it was written, or withdrawn."""
        gone = [{"id": indicator_id(Kind.DOMAIN, name)} for name in NAMES]
        there = frame(self.rows(None)).select(*CHANGE)
        return pl.concat([there, pl.DataFrame(gone, schema=CHANGE)])

    def rows(self, only):
        return [one for (_, source), one in self.found.items() if source in (only or "ab")]

    @rule(
        name=names,
        source=st.sampled_from("ab"),
        confidence=st.integers(30, 100),
        days=st.integers(1, 40),
    )
    def report(self, name: str, source: str, confidence: int, days: int) -> None:
        one = Sighting(
            Kind.DOMAIN, name, source, confidence, self.now, self.now, self.now + days * DAY
        )
        self.found[name, source] = one

    @rule(name=names)
    def withdraw(self, name: str) -> None:
        self.found = {key: one for key, one in self.found.items() if key[0] != name}

    @rule(name=names, action=st.sampled_from(["Allowed", "Block"]))
    def decide(self, name: str, action: str) -> None:
        """An analyst writes over whatever is there, or makes an indicator of their own."""
        self.tenant.current()
        self.tenant.held = {k: v for k, v in self.tenant.held.items() if v.value != name}
        if len(self.tenant.held) < LIMIT:
            key = next(self.tenant.ids)
            self.tenant.held[key] = Enforced(Kind.DOMAIN, name, action, id=key, created_by="alex")

    @rule(name=names)
    def take_away(self, name: str) -> None:
        self.tenant.held = {k: v for k, v in self.tenant.held.items() if v.value != name}

    @rule(hours=st.sampled_from([1, 7, 30, 100]))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(after=st.integers(0, 6))
    def cycle_that_breaks_off(self, after: int) -> None:
        self.tenant.down_after = after
        self.cycle()
        self.tenant.down_after = None

    @rule()
    def cycle(self) -> None:
        self.cycled()

    def cycled(self) -> Plan:
        theirs = {k: v for k, v in self.tenant.held.items() if v.application != APPLICATION}
        came, went = self.tenant.came, self.tenant.went
        before = self.churned()
        done = apply(self.world.targets[0], self.world)
        assert {k: v for k, v in self.tenant.held.items() if k in theirs} == theirs
        forced = sum(not one.elective for one in done.plan.changes if one.do == "remove")
        moved = self.tenant.came - came + self.tenant.went - went
        assert moved <= max(CHURN - before, 0) + forced
        self.now += timedelta(seconds=1)
        return done.plan

    def churned(self) -> int:
        return journal.state(self.world.objects, "defender").spent(self.now)

    @rule()
    def rest(self) -> None:
        """Left alone for a while, it comes to rest: a cycle more changes nothing."""
        for pause in (HOUR, DWELL, timedelta()):
            still = 0
            for _ in range(2 * len(NAMES) // CHURN + 2):
                still = 0 if self.cycled().changes else still + 1
                self.now += pause
                if still == 2:  # before a pause and after it
                    break
        assert apply(self.world.targets[0], self.world).plan.changes == ()

    @invariant()
    def never_above_the_cap_and_never_what_hygiene_keeps_out(self) -> None:
        if not hasattr(self, "tenant"):
            return
        assert len(self.tenant.held) <= LIMIT
        ours = [one for one in self.tenant.held.values() if one.application == APPLICATION]
        assert all(reason(one.kind, one.value, POLICY) is None for one in ours)


Gate.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestGate = pytest.mark.slow(Gate.TestCase)
