"""What the gate remembers of a target, and what it calls drift."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.local.files import FileObjects
from tidegate.gate.held import REMEMBERED, REMOVED, Held, load, reconciled, save
from tidegate.model import Kind, indicator_id
from tidegate.ports import APPLICATION, Enforced

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ID = indicator_id(Kind.DOMAIN, "a.example")
MINE = Held(
    ID, Kind.DOMAIN, "a.example", "Block", NOW + 5 * DAY, NOW - DAY, 80.0, ("x",), "Emotet", True
)
MINE = replace(MINE, groups=())


def there(**more: Any) -> Enforced:
    given = {"expires": NOW + 5 * DAY, "id": "1", "application": APPLICATION}
    said = {"value": "a.example", "action": "Block", **given, **more}
    return Enforced(Kind.DOMAIN, **said)


def after(memory: Held | None, *current: Enforced, touched: bool = False, now: datetime = NOW):
    known = {memory.id: memory} if memory else {}
    return reconciled(known, current, {ID} if touched else (), now).get(ID)


def test_what_is_as_we_left_it_is_no_drift():
    assert after(MINE, there()) == MINE


def test_what_is_ours_and_unknown_is_taken():
    found = after(None, there(action="Audit"))
    assert (found.action, found.since, found.read, found.drift) == ("Audit", NOW, True, None)


def test_groups_that_were_not_remembered_are_taken():
    found = after(replace(MINE, groups=None), there(groups=("Pilot",)))
    assert (found.groups, found.drift) == (("Pilot",), None)


def test_the_order_and_case_of_groups_say_nothing():
    mine = replace(MINE, groups=("Pilot", "Servers"))
    assert after(mine, there(groups=("servers", "pilot"))).drift is None


def test_what_is_anothers_is_nobodys_drift():
    assert after(None, there(application="Someone")) is None
    assert after(MINE, there(application=None)) is None


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"action": "Allowed"}, "changed there by hand: Block became Allowed"),
        ({"groups": ("Pilot",)}, "changed there by hand: for Pilot"),
        ({"expires": None}, "changed there by hand: expires never"),
        ({"expires": NOW + 9 * DAY}, "changed there by hand: expires 2026-03-10 12:00"),
    ],
)
def test_what_somebody_changed_is_drift_until_it_is_changed_back(changed, what):
    found = after(MINE, there(**changed))
    assert (found.drift, found.noticed, found.action) == (what, NOW, "Block")
    later = after(found, there(**changed), now=NOW + DAY)
    assert later == found
    assert after(later, there(), now=NOW + DAY) == MINE


def test_rounded_times_are_no_drift():
    assert after(MINE, there(expires=NOW + 5 * DAY - timedelta(seconds=59))) == MINE


def test_of_what_was_written_only_the_time_may_be_another_one_when_it_is_read_first():
    fresh = replace(MINE, read=False)
    found = after(fresh, there(expires=NOW + 4 * DAY))
    assert (found.expires, found.read, found.drift) == (NOW + 4 * DAY, True, None)
    assert after(fresh, there(action="Allowed")).drift.endswith("Block became Allowed")
    assert after(fresh).drift == REMOVED


def test_what_somebody_took_away_is_remembered_for_a_while():
    found = after(MINE)
    assert (found.drift, found.noticed) == (REMOVED, NOW)
    assert after(found, now=NOW + REMEMBERED - DAY) == found
    assert after(found, now=NOW + REMEMBERED) is None
    back = after(found, there(action="Audit"), now=NOW + DAY)
    assert (back.drift, back.action, back.since) == (None, "Audit", NOW + DAY)


def test_what_ended_by_itself_is_no_drift():
    assert after(MINE, now=NOW + 6 * DAY) is None


def test_a_target_that_is_not_sure_what_it_holds_is_no_drift():
    assert after(MINE, there(action="")) == MINE


def test_what_a_broken_run_touched_is_nobodys_doing():
    assert after(MINE, touched=True) is None
    found = after(MINE, there(action="Audit"), touched=True)
    assert (found.action, found.drift) == ("Audit", None)


names = st.sampled_from(["a.example", "b.example", "c.example"])


@given(st.lists(st.tuples(names, st.sampled_from(["Block", "Audit"]), st.booleans()), max_size=8))
def test_looking_twice_sees_the_same(found):
    current = [
        there(value=name, action=action, id=name, application=APPLICATION if mine else None)
        for name, action, mine in found
    ]
    once = reconciled({ID: MINE}, current, (), NOW)
    assert reconciled(once, current, (), NOW) == once
    assert all(one.drift is None for one in once.values() if one.id != ID)


def test_memory_is_stored_and_read(tmp_path):
    objects = FileObjects(tmp_path, lambda: NOW)
    assert load(objects, "defender") == {}
    both = [MINE, replace(MINE, id="0" * 32, sources=(), threat=None, expires=None, drift="x")]
    save(objects, "defender", both)
    assert load(objects, "defender") == {one.id: one for one in both}
    save(objects, "defender", [])
    assert load(objects, "defender") == {}
