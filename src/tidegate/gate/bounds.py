"""What an indicator's score can be at most, from numbers alone: most of the store ends here.

`now` is the bound at this moment. `ever` takes what a snapshot holds as just confirmed: until a
sighting is written again it can only fall, for ages only grow, and a sighting that expires or is
withdrawn takes its weight with it. The score itself may rise then, for a list of lists counts for
more where the lists that it copies fall silent. So the doubt that is left is the lesser of two,
neither of which grows where a weight does: that of all who copy nobody, and that of the copiers
together with those whom not all of the copiers here copy. An analyst's word counts as 100.

`alike` is equal for indicators that the same sources report with the same confidence and saw at the
same time, or hold in a list that was confirmed since: whenever that is, all of them have the same
score, as long as nothing of them is written. It is 0 where the score might rise as said above.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tidegate.gate.score import LIFETIMES, Sources, Voice, heard
from tidegate.sightings import HALF, KINDS, TIME

ANALYST = "analyst"
SLACK = 1e-9  # a product in another order differs in its last digit; scores have six
KEY, REST = (
    pl.col("id").str.slice(at, HALF).str.to_integer(base=16, dtype=pl.UInt64).alias(name)
    for at, name in ((0, "key"), (HALF, "rest"))
)
WORDS = 256  # confidences are fewer, and so are the sources of an indicator
BOUNDS = ("now", "ever")
SAID = ("key", "kind", "group", "shared", "alike", "newest")
BITS = 64  # copiers are told apart by bits; were there more, the rest would be taken for others


@dataclass(frozen=True, slots=True)
class View:
    """By what indicators are judged, and when."""

    sources: Sources
    snapshots: frozenset[str]
    now: datetime


def bounds(rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Return `key`, `kind`, `alike`, `newest`, `now` and `ever` of sightings of a weight.

    The sightings have their `key`. `newest` is the latest time at which a source saw it first: it
    only falls when one falls silent.
    Two ids may be made to share a key: their bound is then that of both together.
    """
    weighed = _weighed(rows, view)
    single = weighed["key"].is_unique()
    alone = weighed.filter(single)
    several = _together(weighed.filter(~single))
    columns = ("key", "kind", "alike", "newest", "now", "ever")
    both = pl.concat([alone.select(columns), several.select(columns)])
    feeds = ~pl.col("key").is_in(_otherwise(rows, view).implode())
    left = {name: pl.when(feeds).then(heard(pl.col(name))).otherwise(name) for name in BOUNDS}
    return both.with_columns(**left).with_columns((pl.col(BOUNDS) * -100 + (100 + SLACK)).round(6))


def _otherwise(rows: pl.DataFrame, view: View) -> pl.Series:
    """Return the keys of which others speak than feeds: they alone can take away all doubt."""
    known = view.sources.known.items()
    others = [name for name, source in known if source.voice is not Voice.FEED]
    return rows.filter(pl.col("source").is_in([ANALYST, *others]))["key"].unique()


def _weighed(rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Return of each sighting the doubt that it leaves, `now` and `ever`."""
    known = _columns(rows["source"], view)
    spoken = pl.col("source") == ANALYST
    seen = pl.max_horizontal("last_seen", "confirmed")
    steady = pl.col("lasting") & (pl.col("confirmed") >= pl.col("last_seen"))
    word = pl.col("reliability") * pl.col("confidence") / 100
    said = (pl.col("number") + pl.col("confidence").cast(pl.UInt64)).hash(seed=20)
    dated = pl.when(steady).then(said).otherwise(said ^ pl.col("last_seen").hash(seed=21))
    now = 1 - word * _decay(seen, view.now)
    return rows.join(known, on="source", how="left").select(
        "key",
        "kind",
        "group",
        "shared",
        "copier",
        "copied",
        pl.col("first_seen").alias("newest"),
        pl.when(~spoken).then(dated // WORDS).otherwise(pl.lit(0, pl.UInt64)).alias("alike"),
        pl.when(spoken).then(0.0).otherwise(now).alias("now"),
        pl.when(spoken).then(0.0).when("lasting").then(1 - word).otherwise(now).alias("ever"),
    )


def _columns(names: pl.Series, view: View) -> pl.DataFrame:
    """Return of each source what its words weigh, its group, and the bits of who copies it."""
    known = view.sources.columns(names).sort("source")
    pairs = view.sources.copying()
    copiers = sorted({*pairs["source"]} & {*known["source"]})[:BITS]
    bits = {name: 1 << at for at, name in enumerate(copiers)}
    copied = dict.fromkeys(known["source"], 0)
    for copier, name in pairs.iter_rows():
        if copier in bits and name in copied:
            copied[name] |= bits[copier]
    return known.select(
        "source",
        "reliability",
        "confirmed",
        pl.col("group").rank("dense").cast(pl.UInt32),
        pl.col("group").is_duplicated().alias("shared"),
        pl.col("source").is_in(sorted(view.snapshots)).alias("lasting"),
        # Confidences fit in between.
        (pl.col("source").hash(seed=20) // WORDS * WORDS).alias("number"),
        pl.Series("copier", [bits.get(name, 0) for name in copied], dtype=pl.UInt64),
        pl.Series("copied", list(copied.values()), dtype=pl.UInt64),
    )


def _decay(seen: pl.Expr, now: datetime) -> pl.Expr:
    days = {list(KINDS.categories).index(kind): _days(life) for kind, life in LIFETIMES.items()}
    lifetime = pl.col("kind").to_physical().replace_strict(days, return_dtype=pl.Float64)
    age = ((pl.lit(now, TIME) - seen).dt.total_seconds() / 86_400).clip(0)
    return (1 - (age / lifetime) ** 2).clip(0)


def _days(life: timedelta) -> float:
    return life / timedelta(days=1)


def _together(weighed: pl.DataFrame) -> pl.DataFrame:
    """Return the doubts of what several sources report."""
    copiers = (
        weighed.filter(pl.col("copier") > 0)
        .group_by("key")
        .agg(
            # Of each source one sighting, of each copier one bit: their sum.
            pl.col("copier").sum().alias("present")
        )
    )
    none = weighed.join(copiers, on="key", how="anti")
    return pl.concat([_uncopied(none), _copied(weighed.join(copiers, on="key"))])


def _uncopied(weighed: pl.DataFrame) -> pl.DataFrame:
    columns = ("now", "ever")
    return _multiplied(weighed.select(*SAID, *columns), columns)


def _copied(weighed: pl.DataFrame) -> pl.DataFrame:
    copier, present = pl.col("copier") > 0, pl.col("present")
    free = ~copier & ((pl.col("copied") & present) != present)
    parts = {"own": ~copier, "copying": copier, "free": free}
    columns = {
        f"{name}_{bound}": pl.when(part).then(bound).otherwise(1.0)
        for name, part in parts.items()
        for bound in ("now", "ever")
    }
    steady = pl.when(present.bitwise_count_ones() <= 1).then("alike").otherwise(0)
    marked = weighed.with_columns(steady.alias("alike"), **columns).select(*SAID, *columns)
    return _multiplied(marked, tuple(columns)).select(
        "key", "kind", "alike", "newest", _least("now"), _least("ever")
    )


def _least(bound: str) -> pl.Expr:
    beyond = pl.col(f"copying_{bound}") * pl.col(f"free_{bound}")
    return pl.min_horizontal(f"own_{bound}", beyond).alias(bound)


def _multiplied(rows: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Bring together what each group leaves of doubt. Sums of logarithms are fast, products not."""
    said = rows.drop("shared")
    if rows["shared"].any():
        said = pl.concat([said.filter(~rows["shared"]), _strongest(rows, columns)])
    sums = (
        said.with_columns(pl.col(columns).log())
        .group_by("key", "kind")
        .agg(
            pl.col("alike").min().alias("least"),
            pl.col("alike").sum(),
            pl.col("newest").max(),
            pl.col(columns).sum(),
        )
    )
    alike = pl.when(pl.col("least") > 0).then("alike").otherwise(0).alias("alike")
    return sums.select("key", "kind", alike, "newest", pl.col(columns).exp())


def _strongest(rows: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Take the strongest word of each group; what becomes of it is not `alike`."""
    each = rows.filter("shared").group_by("key", "kind", "group")
    words = each.agg(pl.col("newest").max(), pl.col(columns).min())
    none = pl.lit(0, pl.UInt64).alias("alike")
    return words.select("key", "kind", "group", none, "newest", *columns)
