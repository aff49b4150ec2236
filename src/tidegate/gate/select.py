"""Which of the scored indicators deserve a slot: hygiene first, then the best under the caps.

In this order: what is never enforced; what scores too low; hosts that several URLs agree on; each
kind's ceiling; what a better name covers; each kind's floor, and the slots. Who holds a slot keeps
it against one who is but a little better (`loyalty`), and for a while anyway (`dwelling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tidegate.gate.cover import above_harmless, covers, lifted, lifted_ids
from tidegate.gate.meant import NOTHING_SAID, Exceptions, unclean
from tidegate.hygiene import Policy, liftable
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
NOBODY = pl.Series("id", [], dtype=pl.String)
LOYALTY = 5.0  # points that a holder may score less
STAYS = 1_000.0  # more than any score: who dwells comes first
NAMES = (Kind.DOMAIN.value, Kind.IPV4.value, Kind.IPV6.value)
PARTLY = "an analyst calls part of it harmless"
TOO_LOW, NO_SLOT = "score too low", "no slot left"
CEILING, COVERED = "no slot left for ", "covered by "
ORDER = ("rank", "newest", "id")
ELECTIVE = (TOO_LOW, NO_SLOT, COVERED)  # reasons that can wait; all others are the indicator's own


@dataclass(frozen=True, slots=True)
class Caps:
    """How many may be chosen, and how good they must be.

    `slots` is what is left of the tenant's limit after the analysts' own indicators and the
    headroom. A holder of a slot may score `loyalty` points less than a newcomer, so that the set
    does not flap around the threshold. Of a kind at most its ceiling is chosen, and its floor
    before all others, as long as there are so many. From `strong` on an indicator blocks.
    """

    slots: int
    least_score: float = 50.0
    loyalty: float = LOYALTY
    kinds: tuple[Kind, ...] = ENFORCEABLE
    floors: Mapping[Kind, int] = field(default_factory=dict)
    ceilings: Mapping[Kind, int] = field(default_factory=dict)
    strong: float = 75.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is known of candidates besides their score.

    `held` are the ids that hold a slot now, `dwelling` those of them that came only lately,
    `strong` those that block; `secret` are those that a marking keeps here. `barred` says by id why
    one is not to be enforced, `harmless` what analysts called so.
    """

    held: pl.Series = field(default_factory=lambda: NOBODY)
    dwelling: pl.Series = field(default_factory=lambda: NOBODY)
    strong: pl.Series = field(default_factory=lambda: NOBODY)
    secret: Sequence[str] | pl.Series = ()
    barred: Mapping[str, str] = field(default_factory=dict)
    harmless: pl.DataFrame = field(default_factory=lambda: NOTHING_SAID)


def select(
    scored: pl.DataFrame,
    known: Verdicts,
    policy: Policy,
    caps: Caps,
    exceptions: Exceptions = NOTHING,
) -> pl.DataFrame:
    """Add `why_not`, null for the chosen ones, and `rank` to scored indicators.

    Where `scored` has no column `unclean`, hygiene is asked; `exceptions` are the warninglists
    whose entries a source means. Hosts that stand for their URLs are rows of their own, `for` how
    many. The result is sorted, best first. Of equals comes first what was first seen last, for
    others confirm more of that; then by id, so the same input gives the same choice.
    """
    if "unclean" not in scored.columns:
        why = unclean(scored, policy, exceptions, known.harmless)
        scored = scored.with_columns(why.alias("unclean"))
    rows = _ranked(scored.with_columns(pl.lit(0, pl.UInt32).alias("for")), known, caps)
    judged = rows.with_columns(_refused(known, caps).alias("why_not"))
    hosts = _hosts(judged, known, policy, caps)
    whole = judged
    if len(hosts):
        others = judged.join(hosts.select("id"), on="id", how="anti")
        whole = pl.concat([others, hosts], how="diagonal_relaxed")
    covered = _covered(_limited(_once(whole), caps), known, caps)
    return _placed(covered, caps).drop("dwells")


def _ranked(rows: pl.DataFrame, known: Verdicts, caps: Caps) -> pl.DataFrame:
    held, dwells = (pl.col("id").is_in(some.implode()) for some in (known.held, known.dwelling))
    loyal = (pl.col("held") | _on_held(rows, known.held)).cast(pl.Float64)
    rank = pl.col("score") + loyal * caps.loyalty + pl.col("dwells") * STAYS
    told = rows.with_columns(held.alias("held"), dwells.alias("dwells"))
    return told.with_columns(rank.alias("rank"))


def _on_held(rows: pl.DataFrame, held: pl.Series) -> pl.Series:
    """Tell the URLs whose host is held: it is held for their sake."""
    urls = rows["kind"].cast(pl.String) == Kind.URL.value
    if held.is_empty() or not urls.any():
        return pl.repeat(value=False, n=len(rows), eager=True)
    return urls & lifted_ids(rows["kind"], rows["value"]).is_in(held.implode())


def _refused(known: Verdicts, caps: Caps) -> pl.Expr:
    kinds = pl.col("kind").cast(pl.String)
    barred = pl.col("id").replace_strict(known.barred, default=None, return_dtype=pl.String)
    above = kinds.is_in(NAMES) & pl.col("value").is_in(above_harmless(known.harmless))
    return (
        pl.when(~kinds.is_in([kind.value for kind in caps.kinds]))
        .then(pl.lit("not taken: ") + kinds)
        .when(pl.col("id").is_in(list(known.secret)))
        .then(pl.lit("marked too strictly (TLP)"))
        .when(pl.col("unclean").is_not_null())
        .then(pl.col("unclean"))
        .when(above)
        .then(pl.lit(PARTLY))
        .when(barred.is_not_null())
        .then(barred)
        .when(pl.col("rank") < caps.least_score)
        .then(pl.lit(TOO_LOW))
    )


def _hosts(judged: pl.DataFrame, known: Verdicts, policy: Policy, caps: Caps) -> pl.DataFrame:
    """Return the hosts that may stand for their URLs; the others nobody asked for."""
    named = lifted(judged.filter(pl.col("why_not").is_null()), known.held)
    # Whatever is known of a host itself, but for a low score, speaks against it.
    against = judged.filter(pl.col("why_not").ne_missing(TOO_LOW))
    hosts = named.join(against.select("id"), on="id", how="anti")
    hosts = hosts.filter(liftable(hosts["value"], policy))
    why = unclean(hosts, policy, NOTHING, known.harmless).alias("unclean")
    ranked = _ranked(hosts.with_columns(why), known, caps)
    fit = ranked.with_columns(_refused(known, caps).alias("why_not"))
    kind = pl.col("kind").cast(judged.schema["kind"])
    return fit.filter(pl.col("why_not").is_null()).with_columns(kind)


def _covered(rows: pl.DataFrame, known: Verdicts, caps: Caps) -> pl.DataFrame:
    """Refuse what another name covers, and let that name rank as high as the best below it."""
    blocks = pl.col("id").is_in(known.strong.implode()).cast(pl.Float64)
    strong = (pl.col("score") + blocks * caps.loyalty >= caps.strong).alias("strong")
    able = rows.filter(pl.col("why_not").is_null()).with_columns(strong)
    found = covers(able).rename({"by": "cover"})
    joined = rows.join(found, on="id", how="left")
    best = joined.drop_nulls("cover").group_by(value="cover").agg(pl.col("rank").max().alias("top"))
    names = pl.col("kind").cast(pl.String).is_in(NAMES)
    told = pl.when(pl.col("cover").is_not_null()).then(pl.lit(COVERED) + pl.col("cover"))
    return (
        joined.join(best, on="value", how="left")
        .with_columns(
            pl.when(names).then(pl.max_horizontal("rank", "top")).otherwise("rank").alias("rank"),
            told.otherwise("why_not").alias("why_not"),
        )
        .drop("cover", "top")
    )


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Refuse what differs from a better one in case alone: to Defender both are one."""
    alike = [pl.col("kind"), pl.col("value").str.to_lowercase(), _able()]
    again = _able() & (pl.int_range(pl.len()).over(alike) > 0)
    told = pl.when(again).then(pl.lit(f"{COVERED}another spelling")).otherwise("why_not")
    return _best_first(rows).with_columns(told.alias("why_not"))


def _placed(rows: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Give out the slots: floors first, then by rank."""
    own, least = _able().cum_sum().over("kind"), _of_kind(caps.floors).fill_null(0)
    ranked = _best_first(rows).with_columns((_able() & (own <= least)).alias("first"))
    ordered = ranked.sort("first", *ORDER, descending=[True, True, True, False])
    over = _able() & (_able().cum_sum() > caps.slots)
    told = pl.when(over).then(pl.lit(NO_SLOT)).otherwise("why_not").alias("why_not")
    return _best_first(ordered.with_columns(told).drop("first"))


def _limited(rows: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Refuse what is above its kind's ceiling: before it could stand for others."""
    own, kind = _able().cum_sum().over("kind"), pl.col("kind").cast(pl.String)
    over = _able() & (own > _of_kind(caps.ceilings))
    told = pl.when(over).then(pl.lit(CEILING) + kind).otherwise("why_not")
    return _best_first(rows).with_columns(told.alias("why_not"))


def _best_first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(*ORDER, descending=[True, True, False])


def _able() -> pl.Expr:
    return pl.col("why_not").is_null()


def _of_kind(by_kind: Mapping[Kind, int]) -> pl.Expr:
    numbers = {kind.value: number for kind, number in by_kind.items()}
    kind = pl.col("kind").cast(pl.String)
    return kind.replace_strict(numbers, default=None, return_dtype=pl.UInt32)
