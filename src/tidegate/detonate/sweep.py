"""What nobody else clears up: lost messages, locks, samples; and how old the oldest case is."""

import logging
from dataclasses import dataclass

from tidegate.detonate import slots
from tidegate.detonate.acquire import evidence_day
from tidegate.detonate.world import World

log = logging.getLogger(__name__)

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: cases under way (at most a thousand), the age of the oldest in seconds,
    locks that were freed, samples that were purged.
    """

    cases: int
    oldest: float
    locks: int
    samples: int


def sweep(world: World) -> Swept:
    """Give every unfinished case a turn if its message was lost; clear up what was left behind."""
    now = world.clock()
    unfinished = world.cases.unfinished(MOST)
    for case in unfinished:
        world.queue.put(case.id)
    oldest = (now - unfinished[0].opened).total_seconds() if unfinished else 0.0
    found = Swept(len(unfinished), oldest, slots.expire_all(world), _purge(world))
    log.info(
        "swept: cases=%d oldest_seconds=%.0f locks=%d samples=%d",
        found.cases,
        found.oldest,
        found.locks,
        found.samples,
    )
    return found


def _purge(world: World) -> int:
    """Delete the samples of days that are over: their cases have come to nothing."""
    old = world.clock() - world.policy.evidence_kept
    names = [
        name
        for name in world.objects.names("evidence/")
        if (day := evidence_day(name)) is not None and day < old
    ]
    for name in names:
        world.objects.delete(name)
    return len(names)
