"""Real lists against a real feed: what must not be enforced, and what must not be lost."""

import gzip

import polars as pl
import pytest

from tidegate.adapters.warninglists import Folder
from tidegate.hygiene import Policy, reasons
from tidegate.model import Kind
from tidegate.warninglists import Warninglists

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    return Folder(tmp_path_factory.mktemp("home") / "warninglists")


@pytest.fixture
def lists(stored, folder: Folder) -> Warninglists:
    if not folder.names():
        for file in stored("warninglists/misp").glob("*.json"):
            folder.install(file.stem, file.read_bytes())
    return folder.lists()


def hit(lists: Warninglists, kind: Kind, value: str) -> str | None:
    return lists.hits(pl.Series([kind.value]), pl.Series([value]))[0]


def test_no_public_resolver_of_the_sans_list_passes(lists, stored):
    texts = stored("dshield/sans_20260822.txt").read_text().split()
    column = pl.Series(texts)
    found = lists.hits(pl.repeat(Kind.IPV4.value, len(texts), eager=True), column)
    assert found.is_in(["public-dns-v4", "well-known-resolvers"]).sum() == 62_605
    assert found.filter(column == "8.8.8.8").null_count() == 0
    assert found.null_count() < 40_000


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.IPV4, "8.8.8.8"),
        (Kind.URL, "http://8.8.8.8/x"),
        (Kind.CIDR, "8.8.8.0/24"),
        (Kind.IPV6, "2001:4860:4860::8888"),
        (Kind.DOMAIN, "github.com"),
        (Kind.DOMAIN, "raw.githubusercontent.com"),
        (Kind.DOMAIN, "download.windowsupdate.com"),
        (Kind.URL, "http://download.windowsupdate.com/x.cab"),
        (Kind.DOMAIN, "maps.google.de"),
        (Kind.DOMAIN, "bit.ly"),
        (Kind.URL, "https://github.com/"),
        (Kind.MD5, "d41d8cd98f00b204e9800998ecf8427e"),
    ],
)
def test_what_everybody_uses_is_suppressed(lists, kind, value):
    assert hit(lists, kind, value) is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.URL, "https://github.com/evil/evil/raw/main/evil.exe"),
        (Kind.URL, "https://bit.ly/evil"),
        (Kind.URL, "http://52.94.76.1/evil.sh"),
        (Kind.DOMAIN, "evil.github.io"),
        (Kind.DOMAIN, "evil.blogspot.com"),
        (Kind.EMAIL, "evil@gmail.com"),
    ],
)
def test_what_anybody_may_put_there_is_kept(lists, kind, value):
    assert hit(lists, kind, value) is None


@pytest.mark.parametrize(
    ("name", "value"), [("amazon-aws", "52.94.76.1"), ("microsoft-azure", "13.64.0.1")]
)
def test_a_cloud_is_named(lists, name, value):
    assert hit(lists, Kind.IPV4, value) == name


def test_a_feed_may_mean_what_a_list_calls_harmless(lists):
    kinds, values = pl.Series(["ipv4", "ipv4"]), pl.Series(["52.94.76.1", "10.0.0.1"])
    policy = Policy(lists=lists)
    assert reasons(kinds, values, policy).to_list() == ["warninglist amazon-aws", "private"]
    but = frozenset({"amazon-aws", "rfc1918", "rfc5735"})
    assert reasons(kinds, values, policy, but).to_list() == [None, "private"]


def test_hardly_a_malware_url_is_lost_with_them(lists, stored):
    text = stored("urlhaus/urlhaus_csv_online_20260207_older_two_thirds.csv").read_text("utf-8")
    urls = pl.Series(text.splitlines()).str.extract('"(https?://[^"]+)"').drop_nulls().unique()
    found = lists.hits(pl.repeat(Kind.URL.value, len(urls), eager=True), urls)
    assert len(urls) > 8_000
    assert found.drop_nulls().len() < len(urls) / 200


def test_popular_domains_are_no_indicators_and_their_pages_are(lists, stored, folder):
    (folder.root / "tranco.csv").write_bytes(stored("warninglists/tranco_100k.csv").read_bytes())
    popularity = folder.popularity()
    kinds = pl.Series(["domain", "url", "domain"])
    values = pl.Series(["drive.google.com", "https://drive.google.com/x", "evil.github.io"])
    found = reasons(kinds, values, Policy(popular=popularity)).to_list()
    assert found == ["popular domain", None, None]
    hosts = pl.Series(["raw.githubusercontent.com", "evil.invalid-name-of-nobody.net"])
    assert popularity.derivable(hosts).to_list() == [False, True]


def test_networks_of_criminals_are_kept_unless_they_lie_in_a_cloud(lists, stored):
    series = stored("spamhaus/series/spamhaus_drop_v4_daily")
    text = gzip.decompress(max(series.glob("*.gz")).read_bytes()).decode()
    networks = pl.Series(text.splitlines()).str.extract(r"\b(\d+[.\d]+/\d+)").drop_nulls()
    kinds = pl.repeat(Kind.CIDR.value, len(networks), eager=True)
    meant = reasons(kinds, networks, Policy(lists=lists), frozenset({"wide-networks"}))
    assert len(networks) > 1_000
    assert set(meant.drop_nulls()) <= {"warninglist cloudflare"}
    assert meant.null_count() > 0.99 * len(networks)


@pytest.mark.parametrize(
    ("value", "name"),
    [("3.0.0.0/16", "amazon-aws"), ("104.16.0.0/16", "cloudflare"), ("20.33.0.0/16", "azure")],
)
def test_no_network_that_holds_part_of_a_cloud_is_proposed(lists, value, name):
    found = reasons(pl.Series([Kind.CIDR.value]), pl.Series([value]), Policy(lists=lists))
    assert str(found[0]).startswith("warninglist")
    assert name in str(found[0])
