"""What may be spent in a stretch of time, by all instances together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within every stretch of this length, wherever it begins."""

    every: timedelta
    most: int


class Budgets(Protocol):
    """Budgets by name, shared by all processes. A name has letters, digits and `_-`."""

    def spend(self, name: str, limits: Sequence[Limit]) -> timedelta | None:
        """Take one, unless that breaks one of the limits; then say how long until it would not."""
        ...

    def spent(self, name: str, every: timedelta) -> int:
        """Return how many were taken within the last stretch of this length."""
        ...
