"""What cases share about one artefact: who detonates it, who waits for it, what came of it.

One case at a time holds the claim on an artefact. All cases that have it are written down beside
the claim: they are woken when it moves on, and told when the verdict changes.
"""

import re
from datetime import datetime
from hashlib import sha256

from pydantic import TypeAdapter

from tidegate.detonate.world import World
from tidegate.model import Artefact, Case, Report
from tidegate.ports import Entry
from tidegate.stored import document

CLAIM = "claim"
USER = "case"
RECORDED = "recorded"
MOST_WOKEN = 500  # the others look for themselves
LONGEST_NAME = 100
IDS = re.compile(rf"{RECORDED}\.[0-9]+(?:_[0-9]+)*")
REPORT = TypeAdapter(Report)


def claim(artefact: Artefact, case: Case, now: datetime, world: World) -> Entry | None:
    """Take the claim, and write the case down; return the entry of whoever has it already."""
    world.ledger.begin(f"{artefact.scope}:{USER}:{case.id}", case.id, now)
    return world.ledger.begin(claim_key(artefact), case.id, now)


def settle(artefact: Artefact, submissions: tuple[str, ...], at: datetime, world: World) -> None:
    """Write down by which submissions the artefact is known, made at this time."""
    world.ledger.finish(claim_key(artefact), ",".join(submissions), at)


def release(artefact: Artefact, case: Case, world: World) -> None:
    """Give the claim back, for another case to try."""
    held = world.ledger.get(claim_key(artefact))
    if held is not None and held.owner == case.id:
        world.ledger.forget(held)


def users(scope: str, world: World) -> list[str]:
    """Return the ids of all cases that have the artefact of this scope, oldest first."""
    begin = f"{scope}:{USER}:"
    return [one.owner for one in world.ledger.of(scope) if one.key.startswith(begin)]


def wake_others(artefact: Artefact, case: Case, world: World) -> None:
    """Let the other cases that have the artefact look at once."""
    wake(artefact.scope, world, but=case.id)


def wake(scope: str, world: World, but: str = "") -> None:
    """Let all cases that have the artefact look at once."""
    for one in users(scope, world)[-MOST_WOKEN:]:
        if one != but:
            world.queue.wake(one)


def tell(scope: str, world: World) -> None:
    """Give all cases that have the artefact a turn, ended ones too, after a change of verdict."""
    for one in users(scope, world):
        world.queue.put(one)


def claim_key(artefact: Artefact) -> str:
    """Return the ledger key by which one case at a time detonates the artefact."""
    return f"{artefact.scope}:{CLAIM}"


def submissions_of(entry: Entry) -> tuple[str, ...]:
    """Return the submissions that a finished claim names."""
    return tuple(filter(None, entry.result.split(",")))


# --- reports ----------------------------------------------------------------------------------


def report(submissions: tuple[str, ...], world: World) -> Report | None:
    """Return the report on these submissions, if a case has collected it."""
    stored = world.objects.get(_name(submissions))
    return document(REPORT, stored.data, _name(submissions)) if stored else None


def keep(submissions: tuple[str, ...], found: Report, world: World) -> None:
    """Keep a report for all cases."""
    world.objects.put(_name(submissions), REPORT.dump_json(found))


def newest(artefact: Artefact, world: World) -> tuple[tuple[str, ...], Report | None]:
    """Return the newest analysis of the artefact, its own or a later case's, and the report."""
    held = world.ledger.get(claim_key(artefact))
    later = submissions_of(held) if held is not None and held.done else artefact.submissions
    if found := report(later, world):
        return later, found
    return artefact.submissions, report(artefact.submissions, world)


def is_recorded(artefact: Artefact, world: World) -> bool:
    """Whether a case has put what this report says among the sightings, and none another since."""
    held = world.ledger.get(_recorded(artefact))
    return held is not None and held.result == artefact.verdict


def was_recorded(scope: str, world: World) -> bool:
    """Whether what any analysis of the artefact said stands among the sightings."""
    return any(one.key.startswith(f"{scope}:{RECORDED}.") for one in world.ledger.of(scope))


def judged_by(scope: str, since: datetime, world: World) -> tuple[str, ...]:
    """Return the submissions that the artefact is known by: its claim's, else the last recorded.

    None of them are older than `since`: what they found lives no more.
    """
    claims, recorded = list[Entry](), list[Entry]()
    for one in world.ledger.of(scope):
        rest = one.key.removeprefix(f"{scope}:")
        if one.done:
            claims += [one] if rest == CLAIM else []
            recorded += [one] if IDS.fullmatch(rest) else []
    last = max(claims or recorded, key=lambda one: one.at, default=None)
    if last is None or last.at <= since:
        return ()
    return submissions_of(last) if claims else tuple(last.key.rpartition(".")[2].split("_"))


def mark_recorded(artefact: Artefact, case: Case, world: World) -> None:
    """Spare the other cases of this report the same work."""
    now = world.clock()
    world.ledger.begin(_recorded(artefact), case.id, now)
    world.ledger.finish(_recorded(artefact), str(artefact.verdict), now)


def _recorded(artefact: Artefact) -> str:
    return f"{artefact.scope}:{RECORDED}.{_named(artefact.submissions)}"


def _name(submissions: tuple[str, ...]) -> str:
    return f"reports/{_named(submissions)}.json"


def _named(submissions: tuple[str, ...]) -> str:
    # The ids of a large archive's submissions are too many for a name.
    named = "_".join(submissions)
    return named if len(named) <= LONGEST_NAME else sha256(named.encode()).hexdigest()
