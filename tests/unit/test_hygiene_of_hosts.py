"""One's own, Microsoft's, what everybody uses or shares, and networks that hold any of it."""

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.warninglists import Folder, _base
from tidegate.hygiene import CHOSEN, HARMLESS, Policy, liftable, reason, reasons
from tidegate.model import Kind
from tidegate.warninglists import Popularity, Treat, Warninglists, parse, shared

OWN = Policy(own_domains=("Corp.org",), own_networks=("11.1.2.0/24", "2a02:cf40::/48", "9.9.9.10"))
OURS = [
    (Kind.DOMAIN, "corp.org", "own domain"),
    (Kind.DOMAIN, "vpn.eu.corp.org", "own domain"),
    (Kind.URL, "https://www.corp.org/login", "own domain"),
    (Kind.EMAIL, "someone@corp.org", "own domain"),
    (Kind.IPV4, "11.1.2.3", "own network"),
    (Kind.IPV4, "9.9.9.10", "own network"),
    (Kind.URL, "http://11.1.2.3:8080/x", "own network"),
    (Kind.IPV6, "2a02:cf40::1", "own network"),
    (Kind.CIDR, "11.1.2.128/25", "own network"),
    (Kind.CIDR, "11.1.0.0/16", "own network"),
    (Kind.CIDR, "2a02:cf40::/40", "own network"),
]
OTHERS = [
    (Kind.DOMAIN, "notcorp.org"),
    (Kind.DOMAIN, "corp.org.evil.net"),
    (Kind.URL, "http://evil.net/corp.org"),
    (Kind.IPV4, "11.1.3.0"),
    (Kind.CIDR, "11.2.0.0/16"),
]


@pytest.fixture(scope="module")
def built_in(tmp_path_factory) -> Policy:
    """Return the policy of a house that has not installed a single list."""
    return Policy(lists=Folder(tmp_path_factory.mktemp("home")).lists())


@pytest.mark.parametrize(("kind", "value", "why"), OURS)
def test_what_is_the_tenants_own_is_no_indicator(kind, value, why):
    assert reason(kind, value, OWN) == why


@pytest.mark.parametrize(("kind", "value"), OTHERS)
def test_what_merely_looks_like_ones_own_may_be_one(kind, value):
    assert reason(kind, value, OWN) is None


def test_no_source_means_what_is_ones_own():
    everything = frozenset({"tranco", "wide-networks", "public-suffixes", "own domain"})
    assert reason(Kind.DOMAIN, "corp.org", OWN, everything) == "own domain"
    assert reason(Kind.CIDR, "11.0.0.0/8", OWN, everything) == "own network"


def test_each_part_of_the_policy_makes_another_version():
    versions = [
        Policy().version,
        OWN.version,
        Policy(own_domains=("corp.org",)).version,
        Policy(own_networks=("11.1.2.0/24",)).version,
        Policy(allow=("11.1.2.0/24",)).version,
        Policy(allow=("corp.org",)).version,
    ]
    assert len(set(versions)) == len(versions)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        (Kind.DOMAIN, "login.microsoftonline.com", "Microsoft service"),
        (Kind.URL, "https://login.microsoftonline.com/common/oauth2", "Microsoft service"),
        (Kind.DOMAIN, "fe3.delivery.mp.microsoft.com", "Microsoft service"),
        (Kind.DOMAIN, "officecdn.microsoft.com", "Microsoft service"),
        (Kind.URL, "http://ctldl.windowsupdate.com/msdownload/x.cab", "Microsoft service"),
        (Kind.IPV4, "1.1.1.1", "public resolver"),
        (Kind.IPV6, "2620:fe::fe", "public resolver"),
        (Kind.URL, "https://9.9.9.9/dns-query", "public resolver"),
        (Kind.CIDR, "8.8.8.0/24", "public resolver"),
        (Kind.DOMAIN, "api.ipify.org", "sandbox noise"),
        (Kind.URL, "http://checkip.amazonaws.com/", "sandbox noise"),
        (Kind.DOMAIN, "www.msftconnecttest.com", "sandbox noise"),
        (Kind.URL, "http://ocsp.digicert.com/MFEwTzBNMEsw", "sandbox noise"),
        (Kind.DOMAIN, "drive.google.com", "shared host"),
        (Kind.DOMAIN, "discordapp.com", "shared host"),
        (Kind.URL, "https://cdn.discordapp.com/", "shared host"),
        (Kind.DOMAIN, "bit.ly", "shared host"),
    ],
)
def test_what_everybody_needs_is_kept_out_without_any_installed_list(built_in, kind, value, why):
    assert reason(kind, value, built_in) == why


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.DOMAIN, "microsoftonline.com.evil.net"),
        (Kind.DOMAIN, "login-microsoftonline.com"),
        (Kind.URL, "https://drive.google.com/uc?id=1"),
        (Kind.URL, "https://cdn.discordapp.com/attachments/1/2/a.exe"),
        (Kind.URL, "https://bit.ly/3abc"),
        (Kind.URL, "http://evil.net/api.ipify.org"),
        (Kind.DOMAIN, "evil.github.io"),
        (Kind.DOMAIN, "evil.blogspot.com"),
        (Kind.DOMAIN, "evil.azurewebsites.net"),
        (Kind.IPV4, "1.1.1.3"),
    ],
)
def test_a_page_or_a_customer_there_may_be_an_indicator(built_in, kind, value):
    assert reason(kind, value, built_in) is None


@pytest.mark.parametrize(
    "name",
    ["github.io", "blogspot.com", "azurewebsites.net", "windows.net", "amazonaws.com", "evil.ck"],
)
def test_the_bare_name_of_a_shared_host_is_none(name):
    assert reason(Kind.DOMAIN, name, Policy()) == "shared host"
    assert reason(Kind.DOMAIN, name, Policy(), frozenset({"public-suffixes"})) is None


@pytest.mark.parametrize("page", ["http://{}/", "https://{}/", "https://{}"])
def test_the_front_page_of_a_shared_or_popular_host_is_as_bad_as_its_name(page):
    policy = Policy(popular=Popularity.of("1,popular.org\n"))
    assert reason(Kind.URL, page.format("github.io"), policy) == "shared host"
    assert reason(Kind.URL, page.format("popular.org"), policy) == "popular domain"
    meant = frozenset({"public-suffixes", "tranco"})
    assert reason(Kind.URL, page.format("github.io"), policy, meant) is None
    assert reason(Kind.URL, page.format("evil.github.io"), policy) is None


@pytest.mark.parametrize("rest", ["evil", "?q=1", "#x", "a/"])
def test_what_lies_behind_the_front_page_may_be_an_indicator(rest):
    policy = Policy(popular=Popularity.of("1,popular.org\n"))
    for name in ("github.io", "popular.org"):
        assert reason(Kind.URL, f"http://{name}/{rest}", policy) is None


def test_an_exception_to_a_wild_suffix_belongs_to_somebody():
    names = pl.Series(["city.kawasaki.jp", "other.kawasaki.jp", "a.other.kawasaki.jp"])
    assert shared(names).to_list() == [False, True, False]


@given(st.sampled_from(["github.io", "pages.dev", "s3.amazonaws.com", "duckdns.org"]), st.data())
def test_whatever_is_above_a_shared_name_is_shared_and_its_customers_are_not(name, data):
    parts = name.split(".")
    above = [".".join(parts[at:]) for at in range(len(parts) - 1)]
    customer = data.draw(st.from_regex(r"[a-z][a-z0-9]{5,20}xq", fullmatch=True))
    names = pl.Series([*above, f"{customer}.{name}"])
    assert shared(names).to_list() == [True] * len(above) + [False]


def test_every_reason_of_a_list_of_ours_counts_as_harmless():
    words = [one["reason"] for one in _base()["treat"].values() if "reason" in one]
    assert set(words) <= set(HARMLESS)
    assert set(HARMLESS) >= CHOSEN
    assert _base()["sources"].keys() == _base()["lists"].keys()


WIDE = [
    ("11.0.0.0/15", "network too wide"),
    ("11.0.0.0/16", None),
    ("2a02:cf40::/31", "network too wide"),
    ("2a02:cf40::/32", None),
]


@pytest.mark.parametrize(("value", "why"), WIDE)
def test_a_wide_network_needs_a_source_that_means_it(value, why):
    assert reason(Kind.CIDR, value, Policy()) == why
    assert reason(Kind.CIDR, value, Policy(), frozenset({"wide-networks"})) is None


def a_cloud(treat: Treat | None) -> Policy:
    raw = {"type": "cidr", "matching_attributes": ["ip-dst"], "list": ["11.7.9.0/24"]}
    return Policy(lists=Warninglists.of([parse("cloud", orjson.dumps(raw), treat)]))


def test_a_network_that_holds_part_of_a_cloud_is_refused():
    policy = a_cloud(Treat(reaches=frozenset({Kind.CIDR})))
    column = pl.Series(["11.7.9.0/25", "11.7.8.0/23", "11.7.0.0/16", "11.8.0.0/16"])
    kinds = pl.repeat(Kind.CIDR.value, 4, eager=True)
    assert reasons(kinds, column, policy).to_list() == ["warninglist cloud"] * 3 + [None]
    assert reasons(kinds, column, a_cloud(None)).to_list() == [
        "warninglist cloud",
        None,
        None,
        None,
    ]
    assert reasons(kinds, column, policy, frozenset({"cloud"})).null_count() == 4


def test_every_known_cloud_is_asked_about_networks():
    treats = _base()["treat"]
    for name in ("akamai", "amazon-aws", "cloudflare", "fastly", "google-gcp", "microsoft-azure"):
        assert "cidr" in treats[name]["reaches"]


def test_a_host_stands_for_its_urls_only_where_nobody_else_is_behind_it(built_in):
    lists = Warninglists.of(
        [parse("cloud", b'{"type":"cidr","matching_attributes":["ip-dst"],"list":["11.7.9.0/24"]}')]
    )
    policy = Policy(
        own_domains=("corp.org",),
        lists=lists,
        popular=Popularity.of("1,popular.org\n2,github.io\n"),
    )
    hosts = {
        "evil.net": True,
        "a.evil.net": True,
        "11.7.8.1": True,
        "[2a02:cf40::1]": True,
        "11.7.9.1": False,
        "10.0.0.1": False,
        "[::1]": False,
        "corp.org": False,
        "www.corp.org": False,
        "popular.org": False,
        "www.popular.org": False,
        "github.io": False,
        "raw.github.io": False,
        "azurewebsites.net": False,
        "evil.azurewebsites.net": True,
        "intranet": False,
        "": False,
        None: False,
    }
    assert liftable(pl.Series(list(hosts)), policy).to_list() == list(hosts.values())
    assert not liftable(pl.Series(["bit.ly", "drive.google.com"]), built_in).any()
    assert liftable(pl.Series([], dtype=pl.String), policy).to_list() == []
