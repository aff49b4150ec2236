"""The routes that start runs of feeds, and that tell what became of them."""

import time
from collections.abc import Iterator
from http import HTTPStatus
from itertools import repeat
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, Field

from tidegate.api import feeds, indicators, marks, runs, stats, value
from tidegate.api.guards import May, permitted, spelled
from tidegate.api.limits import Buckets, at_most
from tidegate.api.problems import problems
from tidegate.api.runs import KEEP_NOTHING, UNKNOWN, Asked, known, shown
from tidegate.api.times import Time
from tidegate.ingest import requests
from tidegate.ingest.requests import Desk, Progress, Wanted
from tidegate.wiring import Local

QUICK = 4.0  # seconds within which a run has to end to be answered at once
PAUSES = (0.05, 0.1, 0.2, 0.4, *repeat(0.5, 7))  # seconds; each look is a read of the store
POLL = "2"  # seconds until it is worth asking again


class Parameters(BaseModel):
    """What to run, and what of it."""

    source: list[str] = Field(
        [], max_length=100, description="Feeds; all that run by themselves when none is named."
    )
    since: Time | None = Field(None, description="Only what was seen since; UTC without a zone.")
    until: Time | None = Field(None, description="Only what was first seen before.")
    dry_run: bool = Field(default=False, description="Tell what would change; write nothing.")


def routers(house: Local, may: May) -> Iterator[APIRouter]:
    """Return all routes of ingestion. `may` says whether a caller may change anything."""
    pace = Buckets(house.settings.runs_per_minute)
    yield router(house.desk, may, pace, QUICK)
    yield runs.router(house.desk)
    yield value.router(lambda: house.value)
    yield feeds.router(house.desk, may, pace)
    yield marks.router(house.knowledge, may)
    yield indicators.router(house.knowledge)
    yield stats.router(house.desk, house.knowledge)


def router(desk: Desk, may: May, pace: Buckets, quick: float) -> APIRouter:
    """Return the routes that start runs; `quick` is how many seconds a caller waits for them."""
    routes = APIRouter(prefix="/api", tags=["ingest"], dependencies=[Depends(spelled)])

    def ingest(asked: Annotated[Parameters, Query()], response: Response) -> Asked:
        """Run feeds, and wait a moment. What takes longer goes on; `Location` tells how far.

        A request that was accepted is not forgotten, and runs each of its feeds once. `GET` does
        the same as `POST`, for those who can do no other; no other site's page may.
        """
        request = requests.ask(_wanted(asked, desk), desk)
        found = shown(_awaited(request, quick, desk))
        response.status_code = _status(found)
        response.headers.update(KEEP_NOTHING | _onward(found))
        return found

    for method in ("GET", "POST"):
        routes.add_api_route(
            "/ingest",
            ingest,
            methods=[method],
            summary="Run feeds",
            operation_id=f"{method.lower()}_ingest",
            dependencies=[Depends(permitted(may)), Depends(at_most(pace))],
            responses=RESPONSES,
        )
    return routes


RESPONSES = {
    202: {"model": Asked, "description": "It goes on: ask at `Location` after `Retry-After` s."},
    207: {"model": Asked, "description": "All feeds had their turn, and some failed."},
    502: {"model": Asked, "description": "All feeds had their turn, and all failed."},
    **problems({403: "Starting runs is not for this caller."}),
    **UNKNOWN,
}


def _wanted(asked: Parameters, desk: Desk) -> Wanted:
    if asked.since and asked.until and asked.since >= asked.until:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "`since` is not before `until`")
    known(asked.source, desk)
    by_itself = (feed.name for feed in desk.choice().running(desk.feeds.values()))
    names = tuple(dict.fromkeys(asked.source)) or tuple(by_itself)
    if not names:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "no feed runs by itself: name one")
    return Wanted(names, asked.since, asked.until, asked.dry_run)


def _awaited(request: requests.Request, seconds: float, desk: Desk) -> requests.Request:
    deadline = time.monotonic() + seconds
    for pause in PAUSES:
        if request.progress is Progress.DONE or time.monotonic() >= deadline:
            break
        time.sleep(pause)
        request = requests.find(request.id, desk) or request
    return request


def _onward(found: Asked) -> dict[str, str]:
    if found.state is Progress.DONE:
        return {}
    return {"Location": f"/api/runs/{found.id}", "Retry-After": POLL}


def _status(found: Asked) -> int:
    failed = sum(outcome.failed for outcome in found.feeds)
    if found.state is not Progress.DONE:
        return HTTPStatus.ACCEPTED
    if not failed:
        return HTTPStatus.OK
    return HTTPStatus.BAD_GATEWAY if failed == len(found.feeds) else HTTPStatus.MULTI_STATUS
