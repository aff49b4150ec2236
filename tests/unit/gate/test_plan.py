"""What is chosen, what changes in Defender for it, and that an analyst's word stands."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.entra import DEFENDER_SCOPE, Authorized, ClientCredentials
from tidegate.adapters.http import HttpClient
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.plan import HOLDS, plan
from tidegate.gate.run import World, apply, make_plan
from tidegate.gate.select import ENFORCEABLE, Caps, select
from tidegate.hygiene import Policy, reason
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import APPLICATION, Enforced, FeedState
from tidegate.sightings import frame, unexpired
from tidegate.simulator import entra
from tidegate.simulator.server import Tenant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(("good.example",), simulated=True)


def candidate(value: str, score: float, kind: Kind = Kind.DOMAIN) -> dict[str, Any]:
    return {
        "id": indicator_id(kind, value),
        "kind": kind.value,
        "value": value,
        "score": score,
        "sources": ["alpha"],
        "last_seen": NOW,
        "threat": None,
    }


def candidates(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {"score": pl.Float64, "threat": pl.String, "sources": pl.List(pl.String)}
    return pl.DataFrame(list(rows), schema_overrides=schema)


def chosen(*rows: dict[str, Any], slots: int = 10, held: tuple[str, ...] = ()) -> pl.DataFrame:
    ids = pl.Series("id", [indicator_id(Kind.DOMAIN, one) for one in held], dtype=pl.String)
    return select(candidates(*rows), ids, POLICY, Caps(slots))


def values(selected: pl.DataFrame) -> list[str]:
    return selected.filter(pl.col("why_not").is_null())["value"].to_list()


def why_not(selected: pl.DataFrame) -> dict[str, str]:
    return dict(selected.select("value", "why_not").drop_nulls().iter_rows())


# --- select -----------------------------------------------------------------------------------

some = (
    st.builds(
        candidate,
        st.sampled_from([f"d{n}.example" for n in range(30)] + ["good.example", "a.good.example"]),
        st.floats(0, 100),
    )
    | st.builds(
        candidate,
        st.sampled_from(["10.0.0.1", "192.0.2.9", "127.0.0.1"]),
        st.floats(0, 100),
        st.just(Kind.IPV4),
    )
    | st.builds(candidate, st.just("192.0.2.0/24"), st.floats(0, 100), st.just(Kind.CIDR))
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    st.lists(some, min_size=1, max_size=20, unique_by=lambda row: row["id"]),
    st.integers(0, 12),
    st.sets(st.sampled_from([f"d{n}.example" for n in range(30)]), max_size=10),
)
def test_what_is_chosen_is_clean_enforceable_good_and_fits(rows, slots, held):
    found = chosen(*rows, slots=slots, held=tuple(held))
    took = found.filter(pl.col("why_not").is_null())
    assert len(took) <= slots
    assert len(found) == len(rows)
    for row in took.iter_rows(named=True):
        kind = Kind(row["kind"])
        assert kind in ENFORCEABLE
        assert reason(kind, row["value"], POLICY) is None
        assert row["score"] + 5 * (row["value"] in held) >= 50
    left = found.filter(pl.col("why_not") == "no slot left")
    if len(left) and len(took):
        bonus = 5.0 * pl.col("held").cast(pl.Float64)
        worst = took.select((pl.col("score") + bonus).min()).item()
        assert worst >= left.select((pl.col("score") + bonus).max()).item()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.lists(some, min_size=1, unique_by=lambda row: row["id"]).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_same_candidates_are_chosen_in_any_order(both):
    one, other = both
    assert chosen(*one, slots=3).equals(chosen(*other, slots=3))


def test_ties_go_by_id():
    rows = [candidate(f"{name}.example", 80) for name in "abcdef"]
    first = sorted(rows, key=lambda row: row["id"])[:2]
    assert values(chosen(*rows, slots=2)) == [row["value"] for row in first]


def test_each_refusal_has_its_reason():
    found = chosen(
        candidate("a.example", 90),
        candidate("b.example", 80),
        candidate("c.example", 49),
        candidate("x.good.example", 99),
        candidate("192.0.2.0/24", 99, Kind.CIDR),
        candidate("alex@mail.example", 99, Kind.EMAIL),
        slots=1,
    )
    assert values(found) == ["a.example"]
    assert why_not(found) == {
        "b.example": "no slot left",
        "c.example": "score too low",
        "x.good.example": "allow-list",
        "192.0.2.0/24": "Defender takes no cidr",
        "alex@mail.example": "Defender takes no email",
    }


@pytest.mark.parametrize(("score", "stays"), [(45.0, True), (44.9, False)])
def test_who_has_a_slot_may_be_a_little_worse(score, stays):
    assert values(chosen(candidate("a.example", score), held=("a.example",))) == (
        ["a.example"] if stays else []
    )
    assert values(chosen(candidate("a.example", score))) == []


def test_a_newcomer_must_be_clearly_better():
    rows = [candidate("new.example", 84), candidate("old.example", 80)]
    assert values(chosen(*rows, slots=1, held=("old.example",))) == ["old.example"]
    rows = [candidate("new.example", 86), candidate("old.example", 80)]
    assert values(chosen(*rows, slots=1, held=("old.example",))) == ["new.example"]


# --- plan -------------------------------------------------------------------------------------


def enforced(value: str = "a.example", **more: Any) -> Enforced:
    given = {
        "kind": Kind.DOMAIN,
        "value": value,
        "action": "Block",
        "expires": NOW + HOLDS,
        "id": value,
        "application": APPLICATION,
    }
    return Enforced(**(given | more))


def planned(*current: Enforced, score: float = 90.0) -> list[tuple[str, Enforced]]:
    selected = chosen(candidate("a.example", score))
    made = plan(selected, current, 10, NOW)
    return [(change.do, change.enforced) for change in made.changes]


def test_what_is_missing_is_added():
    [(do, new)] = planned()
    assert (do, new.value, new.action, new.alerts) == ("add", "a.example", "Block", False)
    assert new.expires == NOW + HOLDS
    [(_, audited)] = planned(score=60)
    assert (audited.action, audited.alerts) == ("Audit", True)


def test_what_is_there_stays():
    assert planned(enforced()) == []


def test_what_runs_out_is_extended_and_otherwise_left_as_it_is():
    held = enforced(expires=NOW + HOLDS / 2 - DAY, title="a person's words", severity="High")
    assert planned(held) == [("extend", replace(held, expires=NOW + HOLDS))]


def test_another_action_replaces():
    [(do, new)] = planned(enforced(action="Audit"))
    assert (do, new.action) == ("replace", "Block")


@pytest.mark.parametrize("score", [90.0, 60.0])
def test_a_detonations_action_is_not_weakened(score):
    held = enforced(action="BlockAndRemediate")
    assert planned(held, score=score) == []
    ending = replace(held, expires=NOW + DAY)
    [(do, new)] = planned(ending, score=score)
    assert (do, new.action) == ("extend", "BlockAndRemediate")


def test_what_nobody_reports_any_more_is_removed():
    made = plan(chosen(candidate("b.example", 10)), [enforced(), enforced("b.example")], 10, NOW)
    assert {c.enforced.value: c.why for c in made.changes} == {
        "a.example": "no source reports it any more",
        "b.example": "score too low",
    }
    assert {c.do for c in made.changes} == {"remove"}


def test_slots_are_freed_before_they_are_filled():
    assert [do for do, _ in planned(enforced("z.example"))] == ["remove", "add"]


@pytest.mark.parametrize("application", [None, "", "Someone", "tidegate"])
@pytest.mark.parametrize("action", ["Allowed", "Audit", "Warn", "Block"])
def test_an_analysts_word_stands(application, action):
    theirs = enforced(action=action, application=application, expires=NOW + DAY)
    assert planned(theirs) == []
    assert planned(theirs, enforced("z.example", application=application))[0:1] == []


@pytest.mark.parametrize("order", [1, -1])
def test_an_analysts_word_stands_beside_ours(order):
    both = [enforced(action="Audit"), enforced(action="Allowed", application=None, id="2")]
    assert planned(*both[::order]) == []


def test_what_we_do_not_speak_is_left_alone():
    assert planned(enforced(kind=None, value="a certificate"), enforced()) == []


def test_a_plan_counts_itself():
    selected = chosen(candidate("a.example", 90), candidate("b.example", 90), candidate("c", 1))
    made = plan(selected, [enforced()], 7, NOW)
    assert (made.kept, made.chosen, made.slots, made.count("add")) == (1, 2, 7, 1)
    assert made.refused == {"score too low": 1}


# --- against the simulated tenant -------------------------------------------------------------


@dataclass
class Known:
    """Just enough of `ports.Sightings` and `ports.Feeds`."""

    found: list[Sighting]

    def live(self, now: datetime) -> pl.LazyFrame:
        return unexpired(frame(self.found).lazy(), now)

    def state(self, _: str) -> FeedState:
        return FeedState()


@dataclass
class Gate:
    """The gate's world on a tenant, both on one clock."""

    tenant: Tenant
    url: str
    http: HttpClient
    now: datetime = NOW

    def world(self, *found: Sighting, limit: int = 15_000, least: float = 50.0) -> World:
        endpoint = f"{self.url}/simulated/oauth2/v2.0/token"
        tokens = ClientCredentials(
            self.http, endpoint, entra.CLIENT, entra.SECRET, DEFENDER_SCOPE, self.clock
        )
        defender = DefenderIndicators(Authorized(self.http, tokens), self.url)
        known = Known(list(found))
        grades = {"alpha": "A"}
        knowledge = Knowledge(known, known, self.clock, POLICY, grades, frozenset())
        return World(knowledge, defender, limit, headroom=0, least_score=least)

    def clock(self) -> datetime:
        return self.now

    def holds(self) -> dict[str, str]:
        found = self.tenant.scene.memory.all("indicators")
        return {one["indicatorValue"]: one["action"] for one in found}

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
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(Tenant(tmp_path), "", HttpClient(allow_private=True, retries=0))
    made.tenant.clock = made.clock
    made.url = made.tenant.start()
    yield made
    made.http.close()
    made.tenant.stop()


def seen(value: str, confidence: int = 100, kind: Kind = Kind.DOMAIN) -> Sighting:
    return Sighting(kind, value, "alpha", confidence, NOW, NOW, NOW + 300 * DAY)


def carry_out(world: World) -> Any:
    return apply(make_plan(world), world)


def test_applying_twice_changes_nothing(gate):
    found = [seen("a.example"), seen("b.example", 60), seen("2001:db8::1", 100, Kind.IPV6)]
    world = gate.world(*found)
    first = carry_out(world)
    assert (first.written, first.removed, first.failed) == (3, 0, {})
    before = gate.tenant.scene.memory.all("indicators")
    again = make_plan(world)
    assert (again.changes, again.kept) == ((), 3)
    assert apply(again, world).written == 0
    assert gate.tenant.scene.memory.all("indicators") == before
    assert gate.holds() == {
        "a.example": "Block",
        "b.example": "Audit",
        "2001:0db8:0000:0000:0000:0000:0000:0001": "Block",
    }


def test_a_plan_that_is_applied_late_a_second_time_changes_nothing(gate):
    carry_out(gate.world(seen("z.example")))
    world = gate.world(seen("a.example"))
    late = make_plan(world)
    for _ in range(2):
        assert apply(late, world).failed == {}
        assert gate.holds() == {"a.example": "Block"}


def test_the_set_follows_what_is_known(gate):
    carry_out(gate.world(seen("a.example"), seen("b.example")))
    gate.now = NOW + 4 * DAY
    done = make_plan(gate.world(seen("b.example"), seen("c.example")))
    assert [(c.do, c.enforced.value) for c in done.changes] == [
        ("remove", "a.example"),
        ("extend", "b.example"),
        ("add", "c.example"),
    ]
    apply(done, gate.world())
    assert gate.holds().keys() == {"b.example", "c.example"}


def test_an_analysts_indicators_are_untouched_and_take_slots(gate):
    gate.analyst("a.example")
    gate.analyst("192.0.2.7", "IpAddress", "Block")
    before = gate.tenant.scene.memory.all("indicators")
    world = gate.world(seen("a.example"), seen("b.example"), seen("c.example", 90), limit=3)
    made = make_plan(world)
    assert made.slots == 1
    apply(made, world)
    assert gate.tenant.scene.memory.all("indicators")[:2] == before
    carry_out(gate.world())
    assert gate.tenant.scene.memory.all("indicators") == before


def test_refusals_are_reported_and_the_rest_is_done(gate):
    refused = replace(seen("a.example"), value="-")
    world = gate.world(seen("a.example"), refused)
    done = carry_out(world)
    assert done.written == 1
    assert list(done.failed) == ["-"]
    assert done.failed["-"].startswith("InvalidDomainName")
    assert gate.holds() == {"a.example": "Block"}


def test_a_full_tenant_leaves_no_slot(gate):
    gate.analyst("x.example")
    made = make_plan(gate.world(seen("a.example"), limit=1))
    assert (made.slots, made.changes, made.refused) == (0, (), {"no slot left": 1})


def test_a_tenant_that_is_fuller_than_we_knew_is_reported(gate, monkeypatch):
    monkeypatch.setattr("tidegate.simulator.indicators.CAP", 1)
    done = carry_out(gate.world(seen("a.example"), seen("b.example")))
    assert done.written == 1
    assert list(done.failed.values()) == ["the tenant's limit is reached"]


def test_an_address_that_we_cannot_read_is_an_analysts_and_stays(gate):
    gate.analyst("2001:db8::/32", "IpAddress")
    made = make_plan(gate.world(seen("a.example")))
    assert [change.do for change in made.changes] == ["add"]


def test_more_than_one_import_of_indicators(gate):
    found = [seen(f"d{n}.example") for n in range(1_100)]
    assert carry_out(gate.world(*found)).written == 1_100
    assert gate.tenant.scene.memory.calls("import") == ["500", "500", "100"]
    assert make_plan(gate.world(*found)).changes == ()
