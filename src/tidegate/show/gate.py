"""The gate's tables: what would change and why, what became of it, how enforcement stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidegate.canonical import defanged
from tidegate.show.cells import SHOWN, out, plain, short, table

if TYPE_CHECKING:
    from tidegate.gate.carry import Applied
    from tidegate.gate.plan import Plan
    from tidegate.gate.run import Gated
    from tidegate.gate.status import Status

HOURS_SHOWN = 12


def plan(proposed: Plan) -> None:
    """Print a plan: what changes and why, and what was not chosen and why not."""
    changes = [
        (c.do, c.enforced.kind, defanged(c.enforced.value), c.enforced.action, c.why)
        for c in proposed.changes[:SHOWN]
    ]
    table(_title(proposed), ("do", "kind", "indicator", "action", "why"), changes)
    if len(proposed.changes) > SHOWN:
        out.print(f"… and {len(proposed.changes) - SHOWN:,} more; --json has them all")
    if proposed.refused:
        table("Not chosen", ("reason", "indicators"), proposed.refused.items())


def _title(proposed: Plan) -> str:
    counts = ", ".join(
        f"{proposed.count(do)} {do}" for do in ("add", "extend", "replace", "remove")
    )
    later = f"; {proposed.postponed:,} later" if proposed.postponed else ""
    where = f"{proposed.chosen:,} of {proposed.slots:,} slots"
    return f"{proposed.target}: {counts}{later}; {proposed.kept:,} stay; {where}"


def applied(done: Applied) -> None:
    """Print what became of a plan."""
    out.print(f"written {done.written:,}, removed {done.removed:,}, refused {len(done.failed):,}")
    if done.reason:
        out.print(plain(f"broken off: {done.reason}"), style="red")
    if done.failed:
        rows = [(defanged(value), reason) for value, reason in list(done.failed.items())[:SHOWN]]
        table("Refused", ("indicator", "reason"), rows)


def gated(one: Gated) -> None:
    """Print what a cycle came to at one target."""
    if one.plan is None:
        out.print(plain(f"gate, {one.target}: {one.reason}"), style="red")
        return
    plan(one.plan)
    if one.held_back:
        out.print(plain(f"waits: {one.held_back}"), style="yellow")
    if one.applied:
        applied(one.applied)


def enforcement(found: Sequence[Status], churn: int | None = None) -> None:
    """Print how each target stands; `churn` is how many changes an hour may bring."""
    bound = "" if churn is None else f", at most {churn:,} changes an hour"
    for one in found:
        _target(one, f"Churn{bound}")


def _target(one: Status, churn: str) -> None:
    state = one.state
    out.print(plain(f"{one.target.title}: {_quota(one)}"), style="bold")
    for line in (_paused(one), _waiting(one), state.reason):
        if line:
            out.print(plain(line), style="yellow")
    counts = [(kind, number) for kind, number in one.by_kind.items()]
    table("By kind", ("kind", "indicators"), counts)
    table("By source", ("source", "indicators"), list(one.by_source.items())[:SHOWN])
    busy = [(short(each.hour), each.added, each.removed) for each in one.churn[-HOURS_SHOWN:]]
    table(churn, ("hour", "came", "went"), busy)
    if one.drift:
        rows = [(each.kind, defanged(each.value), each.drift) for each in one.drift]
        table(f"Changed by hand: {one.drifted:,}", ("kind", "indicator", "what"), rows)


def _quota(one: Status) -> str:
    state = one.state
    if state.at is None:
        return "no cycle has run yet"
    free = max(state.slots - one.held, 0)
    return (
        f"{one.held:,} held, {state.others:,} of others, {state.headroom:,} kept free,"
        f" {free:,} more slots of {state.limit:,}"
    )


def _paused(one: Status) -> str | None:
    said = one.state.paused
    return f"paused by {said.by} at {short(said.at)}: {said.why}" if said else None


def _waiting(one: Status) -> str | None:
    said = one.state.waiting
    if said is None:
        return None
    return f"plan {said.plan} waits ({said.adds:,} in, {said.removes:,} out): {said.why}"
