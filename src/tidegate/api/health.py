"""Health: shallow for anybody, who is told up or down; deep for those who may know more."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel

from tidegate.api.guards import May
from tidegate.api.probes import Finding, State
from tidegate.api.problems import problems
from tidegate.maps.listing import listing
from tidegate.maps.world import World as Maps
from tidegate.ports import BadPayload, Cases, Feeds, SourceDown

Check = Callable[[], object]
Probes = Callable[[], Iterable[Finding]]
WORST = (State.UNHEALTHY, State.DEGRADED, State.HEALTHY)


class Health(BaseModel):
    """How it is: each app up or down; and, for those who may know, what every probe found."""

    status: State
    apps: dict[str, str]
    checks: list[Finding] | None = None


def nobody(_: Request) -> bool:
    """Nobody is told more than up or down."""
    return False


def nothing() -> Iterable[Finding]:
    """Probe nothing more than what everybody may know."""
    return ()


def router(checks: Mapping[str, Check], probes: Probes = nothing, may: May = nobody) -> APIRouter:
    """Return the routes. A check raises when its app is down; `may` says who is told of probes."""
    routes = APIRouter(tags=["health"])

    def look(request: Request, response: Response, *, deep: bool) -> Health:
        _permit(request, may, deep=deep)
        return _answered(_health(checks, list(probes()) if deep else None), response)

    @routes.get(
        "/api/health",
        summary="Whether it is well",
        responses=SAID,
        response_model_exclude_none=True,
    )
    def get_health(
        request: Request,
        response: Response,
        deep: Annotated[bool, Query(description="Probe everything; needs permission.")] = False,
    ) -> Health:
        """Tell up or down; `deep` writes and reads every store and looks after every feed."""
        return look(request, response, deep=deep)

    @routes.get("/api/health/deep", summary="Whether all of it is well", responses=SAID)
    def get_deep_health(request: Request, response: Response) -> Health:
        """Do what `?deep=true` does, under a path that the platform can ask a key for."""
        return look(request, response, deep=True)

    return routes


def _permit(request: Request, may: May, *, deep: bool) -> None:
    if deep and not may(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this needs permission")


def _answered(found: Health, response: Response) -> Health:
    if found.status is State.UNHEALTHY:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return found


SAID = {
    503: {"model": Health, "description": "Something that everything needs is down."},
    **problems({403: "Only a few may look so deep."}),
}


def _health(checks: Mapping[str, Check], findings: list[Finding] | None) -> Health:
    apps = {name: _answer(check) for name, check in checks.items()}
    states = {finding.state for finding in findings or ()}
    if "down" in apps.values():
        states.add(State.UNHEALTHY)
    worst = next((state for state in WORST if state in states), State.HEALTHY)
    return Health(status=worst, apps=apps, checks=findings)


def _answer(check: Check) -> str:
    try:
        check()
    except (SourceDown, BadPayload, OSError, sqlite3.Error):
        return "down"
    return "up"


def ingest(memory: Feeds) -> Check:
    """Reads from the memory of feeds."""
    return lambda: memory.state("health")


def detonate(cases: Cases) -> Check:
    """Reads from the cases."""
    return lambda: cases.newest(1)


def maps(world: Maps) -> Check:
    """Reads the state of every dataset."""
    return lambda: listing(world)
