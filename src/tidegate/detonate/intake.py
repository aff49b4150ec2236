"""How alerts become cases: one by one as they are pushed, or read in turn."""

import logging
import re
from dataclasses import replace

from tidegate.detonate.decisions import decided
from tidegate.detonate.evidence import fan_out, resolvable
from tidegate.detonate.filters import unwanted
from tidegate.detonate.stages import entered
from tidegate.detonate.world import World
from tidegate.model import ENDS, REFUSED, Alert, Answer, Case, Stage, State, Turn
from tidegate.ports import Conflict

log = logging.getLogger(__name__)

# An alert id becomes part of URLs, object names and ledger keys.
ALERT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
TRIES = 5


def receive(alert: str, world: World, *, again: bool = False) -> Case:
    """Open a case for the alert, or find the one there is. Raises ValueError on a senseless id.

    `again` lets a case that has ended try once more what failed.
    """
    if not ALERT_ID.fullmatch(alert):
        raise ValueError("not an alert id")
    now = world.clock()
    case = Case(id=alert, opened=now, entered=((Stage.RECEIVED, now),))
    if not world.cases.create(case):
        case = (_begun_again(alert, world) if again else world.cases.get(alert)) or case
    # Also for a case that is there: its first message may have been lost in a crash.
    world.queue.put(alert)
    return case


def poll(world: World) -> int:
    """Open cases for new alerts, and for new evidence; return how many.

    From a little before where the last time ended: alerts of the same moment may come later.
    """
    policy, now = world.policy, world.clock()
    watermark = world.cases.watermark() or now - policy.look_back
    opened = 0
    newest = watermark
    for alert in world.alerts.since(watermark - policy.overlap):
        # A clock that is ahead of ours would hide all alerts until then.
        newest = max(newest, min(alert.updated, now))
        if not unwanted(alert, policy.filters):
            opened += _opened(alert, world)
    # Only now: after a crash half-way the same alerts are read once more.
    world.cases.advance(newest)
    return opened


def _opened(alert: Alert, world: World) -> bool:
    case = world.cases.get(alert.id) if ALERT_ID.fullmatch(alert.id) else None
    if case is not None and not _has_news(alert, case, world):
        return False
    try:
        receive(alert.id, world, again=case is not None)
    except ValueError:
        log.warning("an alert with a senseless id is left out")
        return False
    return True


def _has_news(alert: Alert, case: Case, world: World) -> bool:
    """Whether the alert of an ended case shows evidence that the case has not seen."""
    if case.stage not in ENDS:
        return False
    if case.alert is None:  # it was not there when we looked
        return True
    if alert.updated <= case.alert.updated:
        return False
    found, _ = fan_out(alert, world.policy, world.clock())
    # What was resolved by its SHA-1 has another key by now.
    shown = {artefact.key for artefact in found} | set(resolvable(alert))
    known = {one.key for one in case.artefacts} | {one.sha1 for one in case.alert.evidence}
    return bool(shown - known)


def _begun_again(alert: str, world: World) -> Case | None:
    """Send an ended case through once more, without what failed; another's turn is left alone."""
    for _ in range(TRIES):
        case = world.cases.get(alert)
        if case is None or case.stage not in ENDS:
            return case
        _forget_failures(alert, world)
        # What was decided about this run must be heard before there is another one.
        fresh = _without_failures(decided(case, world))
        try:
            world.cases.save(entered(fresh, Stage.RECEIVED, world.clock()))
        except Conflict:
            continue
        return world.cases.get(alert)
    return world.cases.get(alert)


def _without_failures(case: Case) -> Case:
    kept = tuple(one for one in case.artefacts if one.state is State.COMPLETE)
    responses = tuple(one for one in case.responses if one.turn is not Turn.FAILED)
    # What a person approved stays approved; all else the policy is asked anew.
    answers = tuple((name, answer) for name, answer in case.answers if answer is Answer.DO)
    after = replace(case, artefacts=kept, responses=responses, answers=answers)
    return replace(after, reason=None, end=Stage.DONE, waits=0)


def _forget_failures(alert: str, world: World) -> None:
    """Let be tried once more what was refused: somebody may have given us the role by now."""
    for entry in world.ledger.of(alert):
        if entry.done and entry.result.startswith((REFUSED, str(Turn.FAILED))):
            world.ledger.forget(entry)
