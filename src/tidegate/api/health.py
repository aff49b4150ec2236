"""Health, one check per app: each does something small, and tells nothing but up or down."""

import sqlite3
from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tidegate.detonate import World as Detonate
from tidegate.maps.listing import listing
from tidegate.maps.world import World as Maps
from tidegate.ports import BadPayload, Feeds, SourceDown

Check = Callable[[], object]


def router(checks: Mapping[str, Check]) -> APIRouter:
    """Build the route from checks by the names of their apps; a check raises when it is down."""
    routes = APIRouter()

    @routes.get("/api/health")
    def health() -> JSONResponse:
        found = {name: _answer(check) for name, check in checks.items()}
        up = all(state == "up" for state in found.values())
        status = HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"status": "healthy" if up else "unhealthy", "apps": found}, status)

    return routes


def _answer(check: Check) -> str:
    try:
        check()
    except (SourceDown, BadPayload, OSError, sqlite3.Error):
        return "down"
    return "up"


def ingest(memory: Feeds) -> Check:
    """Reads from the memory of feeds."""
    return lambda: memory.state("health")


def detonate(world: Detonate) -> Check:
    """Reads from the cases."""
    return lambda: world.cases.newest(1)


def maps(world: Maps) -> Check:
    """Reads the state of every dataset."""
    return lambda: listing(world)
