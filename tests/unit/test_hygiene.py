"""What is never an indicator is suppressed, with its reason."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.canonical import Rejected, Shape, canonical
from tidegate.hosts import HOSTLESS
from tidegate.hygiene import EMPTY_FILE, RESERVED, Policy, Ranges, reason, reasons
from tidegate.model import Kind

REAL, SIMULATED = Policy(), Policy(simulated=True)
SUPPRESSED = [
    (Kind.IPV4, "10.0.0.1", "private"),
    (Kind.IPV4, "127.0.0.1", "loopback"),
    (Kind.IPV4, "169.254.169.254", "link-local"),
    (Kind.IPV4, "100.64.0.1", "shared"),
    (Kind.IPV4, "100.127.255.255", "shared"),
    (Kind.IPV4, "0.0.0.0", "reserved"),  # noqa: S104
    (Kind.IPV4, "255.255.255.255", "reserved"),
    (Kind.IPV4, "224.0.0.1", "multicast"),
    (Kind.IPV6, "::1", "loopback"),
    (Kind.IPV6, "::", "reserved"),
    (Kind.IPV6, "fe80::1", "link-local"),
    (Kind.IPV6, "fd00::1", "private"),
    (Kind.IPV6, "64:ff9b::a00:1", "private"),  # 10.0.0.1 behind NAT64
    (Kind.IPV6, "2002:c0a8:101::1", "private"),  # 192.168.1.1 by 6to4
    (Kind.CIDR, "2002:a00::/24", "private"),
    (Kind.URL, "http://[64:ff9b::7f00:1]/", "loopback"),
    (Kind.CIDR, "10.1.0.0/16", "private"),
    (Kind.CIDR, "172.0.0.0/8", "private"),
    (Kind.CIDR, "fc00::/16", "private"),
    (Kind.URL, "http://192.168.1.1:8080/i", "private"),
    (Kind.URL, "http://[::1]:80/", "loopback"),
    (Kind.URL, "http://user:pass@10.0.0.1/", "private"),
    (Kind.URL, "http://a@b@127.0.0.1/", "loopback"),
    (Kind.URL, "http://evil.internal/", "reserved name"),
    (Kind.DOMAIN, "printer.local", "reserved name"),
    (Kind.DOMAIN, "localhost", "reserved name"),
    (Kind.EMAIL, "root@mail.localhost", "reserved name"),
    *((Kind.MD5, value, "empty file") for value in EMPTY_FILE),
]
DOCUMENTATION = [
    (Kind.IPV4, "192.0.2.1", "documentation"),
    (Kind.IPV6, "2001:db8::1", "documentation"),
    (Kind.URL, "https://203.0.113.9/a", "documentation"),
    (Kind.DOMAIN, "evil.example", "reserved name"),
    (Kind.DOMAIN, "www.example.com", "reserved name"),
]
FINE = [
    (Kind.IPV4, "100.63.255.255"),
    (Kind.IPV4, "100.128.0.0"),
    (Kind.IPV4, "9.255.255.255"),
    (Kind.IPV4, "11.0.0.0"),
    (Kind.IPV4, "223.255.255.255"),
    (Kind.IPV6, "2a02:cf40::1"),
    (Kind.IPV6, "64:ff9b::b00:1"),
    (Kind.IPV6, "2002:b00:1::1"),
    (Kind.CIDR, "11.0.0.0/16"),
    (Kind.CIDR, "2a02:cf40::/32"),
    (Kind.DOMAIN, "notlocal"),
    (Kind.DOMAIN, "local.evil.org"),
    (Kind.URL, "http://evil.org/http://127.0.0.1/"),
    (Kind.URL, "http://10.0.0.1@evil.org/"),
    (Kind.SHA256, "ab" * 32),
    *((kind, value) for kind in HOSTLESS for value in (EMPTY_FILE[0], "10.0.0.1", "[::1] 1/99")),
    (Kind.FILENAME, "printer.local"),
]


@pytest.mark.parametrize(("kind", "value", "why"), SUPPRESSED)
@pytest.mark.parametrize("policy", [REAL, SIMULATED], ids=["real", "simulated"])
def test_reserved_things_are_suppressed_everywhere(kind, value, why, policy):
    assert reason(kind, value, policy) == why


@pytest.mark.parametrize(("kind", "value", "why"), DOCUMENTATION)
def test_documentation_passes_in_the_simulated_tenant_alone(kind, value, why):
    assert reason(kind, value, REAL) == why
    assert reason(kind, value, SIMULATED) is None


@pytest.mark.parametrize(("kind", "value"), FINE)
def test_neighbours_of_reserved_things_pass(kind, value):
    assert reason(kind, value, REAL) is None


def test_the_allow_list_covers_names_below_addresses_and_networks():
    policy = Policy(("Corp.org", "9.9.9.9", "8.8.0.0/16", "2a02::/16", "c++.org"))
    allowed = [
        (Kind.DOMAIN, "corp.org"),
        (Kind.URL, "https://a.b.corp.org/x"),
        (Kind.EMAIL, "x@corp.org"),
        (Kind.IPV4, "9.9.9.9"),
        (Kind.URL, "http://8.8.4.4/"),
        (Kind.CIDR, "8.8.8.0/24"),
        (Kind.IPV6, "2a02::1"),
    ]
    for kind, value in allowed:
        assert reason(kind, value, policy) == "allow-list"
    assert reason(Kind.DOMAIN, "notcorp.org", policy) is None
    assert reason(Kind.DOMAIN, "corp.org.evil.net", policy) is None
    assert reason(Kind.IPV4, "9.9.9.8", policy) is None


@pytest.mark.parametrize("entry", ["*.corp.org", "(", "a|b", "", "[", "corp.org)|(x"])
def test_no_spelling_of_an_allow_list_entry_breaks_or_opens_the_gate(entry):
    policy = Policy((entry,))
    assert reason(Kind.DOMAIN, "evil.org", policy) is None
    assert reason(Kind.IPV4, "10.0.0.1", policy) == "private"


def test_a_column_keeps_its_order():
    kinds = [kind for kind, *_ in (*SUPPRESSED, *FINE)]
    values = [value for _, value, *_ in (*SUPPRESSED, *FINE)]
    found = reasons(pl.Series(kinds, dtype=pl.String), pl.Series(values), REAL)
    assert found.to_list() == [why for *_, why in SUPPRESSED] + [None] * len(FINE)
    none = pl.Series([], dtype=pl.String)
    assert len(reasons(none, none, REAL)) == 0


@pytest.mark.parametrize("version", ["v4", "v6"])
def test_ranges_know_their_edges(version):
    ranges: Ranges = getattr(REAL, version)
    dtype = pl.Int64 if version == "v4" else pl.UInt128
    top = 2**32 - 1 if version == "v4" else 2**128 - 1
    for first, last, why in zip(ranges.starts, ranges.ends, ranges.reasons, strict=True):
        edges = {max(first - 1, 0), first, last, min(last + 1, top)}
        for at in edges:
            found = ranges.reasons_of(*[pl.Series([at], dtype=dtype)] * 2).to_list()
            assert found == [slow_reason(ranges, at, at)]
        assert slow_reason(ranges, first, last) == why
    assert len(REAL.v4.starts) + len(REAL.v6.starts) >= len(RESERVED)


def slow_reason(ranges: Ranges, first: int, last: int) -> str | None:
    spans = zip(ranges.starts, ranges.ends, ranges.reasons, strict=True)
    return next((why for start, end, why in spans if start <= last and first <= end), None)


def test_a_span_that_touches_a_range_has_its_reason():
    v4 = REAL.v4
    start = v4.starts[v4.reasons.index("loopback")]
    first, last = (pl.Series(numbers) for numbers in ([start - 9, start - 9], [start - 1, start]))
    assert v4.reasons_of(first, last).to_list() == [None, "loopback"]


def test_no_ranges_have_no_reasons():
    numbers = pl.Series([1, 2])
    assert Ranges.of([]).reasons_of(numbers, numbers).to_list() == [None, None]


@pytest.mark.slow
@given(
    st.lists(
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["http://", "http://a@b@", "http://[x]@", "http://a:b@", "", "x@"]),
            st.sampled_from(["127.0.0.1", "[::1]", "10.0.0.1", "e.localhost", "a.local"]),
            st.sampled_from(["", "/", ":8080/@", "/?@x", "?x", "#@evil.org"]),
        ),
        min_size=1,
    )
)
def test_nothing_around_a_reserved_host_hides_it(texts):
    for text in texts:
        for shape in (Kind.URL, Kind.DOMAIN, Shape.ADDRESS):
            try:
                kind, value = canonical(shape, text)
            except Rejected:
                continue
            assert reason(kind, value, REAL) is not None
