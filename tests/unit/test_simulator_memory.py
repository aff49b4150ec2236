"""The memory of the simulated tenant: it outlives processes, and answers from indexes."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.simulator.filters import where
from tidegate.simulator.memory import NEWEST_FIRST, OLDEST_FIRST, Memory
from tidegate.simulator.scene import Rates
from tidegate.simulator.server import Tenant

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def memory(tmp_path):
    made = Memory(tmp_path)
    yield made
    made.close()


def test_the_tenant_outlives_its_process(tmp_path):
    for expected in ([], ["kept"]):
        tenant = Tenant(tmp_path, timedelta(seconds=10), lambda: START)
        tenant.start()
        assert [one["name"] for one in tenant.scene.memory.all("notes")] == expected
        assert len(tenant.scene.memory.all("alerts")) == 10
        tenant.scene.memory.put("notes", "1", {"name": "kept"})
        tenant.stop()


def test_documents_are_found_by_a_field_in_order(memory):
    for number, colour in enumerate(("red", "blue", "red", None)):
        memory.put("things", str(number), {"number": number, "colour": colour})
    memory.put("others", "9", {"number": 9, "colour": "red"})
    assert [one["number"] for one in memory.find("things", "colour", "red")] == [0, 2]
    assert [one["number"] for one in memory.find("things", "colour", None)] == [3]
    assert [one["number"] for one in memory.find("things", "number", 1)] == [1]
    memory.put("things", "0", {"number": 0, "colour": "blue"})
    assert [one["number"] for one in memory.find("things", "colour", "blue")] == [0, 1]
    assert [one["number"] for one in memory.last("things", 2)] == [3, 2]


def test_a_field_is_one_of_ours(memory):
    with pytest.raises(ValueError, match="not names of ours"):
        memory.find("things", "x') --", "red")


def test_an_index_that_was_taken_back_is_made_again(memory):
    memory.put("things", "1", {"colour": "red"})

    def change():
        with memory.changing():
            memory.find("things", "colour", "red")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    assert len(memory.find("things", "colour", "red")) == 1
    assert "things.colour" in _plan(memory, "json_extract(body, '$.colour') IS 'red'", "things")


def test_the_next_id_is_one_that_nobody_has(memory):
    assert memory.next_id("things") == 1
    for key in ("2", "10", "9"):
        memory.put("things", key, {})
    assert memory.next_id("things") == 11


@pytest.mark.parametrize(
    ("table", "text", "index"),
    [
        ("alerts", "lastUpdateTime ge 2026-03-01T12:00:00Z", "alerts_updated"),
        ("actions", "machineId eq 'm'", "actions.machineId"),
    ],
)
def test_what_is_polled_is_answered_from_an_index(memory, table, text, index):
    condition, values = where(text, {text.split()[0]: text.split()[0]})
    assert index in _plan(memory, f"{condition} ORDER BY {OLDEST_FIRST}", table, values)
    assert index in _plan(memory, f"{condition} ORDER BY {NEWEST_FIRST}", table, values)


def _plan(memory, condition, table, values=()):
    asked = f"SELECT body FROM documents WHERE likely(tab = '{table}') AND {condition}"  # noqa: S608
    steps = memory._database.execute(f"EXPLAIN QUERY PLAN {asked}", values)
    return " ".join(step[3] for step in steps)


# --- how often --------------------------------------------------------------------------------


def test_a_limit_counts_any_stretch_of_its_length():
    rates, limits = Rates(), {60.0: 2, 3_600.0: 3}
    assert [rates.spend("a", at, limits) for at in (0, 59, 59.5)] == [None, None, 1]
    assert rates.spend("b", 59.5, limits) is None
    assert rates.spend("a", 60, limits) is None
    assert rates.spend("a", 119, limits) == 3_481
    assert rates.spend("a", 3_600, limits) is None


def test_a_limit_of_none_lets_nothing_pass():
    assert Rates().spend("a", 10.0, {60.0: 0}) == 60
