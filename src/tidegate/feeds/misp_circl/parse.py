"""CIRCL's MISP feed."""

from typing import Any

from tidegate import misp
from tidegate.misp import between, pages

__all__ = ["between", "gone", "pages", "parse", "standing"]
BASE = "https://www.circl.lu/doc/misp/feed-osint/"


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Return the rows of one event. Raises BadPayload."""
    return misp.rows(payload, BASE)


def standing(payload: bytes) -> set[str] | None:
    """Return the references of all events of the manifest; None of what is none."""
    return misp.standing(payload, BASE)


def gone(payload: bytes) -> set[str]:
    """Return the references of the events that are marked as deleted."""
    return misp.gone(payload, BASE)
