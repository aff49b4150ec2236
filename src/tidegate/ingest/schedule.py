"""Which feeds run, and which of them are due."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tidegate.declare.feed import Feed
from tidegate.ports import Feeds, FeedState


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided on which feeds run.

    `off` and `given`, the addresses of feeds, are the settings' words; `switched` a person's.
    """

    off: Collection[str]
    given: Collection[str]
    switched: Mapping[str, bool]

    def why_not(self, feed: Feed) -> str | None:
        """Say why a feed is not run by itself; None if it is. The settings' word comes first."""
        said = self.switched.get(feed.name)
        if feed.name in self.off:
            return "switched off by feeds_off"
        if said is False:
            return "disabled with `tidegate feeds disable`"
        if feed.enabled or feed.name in self.given or (said and feed.home is not None):
            return None
        if feed.home is not None:
            return "declared with `enabled: false`"
        return "has no address until TIDEGATE_FEED_URLS gives it one"

    def running(self, feeds: Iterable[Feed]) -> list[Feed]:
        """Return the feeds that run."""
        return [feed for feed in feeds if self.why_not(feed) is None]


def due(feeds: Iterable[Feed], memory: Feeds, now: datetime) -> Iterator[Feed]:
    """Yield the feeds whose time has come. A failed one waits as long as a successful one."""
    for feed in feeds:
        if _is_due(feed, memory.state(feed.name), now):
            yield feed


def _is_due(feed: Feed, state: FeedState, now: datetime) -> bool:
    if state.not_before and state.not_before > now:
        return False
    return state.attempted is None or now - state.attempted >= feed.every
