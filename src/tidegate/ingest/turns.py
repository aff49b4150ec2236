"""Feeds side by side, each at its own pace: a slow one keeps no other from its turn."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from tidegate.declare.feed import Feed
from tidegate.model import Outcome

Turn = Callable[[Feed], Outcome | None]
"""Runs a feed, and says how that went; None where it was not its turn after all."""


class Turns:
    """Runs feeds a few at once, and none of them twice at once. Use as a context manager.

    At its end those that run are waited for, and those that wait for a place are not begun.
    """

    def __init__(self, turn: Turn, at_once: int) -> None:
        self._turn = turn
        self._pool = ThreadPoolExecutor(at_once, "feed")
        self._given: dict[str, Future[Outcome | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def give(self, feeds: Iterable[Feed]) -> None:
        """Give a turn to each of these feeds that has none."""
        for feed in feeds:
            if feed.name not in self._given:
                self._given[feed.name] = self._pool.submit(self._turn, feed)

    def ended(self) -> list[Outcome]:
        """Return what the turns that ended since came to. Raises what a turn was ended by."""
        names = [name for name, turn in self._given.items() if turn.done()]
        outcomes = [self._given.pop(name).result() for name in names]
        return [outcome for outcome in outcomes if outcome is not None]
