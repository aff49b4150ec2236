"""How each feed is right now, in few figures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tidegate.declare.feed import Feed
from tidegate.model import Status
from tidegate.ports import Feeds


@dataclass(frozen=True, slots=True)
class Pulse:
    """One feed: seconds since it last answered (None = never), rows then, whether it is held."""

    feed: str
    age: float | None
    rows: int
    quarantined: bool


def pulses(feeds: Iterable[Feed], memory: Feeds, now: datetime) -> Iterator[Pulse]:
    """Yield how each of the feeds is."""
    for feed in feeds:
        state, trouble = memory.state(feed.name), memory.trouble(feed.name)
        yield Pulse(
            feed=feed.name,
            age=(now - state.fetched).total_seconds() if state.fetched else None,
            rows=state.rows,
            quarantined=trouble.state == Status.QUARANTINED,
        )
