"""Who alone has what, and who had it first: against a plain loop over plain sets."""

from datetime import UTC, datetime, timedelta
from statistics import median

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.gate import overlap
from tidegate.gate.overlap import contributions, overlaps, spread
from tidegate.gate.score import Source, Sources
from tidegate.model import Kind, indicator_id
from tidegate.sightings import TIME

START = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = Sources(
    {
        "alpha": Source("A"),
        "beta": Source("B"),
        "twin": Source("B", group="pair"),
        "twin2": Source("B", group="pair"),
        "alpha_more": Source("A", group="alpha"),
        "merged": Source("C", copies=frozenset({"alpha", "twin"})),
        "label": Source("A", advisory=True),
    }
)
NAMES = [*KNOWN.known, "stranger"]

Said = dict[tuple[str, str], int]  # indicator and source -> minute of its first sighting


def live(said: Said) -> pl.LazyFrame:
    rows = [
        (indicator_id(Kind.DOMAIN, value), source, START + timedelta(minutes=minute))
        for (value, source), minute in said.items()
    ]
    schema = {"id": pl.String, "source": pl.String, "first_seen": TIME}
    return pl.DataFrame(rows, schema=schema, orient="row").lazy()


def echo(one: str, other: str) -> bool:
    first, second = (KNOWN.known.get(name, Source("F")) for name in (one, other))
    same = (first.group or one) == (second.group or other)
    return same or one in second.copies or second.advisory


def expected(said: Said, source: str, without: frozenset[str] = frozenset()):
    """Indicators, unique and lost of a source, one indicator at a time."""
    of = {value for value, name in said if name == source}
    others = {v: {n for w, n in said if w == v} - {source} - without for v in of}
    unique = sum(all(echo(source, other) for other in others[v]) for v in of)
    return len(of), unique, sum(not others[v] for v in of)


sayings = st.dictionaries(
    st.tuples(st.sampled_from([f"h{n}.example" for n in range(8)]), st.sampled_from(NAMES)),
    st.integers(0, 9),
    max_size=40,
)


@settings(deadline=None, max_examples=25)
@given(sayings, st.sets(st.sampled_from(NAMES), max_size=2))
def test_what_a_source_alone_has_is_what_a_loop_finds(said, gone):
    found = spread(live(said), KNOWN)
    without = frozenset(gone)
    told = {
        row["source"]: (row["indicators"], row["unique"], row["lost"])
        for row in contributions(found.combinations, KNOWN, without).iter_rows(named=True)
    }
    present = {name for _, name in said} - without
    assert told == {name: expected(said, name, without) for name in present}


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(sayings)
def test_pairs_count_what_both_have(said):
    pairs = overlaps(spread(live(said), KNOWN).combinations)
    told = {(source, other): n for source, other, n in pairs.iter_rows()}
    of = {name: {v for v, n in said if n == name} for name in NAMES}
    both = {(a, b): len(of[a] & of[b]) for a in NAMES for b in NAMES if a != b}
    assert told == {pair: n for pair, n in both.items() if n}


@settings(deadline=None, max_examples=25)
@given(sayings)
def test_leads_are_measured_against_the_first_of_the_other_groups(said):
    voices = {name: KNOWN.known.get(name, Source("F")) for name in NAMES}
    leads: dict[str, list[float]] = {}
    for (value, source), minute in said.items():
        if voices[source].advisory:
            continue
        group = voices[source].group or source
        others = [
            m
            for (v, n), m in said.items()
            if v == value and (voices[n].group or n) != group and not voices[n].advisory
        ]
        if others:
            leads.setdefault(source, []).append(60.0 * (min(others) - minute))
    found = spread(live(said), KNOWN).leads
    told = {row[0]: row[1:] for row in found.iter_rows()}
    assert told == {
        name: (len(each), sum(lead > 0 for lead in each), median(each))
        for name, each in leads.items()
    }


def test_a_copy_confirms_nothing_but_what_it_copies_confirms_the_copy():
    said = {("a.example", "alpha"): 0, ("a.example", "merged"): 1}
    rows = contributions(spread(live(said), KNOWN).combinations, KNOWN)
    assert rows.select("source", "unique", "lost").rows() == [("alpha", 1, 0), ("merged", 0, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3, 1_000])
def test_slices_are_an_implementation_detail(monkeypatch, rows):
    said = {(f"h{n}.example", source): n for n in range(99) for source in NAMES[: 1 + n % 4]}
    whole = spread(live(said), KNOWN)
    monkeypatch.setattr(overlap, "ROWS", rows)
    sliced = spread(live(said), KNOWN)
    assert sliced.combinations.equals(whole.combinations)
    assert sliced.leads.sort("source").equals(whole.leads.sort("source"))
