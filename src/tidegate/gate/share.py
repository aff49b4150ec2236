"""Which indicators are published: the best of all that may be enforced, without Defender's cap."""

import polars as pl

from tidegate.gate import prevalence
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.mark import harmless
from tidegate.gate.plan import HOLDS
from tidegate.gate.published import PUBLISHED, TOLD, publish, published
from tidegate.gate.select import Caps, Verdicts, select
from tidegate.gate.world import Lists, World
from tidegate.sharing import stricter
from tidegate.sightings import TIME

BLOCK, AUDIT = "Block", "Audit"


def renew(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """Publish the best of what was found, and return the set. Raises SourceDown, Conflict."""
    known, lists, now = world.knowledge, world.lists, world.knowledge.clock()
    before = published(world.objects)[0].filter(pl.col("gone").is_null())
    facts = prevalence.remembered(world.objects, now)
    verdicts = Verdicts(
        held=before["id"],
        strong=before.filter(pl.col("action") == BLOCK)["id"],
        secret=rows.filter(stricter(lists.up_to))["id"],
        barred=prevalence.barred(rows, facts, before["id"]),
        harmless=harmless(known),
    )
    wanted = chosen(known, lists, rows, verdicts, world.least_score)
    return publish(wanted, now, world.objects)


def chosen(
    known: Knowledge, lists: Lists, rows: pl.DataFrame, verdicts: Verdicts, least: float
) -> pl.DataFrame:
    """Return what is to be published, with the columns of `PUBLISHED` that it can tell."""
    caps = Caps(lists.most, least, kinds=lists.kinds, strong=lists.block)
    selected = select(rows, verdicts, known.policy, caps, known.exceptions)
    best = selected.filter(pl.col("why_not").is_null())
    block = pl.col("score") >= lists.block
    until = pl.lit(known.clock() + HOLDS, TIME)
    # A host that stands for its URLs has no sightings: it goes no further than they may.
    told = best.join(context(known, best), on="id", how="left").with_columns(
        pl.when(block).then(pl.lit(BLOCK)).otherwise(pl.lit(AUDIT)).alias("action"),
        pl.coalesce("first_seen", "last_seen"),
        pl.coalesce("expires", until),
        pl.col("tags").fill_null([]),
        pl.col("tlp").fill_null(lists.up_to.value),
    )
    types = ((name, dtype) for name, dtype in PUBLISHED.items() if name not in TOLD)
    return told.select(pl.col(name).cast(dtype) for name, dtype in types)


def context(known: Knowledge, rows: pl.DataFrame) -> pl.DataFrame:
    """Return `id`, `tags`, `reference` and `first_seen` of what is chosen (no `why_not`)."""
    ids = rows.filter(pl.col("why_not").is_null())["id"]
    live = known.sightings.live(known.clock()).filter(pl.col("id").is_in(ids.implode()))
    return (
        live.group_by("id")
        .agg(
            pl.col("tags").explode(empty_as_null=False).drop_nulls().unique().sort(),
            pl.col("reference").drop_nulls().max(),
            pl.col("first_seen").min(),
        )
        .collect(engine="streaming")
    )
