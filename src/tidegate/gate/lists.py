"""Lists as firewalls read them: plain text, one entry a line, the best first.

An allow-list of characters for each kind decides what may be written, so that no value can end a
line, begin a comment or mean a wildcard; what a format cannot say is left out and counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5, sha256

import polars as pl

from tidegate.model import Kind, Tlp
from tidegate.sharing import stricter
from tidegate.warninglists.matching import network_columns

ADDRESSES = (Kind.IPV4, Kind.IPV6, Kind.CIDR)
HASHES = (Kind.MD5, Kind.SHA1, Kind.SHA256)
V4, V6 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", r"[0-9a-f]*:[0-9a-f:]*:[0-9a-f]*"
SAFE = {
    Kind.IPV4: f"^{V4}$",
    Kind.IPV6: f"^{V6}$",
    Kind.CIDR: f"^(?:{V4}/(?:[12]?[0-9]|3[0-2])|{V6}/(?:[1-9]?[0-9]|1[01][0-9]|12[0-8]))$",
    **dict.fromkeys(HASHES, r"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$"),
    Kind.DOMAIN: r"^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$",
    # No user information before the host: it may be a password.
    Kind.URL: r"^https?://[A-Za-z0-9._:\[\]-]+(?:[/?][A-Za-z0-9._~:/?\[\]@!$&'()+,=%-]*)?$",
}
STEP = timedelta(minutes=15)  # what expires leaves at the next quarter of an hour
LEVELS = 8  # so many labels up, a domain is looked for that holds another
MB = 1_000_000


def _plain(value: pl.Expr) -> pl.Expr:
    return value


def _denied(value: pl.Expr) -> pl.Expr:
    return pl.format("deny {};", value)


def _with_subdomains(value: pl.Expr) -> pl.Expr:
    return pl.format("{}\n*.{}", value, value)


def _without_scheme(value: pl.Expr) -> pl.Expr:
    return value.str.replace("^https?://", "")


@dataclass(frozen=True, slots=True)
class Format:
    """What a product reads: of which kinds, how many lines, bytes in all and bytes in a line.

    `write` makes an entry of a value, of `lines` lines. `below` says that a domain's entry means
    all that is below it, too.
    """

    title: str
    kinds: tuple[Kind, ...]
    most: int
    size: int = 500 * MB
    longest: int = 2_083
    write: Callable[[pl.Expr], pl.Expr] = _plain
    lines: int = 1
    below: bool = False


# The limits are those of the smallest device that a vendor documents.
PALO_ALTO, FORTINET, CISCO, OTHER = 50_000, 131_072, 1_000_000, 1_000_000
FORTINET_SIZE = 10 * MB
FORMATS = {
    "paloalto-ip": Format("Palo Alto, IP list", ADDRESSES, PALO_ALTO),
    "paloalto-domain": Format("Palo Alto, domain list", (Kind.DOMAIN,), PALO_ALTO, longest=255),
    "paloalto-domain-wildcard": Format(
        "Palo Alto, domain list with all subdomains",
        (Kind.DOMAIN,),
        PALO_ALTO,
        longest=255,
        write=_with_subdomains,
        lines=2,
        below=True,
    ),
    "paloalto-url": Format(
        "Palo Alto, URL list", (Kind.URL,), PALO_ALTO, longest=2_047, write=_without_scheme
    ),
    "fortinet-address": Format("Fortinet, IP address", ADDRESSES, FORTINET, FORTINET_SIZE),
    "fortinet-domain": Format("Fortinet, domain name", (Kind.DOMAIN,), FORTINET, FORTINET_SIZE),
    "fortinet-url": Format("Fortinet, FortiGuard category", (Kind.URL,), FORTINET, FORTINET_SIZE),
    "fortinet-hash": Format("Fortinet, malware hash", HASHES, FORTINET, FORTINET_SIZE),
    "cisco-network": Format("Cisco, network feed", ADDRESSES, CISCO),
    "cisco-dns": Format("Cisco, DNS feed", (Kind.DOMAIN,), CISCO, below=True),
    "cisco-url": Format("Cisco, URL feed", (Kind.URL,), CISCO),
    "cisco-sha256": Format("Cisco, file list of SHA-256", (Kind.SHA256,), CISCO),
    "nginx-deny": Format("nginx, `deny` directives", ADDRESSES, OTHER, write=_denied),
    "plain-address": Format("Addresses and networks", ADDRESSES, OTHER),
    "plain-domain": Format("Domains", (Kind.DOMAIN,), OTHER),
    "plain-url": Format("URLs", (Kind.URL,), OTHER),
    "plain-md5": Format("MD5", (Kind.MD5,), OTHER),
    "plain-sha1": Format("SHA-1", (Kind.SHA1,), OTHER),
    "plain-sha256": Format("SHA-256", (Kind.SHA256,), OTHER),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A list. `changed` is when what it rests on last changed, `until` when an entry expires.

    `covered` values are meant by others' entries, `unsaid` ones the format cannot express, and for
    `beyond` there was no room.
    """

    body: bytes
    count: int
    covered: int
    unsaid: int
    beyond: int
    changed: datetime | None
    until: datetime | None
    etag: str
    md5: str


def whole(now: datetime) -> datetime:
    """Return the last whole `STEP`."""
    return now - timedelta(seconds=now.timestamp() % STEP.total_seconds())


def render(rows: pl.DataFrame, form: Format, min_score: int, at: datetime, own: Tlp) -> Rendered:
    """Write what the published set (`rows`) has for a format, live at `at`, for our own devices.

    `at` is a whole `STEP`, so that a list is not another one with each entry that expires. Only
    what the gate would block is in it: who reads a list cannot warn or watch.
    """
    kinds = pl.col("kind").cast(pl.String).is_in([kind.value for kind in form.kinds])
    of_kind = rows.filter(kinds)
    wanted = of_kind.filter(_stands(at), ~stricter(own)).with_columns(pl.col("score").round())
    chosen = wanted.filter(pl.col("score") >= min_score)
    said = chosen.filter(_expressible(form))
    ranked = _once(form, said).sort("score", "id", descending=[True, False])
    fits = pl.int_range(1, pl.len() + 1) * form.lines <= form.most
    entries = ranked.filter(fits & (_bytes().cum_sum() <= form.size))
    body = "".join(f"{entry}\n" for entry in entries["entry"]).encode()
    return Rendered(
        body=body,
        count=len(entries) * form.lines,
        covered=len(said) - len(ranked),
        unsaid=len(chosen) - len(said),
        beyond=len(ranked) - len(entries),
        changed=_time(of_kind.select(_changed(at)).to_series().max()),
        until=_time(entries["expires"].min()),
        etag=f'"{sha256(body).hexdigest()[:32]}"',
        md5=md5(body, usedforsecurity=False).hexdigest(),
    )


def _changed(at: datetime) -> pl.Expr:
    """Return when something last happened to each row that a reader would see."""
    left = (pl.col("expires") - timedelta(microseconds=1)).dt.truncate(STEP) + STEP
    over = pl.max_horizontal(left, "changed")
    return pl.when(pl.col("expires") <= at).then(over).otherwise("changed")


def _stands(at: datetime) -> pl.Expr:
    blocks = pl.col("action").is_null() | pl.col("action").str.contains("Block", literal=True)
    return pl.col("gone").is_null() & (pl.col("expires") > at) & blocks


def _expressible(form: Format) -> pl.Expr:
    safe, value = pl.lit(value=False), pl.col("value")
    for kind in form.kinds:
        of_kind = pl.col("kind").cast(pl.String) == kind.value
        safe = safe | (of_kind & value.str.contains(SAFE[kind]))
    last = form.write(value).str.split("\n").list.last()  # no line of an entry is longer
    return safe & (last.str.len_bytes() <= form.longest)


def _bytes() -> pl.Expr:
    return pl.col("entry").str.len_bytes() + 1


def _once(form: Format, said: pl.DataFrame) -> pl.DataFrame:
    """Leave out what another entry means, too; the other one then counts as much as the best."""
    if Kind.CIDR in form.kinds:
        said = widest(said)
    elif form.below:
        said = topmost(said)
    entries = said.with_columns(form.write(pl.col("value")).alias("entry"))
    best_first = entries.sort("score", "id", descending=[True, False])
    return best_first.unique("entry", keep="first", maintain_order=True)


def widest(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the addresses and networks that lie in no other, with the best score inside."""
    if rows.is_empty():
        return rows
    placed = rows.hstack(network_columns(rows["value"]))
    ordered = placed.sort("version", "first", "bits")
    parts = [_outer(part) for part in ordered.partition_by("version", maintain_order=True)]
    return pl.concat([rows.clear(), *(part.select(rows.columns) for part in parts)])


def _outer(ordered: pl.DataFrame) -> pl.DataFrame:
    reached = pl.col("last").cum_max().shift(1)
    opens = reached.is_null() | (pl.col("first") > reached)
    grouped = ordered.with_columns(opens.cum_sum().alias("group"))
    best = pl.col("score").max().over("group")
    return grouped.with_columns(best).filter(pl.col("group").is_first_distinct())


def topmost(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the domains that are below no other one which counts as much."""
    scores = rows.select(pl.col("value").alias("above"), pl.col("score").alias("higher"))
    found = rows.with_columns(pl.col("value").alias("above"))
    for _ in range(LEVELS):
        up = pl.col("above").str.replace(r"^[^.]+\.?", "")
        found = found.with_columns(up).join(scores, "above", "left", maintain_order="left")
        free = pl.col("higher").is_null() | (pl.col("higher") < pl.col("score"))
        found = found.filter(free).drop("higher")
    return found.drop("above")


def _time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
