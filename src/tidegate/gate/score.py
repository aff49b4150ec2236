"""How much an indicator deserves: one formula, whose every term can be shown.

`score = 100 * (1 - (1 - min(feeds, 0.45 + feeds / 2)) * (1 - own))`, and where an analyst spoke,
their word instead. `feeds` and `own` are, over the sources of that voice,
`1 - product (1 - reliability * confidence * decay)`.

* reliability: the Admiralty grade of the source, A = 1.0 to F = 0.1, moved by its measured
  precision: `grade * posterior / prior`. The prior is worth 20 judged hits of which 18 were right,
  and the posterior adds those of the source, so that few hits move little. No source falls below E
  by it, nor rises above A;
* confidence: what the source itself says, 0 to 1;
* decay: `max(0, 1 - (age / lifetime)^2)`, age since the source last saw it. Addresses change hands
  in days, a hash means the same file for years; a network holds until its list drops it. A subject
  goes with its campaign and a file's name soon after, while malware keeps its mutexes, its keys and
  how it calls itself from version to version.

Independent sources add up. What feeds say above 90 counts half, so that they alone never bring the
score above 95, however many agree: what was detonated here stands above them, and an analyst's
word, which does not decay while it lives, above all. Of several analysts' words the newest holds.

Sources that share a `group` count once, with their strongest word. A list of lists counts for as
much as its word exceeds what the lists that it copies say together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from tidegate.model import Kind
from tidegate.sightings import TIME

GRADES = {"A": 1.0, "B": 0.85, "C": 0.7, "D": 0.5, "E": 0.3, "F": 0.1}
FLOOR = "E"  # the grade below which measured precision brings no source
RIGHT, WRONG = 18.0, 2.0  # the prior: as if so many hits had been judged before the first one
MOST_OF_FEEDS = 0.95
FULLY = 2 * MOST_OF_FEEDS - 1  # what feeds say above it counts half
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


class Voice(StrEnum):
    """Who speaks, from the weakest to the strongest."""

    FEED = "feed"
    OWN = "own"  # detonated here
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True)
class Source:
    """What the gate knows of a source.

    `confirmed` is when a snapshot was last fetched: all that is in it was true then. Sources of one
    `group` copy each other. A list of lists names those that it `copies`. An `advisory` source
    labels and explains; it has no weight. Of its judged hits in the tenant so many were `right`,
    so many `wrong`.
    """

    grade: str
    confirmed: datetime | None = None
    group: str | None = None
    copies: frozenset[str] = frozenset()
    advisory: bool = False
    voice: Voice = Voice.FEED
    right: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float | None:
        """The measured share of its judged hits that were right; None while none is judged."""
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def reliability(self) -> float:
        """How far its word goes, 0 to 1."""
        graded = GRADES[self.grade]
        if self.advisory or self.voice is Voice.ANALYST:
            return 0.0 if self.advisory else 1.0
        prior = RIGHT / (RIGHT + WRONG)
        posterior = (RIGHT + self.right) / (RIGHT + WRONG + self.right + self.wrong)
        return min(max(graded * posterior / prior, min(graded, GRADES[FLOOR])), GRADES["A"])


UNKNOWN = Source("F")


VOICES = pl.Enum([voice.value for voice in Voice])


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources by name; one that nobody declared is graded F."""

    known: Mapping[str, Source] = field(default_factory=dict)

    def copying(self) -> pl.DataFrame:
        """Return `source` and `copied`: a row for each list that a list of lists holds."""
        pairs = [(name, of) for name, source in self.known.items() for of in sorted(source.copies)]
        return pl.DataFrame(pairs, schema={"source": pl.String, "copied": pl.String}, orient="row")

    def group(self, name: str) -> str:
        """Return who counts once with this source; what is no feed speaks for itself."""
        source = self.known.get(name, UNKNOWN)
        return (source.group if source.voice is Voice.FEED else None) or name

    def columns(self, names: pl.Series) -> pl.DataFrame:
        """Return what `scored` needs of each different name: a row for each."""
        different = names.unique().to_list()
        found = [self.known.get(name, UNKNOWN) for name in different]
        groups = [self.group(name) for name in different]
        return pl.DataFrame(
            {
                "source": pl.Series(different, dtype=pl.String),
                "reliability": pl.Series([s.reliability for s in found], dtype=pl.Float64),
                "confirmed": pl.Series([s.confirmed for s in found], dtype=TIME),
                "group": pl.Series(groups, dtype=pl.String),
                "voice": pl.Series([s.voice.value for s in found], dtype=VOICES),
            }
        )


def terms(sightings: pl.DataFrame, sources: Sources, now: datetime) -> pl.DataFrame:
    """Add `reliability`, `group`, `voice`, `age_days`, `decay` and `weight` to sightings."""
    known = sources.columns(sightings["source"])
    seen = pl.max_horizontal("last_seen", "confirmed")
    days = {kind.value: lifetime / timedelta(days=1) for kind, lifetime in LIFETIMES.items()}
    lifetime = pl.col("kind").cast(pl.String).replace_strict(days, return_dtype=pl.Float64)
    age = ((pl.lit(now, TIME) - seen).dt.total_seconds() / 86_400).clip(0)
    decay = (1 - (pl.col("age_days") / lifetime) ** 2).clip(0)
    if (known["voice"] == Voice.ANALYST.value).any():
        decay = pl.when(pl.col("voice") == Voice.ANALYST.value).then(1.0).otherwise(decay)
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
    # Feeds alone name nearly all; what others speak of, too, is told apart once.
    others = weighed.filter(pl.col("voice") != Voice.FEED.value)["id"]
    if others.is_empty():
        return _of_feeds(weighed).sort("id")
    heard = weighed["id"].is_in(others.implode())
    return pl.concat([_of_feeds(weighed.filter(~heard)), _of_all(weighed.filter(heard))]).sort("id")


def _score(doubt: pl.Expr) -> pl.Expr:
    # Rounded, for a product in another order differs in its last digit.
    return (100 * (1 - doubt)).round(6).alias("score")


def heard(doubt: pl.Expr) -> pl.Expr:
    """Return the doubt that counts, of what feeds leave: they alone never take away all of it."""
    return pl.max_horizontal(doubt, 1 - MOST_OF_FEEDS + doubt / 2)


def _of_feeds(weighed: pl.DataFrame) -> pl.DataFrame:
    # Most indicators are known from one source alone: there is nothing to bring together.
    single = weighed["id"].is_unique()
    alone = weighed.filter(single).select(
        "id",
        "kind",
        "value",
        _score(heard(1 - pl.col("weight"))),
        pl.concat_list("source").alias("sources"),
        "last_seen",
        "threat",
    )
    several = _groups(weighed.filter(~single)).group_by("id")
    return pl.concat([alone, _sorted(several.agg(_said(_score(heard(_doubt())))))])


def _of_all(weighed: pl.DataFrame) -> pl.DataFrame:
    spoken = pl.col("voice") == Voice.ANALYST.value
    # An analyst's text is a reason, not a threat's name.
    groups = _groups(weighed.with_columns(pl.when(~spoken).then("threat").alias("threat")))
    feeds, own = (_doubt(pl.col("voice") == voice.value) for voice in (Voice.FEED, Voice.OWN))
    doubt = heard(feeds) * own
    return (
        _sorted(groups.group_by("id").agg(_said(doubt.alias("score"))))
        .join(_newest(weighed.filter(spoken)), on="id", how="left")
        .with_columns(_score(pl.coalesce(1 - pl.col("word"), "score")))
        .drop("word")
    )


def _groups(weighed: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each group that speaks of an indicator, with its strongest word."""
    return weighed.group_by("id", "group").agg(
        pl.col("kind", "value", "voice").first(),
        pl.col("weight", "last_seen").max(),
        pl.col("source"),
        pl.col("threat").max(),
    )


def _doubt(which: pl.Expr | None = None) -> pl.Expr:
    weight = pl.col("weight") if which is None else pl.col("weight").filter(which)
    return (1 - weight).log().sum().exp()  # a product is four times as slow


def _said(score: pl.Expr) -> list[pl.Expr]:
    return [
        pl.col("kind", "value").first(),
        score,
        pl.col("source").explode().alias("sources"),
        pl.col("last_seen", "threat").max(),
    ]


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    # Within the groups it takes twice as long, and `list.sort` ten times.
    return rows.with_columns(pl.col("sources").list.eval(pl.element().sort()))


def _newest(spoken: pl.DataFrame) -> pl.DataFrame:
    """Return the newest `word` of analysts on each `id`; of two at once the harmless one."""
    ordered = spoken.sort("last_seen", "weight", descending=[True, False])
    newest = ordered.unique("id", keep="first", maintain_order=True)
    return newest.select("id", pl.col("weight").alias("word"))
