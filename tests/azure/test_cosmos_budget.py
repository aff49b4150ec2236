"""What Cosmos costs is counted to the unit; a day's budget ends renewals before it ends runs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cosmos_lab import START, many, put, seen, state
from cosmos_standin import Fault

from tidegate.adapters.azure.cosmos_budget import (
    Account,
    Budget,
    Cost,
    MemorySpending,
    ObjectSpending,
)
from tidegate.adapters.local.files import FileObjects
from tidegate.ports import Conflict, QuotaSpent, SourceDown

pytestmark = pytest.mark.slow

WEEK = timedelta(days=7)
TODAY = "2026-11-18"


def renewed(rows):
    """Return the same rows, which hold a week longer."""
    return [replace(row, expires=row.expires + WEEK) for row in rows]


def held(cosmos) -> dict[str, str]:
    """Return until when each value's document says that it holds."""
    return {doc["value"]: doc["expires"][:10] for doc in cosmos.standin.documents().values()}


# --- counting ---------------------------------------------------------------------------------


def test_a_run_counts_what_the_service_charges(cosmos):
    store = cosmos.store()
    put(store, *many(250))
    assert cosmos.cost("one") == Cost(
        len(cosmos.standin.seen), pytest.approx(cosmos.standin.charged), 250
    )


def test_refused_requests_are_charged_and_counted_too(cosmos):
    cosmos.standin.faults = [
        Fault(429, times=3, headers={"x-ms-retry-after-ms": "1"}),
        Fault(449, times=2),
        Fault(408, after=True),
        Fault(429, operation=0),
    ]
    put(cosmos.store(writers=1), *many(10))
    cost = cosmos.cost("one")
    assert cost.requests == len(cosmos.standin.seen) > 10
    assert cost.units == pytest.approx(cosmos.standin.charged)
    assert cost.rows == 10


def test_deletions_one_by_one_are_counted(cosmos):
    store = cosmos.store()
    put(store, *many(40))
    cosmos.standin.containers["indicators"].parts.clear()  # somebody emptied the container
    store.commit("one", state(), state())
    cost = cosmos.cost("one")
    assert cost.units == pytest.approx(cosmos.standin.charged)
    assert cost.rows == 80


def test_costs_add_up_by_day_and_source(cosmos):
    store = cosmos.store()
    put(store, *many(10))
    first = cosmos.cost("one")
    whole = state(*many(10, source="two"))
    store.commit("two", whole, whole)
    cosmos.pass_(days=1)
    put(store, *many(20))
    assert cosmos.spending.of(TODAY)["one"] == first
    assert cosmos.spending.of(TODAY)["two"].rows == 10
    assert cosmos.cost("one").rows == 20


def test_a_run_says_what_it_cost(cosmos, caplog):
    with caplog.at_level("INFO", "tidegate"):
        put(cosmos.store(), seen("a.example"))
    assert "cosmos one: 1 rows, 1 requests, 5.4 request units" in caplog.messages


@pytest.fixture(params=["memory", "objects"])
def spending(request, tmp_path):
    if request.param == "memory":
        return MemorySpending()
    return ObjectSpending(FileObjects(tmp_path, lambda: START))


def test_every_memory_of_costs_adds(spending):
    assert spending.of(TODAY) == {}
    for source in ("one", "two", "one"):
        spending.add(TODAY, source, Cost(1, 2.5, 3))
    spending.add("2026-11-19", "one", Cost(9, 9, 9))
    assert spending.of(TODAY) == {"one": Cost(2, 5.0, 6), "two": Cost(1, 2.5, 3)}


def test_two_processes_lose_no_cost(tmp_path, monkeypatch):
    objects = FileObjects(tmp_path, lambda: START)
    one, two = ObjectSpending(objects), ObjectSpending(objects)
    put = FileObjects.put

    def raced(self, name, data, **conditions):
        monkeypatch.setattr(FileObjects, "put", put)
        two.add(TODAY, "two", Cost(1, 1.0, 1))
        return put(self, name, data, **conditions)

    monkeypatch.setattr(FileObjects, "put", raced)
    one.add(TODAY, "one", Cost(1, 1.0, 1))
    assert set(one.of(TODAY)) == {"one", "two"}


def test_a_cost_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    def lost(*_, **__):
        raise Conflict("changed meanwhile")

    monkeypatch.setattr(FileObjects, "put", lost)
    spending = ObjectSpending(FileObjects(tmp_path, lambda: START))
    with pytest.raises(SourceDown, match="too many at once"):
        spending.add(TODAY, "one", Cost(1))


# --- the budget -------------------------------------------------------------------------------


def spend(cosmos, units: float) -> None:
    """Let another run have spent this today."""
    cosmos.spending.add(TODAY, "another", Cost(1, units, 1))


def caught_up(store, rows) -> bool:
    """Commit what the state does not have yet, as a run does; say whether that was all."""
    whole = state(*rows)
    left = whole.join(store.state("one").select("id"), on="id", how="anti")
    try:
        store.commit("one", whole, left)
    except QuotaSpent:
        return False
    return True


def test_within_the_budget_everything_is_written(cosmos):
    store = cosmos.store(Budget(10_000))
    put(store, *many(20))
    put(store, *renewed(many(20)))
    assert set(held(cosmos).values()) == {"2026-12-09"}


def test_renewals_stop_first_and_stay_as_the_store_has_them(cosmos):
    store, old = cosmos.store(Budget(10_000)), many(20)
    put(store, *old)
    spend(cosmos, 9_000)
    fresh = [seen("new.example"), replace(old[0], confidence=99)]
    with pytest.raises(QuotaSpent, match="all that is new is stored, 19 renewals wait") as raised:
        put(store, *fresh, *renewed(old[1:]))
    assert raised.value.retry_after is None
    assert set(held(cosmos).values()) == {"2026-12-02"}
    assert len(held(cosmos)) == 21
    kept = store.state("one")
    assert set(kept["expires"].dt.strftime("%Y-%m-%d")) == {"2026-12-02"}
    assert sorted(kept["value"]) == sorted(held(cosmos))
    assert {99} < set(kept["confidence"])


def test_waiting_renewals_are_written_on_the_next_day(cosmos):
    store, old = cosmos.store(Budget(10_000)), many(20)
    put(store, *old)
    spend(cosmos, 9_000)
    with pytest.raises(QuotaSpent):
        put(store, *renewed(old))
    cosmos.pass_(days=1)
    put(store, *renewed(old))
    assert set(held(cosmos).values()) == {"2026-12-09"}


def test_what_expires_soonest_is_renewed_first(cosmos, monkeypatch):
    monkeypatch.setattr("tidegate.adapters.azure.cosmos.SLICE", 5)
    late, soon = many(10, "late"), many(10, "soon", days=1)
    store = cosmos.store(Budget(1_000, reserve=0.5), writers=1)
    put(store, *late, *soon)
    spend(cosmos, 460 - cosmos.cost("one").units)
    with pytest.raises(QuotaSpent, match="renewals wait"):
        put(store, *renewed([*late, *soon]))
    done = [value for value, until in held(cosmos).items() if until > "2026-12-02"]
    assert done == []
    done = [value for value, until in held(cosmos).items() if until == "2026-11-26"]
    assert 5 <= len(done) < 10
    assert all(value.startswith("soon") for value in done)


def test_an_earlier_end_is_news(cosmos):
    store = cosmos.store(Budget(10_000))
    put(store, *many(3))
    spend(cosmos, 9_000)
    put(store, *many(3, days=2))
    assert set(held(cosmos).values()) == {"2026-11-20"}


def test_a_spent_budget_refuses_the_run_until_midnight(cosmos):
    store, old = cosmos.store(Budget(10_000)), many(5)
    put(store, *old)
    before = store.state("one")
    spend(cosmos, 10_000)
    cosmos.standin.seen.clear()
    with pytest.raises(QuotaSpent, match="units are spent, 3 changes wait") as raised:
        put(store, *old[2:], seen("new.example"))
    assert raised.value.retry_after == timedelta(hours=19)
    assert cosmos.standin.seen == []
    assert store.state("one").equals(before)


def test_a_budget_that_ends_within_a_run_keeps_what_was_paid_for(cosmos):
    store, rows = cosmos.store(Budget(1_000), writers=4), many(500)
    days = 0
    while not caught_up(store, rows):
        assert set(store.state("one")["value"]) == set(held(cosmos))
        days += 1
        cosmos.pass_(days=1)
    assert days == 2
    assert len(held(cosmos)) == len(store.state("one")) == 500
    for day in ("2026-11-18", "2026-11-19"):
        # Overdrawn by what was under way, at most.
        assert sum(cost.units for cost in cosmos.spending.of(day).values()) < 1_000 + 4 * 60


def test_nothing_to_write_needs_no_budget(cosmos):
    store = cosmos.store(Budget(10_000))
    put(store, *many(3))
    spend(cosmos, 10_000)
    store.commit("one", state(*many(3)), state())


def test_without_a_budget_nothing_is_refused():
    with Account(lambda: START).run("one") as meter:
        meter.charged({"x-ms-request-charge": "1e12"})
        assert meter.open
        assert meter.open_to_renewals
