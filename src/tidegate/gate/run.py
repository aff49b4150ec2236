"""Makes the plan from what is known, and carries it out."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.plan import Change, Plan, key, ours, plan
from tidegate.gate.score import scored
from tidegate.gate.select import Caps, select
from tidegate.model import Tlp
from tidegate.ports import Enforcement, Placed
from tidegate.sharing import OWN_TENANT, secret


@dataclass(frozen=True, slots=True)
class World:
    """What the gate needs from outside: what is known, and where it is enforced.

    `limit` is the tenant's cap on indicators. What only advisory sources say is never enforced,
    nor what any source marks more strictly than `up_to`.
    """

    knowledge: Knowledge
    enforcement: Enforcement
    limit: int
    headroom: int
    least_score: float
    up_to: Tlp = OWN_TENANT


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan; `failed` maps a value to Defender's reason."""

    written: int
    removed: int
    failed: dict[str, str]


def make_plan(world: World) -> Plan:
    """Choose from all live sightings and compare with Defender. Raises SourceDown, BadPayload."""
    known = world.knowledge
    now = known.clock()
    current = world.enforcement.current()
    others = sum(not ours(one) for one in current)
    slots = max(world.limit - world.headroom - others, 0)
    held = pl.Series("id", [key(one) for one in current if ours(one)], dtype=pl.String)
    candidates = scored(_live(known, now), sources(known), now)
    caps = Caps(slots, world.least_score)
    kept_here = secret(known.sightings.live(now), world.up_to)
    mine = held.drop_nulls()
    chosen = select(candidates, mine, known.policy, caps, kept_here, known.exceptions)
    return plan(chosen, current, slots, now)


def _live(known: Knowledge, now: datetime) -> pl.DataFrame:
    wanted = ("id", "kind", "value", "source", "confidence", "last_seen", "threat")
    blocking = ~pl.col("source").is_in(sorted(known.advisory))
    return known.sightings.live(now).filter(blocking).select(wanted).collect()


def apply(proposed: Plan, world: World) -> Applied:
    """Carry the plan out. Doing it again changes nothing: both writes are idempotent."""
    removals = [c.enforced.id for c in proposed.changes if c.do == "remove" and c.enforced.id]
    world.enforcement.remove(removals)
    written = [change for change in proposed.changes if change.do != "remove"]
    placed = world.enforcement.add([change.enforced for change in written])
    failed = _failures(written, placed)
    return Applied(len(written) - len(failed), len(removals), failed)


def _failures(written: list[Change], placed: list[Placed]) -> dict[str, str]:
    answers = zip(written, placed, strict=True)
    return {c.enforced.value: p.failure for c, p in answers if p.failure is not None}
