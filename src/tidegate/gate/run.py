"""The gate at one target: look, plan, and carry out what needs nobody's word."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from tidegate.gate import held, journal, prevalence, refused
from tidegate.gate.carry import Applied, applied, carry_out, job, settled, touched
from tidegate.gate.found import completed, found
from tidegate.gate.held import Held, key, ours, reconciled
from tidegate.gate.journal import State, Waiting
from tidegate.gate.mark import harmless, words
from tidegate.gate.plan import ANALYST, Change, Plan, Terms, plan
from tidegate.gate.select import Caps, Verdicts, select
from tidegate.gate.share import context
from tidegate.gate.world import Target, World
from tidegate.lease import Busy, Lease
from tidegate.lease import held as leased
from tidegate.ports import Conflict, Enforced, SourceDown
from tidegate.sharing import stricter

HELD_BY_OTHERS = "held by an analyst"
REMOVED_SHARE, REMOVED_LEAST = 0.2, 50  # of the set at once, for reasons of the indicators' own


class Taken(SourceDown):
    """Another process is changing the target."""


@dataclass(frozen=True, slots=True)
class Gated:
    """What a cycle came to at one target.

    `held_back` says why a plan was not carried out, `reason` why there is none.
    """

    target: str
    plan: Plan | None = None
    applied: Applied | None = None
    held_back: str | None = None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no plan, or the target refused part of it."""
        done = self.applied
        return self.plan is None or bool(done and (done.failed or done.reason))

    @property
    def open(self) -> int:
        """How many changes were planned and not made."""
        made = self.applied.written + self.applied.removed if self.applied else 0
        return len(self.plan.changes) - made if self.plan else 0


@dataclass(frozen=True, slots=True)
class Look:
    """What is at a target now: what is there, what of it the gate holds, and what is remembered."""

    current: tuple[Enforced, ...]
    memory: dict[str, Held]
    state: State


def look(target: Target, world: World) -> Look:
    """Read a target, and compare with what is remembered. Raises SourceDown, BadPayload."""
    now, state = world.knowledge.clock(), journal.state(world.objects, target.name)
    current = tuple(target.enforcement.current(fresh=True))
    memory = held.load(world.objects, target.name)
    known = reconciled(memory, current, touched(state, target, world), now)
    return Look(current, _spoken_for(known, world), state)


def _spoken_for(memory: dict[str, Held], world: World) -> dict[str, Held]:
    """Leave out drift about which an analyst has said malicious since: the gate may act again."""
    said = {one.indicator: one.last_seen for one in words(world.knowledge) if one.confidence}
    return {
        found: one
        for found, one in memory.items()
        if not (one.drift and one.noticed and found in said and said[found] > one.noticed)
    }


def make_plan(
    target: Target, world: World, rows: pl.DataFrame | None = None, *, whole: bool = False
) -> Plan:
    """Choose from all that is known and compare with the target. Changes nothing.

    `rows` are what is `found`; `whole` plans all at once, whatever was changed this hour. Raises
    SourceDown, BadPayload.
    """
    rows = found(world, remembers=False) if rows is None else rows
    return _planned(look(target, world), target, world, rows, whole=whole)


def _planned(seen: Look, target: Target, world: World, rows: pl.DataFrame, *, whole: bool) -> Plan:
    known, now = world.knowledge, world.knowledge.clock()
    slots = _slots(seen, target)
    caps = Caps(
        slots=slots,
        least_score=world.least_score,
        kinds=target.kinds,
        floors=target.floors,
        ceilings=target.ceilings,
        strong=target.actions.block,
    )
    mine = [one for each in seen.current if ours(each) and (one := key(each))]
    rows = completed(rows, pl.Series("id", mine, dtype=pl.String), world)
    verdicts = _verdicts(rows, mine, seen, target, world)
    selected = select(rows, verdicts, known.policy, caps, known.exceptions)
    if target.context:
        selected = selected.join(context(known, selected), on="id", how="left")
    churn = None if whole or world.churn is None else world.churn - seen.state.spent(now)
    terms = Terms(slots, churn, world.dwell, target.actions, target.holds)
    return plan(target.name, selected, seen.current, seen.memory, terms, now)


def _slots(seen: Look, target: Target) -> int:
    others = sum(not ours(one) for one in seen.current)
    return max(target.limit - target.headroom - others, 0)


def _verdicts(
    rows: pl.DataFrame, mine: list[str], seen: Look, target: Target, world: World
) -> Verdicts:
    known, now = world.knowledge, world.knowledge.clock()
    held_ids = pl.Series("id", mine, dtype=pl.String)
    young = [one.id for one in seen.memory.values() if now - one.since < world.dwell]
    facts = prevalence.remembered(world.objects, now)
    common = prevalence.barred(rows, facts, held_ids) if target.blocks else {}
    return Verdicts(
        held=held_ids,
        dwelling=pl.Series("id", young, dtype=pl.String),
        strong=pl.Series("id", _strong(seen), dtype=pl.String),
        secret=rows.filter(stricter(target.up_to))["id"],
        barred=common | refused.refused(world.objects, target.name, now) | _taken(seen),
        harmless=harmless(known),
    )


def _strong(seen: Look) -> list[str]:
    """Return the ids of ours that block now."""
    blocks = (one for one in seen.current if ours(one) and one.action not in {"Audit", "Warn", ""})
    return [found for one in blocks if (found := key(one))]


def _taken(seen: Look) -> dict[str, str]:
    """Return by id what is not ours to choose: analysts hold it, or somebody changed it by hand."""
    theirs = {
        found: HELD_BY_OTHERS for one in seen.current if not ours(one) and (found := key(one))
    }
    return {one.id: one.drift for one in seen.memory.values() if one.drift} | theirs


def apply(
    target: Target,
    world: World,
    rows: pl.DataFrame | None = None,
    *,
    by: str | None = None,
    whole: bool = False,
    most: int | None = None,
) -> Gated:
    """Plan and carry out. `by` a person: then what would wait for one does not.

    Unless it has more than `most` changes: that is not what the person saw. Raises SourceDown, also
    when another process is at it, and BadPayload.
    """
    rows = found(world) if rows is None else rows
    with exclusive(target, world) as lease:
        seen = look(target, world)
        state = settled(seen.state, seen.memory, target, world)
        seen = replace(seen, state=state)
        made = _planned(seen, target, world, rows, whole=whole)
        why = _grown(made, most) if by else _held_back(made, state, target, world)
        changes = made.changes if why is None else tuple(filter(_urgent, made.changes))
        work = job(changes, target, world, made.id, by)
        told = _told(state, made, target, world, why)
        if told != state:
            work.remember(told)
        after = carry_out(work, made.held, told, lease)
        journal.forget(world.objects, target.name, world.knowledge.clock())
        return Gated(target.name, made, applied(work, after), why)


@contextmanager
def exclusive(target: Target, world: World) -> Iterator[Lease]:
    """Let nobody else change the target meanwhile. Raises SourceDown when somebody does."""
    name = journal.prepare(world.objects, target.name)
    try:
        with leased(world.objects, name, world.new_lease()) as lease:
            yield lease
    except Busy as error:
        raise Taken(f"another process is changing {target.title}") from error
    except Conflict as error:
        raise Taken(f"another process took over {target.title}: {error}") from error


def _held_back(made: Plan, state: State, target: Target, world: World) -> str | None:
    """Say why a plan has to wait for a person; None if it need not."""
    if state.paused is not None:
        return f"paused by {state.paused.by}: {state.paused.why}"
    if not _moves(made):
        return None
    if target.asks:
        return "a person applies what changes here"
    changes = _moves(made)
    if world.ask_above is not None and changes > world.ask_above:
        return f"{changes:,} changes at once; up to {world.ask_above:,} need nobody's word"
    lost = sum(one.do == "remove" and not one.elective for one in made.changes)
    whole = sum(not one.drift for one in made.held.values())
    if world.ask_above is not None and lost > max(REMOVED_SHARE * whole, REMOVED_LEAST):
        return f"would lose {lost:,} of {whole:,} indicators at once"
    return None


def _moves(made: Plan) -> int:
    """Count what changes for anybody: to extend what is there does not."""
    return len(made.changes) - made.count("extend")


def _grown(made: Plan, most: int | None) -> str | None:
    """Say so if a plan is not the one that a person saw."""
    changes = _moves(made)
    grown = most is not None and changes > most
    return f"the plan has grown to {changes:,} changes" if grown else None


def _urgent(change: Change) -> bool:
    """Whether a change waits for nobody.

    A person has called the indicator harmless; or it is there and only goes on: else all that is
    enforced would end while a plan waits.
    """
    harmless = change.do == "remove" and change.why.startswith(ANALYST)
    return harmless or change.do == "extend"


def _told(state: State, made: Plan, target: Target, world: World, why: str | None) -> State:
    """Return the state with what was planned."""
    now = world.knowledge.clock()
    return replace(
        state,
        at=now,
        limit=target.limit,
        headroom=target.headroom,
        others=made.others,
        slots=made.slots,
        chosen=made.chosen,
        postponed=made.postponed,
        refused=made.refused,
        reason=None,
        waiting=_waiting(state, made, now, why),
    )


def _waiting(state: State, made: Plan, now: datetime, why: str | None) -> Waiting | None:
    if why is None or state.paused is not None:
        return None
    before = state.waiting
    since = before.at if before and before.plan == made.id else now
    return Waiting(made.id, since, made.count("add"), made.count("remove"), why, _moves(made))
