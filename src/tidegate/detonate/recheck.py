"""Verdicts are looked at again while their indicators live: the sandbox may change its mind."""

import logging
from datetime import timedelta

from tidegate.detonate import shared
from tidegate.detonate.world import World
from tidegate.model import Verdict
from tidegate.ports import BadPayload, Message, SourceDown

log = logging.getLogger(__name__)


def look(message: Message, world: World) -> timedelta | None:
    """Look at one artefact's verdict; where it has changed, its cases are told.

    Return how long until the next look; None when its indicators live no more. Raises SourceDown.
    """
    scope = message.case
    submissions = shared.judged_by(scope, world.clock() - world.policy.indicator_life, world)
    if not submissions:
        return None
    try:
        changed = _compare(scope, submissions, world)
    except BadPayload as error:
        log.warning("%s is not looked at again today: %s", scope, error)
        return world.policy.recheck_every
    # Whoever died in between kept the new report, and may have told nobody.
    if changed or message.attempts > 1:
        shared.tell(scope, world)
    return world.policy.recheck_every


def recheck_due(world: World) -> int:
    """Look at all artefacts whose time has come; return how many there were."""
    count = 0
    while message := world.rechecks.take(world.policy.hidden):
        try:
            delay = look(message, world)
        except SourceDown as down:
            log.warning("%s is not looked at again yet: %s", message.case, down)
            delay = down.retry_after or world.policy.longest_backoff
        if delay is None:
            world.rechecks.done(message)
        else:
            world.rechecks.later(message, delay)
        count += 1
    return count


def _compare(scope: str, submissions: tuple[str, ...], world: World) -> bool:
    """Look whether the verdict has changed, and keep the new report if it has."""
    known = shared.report(submissions, world)
    if known is None:
        return False
    found = [world.sandbox.submission(one) for one in submissions]
    samples = tuple(dict.fromkeys(one.sample for one in found))
    verdict = world.sandbox.verdict(samples)
    if verdict in {known.verdict, Verdict.INCONCLUSIVE}:
        return False
    report = world.sandbox.report(samples)
    if report is None:
        raise SourceDown("the sandbox is still putting the new report together")
    log.info("%s: the verdict was %s and is %s", scope, known.verdict, verdict)
    shared.keep(submissions, report, world)
    return True
