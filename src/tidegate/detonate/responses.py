"""Responses on devices: proposed, let through by the policy, asked for once, followed to their end.

On one device they happen one after the other, in the order of the actions; devices do not wait for
each other.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tidegate.actions import ALL
from tidegate.detonate.effects import ledger_key, undo_of
from tidegate.detonate.world import Policy, World, pace
from tidegate.model import RESPONSES, UNDOING, Answer, Case, Device, Do, Effect, Response, Turn
from tidegate.ports import BUSY, Action, BadPayload, Progress, QuotaSpent, Refused, SourceDown

log = logging.getLogger(__name__)

# What Defender calls the machine action of a response.
TYPES = {
    Do.COLLECT_PACKAGE: "CollectInvestigationPackage",
    Do.SCAN_DEVICE: "RunAntiVirusScan",
    Do.QUARANTINE_FILE: "StopAndQuarantineFile",
    Do.RESTRICT_DEVICE: "RestrictCodeExecution",
    Do.UNRESTRICT_DEVICE: "UnrestrictCodeExecution",
    Do.ISOLATE_DEVICE: "Isolate",
    Do.RELEASE_DEVICE: "Unisolate",
}
STOPPED = "taken back before it began"
LATE = "the device did not answer in time"
# The second of a pair undoes the first.
PAIRS = (
    (Do.RESTRICT_DEVICE, Do.UNRESTRICT_DEVICE),
    (Do.ISOLATE_DEVICE, Do.RELEASE_DEVICE),
)


# --- what is to be done -----------------------------------------------------------------------


def answered(case: Case, policy: Policy) -> tuple[tuple[str, Answer], ...]:
    """Return what the policy says to each action by name, for the alert's own device."""
    verdict, severity, device = case.verdict, _severity(case), _own(case)
    answer = policy.responses.answer
    return tuple((name, answer(name, verdict, severity, device)) for name in ALL)


def proposed(case: Case, policy: Policy, now: datetime) -> Case:
    """Return the case with the responses that the policy does not rule out, and notes on those."""
    known = {one.effect.key for one in case.responses}
    fresh, notes = list[Response](), list[str]()
    for name, effect, device in _candidates(case):
        if effect.key in known or effect in case.revoked:
            continue
        answer, why_not = _answer(name, device, case, policy)
        if why_not:
            notes.append(f"no response on {device.name or device.id}: {why_not}")
        if answer is not Answer.NONE:
            asked = answer is Answer.ASK
            turn = Turn.ASKED if asked else Turn.WAITING
            fresh.append(Response(effect, turn, since=now, due=now, asked=asked))
    notes = [note for note in dict.fromkeys(notes) if note not in case.notes]
    return replace(case, responses=(*case.responses, *fresh), notes=(*case.notes, *notes))


def undone(response: Response, now: datetime) -> Response:
    """Return the response that takes this one back."""
    return Response(undo_of(response.effect), Turn.WAITING, since=now, due=now)


def _candidates(case: Case) -> Iterator[tuple[str, Effect, Device]]:
    devices = {device.id: device for device in case.affected}
    for name, plan in ALL.items():
        for effect in plan(case):
            if effect.do in RESPONSES and effect.target in devices:
                yield name, effect, devices[effect.target]


def _answer(name: str, device: Device, case: Case, policy: Policy) -> tuple[Answer, str | None]:
    """Return the answer, and why a device is left out that would have been dealt with."""
    own, verdict, severity = _own(case), case.verdict, _severity(case)
    rules = policy.responses
    here = own is not None and device.id == own.id
    answer = (rules.answer if here else rules.elsewhere)(name, verdict, severity, device)
    if answer is Answer.NONE:
        return Answer.NONE, None
    # Whether it is excluded cannot be said of a device of which nobody told more than its id.
    why_not = rules.exclude.reason(device) if device.os else "nothing is known of it"
    return (Answer.NONE, why_not) if why_not else (answer, None)


def _own(case: Case) -> Device | None:
    return case.alert.device if case.alert else None


def _severity(case: Case) -> str:
    return case.alert.severity if case.alert else ""


# --- doing it ---------------------------------------------------------------------------------


def next_ones(case: Case) -> list[Response]:
    """Return the open response of each device that comes first, whoever is due longest first.

    What is under way comes to its end; then something may be taken back; then comes what is new.
    """
    first: dict[str, Response] = {}
    ranked = sorted(case.responses, key=lambda one: (one.turn is Turn.WAITING, not _undoes(one)))
    for one in ranked:
        if one.open:
            first.setdefault(one.effect.target, one)
    return sorted(first.values(), key=lambda one: one.due)


def advance(response: Response, case: Case, world: World) -> Response:
    """Take the response's next step; where that cannot be now, it is due later."""
    step = STEPS[response.turn]
    try:
        return replace(step(response, case, world), failures=0)
    except SourceDown as down:
        return _postponed(response, down, case, world)
    except Refused as refused:
        if refused.code == BUSY:
            return _again(response, "the device stayed busy", case, world)
        return _ended(response, Turn.FAILED, str(refused), case, world)
    except BadPayload as error:
        return _ended(response, Turn.FAILED, str(error), case, world)


def _postponed(response: Response, down: SourceDown, case: Case, world: World) -> Response:
    failures = response.failures + (not isinstance(down, QuotaSpent))
    if failures >= world.policy.attempts:
        return _ended(response, Turn.FAILED, f"given up: {down}", case, world)
    log.warning("%s of case %s waits: %s", response.effect.do, case.id, down)
    wait = down.retry_after or world.policy.wait_after(failures)
    return replace(response, failures=failures, due=world.clock() + wait)


def went_on(case: Case, before: Response, after: Response) -> Case:
    """Return the case after one response's step. What waits for a silent device fails with it."""
    responses = [after if one is before else one for one in case.responses]
    if (after.turn, after.detail) == (Turn.FAILED, LATE):
        responses = [_failed(one, LATE) if _waits_for(one, after) else one for one in responses]
    return replace(case, responses=tuple(responses))


def _waits_for(one: Response, silent: Response) -> bool:
    # What takes something back has its own time, however often the device was silent before.
    same = one.effect.target == silent.effect.target
    return same and one.turn is Turn.WAITING and not _undoes(one)


def _undoes(response: Response) -> bool:
    return response.effect.do in UNDOING


def given_up(case: Case, why: str) -> Case:
    """Return the case with nothing left to go on with."""
    responses = tuple(_failed(one, why) if one.open else one for one in case.responses)
    return replace(case, responses=responses)


def _failed(response: Response, why: str) -> Response:
    return replace(response, turn=Turn.FAILED, detail=why)


def _request(response: Response, case: Case, world: World) -> Response:
    effect = response.effect
    world.ledger.begin(ledger_key(effect, case), case.id, world.clock())
    actions, said = world.devices.actions(effect.target), _mark(effect, case)
    action = _marked(actions, said)
    if action is None:
        if _is_so(effect.do, actions):
            return _ended(response, Turn.NEEDLESS, "it was so already", case, world)
        if why_not := _forbidden(effect, actions, case, world):
            return _ended(response, Turn.FAILED, why_not, case, world)
        action = world.devices.respond(effect.do, effect.target, effect.text, said)
    now = world.clock()
    return replace(response, turn=Turn.RUNNING, action=action, since=now, due=now)


def _forbidden(effect: Effect, actions: list[Action], case: Case, world: World) -> str | None:
    """Say why it must not be done, as things are by now; None if it may be."""
    if effect.do in UNDOING:
        last = _last_of_pair(effect.do, actions)
        ours = last is not None and last.comment.startswith(f"{_whose(case)},")
        return None if ours else "somebody else did it since: it is theirs to take back"
    device = world.devices.get(effect.target)
    return world.policy.responses.exclude.reason(device) if device else None


def _follow(response: Response, case: Case, world: World) -> Response:
    action = world.devices.action(response.action or "")
    if action.progress is Progress.SUCCEEDED:
        return _ended(response, Turn.SUCCEEDED, "", case, world)
    if action.progress is Progress.FAILED:
        return _ended(response, Turn.FAILED, action.detail, case, world)
    if world.clock() - response.since >= world.policy.response_deadline:
        world.devices.cancel(action.id, _mark(response.effect, case))
        # It may have been quicker than we are.
        if world.devices.action(action.id).progress is Progress.SUCCEEDED:
            return _ended(response, Turn.SUCCEEDED, "", case, world)
        return _ended(response, Turn.FAILED, LATE, case, world)
    return _waiting(response, world)


def _stop(response: Response, case: Case, world: World) -> Response:
    """Cancel what Defender has of it, and follow how that ends; what it has nothing of is over."""
    effect, action, said = response.effect, response.action, _mark(response.effect, case)
    if action is None and world.ledger.get(ledger_key(effect, case)) is not None:
        # It was asked for, perhaps, and the answer was lost.
        action = _marked(world.devices.actions(effect.target), said)
    if action is None:
        return _ended(response, Turn.REJECTED, STOPPED, case, world)
    try:
        world.devices.cancel(action, said)
    except BadPayload as error:
        log.warning("%s of case %s cannot be stopped: %s", effect.do, case.id, error)
    return _follow(replace(response, action=action), case, world)


STEPS = {Turn.WAITING: _request, Turn.RUNNING: _follow, Turn.STOPPING: _stop}


def _marked(actions: list[Action], said: str) -> str | None:
    return next((one.id for one in actions if one.comment == said), None)


def _again(response: Response, late: str, case: Case, world: World) -> Response:
    if world.clock() - response.since >= world.policy.response_deadline:
        return _ended(response, Turn.FAILED, late, case, world)
    return _waiting(response, world)


def _waiting(response: Response, world: World) -> Response:
    now = world.clock()
    return replace(response, due=now + pace(now - response.since, world.policy))


def _ended(response: Response, turn: Turn, detail: str, case: Case, world: World) -> Response:
    result = f"{turn}: {detail}" if detail else str(turn)
    world.ledger.finish(ledger_key(response.effect, case), result, world.clock())
    return replace(response, turn=turn, detail=detail)


def _is_so(do: Do, actions: list[Action]) -> bool:
    """Whether the last word of a pair of actions is this one: somebody else said it then."""
    last = _last_of_pair(do, actions)
    return last is not None and last.type == TYPES[do]


def _last_of_pair(do: Do, actions: list[Action]) -> Action | None:
    pair = next((pair for pair in PAIRS if do in pair), ())
    types = {TYPES[one] for one in pair}
    found = (one for one in actions if one.type in types)  # the newest first
    return next((one for one in found if one.progress is not Progress.FAILED), None)


def _mark(effect: Effect, case: Case) -> str:
    """Return what our machine actions carry as their comment, to be known again.

    One that failed is asked for anew when the case is run again: it is another one then.
    """
    return f"{_whose(case)}, run {case.runs}, {effect.key}"


def _whose(case: Case) -> str:
    return f"Tidegate: alert {case.id}"
