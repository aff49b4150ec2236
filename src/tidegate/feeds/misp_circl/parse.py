"""CIRCL's MISP feed."""

from typing import Any

from tidegate.misp import between, pages, rows

__all__ = ["between", "pages", "parse"]
BASE = "https://www.circl.lu/doc/misp/feed-osint/"


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one event. Raises BadPayload."""
    return rows(payload, BASE)
