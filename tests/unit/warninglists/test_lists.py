"""A list hits what its type and its attributes say, and nothing beside it."""

import ipaddress

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.model import Kind
from tidegate.warninglists import BadList, Treat, Use, Warninglists, parse

pytestmark = pytest.mark.slow

ADDRESSES = ["ip-src", "ip-dst", "domain|ip"]
NAMES = ["domain", "hostname", "url", "domain|ip"]
DIGEST = "ab" * 32


def listed(name: str, match: str, attributes: list[str], *entries: str, **more):
    treat = more.pop("treat", None)
    raw = {"name": f"List {name}", "version": 1, "type": match, "list": entries, **more}
    return parse(name, orjson.dumps(raw | {"matching_attributes": attributes}), treat)


def hit(lists: Warninglists, kind: Kind, value: str, *but: str) -> str | None:
    column = pl.Series([kind.value], dtype=pl.String)
    return lists.hits(column, pl.Series([value]), frozenset(but))[0]


NETWORKS = Warninglists.of(
    [
        listed("cloud", "cidr", ADDRESSES, "192.0.2.0/24", "2001:db8::/32"),
        listed("resolver", "cidr", ADDRESSES, "192.0.2.53", "2001:db8::53"),
        listed("half", "cidr", ADDRESSES, "203.0.113.0/25", "203.0.113.128/25"),
    ]
)
NETWORK_CASES = [
    (Kind.IPV4, "192.0.2.1", "cloud"),
    (Kind.IPV4, "192.0.2.53", "resolver"),
    (Kind.IPV4, "192.0.1.255", None),
    (Kind.IPV4, "192.0.3.0", None),
    (Kind.IPV6, "2001:db8::1", "cloud"),
    (Kind.IPV6, "2001:db8::53", "resolver"),
    (Kind.IPV6, "2001:db9::1", None),
    (Kind.CIDR, "192.0.2.0/25", "cloud"),
    (Kind.CIDR, "192.0.2.52/30", "cloud"),
    (Kind.CIDR, "192.0.0.0/16", None),
    (Kind.CIDR, "203.0.113.0/24", "half"),
    (Kind.CIDR, "2001:db8:1::/48", "cloud"),
    (Kind.URL, "http://192.0.2.53/x", None),
    (Kind.DOMAIN, "evil.example", None),
]


@pytest.mark.parametrize(("kind", "value", "name"), NETWORK_CASES)
def test_the_narrowest_network_around_an_address_is_named(kind, value, name):
    assert hit(NETWORKS, kind, value) == name


def test_a_list_that_is_left_out_uncovers_the_wider_one():
    assert hit(NETWORKS, Kind.IPV4, "192.0.2.53", "resolver") == "cloud"
    assert hit(NETWORKS, Kind.IPV4, "192.0.2.53", "resolver", "cloud") is None


def test_a_list_may_reach_urls_by_their_host_and_networks_that_touch_it():
    reaches = Treat(reaches=frozenset({Kind.URL, Kind.CIDR}))
    entries = ("192.0.2.53", "2001:db8::53")
    lists = Warninglists.of([listed("dns", "cidr", ADDRESSES, *entries, treat=reaches)])
    assert hit(lists, Kind.URL, "http://192.0.2.53:8080/x") == "dns"
    assert hit(lists, Kind.URL, "http://u:p@192.0.2.53/") == "dns"
    assert hit(lists, Kind.URL, "http://[2001:db8::53]/x") == "dns"
    assert hit(lists, Kind.URL, "http://192.0.2.54/192.0.2.53") is None
    assert hit(lists, Kind.CIDR, "192.0.2.0/24") == "dns"
    assert hit(lists, Kind.CIDR, "192.0.3.0/24") is None
    assert hit(lists, Kind.CIDR, "2001:db8::/64") == "dns"


def test_names_are_listed_with_all_below_them_but_pages_are_not():
    lists = Warninglists.of([listed("top", "hostname", NAMES, "Popular.Example", "*.wild.example")])
    for name in ("popular.example", "www.popular.example", "a.b.c.popular.example", "wild.example"):
        assert hit(lists, Kind.DOMAIN, name) == "top"
    for name in ("unpopular.example", "popular.example.evil.example", "example"):
        assert hit(lists, Kind.DOMAIN, name) is None
    assert hit(lists, Kind.URL, "https://popular.example/") == "top"
    for url in (
        "popular.example/x",
        "popular.example/?q",
        "www.popular.example/",
        "a@popular.example/",
    ):
        assert hit(lists, Kind.URL, f"https://{url}") is None
    assert hit(lists, Kind.EMAIL, "anybody@popular.example") is None


def test_below_a_public_suffix_everybody_is_somebody_else():
    lists = Warninglists.of(
        [listed("top", "hostname", NAMES, "github.io", "com", "co.uk", "a.example")]
    )
    for name in ("evil.github.io", "evil.com", "evil.co.uk"):
        assert hit(lists, Kind.DOMAIN, name) is None


def test_strings_are_equal_or_not():
    entries = ("Exact.example", ".suffix.example", "https://page.example/a?b", DIGEST.upper())
    lists = Warninglists.of([listed("s", "string", [*NAMES, "sha256"], *entries)])
    assert hit(lists, Kind.DOMAIN, "exact.example") == "s"
    assert hit(lists, Kind.DOMAIN, "www.exact.example") is None
    assert hit(lists, Kind.DOMAIN, "www.suffix.example") == "s"
    assert hit(lists, Kind.URL, "https://page.example/a?b") == "s"
    assert hit(lists, Kind.URL, "https://page.example/a") is None
    assert hit(lists, Kind.SHA256, DIGEST) == "s"
    assert hit(lists, Kind.MD5, DIGEST[:32]) is None


def test_substrings_and_patterns_are_found_anywhere_in_the_kinds_they_are_for():
    lists = Warninglists.of(
        [
            listed("part", "substring", ["url"], "/Captcha/", "x", ""),
            listed("regex", "regex", ["domain"], r"/^ad[0-9]+\./i", r"\.corp\.example$"),
        ]
    )
    assert hit(lists, Kind.URL, "https://a.example/captcha/1") == "part"
    assert hit(lists, Kind.URL, "https://x.example/") is None
    assert hit(lists, Kind.DOMAIN, "ad7.example") == "regex"
    assert hit(lists, Kind.DOMAIN, "a.corp.example") == "regex"
    assert hit(lists, Kind.DOMAIN, "bad7.example") is None
    assert hit(lists, Kind.URL, "https://ad7.example/x") is None


def test_an_identity_is_shown_and_not_suppressed():
    known = listed("vpn", "cidr", ADDRESSES, "192.0.2.0/24", category="known")
    treated = listed("tor", "cidr", ADDRESSES, "203.0.113.0/24", treat=Treat(Use.KNOWN))
    lists = Warninglists.of([known, treated])
    kinds, values = pl.Series(["ipv4", "ipv4"]), pl.Series(["192.0.2.1", "203.0.113.1"])
    assert lists.hits(kinds, values).to_list() == [None, None]
    assert lists.known(kinds, values).to_list() == ["vpn", "tor"]


def test_no_lists_hit_nothing_and_empty_columns_stay_empty():
    none = Warninglists.of([])
    for kind, value, _ in NETWORK_CASES:
        assert hit(none, kind, value) is None
    empty = pl.Series([], dtype=pl.String)
    assert len(NETWORKS.hits(empty, empty)) == 0


def test_a_list_without_attributes_is_for_everything():
    raw = {"type": "string", "list": ["one.example"]}
    lists = Warninglists.of([parse("all", orjson.dumps(raw))])
    assert hit(lists, Kind.DOMAIN, "one.example") == "all"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"<html>", "not JSON"),
        (b"[]", "not a warninglist"),
        (b'{"list": "x"}', "not a warninglist"),
        (b'{"type": "fuzzy", "list": ["x"]}', "unknown type 'fuzzy'"),
        (b'{"type": "cidr", "list": ["nonsense", 1, null]}', "no entry"),
        (b'{"type": "cidr", "list": ["0.0.0.0/0"]}', "large part"),
        (b'{"type": "cidr", "list": ["2000::/3"]}', "large part"),
        (b'{"type": "regex", "list": ["(?=x)y"]}', "look-"),
        (b'{"type": "regex", "list": ["(x"]}', "unclosed group"),
        (b'{"type": "regex", "list": ["x*"]}', "matches everything"),
        (b'{"type": "regex", "list": ["/x/e"]}', "unknown flag"),
        (b'{"type": "substring", "list": [".", "com"]}', "no entry"),
    ],
)
def test_a_list_that_would_do_harm_is_refused_with_its_name_and_the_reason(payload, reason):
    with pytest.raises(BadList, match=reason) as refused:
        parse("bad", payload)
    assert str(refused.value).startswith("bad: ")


@pytest.mark.parametrize("name", ["", "../x", ".x", "a/b", "a b"])
def test_a_name_is_no_path(name):
    with pytest.raises(BadList, match="name"):
        parse(name, b'{"list": ["x"]}')


def test_entries_without_sense_are_counted():
    one = listed("some", "cidr", ADDRESSES, "192.0.2.1", "192.0.2.300", "192.0.2.1")
    assert (len(one.entries), one.skipped) == (1, 2)


# --- the same, said slowly ----------------------------------------------------------------------

BITS = st.integers(20, 32)
V4 = st.builds(lambda n: str(ipaddress.IPv4Address(0xC000_0000 + n)), st.integers(0, 0x3FFF))
V6 = st.builds(
    lambda n: str(ipaddress.IPv6Address((0x2001_0DB8 << 96) + n)), st.integers(0, 0x3FFF)
)


def network(address: str, bits: int) -> str:
    width = bits if "." in address else bits + 96
    return str(ipaddress.ip_network(f"{address}/{width}", strict=False))


NETS = st.builds(network, V4 | V6, BITS)
NAME = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(
    lambda x: ".".join([*x, "example"])
)


def slowly(lists: dict[str, list[str]], value: str) -> str | None:
    """Return what a loop over everything finds: the narrowest network, then the first name."""
    asked = ipaddress.ip_address(value)
    around = [
        (-ipaddress.ip_network(entry).prefixlen, name)
        for name, entries in lists.items()
        for entry in entries
        if asked in ipaddress.ip_network(entry)
    ]
    return min(around)[1] if around else None


LISTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(NETS, min_size=1, max_size=8))


@settings(max_examples=150, deadline=None)
@given(LISTS, st.lists(V4 | V6, min_size=1, max_size=20))
def test_addresses_are_found_as_a_loop_would_find_them(given_lists, values):
    lists = Warninglists.of(listed(n, "cidr", ADDRESSES, *e) for n, e in given_lists.items())
    kinds = pl.Series(["ipv4" if "." in value else "ipv6" for value in values])
    expected = [slowly(given_lists, value) for value in values]
    assert lists.hits(kinds, pl.Series(values)).to_list() == expected


@settings(max_examples=150, deadline=None)
@given(LISTS, st.lists(st.builds(network, V4 | V6, st.integers(18, 31)), min_size=1, max_size=10))
def test_networks_are_found_exactly_when_all_of_their_addresses_are_listed(given_lists, values):
    lists = Warninglists.of(listed(n, "cidr", ADDRESSES, *e) for n, e in given_lists.items())
    found = lists.hits(pl.Series(["cidr"] * len(values)), pl.Series(values)).to_list()
    entries = [ipaddress.ip_network(entry) for some in given_lists.values() for entry in some]
    for value, name in zip(values, found, strict=True):
        asked = ipaddress.ip_network(value)
        same = [entry for entry in entries if entry.version == asked.version]
        joined = ipaddress.collapse_addresses(same)
        assert (name is not None) == any(asked.subnet_of(entry) for entry in joined)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(NAME, min_size=1, max_size=5),
    st.lists(NAME, min_size=1, max_size=5),
    st.lists(NAME, min_size=1, max_size=10),
)
def test_names_are_found_as_a_loop_would_find_them(below, exact, values):
    lists = Warninglists.of(
        [listed("below", "hostname", NAMES, *below), listed("exact", "string", NAMES, *exact)]
    )
    found = lists.hits(pl.Series(["domain"] * len(values)), pl.Series(values)).to_list()
    under = [any(f".{value}".endswith(f".{name}") for name in below) for value in values]
    expected = [value in exact or inside for value, inside in zip(values, under, strict=True)]
    assert [name is not None for name in found] == expected
