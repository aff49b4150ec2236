"""Which of the scored indicators deserve a slot: hygiene first, then the best under the cap."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tidegate.gate.meant import Exceptions, unclean
from tidegate.hygiene import Policy
from tidegate.model import Kind

# Defender takes neither networks nor mail addresses as indicators.
ENFORCEABLE = (
    Kind.IPV4,
    Kind.IPV6,
    Kind.DOMAIN,
    Kind.URL,
    Kind.MD5,
    Kind.SHA1,
    Kind.SHA256,
)


NOTHING: Exceptions = {}


@dataclass(frozen=True, slots=True)
class Caps:
    """How many may be chosen, and how good they must be.

    `slots` is what is left of the tenant's limit after the analysts' own indicators and the
    headroom. A holder of a slot may score `loyalty` points less than a newcomer, so that the set
    does not flap around the threshold.
    """

    slots: int
    least_score: float = 50.0
    loyalty: float = 5.0


def select(
    scored: pl.DataFrame,
    held: pl.Series,
    policy: Policy,
    caps: Caps,
    secret: Sequence[str] | pl.Series = (),
    exceptions: Exceptions = NOTHING,
) -> pl.DataFrame:
    """Add the column `why_not` to scored indicators: null for the chosen ones.

    `held` are the ids that hold a slot now, `secret` those that a marking keeps here, `exceptions`
    the warninglists whose entries a source means.
    The result is sorted, best first; ties go by id, so the same input gives the same choice.
    """
    kinds = pl.col("kind").cast(pl.String)
    rank_score = pl.col("score") + pl.col("held").cast(pl.Float64) * caps.loyalty
    rows = (
        scored.with_columns(
            pl.col("id").is_in(held.implode()).alias("held"),
            unclean(scored, policy, exceptions).alias("unclean"),
        )
        .with_columns(rank_score.alias("rank_score"))
        .with_columns(
            pl.when(~kinds.is_in([kind.value for kind in ENFORCEABLE]))
            .then(pl.lit("Defender takes no ") + kinds)
            .when(pl.col("id").is_in(list(secret)))
            .then(pl.lit("marked too strictly (TLP)"))
            .when(pl.col("unclean").is_not_null())
            .then(pl.col("unclean"))
            .when(pl.col("rank_score") < caps.least_score)
            .then(pl.lit("score too low"))
            .alias("why_not")
        )
        .sort("rank_score", "id", descending=[True, False])
    )
    place = pl.col("why_not").is_null().cum_sum()
    full = pl.col("why_not").is_null() & (place > caps.slots)
    over = pl.when(full).then(pl.lit("no slot left")).otherwise("why_not").alias("why_not")
    return rows.with_columns(over).drop("unclean", "rank_score")
