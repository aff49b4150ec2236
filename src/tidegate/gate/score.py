"""How much an indicator deserves: one formula, whose every term can be shown.

`score = 100 * (1 - product over sources (1 - reliability * confidence * decay))`

* reliability: the Admiralty grade of the source, A = 1.0 to F = 0.1;
* confidence: what the source itself says, 0 to 1;
* decay: `max(0, 1 - (age / lifetime)^2)`, age since the source last saw it. Addresses change hands
  in days, a hash means the same file for years; a network holds until its list drops it. A subject
  goes with its campaign and a file's name soon after, while malware keeps its mutexes, its keys and
  how it calls itself from version to version.

Independent sources add up, and none can bring the score above 100. Sources that share a `group`
count once, with their strongest word. A list of lists counts for as much as its word exceeds what
the lists that it copies say together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from tidegate.model import Kind
from tidegate.sightings import TIME

GRADES = {"A": 1.0, "B": 0.85, "C": 0.7, "D": 0.5, "E": 0.3, "F": 0.1}
LIFETIMES = {
    Kind.IPV4: timedelta(days=14),
    Kind.IPV6: timedelta(days=14),
    Kind.URL: timedelta(days=30),
    Kind.DOMAIN: timedelta(days=75),
    Kind.EMAIL: timedelta(days=75),
    Kind.MD5: timedelta(days=730),
    Kind.SHA1: timedelta(days=730),
    Kind.SHA256: timedelta(days=730),
    Kind.CERTIFICATE: timedelta(days=365),
    Kind.CIDR: timedelta(days=36_500),
    Kind.ASN: timedelta(days=36_500),
    Kind.CVE: timedelta(days=36_500),
    Kind.FILENAME: timedelta(days=90),
    Kind.MUTEX: timedelta(days=365),
    Kind.PROCESS: timedelta(days=365),
    Kind.REGISTRY: timedelta(days=365),
    Kind.EMAIL_SUBJECT: timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What the gate knows of a source.

    `confirmed` is when a snapshot was last fetched: all that is in it was true then. Sources of one
    `group` copy each other. A list of lists names those that it `copies`. An `advisory` source
    labels and explains; it has no weight.
    """

    grade: str
    confirmed: datetime | None = None
    group: str | None = None
    copies: frozenset[str] = frozenset()
    advisory: bool = False

    @property
    def reliability(self) -> float:
        """How far its word goes, 0 to 1."""
        return 0.0 if self.advisory else GRADES[self.grade]


UNKNOWN = Source("F")


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources by name; one that nobody declared is graded F."""

    known: Mapping[str, Source] = field(default_factory=dict)

    def copying(self) -> pl.DataFrame:
        """Return `source` and `copied`: a row for each list that a list of lists holds."""
        pairs = [(name, of) for name, source in self.known.items() for of in sorted(source.copies)]
        return pl.DataFrame(pairs, schema={"source": pl.String, "copied": pl.String}, orient="row")

    def columns(self, names: pl.Series) -> pl.DataFrame:
        """Return `source`, `reliability`, `confirmed` and `group` for each different name."""
        different = names.unique().to_list()
        found = [self.known.get(name, UNKNOWN) for name in different]
        return pl.DataFrame(
            {
                "source": pl.Series(different, dtype=pl.String),
                "reliability": pl.Series([s.reliability for s in found], dtype=pl.Float64),
                "confirmed": pl.Series([s.confirmed for s in found], dtype=TIME),
                "group": pl.Series(
                    [s.group or name for s, name in zip(found, different, strict=True)],
                    dtype=pl.String,
                ),
            }
        )


def terms(sightings: pl.DataFrame, sources: Sources, now: datetime) -> pl.DataFrame:
    """Add `reliability`, `group`, `age_days`, `decay` and `weight` to sightings with `source`."""
    known = sources.columns(sightings["source"])
    seen = pl.max_horizontal("last_seen", "confirmed")
    days = {kind.value: lifetime / timedelta(days=1) for kind, lifetime in LIFETIMES.items()}
    lifetime = pl.col("kind").cast(pl.String).replace_strict(days, return_dtype=pl.Float64)
    age = ((pl.lit(now, TIME) - seen).dt.total_seconds() / 86_400).clip(0)
    decay = (1 - (pl.col("age_days") / lifetime) ** 2).clip(0)
    weighed = (
        sightings.join(known, on="source", how="left", maintain_order="left")
        .with_columns(seen.alias("last_seen"), age.alias("age_days"))
        .with_columns(decay.alias("decay"))
        .with_columns(
            (pl.col("reliability") * pl.col("confidence") / 100 * pl.col("decay")).alias("weight")
        )
        .drop("confirmed")
    )
    return _beyond_copies(weighed, sources.copying())


def _beyond_copies(rows: pl.DataFrame, copying: pl.DataFrame) -> pl.DataFrame:
    """Leave a list of lists the weight by which it exceeds what its lists say together."""
    copying = copying.filter(pl.col("source").is_in(rows["source"].unique().implode()))
    if copying.is_empty():
        return rows
    said = rows.select(
        "id", pl.col("source").alias("copied"), (1 - pl.col("weight")).alias("doubt")
    )
    together = (
        rows.select("id", "source")
        .join(copying, on="source")
        .join(said, on=["id", "copied"])
        .group_by("id", "source")
        .agg(pl.col("doubt").product())
    )
    doubt = pl.col("doubt").fill_null(1)
    beyond = pl.when(doubt > 0).then(1 - (1 - pl.col("weight")) / doubt).otherwise(0).clip(0)
    joined = rows.join(together, on=["id", "source"], how="left", maintain_order="left")
    return joined.with_columns(beyond.alias("weight")).drop("doubt")


def scored(sightings: pl.DataFrame, sources: Sources, now: datetime) -> pl.DataFrame:
    """Return one row per indicator: id, kind, value, score, sources, last_seen, threat.

    `sightings` are unexpired rows of `SCHEMA` with `source`; their order does not matter.
    """
    weighed = terms(sightings, sources, now)
    # Most indicators are known from one source alone: there is nothing to bring together.
    single = weighed["id"].is_unique()
    alone = weighed.filter(single).select(
        "id",
        "kind",
        "value",
        _score(1 - pl.col("weight")),
        pl.concat_list("source").alias("sources"),
        "last_seen",
        "threat",
    )
    return pl.concat([alone, _together(weighed.filter(~single))]).sort("id")


def _score(doubt: pl.Expr) -> pl.Expr:
    # Rounded, for a product in another order differs in its last digit.
    return (100 * (1 - doubt)).round(6).alias("score")


def _together(weighed: pl.DataFrame) -> pl.DataFrame:
    groups = weighed.group_by("id", "group").agg(
        pl.col("kind", "value").first(),
        pl.col("weight", "last_seen").max(),
        pl.col("source"),
        pl.col("threat").drop_nulls().max(),
    )
    return groups.group_by("id").agg(
        pl.col("kind", "value").first(),
        _score((1 - pl.col("weight")).product()),
        pl.col("source").explode().sort().alias("sources"),
        pl.col("last_seen").max(),
        pl.col("threat").drop_nulls().max(),
    )
