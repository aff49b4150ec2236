"""Which indicators are published: the best of all that may be enforced, without Defender's cap."""

import polars as pl

from tidegate.gate.knowledge import Knowledge
from tidegate.gate.mark import harmless
from tidegate.gate.plan import HOLDS, Actions
from tidegate.gate.published import PUBLISHED, publish
from tidegate.gate.select import Caps, Verdicts, select
from tidegate.gate.world import Lists, World
from tidegate.sharing import secret
from tidegate.sightings import TIME

TOLD = ("since", "changed", "gone")
BLOCK, AUDIT = "Block", "Audit"


def renew(world: World, found: pl.DataFrame) -> pl.DataFrame:
    """Publish the best of the candidates, and return the set. Raises SourceDown, Conflict."""
    wanted = chosen(world.knowledge, world.lists, found, world.least_score)
    return publish(wanted, world.knowledge.clock(), world.objects)


def chosen(known: Knowledge, lists: Lists, found: pl.DataFrame, least: float) -> pl.DataFrame:
    """Return what is to be published, with the columns of `PUBLISHED` that it can tell."""
    now = known.clock()
    kept_here = secret(known.sightings.live(now), lists.up_to)
    verdicts = Verdicts(secret=kept_here, harmless=harmless(known))
    caps = Caps(lists.most, least, kinds=lists.kinds)
    selected = select(found, verdicts, known.policy, caps, known.exceptions)
    best = selected.filter(pl.col("why_not").is_null())
    block = pl.col("score") >= Actions().block
    rows = best.join(_said(known, best["id"]), on="id", how="left").with_columns(
        pl.when(block).then(pl.lit(BLOCK)).otherwise(pl.lit(AUDIT)).alias("action"),
        pl.coalesce("first_seen", "last_seen"),
        pl.coalesce("expires", pl.lit(now + HOLDS, TIME)),
        pl.col("tags").fill_null([]),
        # A host that stands for its URLs has no sightings: it goes no further than they may.
        pl.col("tlp").fill_null(lists.up_to.value),
    )
    types = ((name, dtype) for name, dtype in PUBLISHED.items() if name not in TOLD)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in types)


def _said(known: Knowledge, ids: pl.Series) -> pl.DataFrame:
    """Return what sources say of indicators; the strictest marking of any of them holds."""
    live = known.sightings.live(known.clock()).filter(pl.col("id").is_in(ids.implode()))
    return (
        live.group_by("id")
        .agg(
            pl.col("tags").explode(empty_as_null=False).drop_nulls().unique().sort(),
            pl.col("reference").drop_nulls().max(),
            pl.col("first_seen").min(),
            pl.col("expires").max(),
            pl.col("tlp").max(),
        )
        .collect()
    )
