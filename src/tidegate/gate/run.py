"""Makes the plan from what is known, and carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from tidegate.gate.plan import Change, Plan, key, ours, plan
from tidegate.gate.score import Source, Sources, scored
from tidegate.gate.select import Caps, select
from tidegate.hygiene import Policy
from tidegate.ports import Clock, Enforcement, Feeds, Placed, Sightings, Suppressed


@dataclass(frozen=True, slots=True)
class World:
    """What the gate needs from outside.

    `grades` are the reliabilities of all sources; `snapshots` those whose lists mean that what is
    in them is true. `limit` is the tenant's cap on indicators. `groups` and `copies` say who
    repeats whom; what only `advisory` sources say is never enforced.
    """

    sightings: Sightings
    feeds: Feeds
    enforcement: Enforcement
    clock: Clock
    policy: Policy
    grades: Mapping[str, str]
    snapshots: frozenset[str]
    limit: int
    headroom: int
    least_score: float
    groups: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    advisory: frozenset[str] = frozenset()
    suppressed: Suppressed | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan; `failed` maps a value to Defender's reason."""

    written: int
    removed: int
    failed: dict[str, str]


def sources(world: World) -> Sources:
    """Return what the gate knows of all sources now."""
    confirmed = {name: world.feeds.state(name).fetched for name in world.snapshots}
    return Sources(
        {
            name: Source(
                grade,
                confirmed.get(name),
                world.groups.get(name),
                world.copies.get(name, frozenset()),
                advisory=name in world.advisory,
            )
            for name, grade in world.grades.items()
        }
    )


def make_plan(world: World) -> Plan:
    """Choose from all live sightings and compare with Defender. Raises SourceDown, BadPayload."""
    now = world.clock()
    current = world.enforcement.current()
    others = sum(not ours(one) for one in current)
    slots = max(world.limit - world.headroom - others, 0)
    held = pl.Series("id", [key(one) for one in current if ours(one)], dtype=pl.String)
    candidates = scored(_live(world, now), sources(world), now)
    caps = Caps(slots, world.least_score)
    chosen = select(candidates, held.drop_nulls(), world.policy, caps)
    return plan(chosen, current, slots, now)


def _live(world: World, now: datetime) -> pl.DataFrame:
    wanted = ("id", "kind", "value", "source", "confidence", "last_seen", "threat")
    blocking = ~pl.col("source").is_in(sorted(world.advisory))
    return world.sightings.live(now).filter(blocking).select(wanted).collect()


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
