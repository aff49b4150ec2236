"""What the gate chooses from in a cycle: the best of all that is known, and whatever is held."""

import polars as pl

from tidegate.gate import held, pool
from tidegate.gate.candidates import candidates, those
from tidegate.gate.cover import lifted
from tidegate.gate.prevalence import ask
from tidegate.gate.ranking import Wanted
from tidegate.gate.select import LOYALTY
from tidegate.gate.world import World
from tidegate.model import Kind


def found(world: World, *, remembers: bool = True) -> pl.DataFrame:
    """Return the `CANDIDATES` of all targets and lists. Raises SourceDown.

    The next cycle reads only what was written since, if this one `remembers`.
    """
    mine = {one for target in world.targets for one in held.load(world.objects, target.name)}
    asked = {*world.lists.kinds, *(kind for target in world.targets for kind in target.kinds)}
    most = max(world.lists.most, *(target.limit for target in world.targets), 1)
    wanted = Wanted(
        most=most,
        # URLs for whose sake a host is held may score a little less, too.
        least_score=max(world.least_score - LOYALTY, 0.0),
        held=pl.Series("id", sorted(mine), dtype=pl.String),
        kinds=tuple(kind for kind in Kind if kind in asked),
    )
    before = pool.remembered(world.objects)
    rows, after = candidates(world.knowledge, wanted, before)
    if remembers and after is not before:
        pool.remember(after, world.objects)
    # What is known of hosts that could stand for their URLs counts, however little it scores.
    clean = rows.filter(pl.col("unclean").is_null())
    return completed(rows, lifted(clean, wanted.held)["id"], world)


def completed(rows: pl.DataFrame, ids: pl.Series, world: World) -> pl.DataFrame:
    """Add those of these ids that are not among the rows, if anybody reports them."""
    missing = ids.filter(~ids.is_in(rows["id"].implode()))
    return rows if missing.is_empty() else pl.concat([rows, those(world.knowledge, missing)])


def asked(rows: pl.DataFrame, world: World) -> None:
    """Ask Defender how common the best of the files are that nothing is known of."""
    if world.devices is not None:
        clean = rows.filter(pl.col("unclean").is_null())
        ask(clean, world.devices, world.objects, world.knowledge.clock())
