"""A TAXII collection: paging that loses and repeats nothing, whatever happens between pages."""

import json
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rows import NOW, everything, row, the_set, wanted

from tidegate.canonical import Rejected
from tidegate.gate.collection import Collection, Match, collection, contents, page, place
from tidegate.gate.published import PUBLISHED, merged
from tidegate.model import Tlp
from tidegate.sharing import Terms
from tidegate.sightings import empty
from tidegate.stix.write import indicator_id

HOUR = timedelta(hours=1)
NAMES = [f"{name}.example" for name in "abcdefgh"]
ALL = Match()
TERMS = Terms(attributions={"alpha": "(c) Alpha"})


def held(rows: pl.DataFrame, up_to: Tlp = Tlp.GREEN) -> Collection:
    return collection(rows, up_to, TERMS)


def visit(collection_, limit: int, match: Match = ALL) -> list[tuple[str, str]]:
    seen, after = [], None
    while True:
        found = page(collection_, match, limit, after)
        assert len(found.entries) <= limit
        seen += found.entries.select("id", "version").rows()
        if found.after is None:
            return seen
        after = place(str(found.after))


ticks = st.lists(st.integers(0, 3), min_size=1, max_size=30)


@given(ticks, st.integers(1, 12))
def test_any_limit_visits_each_object_once(added, limit):
    rows = [
        row(f"{n}.example", changed=NOW + tick * timedelta(microseconds=1))
        for n, tick in enumerate(added)
    ]
    made = held(the_set(*rows))
    seen = visit(made, limit)
    assert len(seen) == len(set(seen)) == len(rows) + 3  # two of TLP, one statement
    assert seen == visit(made, 1_000)


changes = st.lists(
    st.tuples(st.sets(st.sampled_from(NAMES)), st.sampled_from([60.0, 80.0])), max_size=6
)


@pytest.mark.slow
@settings(max_examples=60)
@given(changes, st.integers(1, 4))
def test_while_the_set_changes_nothing_is_missed_and_no_version_comes_twice(states, limit):
    """The set is another one after each page, until there is no other one to come."""
    rows, now = merged(empty(PUBLISHED), wanted(*map(row, NAMES)), NOW), NOW
    seen, after, match, left = [], None, Match(), list(states)
    while True:
        found = page(held(rows), match, limit, after)
        seen += found.entries.select("id", "version").rows()
        after = found.after
        if after is None and len(found.entries):  # as clients do when they come again
            match = Match(added_after=found.entries["added"][-1])
        if left:
            (there, score), now = left.pop(), now + HOUR
            rows = merged(rows, wanted(*(row(name, score=score) for name in sorted(there))), now)
        elif after is None:
            break
    assert len(seen) == len(set(seen))
    assert set(held(rows).entries.select("id", "version").rows()) <= set(seen)


def test_a_client_that_knows_only_when_it_last_asked_hears_of_all_that_changed():
    rows = merged(empty(PUBLISHED), wanted(*map(row, NAMES)), NOW)
    later = merged(rows, wanted(*map(row, NAMES[:6])), NOW + HOUR)
    since = Match(added_after=NOW)
    assert [one for one, _ in visit(held(later), 1, since)] == sorted(
        indicator_id(row(name)["id"]) for name in NAMES[6:]
    )
    for text in contents(held(later), page(held(later), since, 9)):
        assert json.loads(text)["revoked"] is True
    assert visit(held(later), 5, Match(added_after=NOW + HOUR)) == []


def test_contents_are_in_the_order_of_their_entries():
    made = held(everything())
    found = page(made, Match(), 1_000)
    objects = [json.loads(text) for text in contents(made, found)]
    assert [one["id"] for one in objects] == found.entries["id"].to_list()
    versions = [one.get("modified", one["created"]) for one in objects]
    assert versions == found.entries["version"].to_list()
    assert {one["type"] for one in objects} == {"indicator", "marking-definition"}
    assert len(objects) == 16 + 3  # of 17 kinds a CVE is no pattern


def test_markings_that_are_referred_to_are_there():
    rows = [row(f"{n}.example", tlp=tlp.value) for n, tlp in enumerate(Tlp)]
    made = held(the_set(*rows), Tlp.AMBER_STRICT)
    objects = [json.loads(text) for text in contents(made, page(made, Match(), 99))]
    there = {one["id"] for one in objects}
    referred = {ref for one in objects for ref in one.get("object_marking_refs", [])}
    assert referred <= there
    assert sum(one["type"] == "indicator" for one in objects) == 4


@pytest.mark.parametrize(
    ("match", "count"),
    [
        (Match(), 5),
        (Match(types=frozenset({"indicator"})), 2),
        (Match(types=frozenset({"marking-definition", "indicator"})), 5),
        (Match(types=frozenset({"malware"})), 0),
        (Match(specs=frozenset({"2.0"})), 0),
        (Match(specs=frozenset({"2.0", "2.1"})), 5),
        (Match(versions=frozenset({"last"})), 5),
        (Match(versions=frozenset({"2026-03-01T11:00:00.000Z"})), 2),
        (Match(versions=frozenset({"2026-03-01T11:00:00.000Z", "first"})), 5),
        (Match(ids=frozenset({indicator_id(row("a.example")["id"]), "indicator--no"})), 1),
    ],
    ids=map(str, range(10)),
)
def test_what_is_asked_for_is_what_comes(match, count):
    assert len(visit(held(the_set(row("a.example"), row("b.example"))), 2, match)) == count


@pytest.mark.parametrize("text", ["", "x", "MXwx", "é", "A" * 500, "MXw5OTk5fHg"])
def test_a_place_that_is_none_of_ours_is_refused(text):
    with pytest.raises(Rejected):
        place(text)
