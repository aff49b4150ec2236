"""Which names stand for others: a domain for what is below it and on it, a host for its URLs. Pure.

Defender has 15,000 slots, and an indicator of a domain matches all its subdomains and every URL on
them. So a URL whose domain is chosen needs no slot of its own, and several bad URLs of one host may
give way to the host.
"""

import polars as pl

from tidegate.hosts import host
from tidegate.model import Kind
from tidegate.sightings import ids

LIFTED_FROM = 3  # clean URLs of one host; of two, one may be a mistake
KEPT_FROM = 2  # a host that stands for its URLs already
DEPTH = 8  # labels of a name that are looked at as its parents, from the top
LIFTED = (
    *("id", "kind", "value", "score", "sources", "newest", "last_seen", "threat"),
    "for",
)
ADDRESSES = (Kind.IPV4.value, Kind.IPV6.value)


def lifted(rows: pl.DataFrame, held: pl.Series) -> pl.DataFrame:
    """Return a row for each host that as many good URLs agree on, `for` how many it stands.

    `rows` are clean candidates, `held` the ids that are enforced now. A host's score is that of its
    third-best URL: so much at least is said of three. Whether the host itself may be chosen,
    hygiene has to say.
    """
    urls = rows.filter(pl.col("kind").cast(pl.String) == Kind.URL.value)
    hosts = _named(urls["kind"], urls["value"])
    grouped = (
        urls.sort("score", "id", descending=[True, False])
        .group_by(hosts.alias("value"), maintain_order=True)
        .agg(
            pl.col("score").head(LIFTED_FROM).last(),
            pl.col("sources").explode().unique().sort(),
            pl.col("newest", "last_seen").max(),
            pl.col("threat").drop_nulls().max(),
            pl.len().alias("for"),
        )
        .filter(pl.col("for") >= KEPT_FROM)
        .with_columns(_kind().alias("kind"))
    )
    named = grouped.with_columns(ids(grouped["kind"], grouped["value"]).alias("id"))
    enough = (pl.col("for") >= LIFTED_FROM) | pl.col("id").is_in(held.implode())
    return named.filter(enough).select(*LIFTED)


def lifted_ids(kind: pl.Series, value: pl.Series) -> pl.Series:
    """Return the id that the host of each row has as an indicator."""
    rows = pl.DataFrame({"value": _named(kind, value)}).with_columns(_kind().alias("kind"))
    return ids(rows["kind"], rows["value"])


def _named(kind: pl.Series, value: pl.Series) -> pl.Series:
    return host(kind.cast(pl.String), value).str.strip_chars("[]")


def above_harmless(harmless: pl.DataFrame) -> list[str]:
    """Return the names that would take along what analysts called harmless (`kind`, `value`)."""
    said = harmless.filter(pl.col("kind").is_in([Kind.URL.value, Kind.DOMAIN.value]))
    parts = [name.split(".") for name in _named(said["kind"], said["value"]).drop_nulls()]
    return sorted({".".join(labels[at:]) for labels in parts for at in range(len(labels))})


def _kind() -> pl.Expr:
    value = pl.col("value")
    v4 = pl.when(value.str.contains(r"^\d+(?:\.\d+){3}$")).then(pl.lit(Kind.IPV4.value))
    v6 = v4.when(value.str.contains(":", literal=True)).then(pl.lit(Kind.IPV6.value))
    return v6.otherwise(pl.lit(Kind.DOMAIN.value))


def covers(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `id` and the value of the name that covers it, the topmost one, `by`.

    `rows` (id, kind, value, `strong`) are those that may be chosen. Who is enforced strongly is
    covered by nobody that is not.
    """
    kind = pl.col("kind").cast(pl.String)
    tops = rows.filter(kind.is_in([Kind.DOMAIN.value, *ADDRESSES]))
    below = rows.filter(kind.is_in([Kind.DOMAIN.value, Kind.URL.value]))
    if tops.is_empty() or below.is_empty():
        return pl.DataFrame(schema={"id": pl.String, "by": pl.String})
    names = _named(below["kind"], below["value"])
    asked = below.select("id", "strong").with_columns(names.alias("host"))
    found = [_at(asked, tops, labels) for labels in (*range(1, DEPTH + 1), None)]
    return pl.concat(found).unique("id", keep="first", maintain_order=True)


def _at(asked: pl.DataFrame, tops: pl.DataFrame, labels: int | None) -> pl.DataFrame:
    """Look for what covers by its last so many labels; by the whole name for None."""
    parts = pl.col("host").str.split(".")
    parent = pl.col("host") if labels is None else parts.list.tail(labels).list.join(".")
    some = asked if labels is None else asked.filter(parts.list.len() >= labels)
    by = tops.select(pl.col("id").alias("top"), by="value", firm="strong")
    joined = some.with_columns(parent.alias("by")).join(by, on="by")
    held = joined.filter((pl.col("top") != pl.col("id")) & (pl.col("firm") | ~pl.col("strong")))
    return held.select("id", "by").sort("id")
