"""How alerts become cases: one by one as they are pushed, or read in turn."""

import logging
import re

from tidegate.detonate.evidence import unwanted
from tidegate.detonate.world import World
from tidegate.model import Case, Stage

log = logging.getLogger(__name__)

# An alert id becomes part of URLs, object names and ledger keys.
ALERT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def receive(alert: str, world: World) -> Case:
    """Open a case for the alert, or find the one there is. Raises ValueError on a senseless id."""
    if not ALERT_ID.fullmatch(alert):
        raise ValueError("not an alert id")
    now = world.clock()
    case = Case(id=alert, opened=now, entered=((Stage.RECEIVED, now),))
    if not world.cases.create(case):
        case = world.cases.get(alert) or case
    # Also for a case that is there: its first message may have been lost in a crash.
    world.queue.put(alert)
    return case


def poll(world: World) -> int:
    """Open cases for new alerts since the last time, with some overlap; return how many."""
    policy = world.policy
    watermark = world.cases.watermark() or world.clock() - policy.look_back
    opened = 0
    newest = watermark
    for alert in world.alerts.since(watermark - policy.overlap):
        newest = max(newest, alert.updated)
        if unwanted(alert, policy) or world.cases.get(alert.id):
            continue
        opened += _opened(alert.id, world)
    # Only now: after a crash half-way the same alerts are read once more.
    world.cases.advance(newest)
    return opened


def _opened(alert: str, world: World) -> bool:
    try:
        receive(alert, world)
    except ValueError:
        log.warning("an alert with a senseless id is left out")
        return False
    return True
