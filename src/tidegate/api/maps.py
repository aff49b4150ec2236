"""The routes of `map`: the datasets and their versions can be read, and be refreshed."""

import gzip
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel

from tidegate.api.problems import problems
from tidegate.declare.dataset import Dataset
from tidegate.maps.listing import listing, sites, version
from tidegate.maps.refresh import Refresh, Result, refresh
from tidegate.maps.world import World
from tidegate.ports import Clock

TSV = "text/tab-separated-values; charset=utf-8"
JSON = "application/json"
FORBIDDEN, NOT_MODIFIED = 403, 304
# A person presses the button; six times a minute is a script.
PER_MINUTE, CALLERS = 6, 1024
MINUTE = timedelta(minutes=1)
# What a refresh of several datasets amounts to: the first that any of them ended with.
WORTH = [Result.REFRESHED, Result.DOWN, Result.LOST, Result.BUSY, Result.FRESH]

TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Tab-separated values.", "content": {TSV: {"schema": {"type": "string"}}}}
}
KNOWN: dict[int | str, dict[str, Any]] = {304: {"description": "It is the one that you know."}}
MISSING = problems({404: "There is no such dataset or version."})

MayRefresh = Callable[[Request], bool]


class Datasets(BaseModel):
    """All datasets, each with the address of its newest version; and one's own sites."""

    datasets: list[dict[str, Any]]
    sites: list[dict[str, Any]]


class Results(BaseModel):
    """What became of each dataset that was to be refreshed."""

    results: list[dict[str, Any]]


REFRESH: dict[int | str, dict[str, Any]] = {
    202: {"model": Results, "description": "Another refreshes them right now."},
    204: {"description": "They are fresh: `X-Next-Refresh` says how long."},
    **problems(
        {
            403: "Refreshing is not for this caller.",
            404: "There is no such dataset.",
            409: "Another refresh took over.",
        }
    ),
}


def router(world: World, may_refresh: MayRefresh) -> APIRouter:
    """Return the routes on this world. Reading is open; `may_refresh` decides on the rest."""
    routes = APIRouter(prefix="/api", tags=["map"])
    pace = Pace(world.clock)

    @routes.head("/datasets", include_in_schema=False)
    @routes.get("/datasets", summary="List the datasets", responses=KNOWN, response_model=Datasets)
    def get_datasets(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """List the datasets, each with the address of its newest version."""
        body = orjson.dumps(
            {"datasets": listing(world), "sites": sites(world)}, option=orjson.OPT_UTC_Z
        )
        headers = {"Cache-Control": "no-cache", "ETag": f'"{sha256(body).hexdigest()[:32]}"'}
        return _unless_known(if_none_match, body, JSON, headers)

    @routes.head("/datasets/{name}/{file}", include_in_schema=False)
    @routes.get(
        "/datasets/{name}/{file}",
        summary="Read one version of a dataset",
        responses=TABLE | KNOWN | MISSING,
        response_class=Response,
    )
    def get_version(
        name: Annotated[str, Path(max_length=64)],
        file: Annotated[str, Path(max_length=128)],
        if_none_match: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str, Header()] = "",
    ) -> Response:
        """Read one version of a dataset: TSV that never changes again."""
        packed = "gzip" in accept_encoding
        body, headers = _version(world, name, file, packed=packed)
        return _unless_known(if_none_match, body, TSV, headers)

    @routes.post(
        "/refresh", summary="Bring datasets up to date", responses=REFRESH, response_model=Results
    )
    def post_refresh(
        request: Request,
        source_id: Annotated[str | None, Query(max_length=64)] = None,
        *,
        force: bool = False,
    ) -> Response:
        """Bring one dataset, or all, up to date, unless that was done a short while ago."""
        if not may_refresh(request):
            raise HTTPException(FORBIDDEN, "refreshing is not yours to do")
        chosen = _chosen(world, source_id)
        pace.take(request.client.host if request.client else "")
        ended = (refresh(dataset, world, force=force) for dataset in chosen)
        return _told(list(ended), world.clock())

    return routes


def _chosen(world: World, name: str | None) -> list[Dataset]:
    if name is None:
        return list(world.datasets.values())
    if name not in world.datasets:
        raise HTTPException(Result.UNKNOWN, "no such dataset")
    return [world.datasets[name]]


def _version(world: World, name: str, file: str, *, packed: bool) -> tuple[bytes, dict[str, str]]:
    stored = version(world, name, file)
    if stored is None:
        raise HTTPException(Result.UNKNOWN, "no such dataset or version")
    headers = _version_headers(file, world.datasets[name].file)
    if packed:
        return stored.data, {**headers, "Content-Encoding": "gzip"}
    return gzip.decompress(stored.data), headers


class Pace:
    """So many calls a minute for each caller; of very many callers, the latest are remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """Count one call. Raises HTTPException 429 when it is one too many."""
        with self._lock:
            now = self._clock()
            recent = [call for call in self._calls.pop(caller, []) if now - call < MINUTE]
            full = len(recent) >= PER_MINUTE
            self._calls[caller] = recent if full else [*recent, now]
            if len(self._calls) > CALLERS:
                self._calls.popitem(last=False)
        if full:
            wait = _seconds(recent[0] + MINUTE - now)
            raise HTTPException(Result.LIMITED, "too many refreshes", {"Retry-After": wait})


def _told(ended: Sequence[Refresh], now: datetime) -> Response:
    """Answer for several refreshes at once, as one status and what each came to."""
    result = min((each.result for each in ended), key=WORTH.index, default=Result.FRESH)
    headers = _counted(ended)
    if result is not Result.REFRESHED:
        wait = min(each.wait for each in ended if each.result is result)
        headers |= {"Retry-After": _seconds(wait), "X-Next-Refresh": _utc(now + wait)}
    if result in {Result.DOWN, Result.LOST}:
        raise HTTPException(result, REASONS[result], headers)
    if result is Result.FRESH:
        return Response(status_code=result, headers=headers)
    if result is Result.BUSY:
        headers["Location"] = "/api/datasets"
    body = orjson.dumps({"results": [_shown(each) for each in ended]})
    return Response(body, result, headers, JSON)


# What went wrong inside is in the dataset's state and in the log, not in an answer to anybody.
REASONS = {
    Result.DOWN: "the log workspace did not answer the query",
    Result.LOST: "another refresh took over",
}


def _shown(each: Refresh) -> dict[str, Any]:
    return {
        "name": each.dataset,
        "result": each.result.name.lower(),
        "run": each.run,
        "rows": each.rows,
        "partial": each.partial,
    }


def _counted(ended: Sequence[Refresh]) -> dict[str, str]:
    results = [each.result for each in ended]
    return {
        "X-Refreshed-Count": str(results.count(Result.REFRESHED)),
        "X-Cached-Count": str(results.count(Result.FRESH)),
        "Cache-Control": "no-store",
    }


def _version_headers(file: str, download: str) -> dict[str, str]:
    return {
        "Cache-Control": "public, max-age=31536000, immutable",
        # Weak: the same rows, whether they travel packed or not.
        "ETag": f'W/"{file}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{download}"',
    }


def _unless_known(known: str | None, body: bytes, media: str, headers: dict[str, str]) -> Response:
    tags = {tag.strip().removeprefix("W/") for tag in (known or "").split(",")}
    if tags & {"*", headers["ETag"].removeprefix("W/")}:
        kept = {name: value for name, value in headers.items() if name != "Content-Encoding"}
        return Response(status_code=NOT_MODIFIED, headers=kept)
    return Response(body, headers=headers, media_type=media)


def _seconds(wait: timedelta) -> str:
    return str(max(1, math.ceil(wait.total_seconds())))


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
