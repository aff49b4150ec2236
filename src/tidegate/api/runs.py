"""The routes of runs, and of the requests that they belong to."""

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel

from tidegate.api.guards import spelled
from tidegate.api.problems import problems
from tidegate.ingest import requests
from tidegate.ingest.requests import Desk, Progress
from tidegate.model import Outcome, Run

KEEP_NOTHING = {"Cache-Control": "no-store"}
UNKNOWN = problems({404: "There is none of this name."})


class Asked(BaseModel):
    """A request for runs: how far it is, and what each feed that had its turn came to."""

    id: str
    state: Progress
    asked: datetime
    started: datetime | None
    ended: datetime | None
    since: datetime | None
    until: datetime | None
    dry_run: bool
    feeds: list[Outcome]
    left: list[str]


def router(desk: Desk) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api", tags=["ingest"], dependencies=[Depends(spelled)])

    @routes.get("/runs", summary="List the latest runs", responses=UNKNOWN)
    def get_runs(
        source: Annotated[str | None, Query(max_length=64, description="Of this feed.")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[Run]:
        """List what the latest runs came to, newest first."""
        known([source] if source else [], desk)
        return desk.world.runs.newest(source, limit)

    @routes.get("/runs/{run}", summary="Follow a request, or see a run", responses=UNKNOWN)
    def get_run(run: Annotated[str, Path(max_length=128)], response: Response) -> Asked | Run:
        """Tell how far a request is, or what one run of one feed came to."""
        response.headers.update(KEEP_NOTHING)
        return _found(run, desk)

    return routes


def known(names: Iterable[str], desk: Desk) -> None:
    """Refuse names that no feed has."""
    if unknown := sorted(set(names) - desk.feeds.keys()):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no such feed: {', '.join(unknown)[:200]}")


def _found(run: str, desk: Desk) -> Asked | Run:
    if request := requests.find(run, desk):
        return shown(request)
    if found := desk.world.runs.get(run):
        return found
    raise HTTPException(HTTPStatus.NOT_FOUND, "no such request or run")


def shown(request: requests.Request) -> Asked:
    """Return a request as an answer."""
    wanted = request.wanted
    return Asked(
        id=request.id,
        state=request.progress,
        asked=request.asked,
        started=request.started,
        ended=request.ended,
        since=wanted.since,
        until=wanted.until,
        dry_run=wanted.dry_run,
        feeds=list(request.outcomes),
        left=list(request.left),
    )
