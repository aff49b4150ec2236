"""The route of what feeds are worth."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from threading import Lock
from typing import Any

from fastapi import APIRouter

from tidegate.gate.advice import THRESHOLDS
from tidegate.gate.history import DRAWN, POINTS
from tidegate.gate.value import Value, World, value

HELD = timedelta(minutes=1)  # it reads the whole store: once for all who ask at the same time


def router(world: Callable[[], World]) -> APIRouter:
    """Build the route. It comes before those with a feed's name in their path."""
    routes = APIRouter(prefix="/api", tags=["ingest"])
    lock, last = Lock(), list[Value]()

    @routes.get("/feeds/value")
    def feeds_value() -> dict[str, Any]:
        """Tell what each feed is worth; the answer is at most a minute old."""
        with lock:
            current = world()
            if not last or current.knowledge.clock() - last[0].at >= HELD:
                last[:] = [value(current)]
            return _shown(last[0])

    return routes


def _shown(found: Value) -> dict[str, Any]:
    return {
        "at": found.at,
        "thresholds": THRESHOLDS,
        "drawn": {"days": DRAWN.days, "points": POINTS},
        "feeds": [asdict(one) for one in found.feeds],
    }
