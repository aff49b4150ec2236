"""The worker: takes a case's message, takes one step, puts the message back or away."""

import logging
from datetime import timedelta
from threading import Event

from tidegate.correlation import working_on
from tidegate.detonate.intake import poll
from tidegate.detonate.stages import STEPS, given_up
from tidegate.detonate.world import Later, World
from tidegate.model import ENDS, Case
from tidegate.ports import BadPayload, Conflict, Message, QuotaSpent, SourceDown

log = logging.getLogger(__name__)

SOON = timedelta(seconds=1)
IDLE = 0.1  # seconds between two looks at an empty queue


def step(world: World, message: Message) -> None:
    """Take one step of the message's case. Safe for messages that arrive twice."""
    with working_on(message.case, exactly=True):
        _step(world, message)


def _step(world: World, message: Message) -> None:
    case = world.cases.get(message.case)
    if case is None or case.stage in ENDS:
        world.queue.done(message)
        return
    try:
        _settle(_advance(case, message, world), message, world)
    except QuotaSpent as spent:
        world.queue.later(message, spent.retry_after or world.policy.backoff)
    except SourceDown as down:
        log.warning("case %s, %s, attempt %d: %s", case.id, case.stage, message.attempts, down)
        world.queue.retry(message, down.retry_after or _backoff(message, world))
    except Conflict:
        world.queue.retry(message, SOON)


def work(world: World) -> int:
    """Step through all messages that are due; return how many there were."""
    steps = 0
    while message := world.queue.take(world.policy.hidden):
        step(world, message)
        steps += 1
    return steps


def run(world: World, stopped: Event) -> None:
    """Read alerts and work on cases until stopped."""
    due = world.clock()
    while not stopped.is_set():
        if world.clock() >= due:
            due = world.clock() + _polled(world)
        if not work(world):
            stopped.wait(IDLE)


def _polled(world: World) -> timedelta:
    """Read new alerts; return when to do so again."""
    try:
        poll(world)
    except (SourceDown, BadPayload) as error:
        log.warning("alerts were not read: %s", error)
        wait = error.retry_after if isinstance(error, SourceDown) else None
        return wait or world.policy.alerts_every
    return world.policy.alerts_every


def _advance(case: Case, message: Message, world: World) -> Case | Later:
    if message.attempts > world.policy.attempts:
        log.error("case %s is given up at %s", case.id, case.stage)
        return given_up(case, f"given up after {world.policy.attempts} attempts", world)
    try:
        return STEPS[case.stage](case, world)
    except BadPayload as error:
        log.warning("case %s cannot go on at %s: %s", case.id, case.stage, error)
        return given_up(case, str(error), world)


def _settle(after: Case | Later, message: Message, world: World) -> None:
    if isinstance(after, Later):
        if after.case is not None:
            world.cases.save(after.case)
        world.queue.later(message, after.delay)
        return
    world.cases.save(after)
    if after.stage in ENDS:
        log.info("case %s ended: %s", after.id, after.stage)
        world.queue.done(message)
    else:
        world.queue.later(message, timedelta(0))


def _backoff(message: Message, world: World) -> timedelta:
    # The exponent is bounded, for a timedelta overflows.
    delay: timedelta = world.policy.backoff * 2 ** min(message.attempts - 1, 10)
    return min(delay, world.policy.longest_backoff)
