"""Markings and techniques, in whatever spelling a source has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.marks import STRICTNESS, joined, strictest, techniques, tlp
from tidegate.model import Tlp


@pytest.mark.parametrize(
    ("word", "marking"),
    [
        ("white", Tlp.CLEAR),
        ("TLP:GREEN", Tlp.GREEN),
        (" tlp: amber ", Tlp.AMBER),
        ("TLP:AMBER+STRICT", Tlp.AMBER_STRICT),
        ("tlp:ex:chr", None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_markings_in_any_spelling(word, marking):
    assert tlp(word) is marking


def test_without_markings_there_is_no_strictest():
    assert strictest([None, None]) is None


@given(st.lists(st.sampled_from([*Tlp, None])))
def test_the_strictest_is_at_least_as_strict_as_each(markings):
    found = strictest(markings)
    assert all(found and STRICTNESS[found] >= STRICTNESS[one] for one in markings if one)
    assert found in {*markings, None}


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("T1566", ["attack:T1566"]),
        ("t1059.001", ["attack:T1059.001"]),
        ("Command-Line Interface - T1059", ["attack:T1059"]),
        ({"id": "T1566", "display_name": "T1566 - Phishing"}, ["attack:T1566"]),
        ("T1059.0011", []),
        ("T10591", []),
        ("AT1059", []),
        ("TA0011", []),
        ("", []),
        (None, []),
    ],
)
def test_techniques_are_found_by_their_number(text, tags):
    assert techniques([text]) == tags


def test_techniques_are_sorted_and_once():
    assert techniques(["T2000", "T1000.002", "t2000"]) == ["attack:T1000.002", "attack:T2000"]


def test_no_tag_holds_the_comma_that_parts_them():
    assert joined(["a,b", "c"]) == "a b,c"
