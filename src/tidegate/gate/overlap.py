"""How the indicators of the store are spread over sources: who alone has what, who had it first.

An indicator with the sources a and b belongs to the combination {a, b}. There are few combinations
however many indicators there are, and what a source adds follows from them alone, also if another
one were dropped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import polars as pl

from tidegate.gate.score import UNKNOWN, Sources

ROWS = 100_000  # of a slice of the store: what is in memory at once
SLICES = 256  # an id begins with two hex digits


@dataclass(frozen=True, slots=True)
class Spread:
    """How live indicators are shared.

    `combinations` has `sources`, sorted, and how many `indicators` have exactly those. `leads` has
    a line for each `source` that shares indicators with independent ones: how many it `shared`, in
    how many it was `first`, and by how many `seconds` it was ahead of the first of the others (the
    median; negative = behind).
    """

    combinations: pl.DataFrame
    leads: pl.DataFrame


def spread(live: pl.LazyFrame, sources: Sources) -> Spread:
    """Read all live sightings (`id`, `source`, `first_seen`), a slice of the ids at a time."""
    names = live.select(pl.col("source").unique().sort()).collect()["source"]
    combinations, leads = [], []
    for rows in _slices(live, pl.Enum(names)):
        shared = pl.col("indicator").is_duplicated()
        combinations += [_single(rows.filter(~shared)), _combined(rows.filter(shared))]
        leads.append(_leads(rows.filter(shared), _voices(names, sources)))
    return Spread(_added(combinations), _medians(pl.concat(leads)))


def _slices(live: pl.LazyFrame, names: pl.Enum) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part of the ids, sorted, with a number `indicator` for each id.

    Numbers instead of texts: everything after the first sort is then several times as fast.
    """
    rows = live.select(pl.len()).collect().item()
    parts = min(max(rows // ROWS, 1), SLICES)
    bounds = [f"{part * SLICES // parts:02x}" for part in range(parts)] + ["g"]
    for low, high in pairwise(bounds):
        within = pl.col("id").is_between(pl.lit(low), pl.lit(high), closed="left")
        found = live.filter(within).select("id", pl.col("source").cast(names), "first_seen")
        number = pl.col("id").rle_id().alias("indicator")
        yield found.collect().sort("id", "source").select(number, "source", "first_seen")


def _single(rows: pl.DataFrame) -> pl.DataFrame:
    alone = rows.group_by("source").agg(pl.len().alias("indicators"))
    return alone.select(pl.concat_list("source").alias("sources"), "indicators")


def _combined(rows: pl.DataFrame) -> pl.DataFrame:
    each = rows.group_by("indicator", maintain_order=True).agg(pl.col("source").alias("sources"))
    return each.group_by("sources").agg(pl.len().alias("indicators"))


def _added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(parts).group_by("sources").agg(pl.col("indicators").sum())
    return whole.with_columns(pl.col("sources").cast(pl.List(pl.String))).sort("sources")


def _voices(names: Iterable[str], sources: Sources) -> dict[str, str]:
    """Return the group of each source that has an opinion; an advisory one has none."""
    known = {name: sources.known.get(name, UNKNOWN) for name in names}
    return {name: sources.group(name) for name, one in known.items() if not one.advisory}


def _leads(rows: pl.DataFrame, voices: dict[str, str]) -> pl.DataFrame:
    """Return `source` and `lead` in seconds for what independent sources share."""
    group = pl.col("source").replace_strict(voices, default=None, return_dtype=pl.String)
    voiced = rows.with_columns(group.cast(pl.Enum(sorted({*voices.values()}))).alias("group"))
    voiced = voiced.drop_nulls("group")
    firsts = voiced.group_by("indicator", "group").agg(pl.col("first_seen").min().alias("earliest"))
    shared = voiced.join(firsts, on=["indicator", "group"]).join(_two(firsts), on="indicator")
    ahead = pl.col("earliest") == pl.col("one")
    others = pl.when(ahead).then("two").otherwise("one")
    lead = (others - pl.col("first_seen")).dt.total_seconds()
    return shared.select("source", lead.alias("lead"))


def _two(firsts: pl.DataFrame) -> pl.DataFrame:
    """Return the two earliest times of each indicator that more than one group has."""
    number, time = pl.col("indicator"), pl.col("earliest")
    two = pl.when(number.shift(-1) == number).then(time.shift(-1)).alias("two")
    begins = number.ne_missing(number.shift()).alias("begins")
    ordered = firsts.sort("indicator", "earliest").select(number, time.alias("one"), two, begins)
    return ordered.filter("begins").drop("begins").drop_nulls("two")


def _medians(leads: pl.DataFrame) -> pl.DataFrame:
    return (
        leads.with_columns(pl.col("source").cast(pl.String))
        .group_by("source")
        .agg(
            pl.len().alias("shared"),
            (pl.col("lead") > 0).sum().alias("first"),
            pl.col("lead").median().alias("seconds"),
        )
    )


def contributions(
    combinations: pl.DataFrame, sources: Sources, without: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Return for each `source` its `indicators`, and what nobody else has.

    `lost` are those that no other source has at all. `unique` are those that no independent source
    has: sources of its group, those that copy it and advisory ones do not count. Sources `without`
    which one has to do are left out.
    """
    members = _members(combinations).filter(~pl.col("source").is_in(sorted(without)))
    pairs = _pairs(members)
    confirmed = pairs.join(_echoes(members["source"], sources), on=["source", "other"], how="anti")
    each = ["combination", "source"]
    alone = members.join(pairs, on=each, how="anti")
    unique = members.join(confirmed, on=each, how="anti")
    return (
        _sum(members, "indicators")
        .join(_sum(unique, "unique"), on="source", how="left")
        .join(_sum(alone, "lost"), on="source", how="left")
        .fill_null(0)
        .sort("source")
    )


def overlaps(combinations: pl.DataFrame) -> pl.DataFrame:
    """Return `source`, `other` and how many `indicators` both have."""
    pairs = _pairs(_members(combinations))
    return pairs.group_by("source", "other").agg(pl.col("indicators").sum()).sort("source", "other")


def _members(combinations: pl.DataFrame) -> pl.DataFrame:
    numbered = combinations.with_row_index("combination")
    return numbered.explode("sources").rename({"sources": "source"})


def _pairs(members: pl.DataFrame) -> pl.DataFrame:
    others = members.select("combination", pl.col("source").alias("other"))
    both = members.join(others, on="combination")
    return both.filter(pl.col("source") != pl.col("other"))


def _echoes(names: pl.Series, sources: Sources) -> pl.DataFrame:
    """Return the pairs in which `other` is no second opinion on what `source` says."""
    different = names.unique().to_list()
    pairs = product(different, repeat=2)
    echoing = [(one, other) for one, other in pairs if _echoes_of(one, other, sources)]
    schema = {"source": pl.String, "other": pl.String}
    return pl.DataFrame(echoing, schema=schema, orient="row")


def _echoes_of(name: str, other: str, sources: Sources) -> bool:
    two = sources.known.get(other, UNKNOWN)
    fellows = sources.group(name) == sources.group(other)
    return two.advisory or fellows or name in two.copies


def _sum(members: pl.DataFrame, name: str) -> pl.DataFrame:
    return members.group_by("source").agg(pl.col("indicators").sum().alias(name))
