"""The list of indicators as it was a moment ago, and what changes it at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.adapters.defender_indicators import DefenderIndicators
from tidegate.adapters.recent import Recent
from tidegate.model import Kind
from tidegate.ports import Enforced, Placed, SourceDown

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Counted:
    """`ports.Enforcement` in memory, which counts how often its list is read."""

    def __init__(self):
        self.held = {}
        self.reads = 0
        self.error = None
        self.ids = True

    def current(self):
        self.reads += 1
        return list(self.held.values())

    def add(self, wanted):
        if self.error:
            raise self.error
        placed = []
        for one in wanted:
            self.held[one.value] = one
            placed.append(Placed(one.value, f"id-{one.value}" if self.ids else None))
        return placed

    def remove(self, ids):
        if self.error:
            raise self.error
        self.held = {value: one for value, one in self.held.items() if f"id-{value}" not in ids}


@pytest.fixture
def moment():
    class Clock:
        now = NOW

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture
def recent(counted, moment):
    return Recent(counted, moment)


def domain(value, **more):
    return Enforced(Kind.DOMAIN, value, "Block", **more)


def values(recent):
    return sorted(one.value for one in recent.current())


def test_the_list_is_read_once_a_minute(recent, counted, moment):
    counted.held["a.example"] = domain("a.example")
    for _ in range(3):
        assert values(recent) == ["a.example"]
    counted.held["b.example"] = domain("b.example")
    moment.now += timedelta(seconds=59)
    assert values(recent) == ["a.example"]
    assert counted.reads == 1
    moment.now += timedelta(seconds=1)
    assert values(recent) == ["a.example", "b.example"]


def test_what_is_given_out_is_the_callers_own(recent):
    recent.current().append(domain("x.example"))
    assert recent.current() == []


def test_our_own_changes_show_at_once(recent, counted):
    assert recent.current() == []
    recent.add([domain("a.example"), domain("b.example")])
    assert values(recent) == ["a.example", "b.example"]
    recent.remove(["id-a.example"])
    assert values(recent) == ["b.example"]
    assert counted.reads == 1


def test_a_change_before_the_first_reading_reads_nothing(recent, counted):
    recent.add([domain("a.example")])
    recent.remove(["id-a.example"])
    assert counted.reads == 0
    assert recent.current() == []


def test_one_that_was_refused_is_not_in_the_list(recent, counted, monkeypatch):
    recent.current()
    monkeypatch.setattr(counted, "add", lambda wanted: [Placed("a.example", failure="no")])
    recent.add([domain("a.example")])
    assert recent.current() == []
    assert counted.reads == 1


@pytest.mark.parametrize("change", ["add", "remove"])
def test_after_a_change_that_broke_off_the_list_is_read_anew(recent, counted, change):
    recent.current()
    counted.error = SourceDown("away")
    with pytest.raises(SourceDown):
        getattr(recent, change)([domain("a.example")] if change == "add" else ["id"])
    recent.current()
    assert counted.reads == 2


def test_an_import_that_tells_no_ids_has_the_list_read_anew(recent, counted):
    recent.current()
    counted.ids = False
    recent.add([domain("a.example")])
    assert values(recent) == ["a.example"]
    assert counted.reads == 2


def test_many_threads_read_the_list_once(recent, counted):
    gate = threading.Barrier(8)

    def ask():
        gate.wait()
        recent.current()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.reads == 1


def test_the_list_is_what_defender_would_say(api, clock):
    defender = DefenderIndicators(api.http, api.url)
    recent = Recent(defender, clock)
    assert recent.current() == []
    wanted = [
        domain("a.example", title="t", description="d", expires=NOW + timedelta(days=30)),
        Enforced(Kind.IPV6, "2001:db8::1", "Audit", title="t", description="d"),
        Enforced(Kind.IPV4, "10.0.0.1", "Block", title="t", description="d"),
    ]
    placed = recent.add(wanted)
    assert [bool(one.failure) for one in placed] == [False, False, True]
    recent.add([domain("a.example", title="new", description="d")])
    told = {one.id: one for one in defender.current()}
    held = {one.id: one for one in recent.current()}
    assert len(told) == 2
    assert held.keys() == told.keys()
    for key, one in held.items():
        for field in ("kind", "value", "action", "title", "alerts", "expires", "application"):
            assert getattr(one, field) == getattr(told[key], field), field
    recent.remove(list(held))
    assert recent.current() == defender.current() == []
