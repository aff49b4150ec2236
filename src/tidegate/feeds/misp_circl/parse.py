"""CIRCL's MISP feed."""

from typing import Any

from tidegate.misp import pages, rows

__all__ = ["pages", "parse"]
BASE = "https://www.circl.lu/doc/misp/feed-osint/"


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one event. Raises BadPayload."""
    return rows(payload, BASE)
