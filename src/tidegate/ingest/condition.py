"""How a feed is doing, in one word with its reason, and when it is due again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.declare.feed import Feed
from tidegate.ingest.alerts import STALE
from tidegate.ingest.requests import Desk
from tidegate.ingest.schedule import Choice
from tidegate.model import Outcome, Run, Status
from tidegate.ports import FeedState

PATIENCE = 3  # a feed may miss so many of its times


class Health(StrEnum):
    """From good to bad; what is off is neither."""

    OK = "ok"
    STALE = "stale"  # nothing has come for too long
    QUARANTINED = "quarantined"  # what came is implausible
    DOWN = "down"  # it does not answer, or answers nonsense
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a feed now. `due` is None for one that is off."""

    feed: Feed
    state: FeedState
    last: Run | None
    health: Health
    reason: str | None
    due: datetime | None


def condition(feed: Feed, choice: Choice, desk: Desk) -> Condition:
    """Judge one feed by its memory and its last run."""
    now, state = desk.world.clock(), desk.world.feeds.state(feed.name)
    [*latest] = desk.world.runs.newest(feed.name, 1)
    last = latest[0] if latest else None
    if off := choice.why_not(feed):
        return Condition(feed, state, last, Health.OFF, off, None)
    trouble = desk.world.feeds.trouble(feed.name)
    if trouble.state == STALE:
        return Condition(feed, state, last, Health.STALE, trouble.reason, _due(feed, state, now))
    health, reason = _judged(feed, state, last.outcome if last else None, now)
    return Condition(feed, state, last, health, reason, _due(feed, state, now))


def _judged(
    feed: Feed, state: FeedState, last: Outcome | None, now: datetime
) -> tuple[Health, str | None]:
    if last is None:
        return Health.STALE, "never run"
    if last.failed:
        quarantined = last.status is Status.QUARANTINED
        return Health.QUARANTINED if quarantined else Health.DOWN, last.reason
    if state.fetched is None or now - state.fetched > PATIENCE * feed.every:
        return Health.STALE, last.reason or "nothing came for three times its interval"
    return Health.OK, last.reason


def _due(feed: Feed, state: FeedState, now: datetime) -> datetime:
    next_time = state.attempted + feed.every if state.attempted else now
    return max(filter(None, (next_time, state.not_before)))
