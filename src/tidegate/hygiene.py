"""What is never an indicator: reserved addresses, reserved names, the allow-list.

Used wherever a value enters or leaves: feeds are full of 127.0.0.1, sandboxes of 10.0.2.15.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from tidegate.model import Kind

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

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HOST = r"^[a-z0-9.+-]+://(?:[^/]*@)?(\[[^\]]+\]|[^/:?]+)"
IPV4 = r"^[0-9]+(?:\.[0-9]+){3}$"
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

    def overlapping(self, first: int, last: int) -> str | None:
        """Return the reason of a range that shares an address with first..last."""
        at = bisect_right(self.starts, last) - 1
        return self.reasons[at] if at >= 0 and self.ends[at] >= first else None

    def reasons_of(self, addresses: pl.Series) -> pl.Series:
        """Return the reason for each number, null where it is in no range."""
        if not self.starts:
            return pl.Series([None] * len(addresses), dtype=pl.String)
        starts = pl.Series(self.starts, dtype=pl.Int64)
        at = starts.search_sorted(addresses, side="right").cast(pl.Int64) - 1
        known = pl.DataFrame({"at": at, "address": addresses}).select(
            pl.when(
                (pl.col("at") >= 0)
                & (pl.lit(pl.Series(self.ends)).gather(pl.col("at").clip(0)) >= pl.col("address"))
            ).then(pl.lit(pl.Series(self.reasons)).gather(pl.col("at").clip(0)))
        )
        return known.to_series()


@dataclass(frozen=True)
class Policy:
    """What a deployment never calls an indicator.

    `allow` holds domains (with all below them), addresses and networks. `simulated` lets
    documentation addresses and example domains pass: the simulated tenant has no others.
    """

    allow: tuple[str, ...] = ()
    simulated: bool = False

    @cached_property
    def names(self) -> dict[str, str]:
        """Domain suffixes with their reason."""
        reserved = (*RESERVED_NAMES, *(() if self.simulated else EXAMPLE_NAMES))
        allowed = [name.lower() for name in self.allow if _network(name) is None]
        return dict.fromkeys(reserved, "reserved name") | dict.fromkeys(allowed, "allow-list")

    @cached_property
    def v4(self) -> Ranges:
        """IPv4 ranges with their reason."""
        return Ranges.of((n, why) for n, why in self._networks() if n.version == 4)  # noqa: PLR2004

    @cached_property
    def v6(self) -> Ranges:
        """IPv6 ranges with their reason."""
        return Ranges.of((n, why) for n, why in self._networks() if n.version == 6)  # noqa: PLR2004

    def _networks(self) -> list[tuple[Network, str]]:
        reserved = dict(RESERVED)
        if not self.simulated:
            reserved |= dict.fromkeys(DOCUMENTATION, "documentation")
        found = [(ipaddress.ip_network(text), why) for text, why in reserved.items()]
        allowed = [network for text in self.allow if (network := _network(text)) is not None]
        return found + [(network, "allow-list") for network in allowed]


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def reason(kind: Kind, value: str, policy: Policy) -> str | None:
    """Say why a canonical value is never an indicator; None if it may be one."""
    found: str | None = reasons(pl.Series([kind.value]), pl.Series([value]), policy)[0]
    return found


def reasons(kind: pl.Series, value: pl.Series, policy: Policy) -> pl.Series:
    """The columnar form of `reason`: one text or null for each row."""
    rows = pl.DataFrame({"kind": kind.cast(pl.String), "value": value}).with_row_index("row")
    rows = rows.with_columns(_host().alias("host"))
    found = [_v4(rows, policy), _rare(rows, policy), _named(rows, policy), _hashes(rows)]
    why = pl.concat(found).unique("row")
    return rows.select("row").join(why, on="row", how="left", maintain_order="left")["why"]


def _host() -> pl.Expr:
    kind, value = pl.col("kind"), pl.col("value")
    return (
        pl.when(kind == Kind.URL)
        .then(value.str.extract(HOST))
        .when(kind == Kind.EMAIL)
        .then(value.str.extract("@([^@]+)$"))
        .otherwise(value)
    )


def _v4(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    maybe = pl.col("kind").is_in([Kind.IPV4.value, Kind.URL.value])
    hosts = rows.filter(maybe & pl.col("host").str.contains(IPV4))
    parts = pl.col("host").str.split_exact(".", 3).struct
    number = pl.sum_horizontal(
        parts.field(f"field_{i}").cast(pl.Int64) * 256 ** (3 - i) for i in range(4)
    )
    numbers = hosts.select(number.alias("number"))["number"]
    return _why(hosts, policy.v4.reasons_of(numbers))


def _rare(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Networks and IPv6 addresses: one at a time, each different one once."""
    rare = rows.filter(
        pl.col("kind").is_in([Kind.IPV6.value, Kind.CIDR.value])
        | pl.col("host").str.starts_with("[")
    )
    hosts = rare["host"].unique().drop_nulls().to_list()
    known = {host: _of_network(host.strip("[]"), policy) for host in hosts}
    return _why(rare, pl.Series([known.get(h) for h in rare["host"]], dtype=pl.String))


def _of_network(text: str, policy: Policy) -> str | None:
    network = ipaddress.ip_network(text)
    ranges = policy.v4 if network.version == 4 else policy.v6  # noqa: PLR2004
    return ranges.overlapping(int(network[0]), int(network[-1]))


def _named(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    named = pl.col("kind").is_in([Kind.DOMAIN.value, Kind.URL.value, Kind.EMAIL.value])
    hosts = rows.filter(named & ~pl.col("host").str.contains(IPV4))
    suffixes = "|".join(pl.escape_regex(name) for name in sorted(policy.names))
    different = hosts.select(pl.col("host").unique())
    suffix = different["host"].str.extract(f"(?:^|\\.)({suffixes})$").alias("why")
    why = suffix.replace_strict(policy.names, default=None, return_dtype=pl.String)
    known = different.with_columns(why).drop_nulls()
    return hosts.select("row", "host").join(known, on="host").select("row", "why")


def _hashes(rows: pl.DataFrame) -> pl.DataFrame:
    hashes = rows.filter(pl.col("value").is_in(EMPTY_FILE))
    return _why(hashes, pl.Series(["empty file"] * len(hashes), dtype=pl.String))


def _why(rows: pl.DataFrame, why: pl.Series) -> pl.DataFrame:
    return rows.select("row", why.alias("why")).drop_nulls()
