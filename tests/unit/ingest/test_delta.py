"""What a fetch changes: by the meaning of absence, by what rows say, by how long they hold."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import Semantics
from tidegate.ingest.delta import Delta, delta
from tidegate.model import Kind, Sighting
from tidegate.sightings import SCHEMA, STATE, empty, frame, unique

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
KEEP = timedelta(days=10)
NONE = pl.Series("id", [], dtype=pl.String)
SNAPSHOT, WINDOW, LOG = Semantics
each = pytest.mark.parametrize("semantics", Semantics)


def row(name: str, at: datetime = NOW, **more) -> Sighting:
    told = {"confidence": 50, "first_seen": at, "last_seen": at, "expires": at + KEEP, **more}
    return Sighting(Kind.DOMAIN, f"{name}.example", "source", **told)


def fetched(*rows: Sighting) -> pl.DataFrame:
    return unique(frame(rows).select(*SCHEMA))


def ids(*names: str) -> pl.Series:
    return pl.Series("id", [row(name).indicator for name in names], dtype=pl.String)


def after(old: pl.DataFrame, *rows: Sighting, by=WINDOW, now=NOW, over=NONE) -> Delta:
    return delta(old, fetched(*rows), over, by, KEEP, now)


def start(*names: str) -> pl.DataFrame:
    return after(empty(), *map(row, names)).state


def names(state: pl.DataFrame) -> set[str]:
    return {value.removesuffix(".example") for value in state["value"]}


@each
def test_the_first_fetch_is_all_new(semantics):
    found = after(empty(), row("a"), row("b"), by=semantics)
    assert (found.new, found.changed, found.renewed, found.withdrawn) == (2, 0, 0, 0)
    assert found.state.equals(found.written)
    assert found.state.schema == pl.Schema(STATE)
    assert (found.state["written"] == NOW).all()


@pytest.mark.parametrize(
    ("by", "stay"), [(SNAPSHOT, {"b"}), (WINDOW, {"a", "b"}), (LOG, {"a", "b"})]
)
def test_what_is_missing_is_gone_or_merely_old(by, stay):
    found = after(start("a", "b"), row("b"), by=by)
    assert names(found.state) == stay
    assert found.withdrawn == 2 - len(stay)
    assert len(found.written) == 0


@each
def test_an_empty_fetch_withdraws_in_a_snapshot_alone(semantics):
    found = after(start("a", "b"), by=semantics)
    assert len(found.state) == (0 if semantics is SNAPSHOT else 2)


@each
def test_what_missing_rows_are_kept_for_ends(semantics):
    later = NOW + KEEP
    found = after(start("a"), row("b", later), by=semantics, now=later)
    assert names(found.state) == {"b"}
    assert (found.new, found.withdrawn) == (1, 1)


@each
def test_what_the_source_calls_over_goes_at_once(semantics):
    found = after(start("a", "b"), row("b"), by=semantics, over=ids("a", "never-known"))
    assert names(found.state) == {"b"}
    assert found.withdrawn == 1


@each
def test_the_same_again_writes_nothing(semantics):
    old = start("a", "b")
    found = after(old, row("a", NOW + KEEP / 4), row("b"), by=semantics, now=NOW + KEEP / 4)
    assert found.empty
    assert found.state.equals(old)


@each
def test_half_of_its_time_gone_renews_a_row(semantics):
    old, later = start("a", "b"), NOW + KEEP / 2 + timedelta(minutes=1)
    found = after(old, row("a", later), row("b", later), by=semantics, now=later)
    assert (found.new, found.changed, found.renewed, found.withdrawn) == (0, 0, 2, 0)
    assert (found.state["expires"] == later + KEEP).all()
    assert (found.state["first_seen"] == NOW).all()
    assert (found.state["last_seen"] == later).all()


@each
def test_a_row_that_says_something_else_is_changed(semantics):
    later = NOW + timedelta(hours=1)
    found = after(
        start("a", "b"), row("a", later, threat="Zeus"), row("b"), by=semantics, now=later
    )
    assert (found.new, found.changed) == (0, 1)
    assert names(found.written) == {"a"}
    assert found.written["first_seen"].to_list() == [NOW]
    assert found.written["written"].to_list() == [later]


def test_a_row_that_comes_back_after_its_end_keeps_its_first_sighting():
    later = NOW + KEEP * 2
    found = after(start("a"), row("a", later), now=later)
    assert (found.new, found.withdrawn, names(found.state)) == (0, 0, {"a"})
    assert found.state["first_seen"].to_list() == [NOW]


def test_an_end_that_the_source_set_is_not_renewed_over_and_over():
    ends = row("a", expires=NOW + timedelta(days=2))
    old = after(empty(), ends).state
    for days in (0, 1):
        assert after(old, ends, now=NOW + timedelta(days=days)).empty


def test_an_end_that_the_source_brings_forward_counts():
    found = after(start("a"), row("a", expires=NOW + timedelta(days=1)))
    assert found.renewed == 1
    assert found.state["expires"].to_list() == [NOW + timedelta(days=1)]


NAMES = st.sampled_from("abcde")
FETCH = st.dictionaries(NAMES, st.tuples(st.integers(0, 30), st.sampled_from([None, "x", "y"])))
HISTORY = st.lists(st.tuples(st.integers(0, 8), FETCH, st.sets(NAMES, max_size=2)), max_size=6)


@pytest.mark.slow
@each
@settings(max_examples=40)
@given(HISTORY)
def test_any_history_keeps_the_invariants(semantics, history):
    old, now, first = empty(), NOW, {}
    for days, fetch, calls_over in history:
        now += timedelta(days=days)
        rows = [
            row(name, now - timedelta(days=ago), threat=threat, expires=now + KEEP)
            for name, (ago, threat) in fetch.items()
        ]
        over = ids(*sorted(calls_over - fetch.keys()))
        found = after(old, *rows, by=semantics, now=now, over=over)
        state = found.state
        assert state["id"].is_sorted()
        assert state["id"].is_unique().all()
        assert (state["expires"] > now).all()
        assert (state["first_seen"] <= state["last_seen"]).all()
        assert fetch.keys() <= names(state)
        assert not names(state) & (calls_over - fetch.keys())
        assert found.withdrawn == len(names(old) - names(state))
        assert found.new == len(names(state) - names(old))
        assert len(found.written) == found.new + found.changed + found.renewed
        if semantics is SNAPSHOT:
            assert names(state) == fetch.keys()
        for value, seen in state.select("value", "first_seen").iter_rows():
            assert seen <= first.get(value, seen)
            first[value] = seen
        first = {value: first[value] for value in state["value"]}
        again = after(state, *rows, by=semantics, now=now, over=over)
        assert again.empty
        assert again.state.equals(state)
        old = state
