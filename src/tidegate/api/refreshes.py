"""The routes that refresh the map: start, wait a while, and ask later what became of it."""

import logging
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel

from tidegate.api.access import Access, reading
from tidegate.api.guards import body, permitted, spelled
from tidegate.api.limits import Buckets
from tidegate.api.problems import problems
from tidegate.api.readers import GUARDED
from tidegate.declare.dataset import Dataset
from tidegate.maps import runs
from tidegate.maps.refresh import wait
from tidegate.maps.result import Result
from tidegate.maps.runs import Run, Told
from tidegate.maps.world import World

log = logging.getLogger(__name__)

JSON = "application/json"
REFRESH = "/api/refresh"
# The platform cuts a request off at 230 seconds, and its answer has a way to go.
LONGEST = 200
SOON = timedelta(seconds=10)
AT_ONCE = 4  # runs; each has a query on its way, and a workspace takes five
SMALL = 1_024  # bytes of a body, which means nothing
# What a refresh of several datasets amounts to: the first that any of them ended with.
WORTH = [Result.REFRESHED, Result.DOWN, Result.LOST, Result.BUSY, Result.FRESH]
# What went wrong inside is in the dataset's state and in the log, not in an answer to anybody.
REASONS = {
    Result.DOWN: "the log workspace did not answer the query",
    Result.LOST: "another refresh took over",
}


class Results(BaseModel):
    """What became of each dataset that was to be refreshed."""

    run: str
    results: list[dict[str, Any]]


class Progress(Results):
    """A run, and how far it is."""

    status: runs.Status
    asked: datetime
    ended: datetime | None


STARTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Results, "description": "Not done yet; `Location` is where to ask."},
    204: {"description": "They are fresh: `X-Next-Refresh` says how long."},
    **problems(
        {
            403: "Refreshing is not for this caller.",
            404: "There is no such dataset.",
            409: "Another refresh took over.",
            413: "The body is too large; none is needed.",
        }
    ),
}
UNKNOWN = problems({404: "There is no such run, or it ended over a day ago."})


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where refreshes are asked for. `pool` works on them while, and after, a request waits."""

    world: World
    access: Access
    buckets: Buckets
    pool: ThreadPoolExecutor


def router(world: World, access: Access, per_minute: int) -> APIRouter:
    """Return the routes; a caller may have so many datasets refreshed a minute."""
    routes = APIRouter(prefix="/api", tags=["map"])
    desk = _Desk(world, access, Buckets(per_minute), ThreadPoolExecutor(AT_ONCE, "refresh"))

    @routes.post(
        "/refresh",
        summary="Bring datasets up to date",
        responses=STARTED,
        response_model=Results,
        dependencies=[Depends(permitted(access.refresh)), Depends(spelled), Depends(_no_body)],
    )
    def post_refresh(
        request: Request,
        source_id: Annotated[str | None, Query(max_length=64)] = None,
        wait: Annotated[int, Query(ge=0, le=LONGEST)] = LONGEST,
        *,
        force: bool = False,
    ) -> Response:
        """Bring one dataset, or all, up to date, unless that was done a short while ago."""
        chosen = _chosen(world, source_id)
        if force and not access.force(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "force is not for visitors")
        return _refresh(desk, request, chosen, wait, force=force)

    @routes.get(
        "/refresh/{run}",
        summary="See what became of a refresh",
        responses=GUARDED | UNKNOWN,
        response_model=Progress,
        dependencies=[Depends(reading(access))],
    )
    def get_refresh(run: Annotated[str, Path(max_length=64)]) -> Response:
        """Tell how far a refresh is, whichever instance works on it."""
        found = runs.find(run, world)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such run")
        return _progress(found)

    return routes


async def _no_body(request: Request) -> None:
    await body(request, SMALL)


def _chosen(world: World, name: str | None) -> list[Dataset]:
    if name is None:
        return list(world.datasets.values())
    if name not in world.datasets:
        raise HTTPException(Result.UNKNOWN, "no such dataset")
    return [world.datasets[name]]


def _refresh(
    desk: _Desk, request: Request, chosen: Sequence[Dataset], seconds: int, *, force: bool
) -> Response:
    fresh = [timedelta(0) if force else wait(dataset, desk.world) for dataset in chosen]
    due = sum(not each for each in fresh)
    _pay(desk.buckets, desk.access.who(request), max(due, 1))
    now = desk.world.clock()
    if not due:
        waits = zip(chosen, fresh, strict=True)
        return _ended("", [_fresh(each.name, left) for each, left in waits], now)
    run = runs.ask([dataset.name for dataset in chosen], desk.world, force=force)
    working = desk.pool.submit(copy_context().run, runs.work, run, desk.world)
    working.add_done_callback(_complain)
    ended = _waited(working, seconds)
    if ended is None or ended.ended is None:
        return _under_way(run)
    return _ended(run, ended.results, now)


def _pay(buckets: Buckets, who: str, datasets: int) -> None:
    taken = buckets.take(who, datasets)
    if taken.wait:
        again = {"Retry-After": str(math.ceil(taken.wait))}
        raise HTTPException(Result.LIMITED, "too many refreshes", again)


def _waited(working: "Future[Run | None]", seconds: int) -> Run | None:
    try:
        return working.result(seconds)
    except TimeoutError:
        return None


def _complain(working: "Future[Run | None]") -> None:
    # Whoever waited is told, too; but nobody may.
    if error := working.exception():
        log.error("a refresh stopped; the timer goes on with it", exc_info=error)


def _under_way(run: str) -> Response:
    told = orjson.dumps({"run": run, "results": []})
    return Response(told, Result.BUSY, _where(f"{REFRESH}/{run}", SOON), JSON)


def _fresh(name: str, left: timedelta) -> Told:
    return Told(name=name, result=Result.FRESH.name.lower(), wait=left)


def _ended(run: str, ended: Sequence[Told], now: datetime) -> Response:
    """Answer for several refreshes at once, as one status and what each came to."""
    results = [Result[each.result.upper()] for each in ended]
    result = min(results, key=WORTH.index, default=Result.FRESH)
    headers = _counted(results)
    if result is not Result.REFRESHED:
        left = min(each.wait for each, one in zip(ended, results, strict=True) if one is result)
        headers |= {"Retry-After": _seconds(left), "X-Next-Refresh": _utc(now + left)}
    if result in REASONS:
        raise HTTPException(result, REASONS[result], headers)
    if result is Result.FRESH:
        return Response(status_code=result, headers=headers)
    if result is Result.BUSY:
        headers["Location"] = _holder(ended)
    told = orjson.dumps({"run": run, "results": [_shown(each) for each in ended]})
    return Response(told, result, headers, JSON)


def _holder(ended: Sequence[Told]) -> str:
    """Return where to ask after what another refreshes."""
    held = [one.run for one in ended if one.result == Result.BUSY.name.lower() and one.run]
    return f"{REFRESH}/{held[0]}" if held else "/api/datasets"


def _progress(found: Run) -> Response:
    told = {
        "run": found.run,
        "status": found.status,
        "asked": found.asked,
        "ended": found.ended,
        "results": [_shown(each) for each in found.results],
    }
    running = found.status is runs.Status.RUNNING
    headers = {"Cache-Control": "no-store", **({"Retry-After": _seconds(SOON)} if running else {})}
    return Response(orjson.dumps(told, option=orjson.OPT_UTC_Z), headers=headers, media_type=JSON)


def _shown(each: Told) -> dict[str, Any]:
    return {"name": each.name, "result": each.result, "rows": each.rows, "partial": each.partial}


def _counted(results: Sequence[Result]) -> dict[str, str]:
    return {
        "X-Refreshed-Count": str(results.count(Result.REFRESHED)),
        "X-Cached-Count": str(results.count(Result.FRESH)),
        "Cache-Control": "no-store",
    }


def _where(location: str, again: timedelta) -> dict[str, str]:
    return {"Location": location, "Retry-After": _seconds(again), "Cache-Control": "no-store"}


def _seconds(wait: timedelta) -> str:
    return str(max(1, math.ceil(wait.total_seconds())))


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
