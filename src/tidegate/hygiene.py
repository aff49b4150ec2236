"""What is never an indicator: reserved, one's own, allowed, shared, listed as harmless.

Used wherever a value enters or leaves: feeds are full of 127.0.0.1, sandboxes of 10.0.2.15.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import polars as pl

from tidegate.canonical import HASHES
from tidegate.hosts import IPV4, located
from tidegate.model import Kind
from tidegate.warninglists import Popularity, Warninglists, shared
from tidegate.warninglists.matching import network_columns

# RFC 6890 and its heirs. Documentation ranges stand apart: the simulated tenant lives in them.
RESERVED = {
    "0.0.0.0/8": "reserved",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarking",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/128": "reserved",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "reserved",
    "100::/64": "discard",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
RESERVED_NAMES = ("localhost", "local", "internal", "invalid", "test", "home.arpa")
EXAMPLE_NAMES = ("example", "example.com", "example.net", "example.org")

NAT64, SIX_TO_FOUR = (int(ipaddress.IPv6Address(text)) for text in ("64:ff9b::", "2002::"))
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NONE: frozenset[str] = frozenset()
ALLOWED, OWN_DOMAIN, OWN_NETWORK = "allow-list", "own domain", "own network"
POPULAR, RANKED = "popular domain", "tranco"
SHARED, SUFFIXES = "shared host", "public-suffixes"
FRONT = r"^https?://[^/]+/?$"  # a page that says no more than its host
WIDE, WIDE_NETWORKS = "network too wide", "wide-networks"
WIDEST = {4: 16, 6: 32}  # bits: what holds more addresses holds harmless ones, too
CHOSEN = frozenset({ALLOWED, OWN_DOMAIN, OWN_NETWORK})
"""The reasons that a deployment chose, of which a source knows nothing."""
LISTED = ("warninglist ", "Microsoft service", "public resolver", "sandbox noise", SHARED)
HARMLESS = (*LISTED, POPULAR, *sorted(CHOSEN))
"""What reasons begin with that say that a value is known to do no harm."""
EMPTY_FILE = (
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)


@dataclass(frozen=True)
class Ranges:
    """Disjoint address ranges of one version, each with a reason, searched by bisection."""

    starts: list[int]
    ends: list[int]
    reasons: list[str]

    @classmethod
    def of(cls, networks: Iterable[tuple[Network, str]]) -> "Ranges":
        """Build from networks; one inside another is covered by it."""
        ranges = cls([], [], [])
        for network, reason in sorted(
            networks, key=lambda pair: (int(pair[0][0]), -int(pair[0][-1]))
        ):
            if ranges.ends and int(network[-1]) <= ranges.ends[-1]:
                continue
            ranges.starts.append(int(network[0]))
            ranges.ends.append(int(network[-1]))
            ranges.reasons.append(reason)
        return ranges

    def reasons_of(self, first: pl.Series, last: pl.Series) -> pl.Series:
        """Return the reason of a range that shares an address with each first..last, or null."""
        if not self.starts:
            return pl.Series([None] * len(first), dtype=pl.String)
        starts, ends = (pl.Series(side, dtype=first.dtype) for side in (self.starts, self.ends))
        at = starts.search_sorted(last, side="right").cast(pl.Int64) - 1
        near = at.clip(0)
        shared = (at >= 0) & (ends.gather(near) >= first)
        return pl.Series(self.reasons).gather(near).zip_with(shared, _nothing(len(first)))


def _nothing(rows: int) -> pl.Series:
    return pl.select(pl.repeat(None, rows, dtype=pl.String)).to_series()


@dataclass(frozen=True)
class Policy:
    """What a deployment never calls an indicator.

    `allow` holds domains (with all below them), addresses and networks; `own_domains` and
    `own_networks` are the tenant's, addresses by which it reaches the world among them. `simulated`
    lets documentation addresses and example domains pass: the simulated tenant has no others.
    `popular` holds domains that are too well known to be blocked, whoever names them.
    """

    allow: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    own_networks: tuple[str, ...] = ()
    simulated: bool = False
    lists: Warninglists | None = field(default=None, compare=False)
    popular: Popularity | None = field(default=None, compare=False)

    @cached_property
    def version(self) -> str:
        """A digest of the policy: under another one, the same payload may be judged otherwise."""
        said = [sorted(self.names.items()), sorted(map(repr, self._networks())), EMPTY_FILE]
        said += [WIDEST, SUFFIXES, FRONT]
        lists = self.lists.fingerprint() if self.lists else None
        popular = self.popular.fingerprint() if self.popular else None
        return sha256(repr([*said, lists, popular]).encode()).hexdigest()[:16]

    @cached_property
    def names(self) -> dict[str, str]:
        """Domain suffixes with their reason."""
        reserved = (*RESERVED_NAMES, *(() if self.simulated else EXAMPLE_NAMES))
        allowed = [name.lower() for name in self.allow if _network(name) is None]
        own = [name.lower() for name in self.own_domains]
        return (
            dict.fromkeys(reserved, "reserved name")
            | dict.fromkeys(own, OWN_DOMAIN)
            | dict.fromkeys(allowed, ALLOWED)
        )

    @cached_property
    def v4(self) -> Ranges:
        """IPv4 ranges with their reason."""
        return Ranges.of((n, why) for n, why in self._networks() if n.version == 4)  # noqa: PLR2004

    @cached_property
    def v6(self) -> Ranges:
        """IPv6 ranges with their reason, those that stand for IPv4 ranges included."""
        return Ranges.of((six, why) for n, why in self._networks() for six in _as_six(n))

    def _networks(self) -> list[tuple[Network, str]]:
        reserved = dict(RESERVED)
        if not self.simulated:
            reserved |= dict.fromkeys(DOCUMENTATION, "documentation")
        found = [(ipaddress.ip_network(text), why) for text, why in reserved.items()]
        given = [*((text, ALLOWED) for text in self.allow)]
        given += [(text, OWN_NETWORK) for text in self.own_networks]
        read = [(_network(text), why) for text, why in given]
        return found + [(network, why) for network, why in read if network is not None]


def _as_six(network: Network) -> tuple[ipaddress.IPv6Network, ...]:
    """Return the network, or those of NAT64 and 6to4 that lead to it where it is one of IPv4."""
    if isinstance(network, ipaddress.IPv6Network):
        return (network,)
    number, bits = int(network.network_address), network.prefixlen
    ways = ((NAT64 + number, 96 + bits), (SIX_TO_FOUR + (number << 80), 16 + bits))
    return tuple(ipaddress.IPv6Network(way) for way in ways)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def reason(kind: Kind, value: str, policy: Policy, but: frozenset[str] = NONE) -> str | None:
    """Say why a canonical value is never an indicator; None if it may be one."""
    found: str | None = reasons(pl.Series([kind.value]), pl.Series([value]), policy, but)[0]
    return found


def reasons(
    kind: pl.Series, value: pl.Series, policy: Policy, but: frozenset[str] = NONE
) -> pl.Series:
    """The columnar form of `reason`: one text or null for each row.

    `but` are warninglists that do not count, for a source that means what they list; `tranco`
    stands for the popular domains, `wide-networks` for networks of many addresses,
    `public-suffixes` for names below which everybody has one.

    A network is refused where it shares any address with what is reserved, allowed or one's own,
    or with a range of a cloud. The bare name of a shared host is refused wherever it comes from:
    who reports it means a page there, and the page's URL may be an indicator. So is the URL of its
    front page, or of a popular domain's: it says no more.
    """
    rows = located(kind, value)
    found = [_v4(rows, policy), _rare(rows, policy, but), _named(rows, policy), _hashes(rows)]
    found += [_shared(rows, but), _listed(rows, policy, but), _popular(rows, policy, but)]
    why = pl.concat(found).unique("row", keep="first", maintain_order=True)
    return _nothing(len(rows)).scatter(why["row"], why["why"]).alias("why")


def _listed(rows: pl.DataFrame, policy: Policy, but: frozenset[str]) -> pl.DataFrame:
    if policy.lists is None:
        return _none(rows)
    return _why(rows, policy.lists.suppressing(rows, but))


def _shared(rows: pl.DataFrame, but: frozenset[str]) -> pl.DataFrame:
    bare = rows.filter(_bare())
    if SUFFIXES in but or bare.is_empty():
        return _none(rows)
    named = bare.filter(shared(bare["host"]))
    return named.select("row", pl.lit(SHARED).alias("why"))


def _popular(rows: pl.DataFrame, policy: Policy, but: frozenset[str]) -> pl.DataFrame:
    bare = rows.filter(_bare())
    if policy.popular is None or RANKED in but or bare.is_empty():
        return _none(rows)
    popular = bare.filter(policy.popular.popular(bare["host"]))
    return popular.select("row", pl.lit(POPULAR).alias("why"))


def _bare() -> pl.Expr:
    value, host = pl.col("value"), pl.col("host")
    # Few URLs are so short: the others need not be looked at.
    short = value.str.len_bytes() - host.str.len_bytes() <= len("https:///")
    front = (pl.col("kind") == Kind.URL) & short & value.str.contains(FRONT)
    return (pl.col("kind") == Kind.DOMAIN) | front


def _v4(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    numbered = rows.filter(pl.col("number").is_not_null())
    if numbered.is_empty():
        return _none(rows)
    return _why(numbered, policy.v4.reasons_of(numbered["number"], numbered["number"]))


def _rare(rows: pl.DataFrame, policy: Policy, but: frozenset[str]) -> pl.DataFrame:
    """Networks and IPv6 addresses."""
    rare = rows.filter(
        pl.col("kind").is_in([Kind.IPV6.value, Kind.CIDR.value])
        | pl.col("host").str.starts_with("[")
    )
    if rare.is_empty():
        return _none(rows)
    read = rare.select("row").hstack(network_columns(rare["host"]))
    fours = read.filter(pl.col("version") == 4)  # noqa: PLR2004 - the version of IP
    sixes = read.filter(pl.col("version") == 6)  # noqa: PLR2004 - the version of IP
    numbers = fours.with_columns(pl.col("first", "last").cast(pl.Int64))
    found = [
        _why(numbers, policy.v4.reasons_of(numbers["first"], numbers["last"])),
        _why(sixes, policy.v6.reasons_of(sixes["first"], sixes["last"])),
    ]
    if WIDE_NETWORKS not in but:
        bits = pl.col("version").replace_strict(WIDEST, return_dtype=pl.UInt8)
        wide = read.filter(pl.col("bits") < bits)
        found.append(wide.select("row", pl.lit(WIDE).alias("why")))
    return pl.concat(found)


def _named(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    named = pl.col("kind").is_in([Kind.DOMAIN.value, Kind.URL.value, Kind.EMAIL.value])
    if rows.filter(named).is_empty():
        return _none(rows)
    suffixes = "|".join(pl.escape_regex(name) for name in sorted(policy.names))
    pattern = f"(?:^|\\.)({suffixes})$"
    # To look whether it matches costs a fraction of extracting what does; hardly any row has it.
    hosts = rows.filter(named & pl.col("number").is_null()).filter(
        pl.col("host").str.contains(pattern)
    )
    suffix = hosts["host"].str.extract(pattern)
    return _why(hosts, suffix.replace_strict(policy.names, return_dtype=pl.String))


def _hashes(rows: pl.DataFrame) -> pl.DataFrame:
    # A mutex may well be named like one.
    kinds = [kind.value for kind in HASHES.values()]
    hashes = rows.filter(pl.col("value").is_in(EMPTY_FILE) & pl.col("kind").is_in(kinds))
    return _why(hashes, pl.Series(["empty file"] * len(hashes), dtype=pl.String))


def _none(rows: pl.DataFrame) -> pl.DataFrame:
    """Return no reasons: to look for some in no rows at all takes a millisecond."""
    return _why(rows.clear(), pl.Series([], dtype=pl.String))


def _why(rows: pl.DataFrame, why: pl.Series) -> pl.DataFrame:
    return rows.select("row", why.alias("why")).drop_nulls()


def liftable(hosts: pl.Series, policy: Policy) -> pl.Series:
    """Say of each host, as `hosts.host` gives it, whether it may stand for the URLs on it.

    Not where it could be no indicator itself: it is shared, popular, one's own, an address in a
    cloud. Nor below a popular shared name: `raw.githubusercontent.com` looks like any customer.
    """
    rows = pl.DataFrame({"value": hosts.str.strip_chars("[]")})
    value, six = pl.col("value"), pl.col("value").str.contains(":", literal=True)
    address = pl.when(six).then(pl.lit(Kind.IPV6.value)).otherwise(pl.lit(Kind.IPV4.value))
    kind = (
        pl.when(six | value.str.contains(IPV4)).then(address).otherwise(pl.lit(Kind.DOMAIN.value))
    )
    named = rows.select(kind.alias("kind"), "value", fine=value.str.contains("[.:]"))
    fine = named["fine"].fill_null(value=False)
    fine &= reasons(named["kind"], named["value"], policy).is_null()
    if policy.popular is not None:
        fine &= policy.popular.derivable(hosts)
    return fine.alias("liftable")


def tally(why: pl.Series) -> dict[str, int]:
    """Count how often each reason was given, the most frequent first."""
    counts = why.drop_nulls().value_counts(sort=True)
    return dict(zip(counts[:, 0].to_list(), counts[:, 1].to_list(), strict=True))
