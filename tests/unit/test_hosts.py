"""Where the host of a value is, by cutting, is where one pattern finds it."""

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.canonical import Rejected, canonical
from tidegate.hosts import HOSTLESS, host, located, number6
from tidegate.model import Kind

PATTERN = r"^[a-z0-9.+-]+://(?:[^/]*@)?(\[[^\]]+\]|[^/:?]+)"


@given(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["http://", "ftp://", "x://"]),
        st.text("ab@:[]./?#%1 ", max_size=12),
        st.sampled_from(["192.0.2.1", "[::1]", "e.example", "a.b.c"]),
        st.text("ab@:/?#[]180", max_size=9),
    )
)
def test_the_host_of_any_canonical_url(text):
    try:
        _, value = canonical(Kind.URL, text)
    except Rejected:
        return
    url = pl.Series([value])
    assert host(pl.Series(["url"]), url)[0] == url.str.extract(PATTERN)[0]


@pytest.mark.parametrize("kind", HOSTLESS)
@pytest.mark.parametrize("value", ["192.0.2.1", "[::1]", "[spam] 1/99", "http://a.example/"])
def test_what_programs_name_has_no_host(kind, value):
    kinds, values = ["ipv4", "url", kind.value], ["192.0.2.2", "http://a.example/", value]
    found = located(pl.Series(kinds), pl.Series(values))
    assert found["host"].to_list() == ["192.0.2.2", "a.example", None]
    assert found["number"].to_list() == [3221225986, None, None]
    assert host(pl.Series([kind.value]), pl.Series([value])).to_list() == [None]


PARTS = st.lists(st.sampled_from([0, 1, 0xDB8, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: sum(group << (16 * at) for at, group in enumerate(groups))
)


def test_kinds_are_located_side_by_side():
    kinds = ["url", "email", "ipv4", "domain", "cidr", "url"]
    values = [
        "http://192.0.2.1:8/x",
        "a@b.example",
        "192.0.2.2",
        "c.example",
        "192.0.2.0/24",
        "http://[::1]/",
    ]
    found = located(pl.Series(kinds), pl.Series(values))
    hosts = ["192.0.2.1", "b.example", "192.0.2.2", "c.example", "192.0.2.0/24", "[::1]"]
    assert found["host"].to_list() == hosts
    assert found["number"].to_list() == [3221225985, None, 3221225986, None, None, None]


@pytest.mark.slow
@given(st.lists(st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 2**20), PARTS), min_size=1))
def test_ipv6_addresses_as_numbers(numbers):
    texts = pl.Series("text", [str(ipaddress.IPv6Address(one)) for one in numbers])
    assert texts.to_frame().select(number6(pl.col("text"))).to_series().to_list() == numbers
