"""Answers that are kept for a while."""

from datetime import timedelta
from typing import Protocol


class Cache(Protocol):
    """Bytes under a key, for a while. A cache that is broken has nothing, and never fails.

    Keys are letters, digits and hyphens, at most 120 of them; they are no secrets, and tell none.
    """

    def get(self, key: str) -> bytes | None:
        """Return what was put there last, None once its time is over."""
        ...

    def put(self, key: str, data: bytes, ttl: timedelta) -> None: ...
