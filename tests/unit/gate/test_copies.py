"""Who copies whom, told from what lists have in common."""

import re
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.gate.copies import CONTAINED, LEAST, Copies, derived, joined, united

ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
STORED = {
    "abuseipdb": "abuseipdb/abuseipdb_s100_120d_aa_20260822.txt",
    "cins": "cins/ci-badguys_20260822.txt",
    "sans": "dshield/sans_20260822.txt",
    "isc": "dshield/isc_20260822_malformed_rows_part1.txt",
    "emerging_threats": "emerging_threats/compromised-ips_20260822.txt",
    "ipsum": "ipsum/ipsum_20260822.txt",
    "alienvault_ssh": "generic_txt/alienvault_ssh_20260822.txt",
    "feodo": "feodo/abuse-ch-ipblocklist_20260822.txt",
}


def combinations(lists: dict[str, set]) -> pl.DataFrame:
    """Count each combination of lists, as `overlap.spread` does."""
    said: dict[object, list[str]] = {}
    for name in sorted(lists):
        for value in lists[name]:
            said.setdefault(value, []).append(name)
    rows = pl.DataFrame({"sources": list(said.values())}, schema={"sources": pl.List(pl.String)})
    return rows.group_by("sources").agg(pl.len().alias("indicators")).sort("sources")


def told(**lists: range) -> Copies:
    return derived(combinations({name: set(of) for name, of in lists.items()}), [*lists])


def test_two_lists_with_most_of_each_other_are_one_group():
    assert told(one=range(200), two=range(40, 240)) == Copies((("one", "two"),))
    assert told(one=range(200), two=range(41, 241)) == Copies()


def test_a_list_that_has_most_of_a_smaller_one_copies_it():
    found = told(one=range(1_000), two=range(900, 1_025), three=range(900, 1_026))
    assert (found.groups, found.copies) == ((("three", "two"),), {"one": ("two",)})


def test_small_lists_prove_nothing():
    assert told(one=range(LEAST - 1), two=range(LEAST - 1)) == Copies()
    assert told(one=range(LEAST), two=range(LEAST)) == Copies((("one", "two"),))


def test_only_those_that_were_asked_about_are_told_of():
    found = combinations({"one": set(range(200)), "vmray": set(range(200))})
    assert derived(found, ["one"]) == Copies()


def test_who_is_alike_to_one_of_a_group_is_alike_to_all_of_it():
    found = told(one=range(1_000), two=range(150, 1_150), three=range(300, 1_300))
    assert found == Copies((("one", "three", "two"),))


lists = st.dictionaries(
    st.sampled_from("abcdef"), st.frozensets(st.integers(0, 40), max_size=30), max_size=6
)


@pytest.mark.slow
@given(lists)
def test_what_is_derived_is_what_containment_says(found):
    scale = {name: {(n, k) for n in of for k in range(LEAST)} for name, of in found.items()}
    got = derived(combinations(scale), [*scale])
    within = {
        (one, two)
        for one in found
        for two in found
        if one != two and found[one] and len(found[one] & found[two]) >= CONTAINED * len(found[one])
    }
    copies = {(two, one) for one, two in within if (two, one) not in within}
    assert {(name, of) for name, each in got.copies.items() for of in each} == copies
    groups = united({}, got.groups)
    assert {pair for pair in within if pair[::-1] in within} <= {
        (a, b) for a in groups for b in groups if groups[a] == groups[b]
    }


# --- beside what was declared -----------------------------------------------------------------


def test_declared_groups_keep_their_names_and_grow():
    assert united({"a": "family"}, [("a", "b"), ("x", "y")]) == {
        **dict.fromkeys(["a", "b", "family"], "family"),
        **dict.fromkeys(["x", "y"], "x"),
    }
    assert set(united({"a": "f", "b": "g"}, [("a", "b")]).values()) == {"f"}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("FG")),
    st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=5),
    st.randoms(use_true_random=False),
)
def test_groups_do_not_depend_on_the_order_of_what_is_alike(declared, alike, random):
    shuffled = [*alike]
    random.shuffle(shuffled)
    assert united(declared, alike) == united(declared, shuffled)


def test_declared_copies_stay_and_what_is_found_comes_beside_them():
    assert joined({"all": {"a"}}, {"all": ("b",), "c": ("a",)}, {}) == {
        "all": {"a", "b"},
        "c": {"a"},
    }


def test_nobody_copies_one_of_the_same_group():
    assert joined({}, {"a": ("b",)}, {"a": "g", "b": "g"}) == {}


names = st.sampled_from("abcde")
copying = st.dictionaries(names, st.frozensets(names, max_size=3), max_size=5)


@given(copying)
def test_what_is_found_closes_no_circle(found):
    copies = joined({}, found, {})

    def walk(path):
        assert len(set(path)) == len(path), path
        for name in copies.get(path[-1], ()):
            walk([*path, name])

    for name in copies:
        walk([name])


# --- real lists -------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_lists_of_one_day_are_independent_but_for_the_list_of_lists(stored):
    found = {n: set(ADDRESS.findall(stored(f).read_text("latin-1"))) for n, f in STORED.items()}
    assert all(len(of) >= LEAST for of in found.values())
    assert derived(combinations(found), [*found]) == Copies((), {"ipsum": ("emerging_threats",)})


@pytest.mark.slow
def test_two_fetches_of_one_real_list_are_one_group(stored):
    rows = [*dict.fromkeys(ADDRESS.findall(stored(STORED["cins"]).read_text("latin-1")))]
    cut = len(rows) // 10
    shifted = {name: set(rows[n : n + 8 * cut]) for name, n in (("one", 0), ("two", cut))}
    assert all(a < b for a, b in pairwise(sorted(shifted)))
    assert derived(combinations(shifted), ["one", "two"]).groups == (("one", "two"),)
