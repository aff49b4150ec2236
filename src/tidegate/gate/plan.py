"""What has to change at a target so that it holds the chosen set, and as little as possible. Pure.

Nothing is touched that is not Tidegate's, nor what somebody changed by hand. Changes that are the
indicator's own (nobody reports it any more, an analyst calls it harmless) are all in the plan; what
merely gives way to something better, and what is new, comes within the churn that is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from tidegate.gate.held import REMOVED, Held, Memory, key, ours, same_groups
from tidegate.gate.select import CEILING, ELECTIVE, NO_SLOT
from tidegate.hygiene import tally
from tidegate.model import Kind, Tlp
from tidegate.ports import APPLICATION, Enforced
from tidegate.sharing import OWN_TENANT

HOLDS = timedelta(days=7)  # an indicator that nobody extends is gone a week later
STRONGEST = "BlockAndRemediate"  # a detonation asks for it, and the gate does not weaken it
FILES = (Kind.MD5, Kind.SHA1, Kind.SHA256)
GONE = "no source reports it any more"
CONTEXT = ("tags", "first_seen", "tlp")  # what only some targets keep
GENERAL = {
    "covered by ": "covered by a domain or an address",
    "analyst: ": "called harmless by an analyst",
    "signed by ": "signed, and on very many machines",
}
ANALYST = "analyst"  # how the reason begins when a person says that it is harmless


@dataclass(frozen=True, slots=True)
class Actions:
    """From which score on what is done: blocked, warned of, remedied (files); else audited.

    None: never. Whoever blocks already goes on until its score is `loyalty` less. `groups` are the
    device groups that our indicators are for; none: all devices.
    """

    block: float = 75.0
    warn: float | None = None
    remediate: float | None = None
    loyalty: float = 5.0
    groups: tuple[str, ...] = ()

    def of(self, kind: Kind, score: float, before: str | None = None) -> str:
        """Return the action for a score, given the one that holds now."""
        files = kind in FILES
        for action, least in (
            (STRONGEST, self.remediate if files else None),
            ("Block", self.block),
            ("Warn", self.warn),
        ):
            if least is not None and score >= least - self.loyalty * (before == action):
                return action
        return "Audit"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan. `enforced` is what the target is to hold, or holds and is to lose.

    `before` is what it held. `elective` changes may wait: nothing is wrong while they do.
    """

    do: str  # add, extend, replace or remove
    id: str
    enforced: Enforced
    why: str
    before: Enforced | None = None
    elective: bool = False
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are applied, and the reasons of what was not chosen.

    `postponed` counts the changes that wait: the churn of this hour did not suffice, or what is to
    go came only lately. `held` is what
    the gate holds now, drift included; `others` counts the indicators of others.
    """

    target: str
    changes: tuple[Change, ...]
    kept: int
    chosen: int
    slots: int
    refused: dict[str, int]
    others: int = 0
    postponed: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What is to be done, in few digits: the same changes have the same id at any time."""
        said = sorted(f"{one.do} {one.id} {one.enforced.action}" for one in self.changes)
        return sha256("\n".join(said).encode()).hexdigest()[:12]

    @property
    def drift(self) -> list[Held]:
        """What somebody changed by hand."""
        return [one for one in self.held.values() if one.drift]

    def count(self, do: str) -> int:
        """Return how many changes of one sort there are."""
        return sum(change.do == do for change in self.changes)


def document(one: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it: of what is held, only what somebody changed by hand."""
    told = {name: getattr(one, name) for name in one.__slots__ if name not in {"changes", "held"}}
    changes = [asdict(change) for change in one.changes]
    return {"id": one.id, **told, "changes": changes, "drift": [asdict(each) for each in one.drift]}


@dataclass(frozen=True, slots=True)
class Terms:
    """Within what a plan has to stay: `slots` in all, `churn` elective changes (None: any number).

    What came within `dwell` is not removed for something better. What is placed `holds` so long,
    and is extended when half of that is over.
    """

    slots: int
    churn: int | None = None
    dwell: timedelta = timedelta()
    actions: Actions = field(default_factory=Actions)
    holds: timedelta = HOLDS


def plan(
    target: str,
    selected: pl.DataFrame,
    current: Sequence[Enforced],
    held: Memory,
    terms: Terms,
    now: datetime,
) -> Plan:
    """Compare the selection (see `select`) with what the target holds (see `held.reconciled`)."""
    there = _there(current)
    chosen = selected.filter(pl.col("why_not").is_null())
    wanted = {row["id"]: row for row in chosen.iter_rows(named=True)}
    why = dict(selected.select("id", "why_not").drop_nulls().iter_rows())
    removals = _removals(wanted, why, there, held)
    changes = [
        change
        for found, row in wanted.items()
        if (change := _change(row, there.get(found), held.get(found), terms, now))
    ]
    adds = [one for one in changes if one.do == "add"]
    ranks = dict(selected.select("id", "rank").iter_rows())
    count = sum(map(ours, current))
    going, coming = _bounded(removals, adds, ranks, held, count, terms, now)
    done = (*going, *(one for one in changes if one.do != "add"), *coming)
    return Plan(
        target=target,
        # Slots are freed before they are filled: the tenant may be full.
        changes=done,
        kept=len(wanted) - len(changes),
        chosen=len(wanted),
        slots=terms.slots,
        refused=tally(_in_general(selected["why_not"])),
        others=len(current) - count,
        postponed=len(removals) + len(changes) - len(done),
        held=_told(held, selected),
    )


def _in_general(why: pl.Series) -> pl.Series:
    """Return reasons without what is said of one indicator alone, to be counted."""
    for begins, general in GENERAL.items():
        why = why.str.replace(f"^{begins}.*$", general)
    return why


def _there(current: Sequence[Enforced]) -> dict[str, Enforced]:
    # Where an analyst holds the same indicator beside us, the analyst's counts: it comes last.
    ordered = sorted(current, key=ours, reverse=True)
    return {found: one for one in ordered if (found := key(one))}


def _removals(
    wanted: Mapping[str, object],
    why: Mapping[str, str],
    there: Mapping[str, Enforced],
    held: Memory,
) -> list[Change]:
    going = (
        (found, one, why.get(found, GONE))
        for found, one in there.items()
        if ours(one) and found not in wanted
    )
    return [
        Change("remove", found, one, reason, before=one, elective=_elective(reason))
        for found, one, reason in going
        if not _by_hand(held.get(found), one, reason)
    ]


def _by_hand(held: Held | None, one: Enforced, reason: str) -> bool:
    """Whether somebody's change keeps it there: unless a person called it harmless since."""
    harmless = reason.startswith(ANALYST) and one.action != "Allowed"
    return held is not None and held.drift is not None and not harmless


def _elective(reason: str) -> bool:
    return reason.startswith((*ELECTIVE, CEILING))


def _change(
    row: Mapping[str, object],
    there: Enforced | None,
    held: Held | None,
    terms: Terms,
    now: datetime,
) -> Change | None:
    found = str(row["id"])
    if there is None:
        if held is not None and held.drift == REMOVED:
            return None  # somebody took it away
        new, why = _wanted(row, None, terms, now)
        return Change("add", found, new, why, elective=True, sources=_sources(row))
    if not ours(there) or (held is not None and held.drift):
        return None  # an analyst's word stands
    new, why = _wanted(row, there, terms, now)
    if there.action not in {new.action, STRONGEST} or _moved(there, new):
        return Change("replace", found, new, why, before=there)
    if there.expires is not None and there.expires - now < terms.holds / 2:
        said = {
            name: getattr(new, name) for name in ("score", "tlp", "tags", "first_seen", "threat")
        }
        longer = replace(there, expires=new.expires, **said)
        return Change("extend", found, longer, why, before=there)
    return None


def _moved(there: Enforced, new: Enforced) -> bool:
    """Whether it is for other device groups now. What is for all devices stays so until it ends:
    a person may have wanted that of a detonation.
    """
    return bool(there.groups) and not same_groups(there.groups, new.groups)


def _wanted(
    row: Mapping[str, object], there: Enforced | None, terms: Terms, now: datetime
) -> tuple[Enforced, str]:
    actions = terms.actions
    kind, score = Kind(str(row["kind"])), float(str(row["score"]))
    sources = ", ".join(_sources(row))
    action = actions.of(kind, score, there.action if there else None)
    blocks = action not in {"Audit", "Warn"}
    threat = str(row["threat"]) if row["threat"] else None
    enforced = Enforced(
        kind=kind,
        value=str(row["value"]),
        action=action,
        title=f"Tidegate: {threat or 'threat intelligence'}"[:200],
        description=f"Reported by {sources}"[:1_000],
        severity="High" if blocks else "Medium",
        expires=now + terms.holds,
        alerts=action == "Audit",  # Defender demands an alert of an Audit
        application=APPLICATION,
        groups=actions.groups,
        score=score,
        threat=threat,
        **_context(row),
    )
    stands = f", stands for {row['for']} URLs" if row["for"] else ""
    return enforced, f"score {score:.0f} ({sources}){stands}"


def _sources(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, row["sources"] or ()))


def _context(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only some targets keep, as far as the candidates have it."""
    return {
        "tags": tuple(row.get("tags") or ()),
        "first_seen": row.get("first_seen"),
        "tlp": Tlp(row.get("tlp") or OWN_TENANT),  # of hosts that stand for URLs nothing is said
    }


def _bounded(
    removals: list[Change],
    adds: list[Change],
    ranks: Mapping[str, float],
    held: Memory,
    count: int,
    terms: Terms,
    now: datetime,
) -> tuple[list[Change], list[Change]]:
    """Return which removals and additions there are this time. `adds` come best first."""
    forced = [one for one in removals if not one.elective]
    elective = sorted(
        (one for one in removals if one.elective), key=lambda one: (ranks.get(one.id, 0.0), one.id)
    )
    # The tenant's limit comes before anybody's right to stay.
    over = max(count - len(forced) - terms.slots, 0)
    forced, elective = forced + elective[:over], elective[over:]
    going = [one for one in elective if not _dwells(held.get(one.id), terms.dwell, now)]
    left = len(removals) + len(adds) if terms.churn is None else max(terms.churn, 0)
    free = max(terms.slots - (count - len(forced)), 0)
    into = min(len(adds), free, left)
    left -= into
    swapped = min(len(adds) - into, len(going), left // 2)
    left -= 2 * swapped
    # Who was only outdone stays until somebody better comes.
    useless = [one for one in going[swapped:] if not one.why.startswith(NO_SLOT)]
    return forced + going[:swapped] + useless[:left], adds[: into + swapped]


def _dwells(one: Held | None, dwell: timedelta, now: datetime) -> bool:
    return one is not None and now - one.since < dwell


def _told(held: Memory, selected: pl.DataFrame) -> dict[str, Held]:
    """Return what is held, with what is known of it now."""
    mine = selected.filter(pl.col("id").is_in(list(held)))
    said = {
        row["id"]: (row["score"], tuple(row["sources"]), row["threat"])
        for row in mine.iter_rows(named=True)
    }
    return {
        found: replace(one, **dict(zip(("score", "sources", "threat"), said[found], strict=True)))
        if found in said
        else one
        for found, one in held.items()
    }
