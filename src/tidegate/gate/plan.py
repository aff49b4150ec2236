"""What has to change in Defender so that it holds the chosen set, and as little as possible."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from tidegate.canonical import Rejected, canonical
from tidegate.hygiene import tally
from tidegate.model import Kind, indicator_id
from tidegate.ports import APPLICATION, Enforced

HOLDS = timedelta(days=7)  # an indicator that nobody extends is gone a week later
BLOCK_SCORE = 75.0
STRONGEST = "BlockAndRemediate"  # a detonation asks for it, and the gate does not weaken it
HASHES = (Kind.MD5, Kind.SHA1, Kind.SHA256)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the plan. `enforced` is what Defender is to hold, or holds and is to lose."""

    do: str  # add, extend, replace or remove
    enforced: Enforced
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are applied, and the reasons of what was not chosen."""

    changes: tuple[Change, ...]
    kept: int
    chosen: int
    slots: int
    refused: dict[str, int]

    def count(self, do: str) -> int:
        """Return how many changes of one sort there are."""
        return sum(change.do == do for change in self.changes)


def ours(enforced: Enforced) -> bool:
    """Whether an indicator in Defender is Tidegate's, which alone the gate may touch."""
    return enforced.application == APPLICATION


def key(enforced: Enforced) -> str | None:
    """Return the indicator id of what Defender holds; None for what we do not speak."""
    if enforced.kind is None:
        return None
    try:
        return indicator_id(*canonical(enforced.kind, enforced.value))
    except Rejected:
        return None


def plan(selected: pl.DataFrame, current: Sequence[Enforced], slots: int, now: datetime) -> Plan:
    """Compare the selection (see `select`) with what Defender holds. Pure."""
    # Where an analyst holds the same indicator beside us, the analyst's counts: it comes last.
    held = sorted(current, key=ours, reverse=True)
    holds = {found: one for one in held if (found := key(one))}
    chosen = selected.filter(pl.col("why_not").is_null())
    wanted = {row["id"]: _wanted(row, now) for row in chosen.iter_rows(named=True)}
    removals = [
        Change("remove", one, _why_removed(found, selected))
        for found, one in holds.items()
        if ours(one) and found not in wanted
    ]
    changes = [
        change for found, new in wanted.items() if (change := _change(holds.get(found), *new, now))
    ]
    return Plan(
        # Slots are freed before they are filled: the tenant may be full.
        changes=(*removals, *changes),
        kept=len(wanted) - len(changes),
        chosen=len(wanted),
        slots=slots,
        refused=tally(selected["why_not"]),
    )


def _wanted(row: dict[str, object], now: datetime) -> tuple[Enforced, str]:
    kind, score = Kind(str(row["kind"])), float(str(row["score"]))
    sources = ", ".join(map(str, row["sources"])) if isinstance(row["sources"], list) else ""
    block = score >= BLOCK_SCORE
    enforced = Enforced(
        kind=kind,
        value=str(row["value"]),
        action="Block" if block else "Audit",
        title=f"Tidegate: {row['threat'] or 'threat intelligence'}"[:200],
        description=f"Reported by {sources}"[:1_000],
        severity="High" if block else "Medium",
        expires=now + HOLDS,
        alerts=not block,  # Defender demands an alert of an Audit
        application=APPLICATION,
    )
    return enforced, f"score {score:.0f} ({sources})"


def _change(held: Enforced | None, wanted: Enforced, why: str, now: datetime) -> Change | None:
    if held is None:
        return Change("add", wanted, why)
    if not ours(held):
        return None  # an analyst's word stands
    if held.action not in {wanted.action, STRONGEST}:
        return Change("replace", wanted, why)
    if held.expires is not None and held.expires - now < HOLDS / 2:
        return Change("extend", replace(held, expires=wanted.expires), why)
    return None


def _why_removed(found: str, selected: pl.DataFrame) -> str:
    row = selected.filter(pl.col("id") == found)
    return "no source reports it any more" if row.is_empty() else str(row["why_not"].item())
