"""Documents and state stay in step through sudden death, races and refusals."""

from threading import Thread

import pytest
from cosmos_lab import many, put, seen, state
from cosmos_standin import Fault

from tidegate.model import Sighting
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

pytestmark = pytest.mark.slow


class Died(BaseException):
    """The process was killed here."""


def killed_at_the_state(store, monkeypatch, *rows: Sighting) -> None:
    """Commit these rows, and die between the documents and the state."""

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "_save", die)
        with pytest.raises(Died):
            put(store, *rows)


def test_killed_between_documents_and_state_the_next_run_writes_the_same(cosmos, monkeypatch):
    store = cosmos.store()
    rows = many(30)
    put(store, *rows[:10])
    killed_at_the_state(store, monkeypatch, *rows[5:])
    assert len(store.state("one")) == 10
    put(store, *rows[5:])
    assert cosmos.values() == sorted(row.value for row in rows[5:])
    assert len(store.state("one")) == 25


def test_what_it_cost_until_it_was_killed_is_counted(cosmos, monkeypatch):
    killed_at_the_state(cosmos.store(), monkeypatch, *many(30))
    assert cosmos.cost("one").units == pytest.approx(cosmos.standin.charged)


def test_killed_within_the_documents_the_next_run_writes_all(cosmos, monkeypatch):
    store, rows = cosmos.store(writers=1), many(30)
    writer = type(store.indicators)
    whole = writer.write

    def half(self, batch, count):
        if len(cosmos.standin.documents()) >= 10:
            raise Died
        whole(self, batch, count)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "write", half)
        with pytest.raises(Died):
            put(store, *rows)
    assert len(cosmos.values()) == 10
    assert store.state("one").is_empty()
    put(store, *rows)
    assert len(cosmos.values()) == len(store.state("one")) == 30


def test_what_was_written_before_the_service_failed_is_kept(cosmos):
    store, rows = cosmos.store(writers=1), many(400)
    put(store, *rows[:50])
    after = state(*rows[20:])
    cosmos.standin.faults = [Fault(429, times=99, skip=40, headers={"x-ms-retry-after-ms": "1"})]
    with pytest.raises(QuotaSpent):
        store.commit("one", after, state(*rows[50:]))
    # The state says exactly what the container holds, and the rest is still to be done.
    assert sorted(store.state("one")["value"]) == cosmos.values()
    assert 50 < len(cosmos.values()) < 400
    cosmos.standin.faults = []
    left = after.join(store.state("one").select("id"), on="id", how="anti")
    store.commit("one", after, left)
    assert cosmos.values() == sorted(after["value"])
    assert store.state("one").equals(after)


def test_what_is_refused_for_good_leaves_the_state_as_it_was(cosmos):
    store = cosmos.store()
    put(store, *many(3))
    before = store.state("one")
    cosmos.standin.faults = [Fault(400, times=99)]
    with pytest.raises(BadPayload, match="400"):
        put(store, *many(5))
    assert store.state("one").equals(before)


def test_two_writers_of_one_source_are_one_too_many(cosmos):
    one, two = cosmos.store(), cosmos.store()
    with one.writing("one"):
        with pytest.raises(SourceDown, match="one is being written"), two.writing("one"):
            pass
        with two.writing("two"):
            pass
    with two.writing("one"):
        pass


def test_the_lease_of_the_dead_ends_after_a_minute(cosmos):
    cosmos.objects.put("states/one.lock", b"")
    cosmos.objects.acquire("states/one.lock", 60, "somebody who died")
    with pytest.raises(SourceDown), cosmos.store().writing("one"):
        pass
    cosmos.pass_(seconds=61)
    with cosmos.store().writing("one"):
        pass


def test_a_writer_that_lost_its_lease_writes_no_more(cosmos):
    store = cosmos.store()
    with store.writing("one"):
        store._leases["one"]._good_until = 0.0
        with pytest.raises(SourceDown, match="by another process meanwhile"):
            put(store, *many(3))
    assert cosmos.values() == []
    assert store.state("one").is_empty()


def test_a_lease_lost_on_the_way_keeps_the_state_as_it_was(cosmos, monkeypatch):
    store = cosmos.store()
    send = type(store)._send

    def losing(self, run, work, is_open):
        send(self, run, work, is_open)
        store._leases["one"]._good_until = 0.0

    monkeypatch.setattr(type(store), "_send", losing)
    with store.writing("one"), pytest.raises(SourceDown, match="by another process meanwhile"):
        put(store, *many(3))
    assert store.state("one").is_empty()


def test_a_writer_that_was_overtaken_does_not_put_its_state_over_the_other(cosmos, monkeypatch):
    slow, fast = cosmos.store(), cosmos.store()
    put(slow, seen("a.example"))
    send = type(slow)._send

    def overtaken(self, run, work, is_open):
        if self is slow and "c.example" not in cosmos.values():
            put(fast, seen("c.example"))
        return send(self, run, work, is_open)

    monkeypatch.setattr(type(slow), "_send", overtaken)
    with pytest.raises(SourceDown, match="by another process meanwhile"):
        put(slow, seen("b.example"))
    assert slow.state("one")["value"].to_list() == ["c.example"]


def test_writers_of_different_sources_do_not_wait_for_each_other(cosmos):
    store = cosmos.store()
    sources = [f"s{n}" for n in range(4)]

    def write(source: str) -> None:
        with store.writing(source):
            put(store, *many(40), source=source)

    threads = [Thread(target=write, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cosmos.standin.documents()) == 160
    costs = [cosmos.cost(source) for source in sources]
    assert [cost.rows for cost in costs] == [40] * 4
    assert sum(cost.units for cost in costs) == pytest.approx(cosmos.standin.charged)
    assert sum(cost.requests for cost in costs) == len(cosmos.standin.seen)
