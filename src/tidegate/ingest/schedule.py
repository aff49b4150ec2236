"""Which feeds are due."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tidegate.declare.feed import Feed
from tidegate.ports import Feeds, FeedState


def due(feeds: Iterable[Feed], memory: Feeds, now: datetime) -> Iterator[Feed]:
    """Yield the feeds whose time has come. A failed one waits as long as a successful one."""
    for feed in feeds:
        if _is_due(feed, memory.state(feed.name), now):
            yield feed


def _is_due(feed: Feed, state: FeedState, now: datetime) -> bool:
    if state.not_before and state.not_before > now:
        return False
    return state.attempted is None or now - state.attempted >= feed.every
