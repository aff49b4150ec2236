"""Hits of alerts: each once, as it was last judged, whatever the order."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate import hits
from tidegate.gate.learned import Tally
from tidegate.model import Alert, Entity, Evidence, Kind, indicator_id
from tidegate.ports import LogTable
from tidegate.sightings import empty

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHA256, SHA1 = "ab" * 32, "cd" * 20
WORDS = [None, "Unknown", "TruePositive", "FalsePositive", "InformationalExpectedActivity"]
NAMES = ["a.example", "b.example"]
NAMING = {"a.example": ["one", "two"], "b.example": ["two"]}


def alert(number=1, *names, said=None, at=NOW, addresses=()):
    evidence = tuple(Evidence(Entity.URL, url=name) for name in names)
    return Alert(
        f"da{number}", "", "Low", "New", "CustomerTI", at, None, None, evidence, (),
        classification=said, addresses=addresses,
    )  # fmt: skip


def reported(naming=NAMING) -> pl.DataFrame:
    rows = [(indicator_id(Kind.DOMAIN, n), source) for n, of in naming.items() for source in of]
    return pl.DataFrame(rows, schema={"id": pl.String, "source": pl.String}, orient="row")


def heard(*batches, naming=NAMING, now=NOW):
    held = hits.nothing()
    for batch in batches:
        fresh = hits.of_alerts(batch)
        held = hits.merged(held, hits.credited(fresh, held, reported(naming)), now)
    return held


# --- what an alert names ----------------------------------------------------------------------


def test_a_url_names_itself_its_host_and_what_covers_it():
    found = set(hits.named(alert(1, "hxxp://cdn.a.example:8080/x?y")))
    assert found == {
        (Kind.URL, "http://cdn.a.example:8080/x?y"),
        (Kind.DOMAIN, "cdn.a.example"),
        (Kind.DOMAIN, "a.example"),
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("http://192.0.2.1/x", {(Kind.URL, "http://192.0.2.1/x"), (Kind.IPV4, "192.0.2.1")}),
        (
            "http://[2001:db8::1]/",
            {(Kind.URL, "http://[2001:db8::1]/"), (Kind.IPV6, "2001:db8::1")},
        ),
        ("a.example", {(Kind.DOMAIN, "a.example")}),
        ("192.0.2.1", {(Kind.IPV4, "192.0.2.1")}),
        ("not one", set()),
    ],
)
def test_whatever_defender_calls_a_url_is_read(text, named):
    assert set(hits.named(alert(1, text))) == named


def test_files_and_addresses_are_named_too():
    file = Evidence(Entity.FILE, sha256=SHA256, sha1=SHA1, path="x")
    one = alert(addresses=("192.0.2.1", "192.0.2.0/24x", "nothing"))
    found = set(hits.named(one)) | set(hits.named(Alert(*["x"] * 5, NOW, evidence=(file,))))
    assert found == {(Kind.IPV4, "192.0.2.1"), (Kind.SHA256, SHA256), (Kind.SHA1, SHA1)}


# --- counting ---------------------------------------------------------------------------------


def test_an_alert_is_one_hit_of_each_indicator_and_credits_each_source():
    found = heard([alert(1, "http://x.a.example/1", "http://x.a.example/2", "b.example")])
    assert sorted(found["value"]) == NAMES
    assert hits.tallies(found) == {"one": Tally(hits=1), "two": Tally(hits=2)}


@pytest.mark.parametrize(
    ("said", "tally"),
    [
        (None, Tally(hits=1)),
        ("TruePositive", Tally(hits=1, confirmed=1)),
        ("truePositive", Tally(hits=1, confirmed=1)),
        ("FalsePositive", Tally(hits=1, false_positives=1)),
        ("InformationalExpectedActivity", Tally(hits=1, false_positives=1)),
        ("something new", Tally(hits=1)),
    ],
)
def test_a_classification_judges_the_hit(said, tally):
    assert hits.tallies(heard([alert(1, "b.example", said=said)])) == {"two": tally}


def test_a_later_classification_corrects_the_count():
    first = alert(1, "b.example", said="FalsePositive")
    later = alert(1, "b.example", said="TruePositive", at=NOW + HOUR)
    expected = {"two": Tally(hits=1, confirmed=1)}
    assert hits.tallies(heard([first], [later])) == expected
    assert hits.tallies(heard([later], [first])) == expected
    assert len(hits.false(heard([first]))) == 1
    assert hits.false(heard([first], [later])).is_empty()


def test_who_named_it_first_is_credited_and_what_is_gone_keeps_its_hit():
    held = heard([alert(1, "b.example")])
    again = hits.of_alerts([alert(1, "b.example", said="TruePositive", at=NOW + HOUR)])
    for naming in ({"b.example": ["two", "copycat"]}, {}):
        found = hits.merged(held, hits.credited(again, held, reported(naming)), NOW)
        assert hits.tallies(found) == {"two": Tally(hits=1, confirmed=1)}


def test_hits_of_long_ago_are_dropped():
    assert heard([alert(1, "b.example")], now=NOW + hits.KEPT).is_empty()
    assert len(heard([alert(1, "b.example")], now=NOW + hits.KEPT - HOUR)) == 1


told = st.builds(
    alert,
    st.integers(1, 3),
    st.sampled_from([*NAMES, "http://x.a.example/1", "unknown.example"]),
    said=st.sampled_from(WORDS),
    at=st.integers(0, 3).map(lambda n: NOW - n * HOUR),
)


@pytest.mark.slow
@given(st.lists(told, max_size=8), st.randoms(use_true_random=False), st.integers(1, 3))
def test_alerts_in_any_order_and_number_give_the_same_counts(alerts, random, size):
    shuffled = alerts * 2
    random.shuffle(shuffled)
    batches = [shuffled[n : n + size] for n in range(0, len(shuffled), size)]
    once, often = heard(alerts), heard(*batches)
    assert hits.tallies(often) == hits.tallies(once)
    assert often.equals(once)


@given(st.lists(told, max_size=8))
def test_counts_are_what_a_loop_finds(alerts):
    newest: dict[tuple[str, str], tuple] = {}
    worst = ["hit", "confirmed", "benign", "false"]
    for one in alerts:
        outcome = hits.CLASSIFIED.get((one.classification or "").lower(), "hit")
        for kind, value in set(hits.named(one)):
            if kind is Kind.DOMAIN and value in NAMING:
                key, said = (one.id, value), (one.updated, worst.index(outcome))
                newest[key] = max(newest.get(key, said), said)
    counts: dict[str, list[int]] = {}
    for (_, value), (_, place) in newest.items():
        for source in NAMING[value]:
            at = counts.setdefault(source, [0, 0, 0])
            at[0] += 1
            at[1] += place == 1
            at[2] += place > 1
    found = hits.tallies(heard(alerts))
    assert {n: [t.hits, t.confirmed, t.false_positives] for n, t in found.items()} == counts


# --- matches ----------------------------------------------------------------------------------


def matches(*rows) -> LogTable:
    columns = {"Day": "datetime", "Value": "string", "Matches": "long"}
    return LogTable(
        columns, pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    )


def test_matches_count_by_day_and_the_fuller_count_holds():
    day, next_ = "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"
    held = hits.nothing()
    for found in (
        matches((day, "B.example", "7"), (next_, "b.example", "2"), (day, "junk!", "9")),
        matches((day, "b.example", "3"), (next_, "b.example", "5"), (day, None, "1")),
    ):
        fresh = hits.credited(hits.of_matches(found), held, reported())
        held = hits.merged(held, fresh, NOW)
    assert held["count"].to_list() == [7, 5]
    assert hits.tallies(held) == {"two": Tally(hits=12)}


def test_nothing_is_nothing():
    assert hits.merged(hits.nothing(), hits.nothing(), NOW).schema == empty(hits.HITS).schema
    assert hits.tallies(hits.nothing()) == {}
