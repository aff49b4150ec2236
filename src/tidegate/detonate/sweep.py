"""What nobody else clears up: lost messages, locks, samples; and how old the oldest case is."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from shutil import rmtree

from tidegate.detonate import slots
from tidegate.detonate.acquire import evidence_of
from tidegate.detonate.world import World
from tidegate.model import ENDS, Case

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


def backlog(unfinished: Sequence[Case], now: datetime) -> tuple[int, float]:
    """Return how many cases these are, and the oldest's age in seconds."""
    oldest = min((case.opened for case in unfinished), default=now)
    return len(unfinished), (now - oldest).total_seconds()


def sweep(world: World) -> Swept:
    """Give every unfinished case a turn if its message was lost; clear up what was left behind."""
    now = world.clock()
    unfinished = world.cases.unfinished(MOST)
    for case in unfinished:
        world.queue.put(case.id)
    _clear(world)
    found = Swept(*backlog(unfinished, now), slots.expire_all(world), _purge(world))
    log.info(
        "swept: cases=%d oldest_seconds=%.0f locks=%d samples=%d",
        found.cases,
        found.oldest,
        found.locks,
        found.samples,
    )
    return found


def _purge(world: World) -> int:
    """Delete the samples of days that are over, whose cases have come to nothing."""
    names = [name for name in world.objects.names("evidence/") if _is_over(name, world)]
    for name in names:
        world.objects.delete(name)
    return len(names)


def _clear(world: World) -> None:
    """Delete what whoever died left in the folder of files on their way: malware, among others."""
    over = world.clock() - 2 * world.policy.hidden
    for folder in world.scratch.glob("*"):
        with suppress(FileNotFoundError):  # whoever has just done with it took it away
            if datetime.fromtimestamp(folder.stat().st_mtime, UTC) < over:
                rmtree(folder, ignore_errors=True)


def _is_over(name: str, world: World) -> bool:
    found = evidence_of(name)
    if found is None or found[0] >= world.clock() - world.policy.evidence_kept:
        return False
    # One that was opened days ago may have its sample since today: devices were away.
    case = world.cases.get(found[1])
    return case is None or case.stage in ENDS
