"""What everybody uses is not made an indicator of."""

import polars as pl

from tidegate.warninglists import Popularity

TRANCO = "1,popular.example\n2,www.second.example\n3,github.io\n4,com\n,broken\n5,second.example\n"
NAMES = ["popular.example", "a.popular.example", "second.example", "evil.github.io", "rare.example"]


def test_a_name_is_popular_with_its_registered_domain():
    ranked = Popularity.of(TRANCO)
    asked = pl.Series(NAMES)
    assert ranked.popular(asked).to_list() == [True, True, True, False, False]
    assert ranked.popular(asked, within=1).to_list() == [True, True, False, False, False]


def test_nothing_is_derived_below_a_shared_name():
    ranked = Popularity.of(TRANCO)
    assert ranked.derivable(pl.Series(NAMES)).to_list() == [False, False, False, False, True]
    assert ranked.derivable(pl.Series(NAMES), within=2).to_list() == [False] * 3 + [True] * 2


def test_a_list_of_urls_ranks_by_its_order():
    ranked = Popularity.of(
        "url,label\nhttps://one.example,0\nhttps://two.example/x,0\nhttps://one.example,1"
    )
    found = dict(ranked.ranks.select("name", "rank").iter_rows())
    assert found == {"one.example": 1, "two.example": 2}


def test_an_empty_list_knows_nothing():
    empty = Popularity.of("")
    assert empty.popular(pl.Series(NAMES)).to_list() == [False] * 5
    assert empty.derivable(pl.Series([], dtype=pl.String)).to_list() == []
