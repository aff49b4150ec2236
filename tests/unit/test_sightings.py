"""Sightings as columns: ids, merging of repeats, fingerprints."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.sightings import (
    SCHEMA,
    empty,
    fingerprinted,
    frame,
    ids,
    sightings,
    unexpired,
    unique,
)

DAY = datetime(2026, 11, 20, tzinfo=UTC)
VALUES = ["a.example", "b.example", "c.example", "d.example", "e.example"]
TEXT = st.sampled_from([None, "", "x", "y", "Mozi"])
HOURS = st.integers(0, 3).map(lambda hours: DAY + timedelta(hours=hours))
ROW = st.builds(
    Sighting,
    st.just(Kind.DOMAIN),
    st.sampled_from(VALUES),
    st.just("source"),
    st.integers(0, 100),
    first_seen=HOURS,
    last_seen=HOURS,
    expires=HOURS,
    tags=st.lists(st.sampled_from(["a", "b", "a,b", ""]), max_size=3).map(tuple),
    threat=TEXT,
    reference=TEXT,
    tlp=st.sampled_from(Tlp),
    original=TEXT,
)
ROWS = st.lists(ROW, max_size=12)


def plain(rows) -> pl.DataFrame:
    return frame(rows).select(*SCHEMA)


def one(*rows: Sighting) -> Sighting:
    merged = unique(plain(rows)).with_columns(source=pl.lit("source"))
    (found,) = sightings(merged)
    return found


def seen(**more) -> Sighting:
    known = {"kind": Kind.DOMAIN, "value": "a.example", "source": "source", "confidence": 50}
    times = {"first_seen": DAY, "last_seen": DAY, "expires": DAY + timedelta(days=7)}
    return Sighting(**{**known, **times, **more})


@pytest.mark.slow
@given(st.permutations(range(12)), ROWS)
def test_the_order_of_repeats_does_not_matter(order, rows):
    shuffled = [rows[i] for i in order if i < len(rows)]
    assert unique(plain(shuffled)).equals(unique(plain(rows)))


@pytest.mark.slow
@given(ROWS)
def test_merging_twice_is_merging_once(rows):
    once = unique(plain(rows))
    assert unique(once).equals(once)
    assert once["id"].to_list() == sorted({row.indicator for row in rows})


@pytest.mark.slow
@given(ROWS)
def test_merging_loses_no_time_tag_or_marking(rows):
    merged = unique(plain(rows))
    for row in merged.to_dicts():
        same = [r for r in rows if r.indicator == row["id"]]
        assert row["first_seen"] == min(r.first_seen for r in same)
        assert row["last_seen"] == max(r.last_seen for r in same)
        assert row["expires"] == max(r.expires for r in same)
        assert row["confidence"] == max(r.confidence for r in same)
        assert set(row["tags"]) == {tag for r in same for tag in r.tags}
        assert row["tlp"] == max((r.tlp for r in same), key=list(Tlp).index)


def test_the_later_sighting_has_the_say():
    later = seen(last_seen=DAY + timedelta(hours=1), threat="Vidar", reference=None)
    assert one(seen(threat="Zeus", reference="r"), later).threat == "Vidar"
    assert one(seen(threat="Zeus", reference="r"), later).reference == "r"


@pytest.mark.parametrize(
    ("these", "strictest"),
    [
        ((Tlp.GREEN, Tlp.CLEAR), Tlp.GREEN),
        ((Tlp.AMBER, Tlp.GREEN), Tlp.AMBER),
        ((Tlp.AMBER, Tlp.AMBER_STRICT), Tlp.AMBER_STRICT),
        ((Tlp.RED, Tlp.AMBER_STRICT), Tlp.RED),
    ],
)
def test_the_strictest_marking_wins(these, strictest):
    assert one(*(seen(tlp=tlp) for tlp in these)).tlp is strictest


def test_ids_of_columns_are_the_ids_of_values():
    pairs = [(Kind.URL, "http://e.example/ü"), (Kind.IPV4, "192.0.2.1"), (Kind.DOMAIN, "a.example")]
    kinds, values = zip(*pairs, strict=True)
    found = ids(pl.Series(kinds, dtype=pl.String), pl.Series(values))
    assert found.to_list() == [indicator_id(*pair) for pair in pairs]
    assert ids(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String)).is_empty()


def test_a_sighting_survives_its_columns():
    row = seen(tags=("x", "y"), threat="t", reference="r", tlp=Tlp.RED, original="A.example")
    assert sightings(frame([row])) == [row]


@pytest.mark.slow
@given(ROWS.filter(bool))
def test_a_fingerprint_depends_on_what_a_row_says_alone(rows):
    alone = [fingerprinted(plain([row]))["fingerprint"][0] for row in rows]
    assert fingerprinted(plain(rows))["fingerprint"].to_list() == alone
    said = [(r.confidence, r.tags, r.threat, r.reference, r.tlp) for r in rows]
    assert len(set(alone)) == len(set(said))


def test_a_fingerprint_survives_the_file(tmp_path):
    rows = unique(
        plain([seen(tags=("x",), threat="t"), seen(value="b.example"), seen(tags=("y",))])
    )
    marked = fingerprinted(rows)
    marked.write_parquet(tmp_path / "rows.parquet")
    again = pl.read_parquet(tmp_path / "rows.parquet").drop("fingerprint")
    assert fingerprinted(again)["fingerprint"].equals(marked["fingerprint"])


def test_a_sighting_holds_until_it_expires():
    rows = plain([seen(expires=DAY)]).lazy()
    assert len(unexpired(rows, DAY - timedelta(seconds=1)).collect()) == 1
    assert len(unexpired(rows, DAY).collect()) == 0


def test_nothing_merges_to_nothing():
    assert unique(empty(SCHEMA)).schema == empty(SCHEMA).schema
