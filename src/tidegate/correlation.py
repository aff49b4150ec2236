"""The id that ties log lines to the request or job which they belong to."""

import logging
from contextvars import ContextVar

correlation: ContextVar[str] = ContextVar("correlation", default="-")
"""The id of the request or job that the current code works for; every log line carries it."""


class Correlated(logging.Filter):
    """Adds `correlation` to log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through."""
        record.correlation = correlation.get()
        return True
