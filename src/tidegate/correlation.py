"""The id that ties log lines to the request or job which they belong to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

NONE = "-"
correlation: ContextVar[str] = ContextVar("correlation", default=NONE)
"""The id of the request or job that the current code works for; every log line carries it."""


@contextmanager
def working_on(what: str, *, exactly: bool = False) -> Iterator[None]:
    """Give the work inside an id, unless the caller has one: `what` and eight digits of chance.

    `exactly` takes `what` itself in any case: the log of an alert is found by the alert's id.
    """
    if correlation.get() != NONE and not exactly:
        yield
        return
    token = correlation.set(what if exactly else f"{what}-{uuid4().hex[:8]}")
    try:
        yield
    finally:
        correlation.reset(token)


class Correlated(logging.Filter):
    """Adds `correlation` to log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through."""
        record.correlation = correlation.get()
        return True
