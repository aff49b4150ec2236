"""One line in the log when a feed's state changes, for a log alert to match.

`alert feed=urlhaus state=quarantined reason="..."`; what ends is told as `state=good`. What was
told is remembered after it was said: a process that dies in between says it twice, never not at
all.
"""

import logging
from dataclasses import replace
from datetime import datetime

from tidegate.declare.feed import Feed
from tidegate.model import Outcome, Status
from tidegate.ports import Feeds, Trouble

log = logging.getLogger(__name__)

GOOD, STALE, DOWN, QUOTA = "good", "stale", "down", "quota"
BAD, QUARANTINED, BROKEN = "bad", "quarantined", "broken"
GRAVE = {QUARANTINED, BROKEN}
PATIENCE = 3  # a source may miss so many of its times
LONGEST = 300
STATES = {
    Status.BAD_PAYLOAD: BAD,
    Status.QUARANTINED: QUARANTINED,
    Status.QUOTA_WAIT: QUOTA,
    Status.SOURCE_DOWN: DOWN,
}


def told(feed: Feed, outcome: Outcome, stale: str | None, memory: Feeds, now: datetime) -> None:
    """Tell what a run of a feed changed about its state. `stale` says why its list is old."""
    state = STATES.get(outcome.status, STALE if stale else GOOD)
    since = _down_since(state, memory, feed.name, now)
    if since is None or now - since > PATIENCE * feed.every:
        alert(feed.name, state, outcome.reason or stale, memory, now)


def _down_since(state: str, memory: Feeds, feed: str, now: datetime) -> datetime | None:
    """Return since when the source has not answered; None if it has."""
    known = memory.trouble(feed)
    since = (known.down_since or now) if state == DOWN else None
    if since != known.down_since:
        memory.note(feed, replace(known, down_since=since))
    return since


def alert(feed: str, state: str, reason: str | None, memory: Feeds, now: datetime) -> None:
    """Say that a feed is in another state than was last said, and remember it."""
    known = memory.trouble(feed)
    if (known.state or GOOD) == state:
        return
    level = logging.ERROR if state in GRAVE else logging.WARNING
    log.log(level, 'alert feed=%s state=%s reason="%s"', feed, state, plain(reason or "well again"))
    memory.note(feed, _in_state(known, state, reason, now))


def _in_state(known: Trouble, state: str, reason: str | None, now: datetime) -> Trouble:
    good = state == GOOD
    return replace(
        known,
        state=None if good else state,
        reason=None if good else plain(reason or ""),
        since=None if good else now,
    )


def plain(reason: str) -> str:
    """Return a reason that stays on one line and inside its quotes, whatever it repeats."""
    text = "".join(c if c.isprintable() else " " for c in reason.replace('"', "'"))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
