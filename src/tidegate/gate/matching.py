"""Which sightings a search means: what can be pushed down to the store, and what is left over."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tidegate.canonical import Rejected, guess, refang
from tidegate.hosts import number
from tidegate.model import Kind, indicator_id
from tidegate.sightings import KINDS, TIME

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NUMBERED = (Kind.IPV4, Kind.IPV6, Kind.CIDR)


@dataclass(frozen=True, slots=True)
class Filter:
    """What must hold, all of it for one and the same sighting. None and empty ask for nothing.

    `text` is looked for in values, tags and threats, in any spelling; an address finds the networks
    that hold it, too. `network` finds the addresses and networks inside. `prefix` is how a value
    begins.
    """

    text: str | None = None
    kinds: tuple[Kind, ...] = ()
    sources: tuple[str, ...] = ()
    tag: str | None = None
    threat: str | None = None
    network: Network | None = None
    prefix: str | None = None
    first_seen_after: datetime | None = None
    last_seen_after: datetime | None = None


def network(text: str) -> Network:
    """Read an address or a network, defanged or not. Raises Rejected."""
    try:
        return ipaddress.ip_network(refang(text), strict=False)
    except ValueError as error:
        raise Rejected("not a network") from error


def narrowed(sightings: pl.LazyFrame, wanted: Filter) -> pl.LazyFrame:
    """Keep the rows that may be meant; with a `network`, `inside` has the last word."""
    for condition in _conditions(wanted):
        sightings = sightings.filter(condition)
    return sightings


def _conditions(wanted: Filter) -> Iterator[pl.Expr]:
    if wanted.text:
        yield _mentioned(wanted.text)
    if wanted.kinds:
        yield pl.col("kind").is_in(pl.Series(wanted.kinds, dtype=KINDS).implode())
    if wanted.sources:
        yield pl.col("source").is_in(wanted.sources)
    if wanted.prefix:
        yield pl.col("value").str.starts_with(refang(wanted.prefix) or wanted.prefix)
    if wanted.network:
        yield _perhaps_inside(wanted.network)
    yield from _said(wanted)


def _said(wanted: Filter) -> Iterator[pl.Expr]:
    if wanted.tag:
        yield pl.col("tags").list.contains(pl.lit(wanted.tag))
    if wanted.threat:
        yield pl.col("threat").str.to_lowercase() == pl.lit(wanted.threat.lower())
    if wanted.first_seen_after:
        yield pl.col("first_seen") > pl.lit(wanted.first_seen_after, TIME)
    if wanted.last_seen_after:
        yield pl.col("last_seen") > pl.lit(wanted.last_seen_after, TIME)


def _mentioned(text: str) -> pl.Expr:
    spellings = {text, refang(text)}
    holding: list[str] = []
    try:
        kind, value = guess(text)
    except Rejected:
        pass
    else:
        spellings.add(value)
        holding = [indicator_id(Kind.CIDR, one) for one in _holding(kind, value)]
    needles = sorted(filter(None, spellings)) or [text]
    said = (pl.col("value"), pl.col("threat"), pl.col("tags").list.join("\n"))
    found = [one.str.contains_any(needles, ascii_case_insensitive=True) for one in said]
    return pl.any_horizontal(*(one.fill_null(value=False) for one in found), _among(holding))


def _among(ids: list[str]) -> pl.Expr:
    return pl.col("id").is_in(ids) if ids else pl.lit(value=False)


def _holding(kind: Kind, value: str) -> Iterator[str]:
    """Yield every network that holds an address."""
    if kind in {Kind.IPV4, Kind.IPV6}:
        whole = ipaddress.ip_network(value)
        yield from (str(whole.supernet(new_prefix=bits)) for bits in range(whole.prefixlen))


def _perhaps_inside(wanted: Network) -> pl.Expr:
    """Tell rows that cannot be inside by how their text begins; `inside` tells the rest."""
    numbered = pl.col("kind").is_in(pl.Series(NUMBERED, dtype=KINDS).implode())
    return numbered & pl.col("value").str.starts_with(_beginning(wanted))


def _beginning(wanted: Network) -> str:
    """Return the text with which every canonical address and network inside begins."""
    start, bits = wanted.network_address, wanted.prefixlen
    if isinstance(start, ipaddress.IPv4Address):
        return "".join(f"{byte}." for byte in start.packed[: min(bits // 8, 3)])
    groups = [f"{int(group, 16):x}" for group in start.exploded.split(":")[: min(bits // 16, 7)]]
    # A run of zeros may be written as "::", so the text is sure only up to the first.
    sure = groups[: groups.index("0")] if "0" in groups else groups
    return "".join(f"{group}:" for group in sure)


def inside(rows: pl.DataFrame, wanted: Network) -> pl.DataFrame:
    """Keep the rows with a `value` that is an address or a network inside the network."""
    if isinstance(wanted, ipaddress.IPv4Network):
        return rows.filter(_inside(wanted))
    among = [_is_inside(value, wanted) for value in rows["value"]]
    return rows.filter(pl.Series(among, dtype=pl.Boolean))


def _inside(wanted: ipaddress.IPv4Network) -> pl.Expr:
    parts = pl.col("value").str.splitn("/", 2).struct
    bits = parts.field("field_1").cast(pl.Int64, strict=False).fill_null(32)
    first, last = int(wanted.network_address), int(wanted.broadcast_address)
    return number(parts.field("field_0")).is_between(first, last) & (bits >= wanted.prefixlen)


def _is_inside(value: str, wanted: ipaddress.IPv6Network) -> bool:
    found = ipaddress.ip_network(value)
    return isinstance(found, ipaddress.IPv6Network) and found.subnet_of(wanted)
