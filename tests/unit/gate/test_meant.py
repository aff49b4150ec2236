"""An indicator passes a warninglist where all that ask to block it mean what the list holds."""

import orjson
import polars as pl
import pytest

from tidegate.gate.meant import meant, unclean
from tidegate.hygiene import Policy
from tidegate.warninglists import Popularity, Warninglists, parse

SHORT = {"type": "hostname", "matching_attributes": ["domain"], "list": ["short.example.org"]}
POLICY = Policy(
    ("mine.example.org",),
    simulated=True,
    lists=Warninglists.of([parse("shorteners", orjson.dumps(SHORT))]),
    popular=Popularity.of("1,popular.example\n"),
)
EXCEPTIONS = {"one": frozenset({"shorteners"}), "two": frozenset({"shorteners", "tranco"})}


def why(value: str, *sources: str) -> str | None:
    rows = pl.DataFrame({"kind": ["domain"], "value": [value], "sources": [list(sources)]})
    found: str | None = unclean(rows, POLICY, EXCEPTIONS)[0]
    return found


@pytest.mark.parametrize(
    ("value", "sources", "reason"),
    [
        ("short.example.org", ["one"], None),
        ("short.example.org", ["one", "two"], None),
        ("short.example.org", ["one", "three"], "warninglist shorteners"),
        ("short.example.org", ["three"], "warninglist shorteners"),
        ("popular.example", ["two"], None),
        ("popular.example", ["one", "two"], "popular domain"),
        ("a.mine.example.org", ["one", "two"], "allow-list"),
        ("clean.example.org", ["three"], None),
    ],
)
def test_all_that_ask_have_to_mean_it(value, sources, reason):
    assert why(value, *sources) == reason


def test_rows_keep_their_places():
    values = ["short.example.org", "clean.example.org", "short.example.org", "popular.example"]
    rows = pl.DataFrame(
        {
            "kind": ["domain"] * 4,
            "value": values,
            "sources": [["three"], ["one"], ["two"], ["two"]],
        }
    )
    assert unclean(rows, POLICY, EXCEPTIONS).to_list() == [
        "warninglist shorteners",
        None,
        None,
        None,
    ]
    assert unclean(rows.clear(), POLICY, EXCEPTIONS).to_list() == []


def test_of_no_source_nothing_is_meant():
    assert meant([], EXCEPTIONS) == frozenset()
