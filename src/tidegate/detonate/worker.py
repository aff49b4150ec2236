"""The worker: takes a case's message, takes the steps that need no waiting, puts it back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from tidegate.correlation import working_on
from tidegate.detonate.decisions import reopened
from tidegate.detonate.finished import poll_finished
from tidegate.detonate.intake import poll
from tidegate.detonate.recheck import recheck_due
from tidegate.detonate.stages import STEPS, given_up
from tidegate.detonate.sweep import sweep
from tidegate.detonate.world import Later, World
from tidegate.model import ENDS, Case
from tidegate.ports import BadPayload, Conflict, Message, QuotaSpent, SourceDown

log = logging.getLogger(__name__)

SOON = timedelta(seconds=1)
NOW = timedelta(0)
IDLE = 0.1  # seconds between two looks at an empty queue
STEPS_A_TURN = 200
TURNS_BETWEEN = 20


def step(world: World, message: Message) -> None:
    """Take a turn of the message's case. Safe for messages that arrive twice."""
    with working_on(message.case, exactly=True):
        try:
            delay = turn(world, message)
        except QuotaSpent as spent:
            world.queue.later(message, spent.retry_after or world.policy.backoff)
        except SourceDown as down:
            log.warning("case %s, attempt %d: %s", message.case, message.attempts, down)
            world.queue.retry(
                message, down.retry_after or world.policy.wait_after(message.attempts)
            )
        except Conflict:
            world.queue.retry(message, SOON)
        except BadPayload as bad:  # a newer version wrote it, and may come back
            log.error("left alone: %s", bad)  # noqa: TRY400 - not a bug
            world.queue.retry(message, world.policy.wait_after(message.attempts))
        else:
            _put_back(message, delay, world)


def turn(world: World, message: Message) -> timedelta | None:
    """Take steps until one has to wait, the case ends or the turn is over.

    The case is saved at the end of the turn: whoever dies before takes the same steps again, and
    every step bears that. Return how long to wait for the next turn; None when there is none.
    Raises SourceDown, Conflict.
    """
    found = case = _open(message.case, world)
    if case is None:
        return None
    attempts, over = message.attempts, world.clock() + world.policy.turn
    for _ in range(STEPS_A_TURN):
        try:
            after = _advance(case, attempts, world)
        except SourceDown:
            _save(case, found, world)
            raise
        later = after if isinstance(after, Later) else Later(NOW, after)
        case = later.case or case
        # After trouble one step at a time, each put back as new: what is done is no failure.
        if case.stage in ENDS or later.delay > NOW or attempts > 1 or world.clock() >= over:
            break
    _save(case, found, world)
    if case.stage not in ENDS:
        return later.delay
    # What was decided or has changed while its message was ours has given it no other.
    return None if reopened(case, world) is None else NOW


def work(world: World, most: int | None = None) -> int:
    """Take the turns of the messages that are due, or so many of them; return how many it were."""
    turns = 0
    while turns != most and (message := world.queue.take(world.policy.hidden)):
        step(world, message)
        turns += 1
    return turns


def run(world: World, stopped: Event) -> None:
    """Read alerts, look at what the sandbox has finished, work on cases, sweep, until stopped."""
    jobs = [
        _Job("alerts were not read", poll, world.policy.alerts_every),
        _Job("finished submissions were not read", poll_finished, world.policy.finished_every),
        _Job("not swept", sweep, world.policy.sweep_every),
        _Job("verdicts were not checked", recheck_due, world.policy.alerts_every),
    ]
    due = dict.fromkeys(jobs, world.clock())
    while not stopped.is_set():
        for job in jobs:
            if world.clock() >= due[job]:
                due[job] = world.clock() + job.done(world)
        # A few at a time: however many cases there are, alerts are read and verdicts heard of.
        if not work(world, TURNS_BETWEEN):
            stopped.wait(IDLE)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is done every so often beside the cases; an outage is told of, and passes."""

    failed: str
    what: Callable[[World], object]
    every: timedelta

    def done(self, world: World) -> timedelta:
        """Do it, and return when to do it again."""
        try:
            self.what(world)
        except (SourceDown, BadPayload) as error:
            log.warning("%s: %s", self.failed, error)
            wait = error.retry_after if isinstance(error, SourceDown) else None
            return wait or self.every
        return self.every


def give_up(name: str, why: str, world: World) -> None:
    """Send a case to its end that no worker gets any further; what it can still say, it says."""
    case = world.cases.get(name)
    if case is None or case.stage in ENDS:
        return
    log.error("case %s is given up at %s: %s", name, case.stage, why)
    world.cases.save(given_up(case, why, world))
    world.queue.put(name)


def _save(case: Case, found: Case | None, world: World) -> None:
    if case is found:
        return
    world.cases.save(case)
    if case.stage in ENDS:
        log.info("case %s ended: %s", case.id, case.stage)


def _open(name: str, world: World) -> Case | None:
    """Return the case, if there is anything to do for it."""
    case = world.cases.get(name)
    return reopened(case, world) if case is not None and case.stage in ENDS else case


def _advance(case: Case, attempts: int, world: World) -> Case | Later:
    if attempts > world.policy.attempts:
        log.error("case %s is given up at %s", case.id, case.stage)
        return given_up(case, f"given up after {world.policy.attempts} attempts", world)
    try:
        return STEPS[case.stage](case, world)
    except BadPayload as error:
        log.warning("case %s cannot go on at %s: %s", case.id, case.stage, error)
        return given_up(case, str(error), world)


def _put_back(message: Message, delay: timedelta | None, world: World) -> None:
    if delay is not None:
        world.queue.later(message, delay)
        return
    world.queue.done(message)
    look_again(message.case, world)


def look_again(name: str, world: World) -> None:
    """Give the case another turn if somebody wanted one while its last message was put away."""
    try:
        wanted = _open(name, world) is not None
    except SourceDown:
        wanted = True  # a turn in vain costs little
    if wanted:
        world.queue.put(name)
