"""How a feed is doing, in one word with its reason, and when it is due again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.declare.feed import Feed
from tidegate.ingest.alerts import BAD, DOWN, QUARANTINED, STALE
from tidegate.ingest.requests import Desk
from tidegate.ingest.schedule import Choice
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import FeedState, Runs

PATIENCE = 3  # a feed may miss so many of its times
SCANNED = 500  # runs among which there is a regular one, however long a backfill was


class Health(StrEnum):
    """From good to bad; what is off is neither."""

    OK = "ok"
    STALE = "stale"  # nothing has come for too long
    QUARANTINED = "quarantined"  # what came is implausible
    DOWN = "down"  # it does not answer, or answers nonsense
    BROKEN = "broken"  # its declaration cannot be read
    OFF = "off"


TROUBLES = {
    STALE: Health.STALE,
    QUARANTINED: Health.QUARANTINED,
    BAD: Health.DOWN,
    DOWN: Health.DOWN,
}
"""What a person was told of a feed holds until a regular run says otherwise. To wait for a quota
is no trouble, unless nothing comes for too long."""


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
    """Judge one feed by its memory and its last regular run."""
    now, state = desk.world.clock(), desk.world.feeds.state(feed.name)
    last = _latest(feed.name, desk.world.runs)
    if off := choice.why_not(feed):
        return Condition(feed, state, last, Health.OFF, off, None)
    trouble = desk.world.feeds.trouble(feed.name)
    if known := TROUBLES.get(trouble.state or ""):
        return Condition(feed, state, last, known, trouble.reason, _due(feed, state, now))
    health, reason = _judged(feed, state, last.outcome if last else None, now)
    return Condition(feed, state, last, health, reason, _due(feed, state, now))


def _latest(feed: str, runs: Runs) -> Run | None:
    """Return the newest run that says how the feed is now; most often the newest of all is one."""
    for many in (1, SCANNED):
        for run in runs.newest(feed, many):
            if _regular(run):
                return run
    return None


def _regular(run: Run) -> bool:
    partial = run.since is not None or run.until is not None
    return not (partial or run.outcome.dry_run or run.outcome.origin is Origin.BACKFILL)


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
