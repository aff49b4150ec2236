"""What the gate has placed somewhere, remembered, so that what others change there is seen.

Whatever is found changed or gone that the gate did not touch is *drift*: somebody decided otherwise
by hand. It is shown and left alone: the gate neither writes over it nor brings it back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl

from tidegate.canonical import Rejected, canonical
from tidegate.model import Kind, indicator_id
from tidegate.ports import APPLICATION, Enforced, Objects
from tidegate.sightings import KINDS, TIME
from tidegate.stored import table

REMEMBERED = timedelta(days=30)  # that somebody took an indicator away
ALIKE = timedelta(minutes=2)  # the other side may round times
REMOVED = "removed there by hand"
HELD: dict[str, Any] = {
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "action": pl.String(),
    "expires": TIME,
    "since": TIME,
    "score": pl.Float64(),
    "sources": pl.List(pl.String()),
    "threat": pl.String(),
    "read": pl.Boolean(),
    "drift": pl.String(),
    "noticed": TIME,
    "groups": pl.List(pl.String()),
}
"""One row for each indicator that the gate holds at a target.

`since` is when it came there, `read` whether it was seen there since it was last written; `drift`
says what somebody changed by hand, and `noticed` when that was seen first. `groups` are the device
groups that it is for; null where that was not remembered yet.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """One indicator that the gate holds, as a value; the columns of `HELD`."""

    id: str
    kind: Kind
    value: str
    action: str
    expires: datetime | None
    since: datetime
    score: float = 0.0
    sources: tuple[str, ...] = ()
    threat: str | None = None
    read: bool = False
    drift: str | None = None
    noticed: datetime | None = None
    groups: tuple[str, ...] | None = None


Memory = Mapping[str, Held]
"""What is held, by indicator id."""


def load(objects: Objects, target: str) -> dict[str, Held]:
    """Return what is remembered of a target; nothing where there is no memory."""
    stored = objects.get(name(target))
    if stored is None:
        return {}
    found = table(stored.data, HELD, name(target)).iter_rows(named=True)
    return {row["id"]: _held(row) for row in found}


def _held(row: dict[str, Any]) -> Held:
    groups = row["groups"]
    said = {"kind": Kind(row["kind"]), "sources": tuple(row["sources"] or ())}
    return Held(**row | said | {"groups": None if groups is None else tuple(groups)})


def save(objects: Objects, target: str, memory: Iterable[Held]) -> None:
    """Remember what is held."""
    file = BytesIO()
    frame(memory).sort("id").write_parquet(file, compression="zstd")
    objects.put(name(target), file.getvalue())


def frame(memory: Iterable[Held]) -> pl.DataFrame:
    """Return what is held as rows."""
    rows = [{column: getattr(one, column) for column in HELD} for one in memory]
    plain = [
        {
            **row,
            "kind": row["kind"].value,
            "sources": list(row["sources"]),
            "groups": None if row["groups"] is None else list(row["groups"]),
        }
        for row in rows
    ]
    return pl.DataFrame(plain, schema=HELD)


def name(target: str) -> str:
    """Return the name of the object that holds the memory of a target."""
    return f"gate/{target}/held.parquet"


def ours(enforced: Enforced) -> bool:
    """Whether an indicator is Tidegate's, which alone the gate may touch."""
    return enforced.application == APPLICATION


def key(enforced: Enforced) -> str | None:
    """Return the indicator id of what a target holds; None for what we do not speak."""
    if enforced.kind is None:
        return None
    try:
        return indicator_id(*canonical(enforced.kind, enforced.value))
    except Rejected:
        return None


def reconciled(
    memory: Memory, current: Sequence[Enforced], touched: Collection[str], now: datetime
) -> dict[str, Held]:
    """Compare what is remembered with what is there. Pure.

    `touched` are the ids that a run was about to change when it was broken off: whatever became of
    them, nobody else did it.
    """
    there = {found: one for one in current if ours(one) and (found := key(one))}
    theirs = {key(one) for one in current if not ours(one)}
    after = {
        found: _seen(memory.get(found), found, one, now, known=found not in touched)
        for found, one in there.items()
    }
    gone = (one for found, one in memory.items() if found not in there and found not in theirs)
    return after | {
        one.id: missing
        for one in gone
        if one.id not in touched and (missing := _missing(one, now)) is not None
    }


def _seen(before: Held | None, found: str, one: Enforced, now: datetime, *, known: bool) -> Held:
    """Return what is held now. What is not known, or is back again, is taken as it is."""
    kind, value = one.kind or Kind.DOMAIN, one.value
    if before is None or before.drift == REMOVED:
        seen = Held(found, kind, value, one.action, one.expires, now, read=True)
        return replace(seen, groups=one.groups)
    if not known:
        before = replace(before, action=one.action, groups=one.groups, drift=None, noticed=None)
        return replace(before, expires=one.expires, read=True)
    if not before.read:  # the other side may have rounded the time that we wrote
        before = replace(before, expires=one.expires, read=True)
    if before.groups is None:
        before = replace(before, groups=one.groups)
    drift = _changed(before, one)
    return replace(before, drift=drift, noticed=(before.noticed or now) if drift else None)


def _changed(before: Held, one: Enforced) -> str | None:
    if not one.action:
        return None  # a target that is not sure what it holds: it is written again
    if one.action != before.action:
        return f"changed there by hand: {before.action} became {one.action}"
    if not same_groups(before.groups or (), one.groups):
        return f"changed there by hand: for {', '.join(one.groups) or 'all devices'}"
    if before.expires is None or one.expires is None:
        same = before.expires == one.expires
    else:
        same = abs(one.expires - before.expires) <= ALIKE
    return None if same else f"changed there by hand: expires {_day(one.expires)}"


def same_groups(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether these are the same device groups; none is all devices."""
    return {one.casefold() for one in some} == {one.casefold() for one in others}


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _missing(one: Held, now: datetime) -> Held | None:
    """Return what is remembered of one that is not there: None if that is as it should be."""
    if one.drift == REMOVED:
        return one if one.noticed and now - one.noticed < REMEMBERED else None
    ended = one.expires is not None and one.expires <= now
    return None if ended else replace(one, drift=REMOVED, noticed=now)
