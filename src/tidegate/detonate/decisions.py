"""What people decide about a case, and what else lets an ended case go on.

A decision is written into the ledger first and the case is then given a turn; whoever dies in
between decides again, to the same effect. The first decision about an effect holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from tidegate.actions import ALL
from tidegate.detonate import shared
from tidegate.detonate.artefacts import judged
from tidegate.detonate.effects import ledger_key, planned, undo_of
from tidegate.detonate.responses import undone
from tidegate.detonate.stages import entered
from tidegate.detonate.world import World
from tidegate.model import (
    RESPONSES,
    UNDOING,
    Answer,
    Artefact,
    Case,
    Effect,
    Response,
    Stage,
    Turn,
    Verdict,
)
from tidegate.ports import Entry

APPROVE, REJECT, UNDO = "approve", "reject", "undo"
CHANGED = "the verdict has changed"


class Unknown(ValueError):
    """There is no such case, or nothing in it that could be decided so."""


def asked(case: Case) -> list[str]:
    """Return what waits for a person: keys of responses, names of actions."""
    waiting = [one.effect.key for one in case.responses if one.turn is Turn.ASKED]
    names = [name for name, answer in case.answers if answer is Answer.ASK]
    return [*(_about(name, case) for name in names if _writes(name, case)), *waiting]


def approve(case: str, by: str, world: World, only: str | None = None) -> list[str]:
    """Let what waits happen; return what that is. `only` is one of `asked`. Raises Unknown.

    What was asked too long ago is left out: the device may be another person's by now.
    """
    return _decide(APPROVE, lambda found: _timely(found, world, only), case, by, world, only)


def reject(case: str, by: str, world: World, only: str | None = None) -> list[str]:
    """Let what waits never happen; return what that is. Raises Unknown."""
    return _decide(REJECT, asked, case, by, world, only)


def undo(case: str, by: str, world: World, only: str | None = None) -> list[str]:
    """Take back what was done and can be; return what that is. Raises Unknown."""
    return _decide(UNDO, lambda found: _undoable(found, world), case, by, world, only)


def _decide(
    what: str,
    choice: Callable[[Case], list[str]],
    case: str,
    by: str,
    world: World,
    only: str | None,
) -> list[str]:
    found = world.cases.get(case)
    if found is None:
        raise Unknown("no such case")
    chosen = [key for key in choice(found) if only in {None, key}]
    if not chosen:
        named = "" if only is None else f" by the key {only!r}"
        raise Unknown(f"there is nothing to {what}{named}")
    for key in chosen:
        entry = _key(found, what, key)
        world.ledger.begin(entry, by, world.clock())
        world.ledger.finish(entry, what, world.clock())
    world.queue.put(case)
    world.queue.wake(case)
    return chosen


def _timely(case: Case, world: World, only: str | None) -> list[str]:
    """Return what may still be approved. Raises Unknown where all of it was asked too long ago."""
    oldest = world.clock() - world.policy.approval_life
    old = [
        one.effect.key
        for one in case.responses
        if one.turn is Turn.ASKED and one.since < oldest and only in {None, one.effect.key}
    ]
    fresh = [key for key in asked(case) if key not in old]
    if old and not any(only in {None, key} for key in fresh):
        raise Unknown(f"too old: {', '.join(old)}")
    return fresh


def _about(name: str, case: Case) -> str:
    """Return what an action is asked as: about another verdict it is another question."""
    return f"{name}.{case.verdict or 'unknown'}"


def _writes(name: str, case: Case) -> bool:
    return any(effect.do not in RESPONSES for effect in ALL[name](case))


def _undoable(case: Case, world: World) -> list[str]:
    written = [one.key for one in _done(case, world) if one.undo]
    taken = _taken(case)
    responses = [one for one in case.responses if _stoppable(one) or _can_be_undone(one, taken)]
    return [*(one.effect.key for one in responses), *written]


def _stoppable(response: Response) -> bool:
    """Whether it may yet be kept from happening; what takes another one back goes on."""
    return response.turn in {Turn.WAITING, Turn.RUNNING} and response.effect.do not in UNDOING


def _taken(case: Case) -> set[str]:
    """Return the keys of the responses that there are; to have said no to one is no end of it."""
    return {one.effect.key for one in case.responses if one.turn is not Turn.REJECTED}


def _can_be_undone(response: Response, taken: set[str]) -> bool:
    if response.turn is not Turn.SUCCEEDED or response.effect.undo is None:
        return False
    return undone(response, response.since).effect.key not in taken


# --- what the worker makes of it --------------------------------------------------------------


def reopened(case: Case, world: World) -> Case | None:
    """Return an ended case with a turn still to take; None if it has none."""
    after = as_of_now(case, world)
    if after == case:
        return None
    # What is remembered of the indicators changes with their verdicts, and with what is undone.
    changed = (after.artefacts, after.revoked) != (case.artefacts, case.revoked)
    return entered(after, Stage.RECORD if changed else Stage.WRITEBACK, world.clock())


def as_of_now(case: Case, world: World) -> Case:
    """Return the case with the verdicts as they are now, and all that people decided by now."""
    return _asked_back(decided(_flipped(case, world), world), world.clock())


def decided(case: Case, world: World) -> Case:
    """Return the case with all that people decided about it by now."""
    said = dict(_decisions(case, world.ledger.of(case.id)))
    if not said:
        return case
    now = world.clock()
    answers = tuple(
        (name, _answer(answer, said.get(_about(name, case)))) for name, answer in case.answers
    )
    responses = tuple(_turned(one, said.get(one.effect.key), now) for one in case.responses)
    return _taken_back(replace(case, answers=answers, responses=responses), said, world)


def _decisions(case: Case, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    """Yield the key and the first decision about it; to undo comes after any other.

    What was decided about an earlier run of the case is no answer to what this one asks.
    """
    seen = set[str]()
    for entry in entries:
        what, _, rest = entry.key.removeprefix(f"{case.id}:").partition(".")
        run, _, key = rest.partition(".")
        if run != f"run-{case.runs}":
            continue
        if what == UNDO or (what in {APPROVE, REJECT} and key not in seen):
            seen.add(key)
            yield key, what


def _answer(answer: Answer, said: str | None) -> Answer:
    if answer is not Answer.ASK or said is None:
        return answer
    return Answer.NONE if said == REJECT else Answer.DO


def _turned(one: Response, said: str | None, now: datetime) -> Response:
    if one.turn is not Turn.ASKED or said is None:
        return one
    turn = Turn.REJECTED if said == REJECT else Turn.WAITING
    return replace(one, turn=turn, since=now, due=now)


def _taken_back(case: Case, said: dict[str, str], world: World) -> Case:
    gone = {key for key, what in said.items() if what == UNDO}
    if not gone:
        return case
    effects = [one for one in planned(case) if one.key in gone and one.undo]
    case = _stopped(case, lambda one: one.effect.key in gone, world.clock())
    taken = _taken(case)
    back = [
        undone(one, world.clock())
        for one in reversed(case.responses)
        if one.effect.key in gone and _can_be_undone(one, taken)
    ]
    return replace(case, revoked=(*case.revoked, *effects), responses=(*case.responses, *back))


def _stopped(case: Case, which: Callable[[Response], bool], now: datetime) -> Case:
    """Return the case on its way to stop these responses, as far as they have not ended yet."""
    responses = tuple(
        replace(one, turn=Turn.STOPPING, due=now) if _stoppable(one) and which(one) else one
        for one in case.responses
    )
    return replace(case, responses=responses)


def _flipped(case: Case, world: World) -> Case:
    """Return the case with the verdicts that have changed since it ended."""
    artefacts = tuple(_judged_anew(one, world) for one in case.artefacts)
    if artefacts == case.artefacts:
        return case
    after = replace(case, artefacts=artefacts)
    # What people took back, `decided` takes back again.
    wanted = planned(replace(after, revoked=()))
    again = [one for one in case.revoked if one in wanted]
    _forget(again, case, world)
    after = replace(after, revoked=tuple(one for one in case.revoked if one not in again))
    gone = [one for one in _done(case, world) if one.undo and one not in wanted]
    if after.verdict is not Verdict.MALICIOUS:
        after = _stopped(after, lambda one: one.effect.undo is not None, world.clock())
    back = [] if after.verdict is Verdict.MALICIOUS else _to_take_back(case, world.clock())
    asked_still = _asked_still(after, world.clock())
    # Without answers the policy is asked anew, about the verdict as it is now.
    after = replace(after, answers=(), revoked=(*after.revoked, *gone))
    return replace(after, responses=(*asked_still, *back))


def _forget(effects: list[Effect], case: Case, world: World) -> None:
    """Let effects happen once more, and be taken back once more."""
    keys = {ledger_key(one, case) for effect in effects for one in (effect, undo_of(effect))}
    for entry in world.ledger.of(case.id) if keys else ():
        if entry.key in keys:
            world.ledger.forget(entry)


def _asked_still(case: Case, now: datetime) -> list[Response]:
    """Return the responses; what was asked about another verdict is asked no more."""
    wanted = {effect.key for plan in ALL.values() for effect in plan(case)}
    return [
        replace(one, turn=Turn.REJECTED, since=now, due=now, detail=CHANGED)
        if one.turn is Turn.ASKED and one.effect.key not in wanted
        else one
        for one in case.responses
    ]


def _to_take_back(case: Case, now: datetime) -> list[Response]:
    """Return what a person is asked now: to take back the responses to a verdict that is gone."""
    taken = _taken(case)
    able = [one for one in reversed(case.responses) if _can_be_undone(one, taken)]
    return [replace(undone(one, now), turn=Turn.ASKED, asked=True) for one in able]


def _asked_back(case: Case, now: datetime) -> Case:
    """Ask a person, once, about each response that no verdict wants and nothing could stop."""
    if case.verdict is Verdict.MALICIOUS:
        return case
    known = {one.effect.key for one in case.responses}
    back = [one for one in _to_take_back(case, now) if one.effect.key not in known]
    return replace(case, responses=(*case.responses, *back))


def _judged_anew(artefact: Artefact, world: World) -> Artefact:
    if artefact.verdict is None:
        return artefact
    submissions, report = shared.newest(artefact, world)
    if report is None or report.verdict in {artefact.verdict, Verdict.INCONCLUSIVE}:
        return artefact
    after = judged(artefact, report, world.policy)
    return replace(after, submissions=submissions, had=artefact.verdict)


def _done(case: Case, world: World) -> list[Effect]:
    done = {entry.key for entry in world.ledger.of(case.id) if entry.done}
    return [one for one in planned(case) if ledger_key(one, case) in done]


def _key(case: Case, what: str, key: str) -> str:
    return f"{case.id}:{what}.run-{case.runs}.{key}"
