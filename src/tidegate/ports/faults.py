"""The two errors that the world may answer with, and the clock."""

from collections.abc import Callable
from datetime import datetime, timedelta


class SourceDown(Exception):
    """The other side cannot answer now: try later, after `retry_after` when it named one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaSpent(SourceDown):
    """The other side asks us to wait (429, 509): a state, not a fault."""


class BadPayload(Exception):
    """The other side answered with something that trying again will not mend."""


class Refused(BadPayload):
    """The other side refused, by a code of its own that may tell what to do instead."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


Clock = Callable[[], datetime]
"""Now, aware and in UTC."""
