"""A feed is due when its time has come and its source lets us."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.declare.feed import feeds
from tidegate.ingest.schedule import due
from tidegate.ports import FeedState

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
FEED = feeds()["urlhaus"]
MINUTE = timedelta(minutes=1)


class Memory:
    def __init__(self, state: FeedState) -> None:
        self.known = state

    def state(self, _: str) -> FeedState:
        return self.known


@pytest.mark.parametrize(
    ("state", "is_due"),
    [
        (FeedState(), True),
        (FeedState(attempted=NOW - FEED.every), True),
        (FeedState(attempted=NOW - FEED.every + MINUTE), False),
        (FeedState(attempted=NOW, fetched=NOW - 9 * FEED.every), False),
        (FeedState(attempted=NOW - 9 * FEED.every, not_before=NOW + MINUTE), False),
        (FeedState(attempted=NOW - 9 * FEED.every, not_before=NOW), True),
    ],
)
def test_a_feed_is_due(state, is_due):
    assert list(due([FEED], Memory(state), NOW)) == ([FEED] if is_due else [])
