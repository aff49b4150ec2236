"""What is chosen: hygiene first, then the best under the caps, and one name for many."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.warninglists import Folder
from tidegate.gate.select import ENFORCEABLE, Caps, Verdicts, select
from tidegate.hygiene import Policy, reason
from tidegate.model import Kind, indicator_id
from tidegate.warninglists import Popularity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy(("good.example",), simulated=True)


def candidate(value: str, score: float, kind: Kind = Kind.DOMAIN, *more: str) -> dict[str, Any]:
    return {
        "id": indicator_id(kind, value),
        "kind": kind.value,
        "value": value,
        "score": score,
        "sources": ["alpha", *more],
        "newest": NOW,
        "last_seen": NOW,
        "threat": None,
    }


def candidates(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {"score": pl.Float64, "threat": pl.String, "sources": pl.List(pl.String)}
    return pl.DataFrame(list(rows), schema_overrides=schema)


def ids(*values: str, kind: Kind = Kind.DOMAIN) -> pl.Series:
    return pl.Series("id", [indicator_id(kind, one) for one in values], dtype=pl.String)


def chosen(*rows: dict[str, Any], slots: int = 10, held=(), dwelling=(), **caps: Any):
    known = Verdicts(held=ids(*held), dwelling=ids(*dwelling))
    return select(candidates(*rows), known, POLICY, Caps(slots, **caps))


def values(selected: pl.DataFrame) -> list[str]:
    return selected.filter(pl.col("why_not").is_null())["value"].to_list()


def why_not(selected: pl.DataFrame) -> dict[str, str]:
    return dict(selected.select("value", "why_not").drop_nulls().iter_rows())


def test_of_equals_what_was_first_seen_last_takes_the_slot_whatever_its_id():
    rows = [candidate(f"d{n}.example", 80.0) for n in range(9)]
    later = [row | {"newest": NOW + timedelta(hours=n % 3)} for n, row in enumerate(rows)]
    assert sorted(values(chosen(*later, slots=3))) == ["d2.example", "d5.example", "d8.example"]
    assert values(chosen(*rows, slots=9)) == [
        row["value"] for row in sorted(rows, key=lambda row: row["id"])
    ]


some = (
    st.builds(
        candidate,
        st.sampled_from([f"d{n}.example" for n in range(30)] + ["good.example", "a.good.example"]),
        st.floats(0, 100),
    )
    | st.builds(
        candidate,
        st.sampled_from(["10.0.0.1", "192.0.2.9", "127.0.0.1"]),
        st.floats(0, 100),
        st.just(Kind.IPV4),
    )
    | st.builds(candidate, st.just("192.0.2.0/24"), st.floats(0, 100), st.just(Kind.CIDR))
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    st.lists(some, min_size=1, max_size=20, unique_by=lambda row: row["id"]),
    st.integers(0, 12),
    st.sets(st.sampled_from([f"d{n}.example" for n in range(30)]), max_size=10),
)
def test_what_is_chosen_is_clean_enforceable_good_and_fits(rows, slots, held):
    found = chosen(*rows, slots=slots, held=tuple(held))
    took = found.filter(pl.col("why_not").is_null())
    assert len(took) <= slots
    assert {row["id"] for row in rows} == set(found["id"])
    for row in took.iter_rows(named=True):
        kind = Kind(row["kind"])
        assert kind in ENFORCEABLE
        assert reason(kind, row["value"], POLICY) is None
        assert row["score"] + 5 * (row["value"] in held) >= 50
    left = found.filter(pl.col("why_not") == "no slot left")
    if len(left) and len(took):
        bonus = 5.0 * pl.col("held").cast(pl.Float64)
        worst = took.select((pl.col("score") + bonus).min()).item()
        assert worst >= left.select((pl.col("score") + bonus).max()).item()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.lists(some, min_size=1, unique_by=lambda row: row["id"]).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_same_candidates_are_chosen_in_any_order(both):
    one, other = both
    assert chosen(*one, slots=3).equals(chosen(*other, slots=3))


def test_ties_go_by_id():
    rows = [candidate(f"{name}.example", 80) for name in "abcdef"]
    first = sorted(rows, key=lambda row: row["id"])[:2]
    assert values(chosen(*rows, slots=2)) == [row["value"] for row in first]


def test_each_refusal_has_its_reason():
    found = chosen(
        candidate("a.example", 90),
        candidate("b.example", 80),
        candidate("c.example", 49),
        candidate("x.good.example", 99),
        candidate("192.0.2.0/24", 99, Kind.CIDR),
        candidate("alex@mail.example", 99, Kind.EMAIL),
        slots=1,
    )
    assert values(found) == ["a.example"]
    assert why_not(found) == {
        "b.example": "no slot left",
        "c.example": "score too low",
        "x.good.example": "allow-list",
        "192.0.2.0/24": "not taken: cidr",
        "alex@mail.example": "not taken: email",
    }


@pytest.mark.parametrize(("score", "stays"), [(45.0, True), (44.9, False)])
def test_who_has_a_slot_may_be_a_little_worse(score, stays):
    assert values(chosen(candidate("a.example", score), held=("a.example",))) == (
        ["a.example"] if stays else []
    )
    assert values(chosen(candidate("a.example", score))) == []


def test_a_newcomer_must_be_clearly_better():
    rows = [candidate("new.example", 84), candidate("old.example", 80)]
    assert values(chosen(*rows, slots=1, held=("old.example",))) == ["old.example"]
    rows = [candidate("new.example", 86), candidate("old.example", 80)]
    assert values(chosen(*rows, slots=1, held=("old.example",))) == ["new.example"]


# --- caps --------------------------------------------------------------------------------------


def test_who_came_lately_stays_though_better_ones_wait():
    rows = [candidate("new.example", 99), candidate("old.example", 60)]
    found = chosen(*rows, slots=1, held=("old.example",), dwelling=("old.example",))
    assert values(found) == ["old.example"]
    assert why_not(found) == {"new.example": "no slot left"}


def test_a_ceiling_leaves_slots_to_other_kinds():
    rows = [candidate(f"{name}.example", 90) for name in "abc"]
    rows.append(candidate("192.0.2.1", 60, Kind.IPV4))
    found = chosen(*rows, slots=3, ceilings={Kind.DOMAIN: 2})
    assert len(values(found)) == 3
    assert "192.0.2.1" in values(found)
    assert list(why_not(found).values()) == ["no slot left for domain"]


def test_a_floor_comes_before_better_ones_of_other_kinds():
    rows = [candidate(f"{name}.example", 90) for name in "abc"]
    rows.append(candidate("192.0.2.1", 60, Kind.IPV4))
    assert "192.0.2.1" not in values(chosen(*rows, slots=3))
    found = chosen(*rows, slots=3, floors={Kind.IPV4: 1})
    assert "192.0.2.1" in values(found)
    assert len(values(found)) == 3


def test_a_floor_keeps_nobody_who_is_not_good_enough():
    found = chosen(candidate("192.0.2.1", 40, Kind.IPV4), floors={Kind.IPV4: 1})
    assert why_not(found) == {"192.0.2.1": "score too low"}


def test_what_is_barred_says_why():
    bad = candidate("a.example", 90)
    known = Verdicts(barred={bad["id"]: "refused there: InvalidDomainName"})
    found = select(candidates(bad), known, POLICY, Caps(9))
    assert why_not(found) == {"a.example": "refused there: InvalidDomainName"}


# --- one name for many -------------------------------------------------------------------------


def url(value: str, score: float = 80, *more: str) -> dict[str, Any]:
    return candidate(value, score, Kind.URL, *more)


def test_a_domain_covers_what_is_below_it_and_on_it():
    found = chosen(
        candidate("bad.example", 80),
        candidate("x.y.bad.example", 85),
        url("http://bad.example/a"),
        url("https://www.bad.example:8443/b?c", 99),
        candidate("notbad.example", 80),
        url("http://notbad.example.org/"),
    )
    assert set(values(found)) == {"bad.example", "notbad.example", "http://notbad.example.org/"}
    assert set(why_not(found).values()) == {"covered by bad.example"}
    assert len(why_not(found)) == 3


def test_an_address_covers_its_urls():
    found = chosen(
        candidate("192.0.2.1", 80, Kind.IPV4),
        url("http://192.0.2.1:81/a"),
        candidate("2001:db8::1", 80, Kind.IPV6),
        url("http://[2001:db8::1]/a"),
        url("http://192.0.2.11/a"),
    )
    assert set(values(found)) == {"192.0.2.1", "2001:db8::1", "http://192.0.2.11/a"}


def test_who_is_only_audited_covers_nobody_who_is_blocked():
    found = chosen(candidate("bad.example", 60), url("http://bad.example/a", 90))
    assert len(values(found)) == 2
    found = chosen(candidate("bad.example", 60), url("http://bad.example/a", 70))
    assert values(found) == ["bad.example"]


def test_who_covers_ranks_as_high_as_what_it_stands_for():
    found = chosen(
        candidate("bad.example", 76),
        url("http://bad.example/a", 99),
        candidate("other.example", 90),
        slots=1,
    )
    assert values(found) == ["bad.example"]


def test_the_topmost_name_covers_all_others():
    found = chosen(
        candidate("a.b.example", 90), candidate("b.example", 80), url("http://a.b.example/")
    )
    assert why_not(found) == {
        "a.b.example": "covered by b.example",
        "http://a.b.example/": "covered by b.example",
    }


@pytest.mark.parametrize(("urls", "host"), [(2, False), (3, True), (5, True)])
def test_urls_that_agree_give_way_to_their_host(urls, host):
    rows = [url(f"http://many.example/{n}", 80 + n, f"s{n}") for n in range(urls)]
    found = chosen(*rows)
    assert (values(found) == ["many.example"]) is host
    if host:
        [lifted] = found.filter(pl.col("value") == "many.example").to_dicts()
        assert (lifted["kind"], lifted["for"], lifted["score"]) == ("domain", urls, 80 + urls - 3)
        assert lifted["sources"] == ["alpha", *(f"s{n}" for n in range(urls))]
        assert lifted["id"] == indicator_id(Kind.DOMAIN, "many.example")


def test_a_host_that_stands_for_its_urls_already_needs_one_less():
    rows = [url(f"http://many.example/{n}") for n in range(2)]
    assert values(chosen(*rows, held=("many.example",))) == ["many.example"]
    assert len(values(chosen(rows[0], held=("many.example",)))) == 1
    assert "many.example" not in values(chosen(rows[0], held=("many.example",)))


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]"])
def test_an_address_stands_for_its_urls_as_what_it_is(host):
    found = chosen(*(url(f"http://{host}/{n}") for n in range(3)))
    [only] = found.filter(pl.col("why_not").is_null()).to_dicts()
    assert only["value"] == host.strip("[]")
    assert only["kind"] == ("ipv6" if ":" in host else "ipv4")


def test_no_host_is_lifted_that_hygiene_keeps_out():
    rows = [url(f"http://www.good.example/{n}") for n in range(4)]
    assert values(chosen(*rows)) == []
    assert set(why_not(chosen(*rows)).values()) == {"allow-list"}


@pytest.mark.parametrize(
    ("host", "popular", "lifted"),
    [
        ("rare.example", "1,github.io\n", True),
        ("evil.github.io", "1,other.io\n", True),
        ("evil.github.io", "1,github.io\n", False),  # it may look like any customer
        ("raw.githubusercontent.com", "", False),
        ("t.me", "", False),
    ],
)
def test_the_pages_of_a_shared_host_stand_for_themselves(tmp_path, host, popular, lifted):
    pages = [f"http://{host}/{n}" for n in range(4)]
    policy = Policy(simulated=True, lists=Folder(tmp_path).lists(), popular=Popularity.of(popular))
    found = select(candidates(*map(url, pages)), Verdicts(), policy, Caps(10))
    assert sorted(values(found)) == ([host] if lifted else pages)


hosts = st.sampled_from(["a.example", "b.a.example", "c.example", "192.0.2.1", "good.example"])
mixed = st.builds(
    lambda host, path, score: url(f"http://{host}/{path}", score),
    hosts,
    st.integers(0, 9),
    st.floats(0, 100),
) | st.builds(
    lambda host, score: candidate(host, score, Kind.IPV4 if host[0] == "1" else Kind.DOMAIN),
    hosts,
    st.floats(0, 100),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(mixed, min_size=1, unique_by=lambda row: row["id"]),
    st.integers(0, 8),
    st.integers(0, 3),
)
def test_who_covers_is_chosen_or_those_below_it_would_not_have_been(rows, slots, domains):
    found = chosen(*rows, slots=slots, ceilings={Kind.DOMAIN: domains})
    took, left = values(found), why_not(found)
    assert len(took) <= slots
    assert (
        sum(
            reason(Kind.DOMAIN, one, POLICY) is None and "/" not in one and one[0] != "1"
            for one in took
        )
        <= domains
    )
    covers = {why.removeprefix("covered by ") for why in left.values() if why.startswith("covered")}
    assert all(cover in took or left[cover] == "no slot left" for cover in covers)
