"""The routes of ingestion: run feeds, look an indicator up."""

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from tidegate.canonical import Rejected, defanged, guess
from tidegate.declare.feed import Feed
from tidegate.gate.explain import Explained, explain
from tidegate.gate.run import World as Gate
from tidegate.ingest.run import Job, run
from tidegate.ingest.world import World
from tidegate.model import Sighting

MULTI_STATUS = 207


def router(
    world: World, gate: Gate, feeds: dict[str, Feed], *, may_ingest: Callable[[Request], bool]
) -> APIRouter:
    """Build the routes. `may_ingest` says whether a caller may start a run."""
    routes = APIRouter(prefix="/api", tags=["ingest"])

    @routes.post("/ingest")
    def ingest(request: Request, feed: Annotated[list[str] | None, Query()] = None) -> JSONResponse:
        """Run feeds: those that are named, else all."""
        if not may_ingest(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "starting a run needs permission")
        return _run(feed or list(feeds), feeds, world)

    @routes.get("/indicators/{value:path}")
    def indicator(value: str) -> dict[str, Any]:
        """Tell all that is known of a value, and every term of its score."""
        return _lookup(value, gate)

    return routes


def _run(names: list[str], feeds: dict[str, Feed], world: World) -> JSONResponse:
    if unknown := sorted(set(names) - feeds.keys()):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no such feed: {', '.join(unknown)[:200]}")
    outcomes = [run(Job(feeds[name]), world) for name in names]
    failed = sum(outcome.failed for outcome in outcomes)
    body = {"feeds": [asdict(outcome) for outcome in outcomes]}
    return JSONResponse(body, _status(failed, len(outcomes)))


def _lookup(value: str, gate: Gate) -> dict[str, Any]:
    try:
        kind, canonical = guess(value)
    except Rejected as rejected:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(rejected)) from rejected
    found = explain(kind, canonical, gate)
    if not found.reported:
        raise HTTPException(HTTPStatus.NOT_FOUND, "nobody has reported it")
    return _shown(found)


def _status(failed: int, runs: int) -> int:
    if not failed:
        return HTTPStatus.OK
    return HTTPStatus.BAD_GATEWAY if failed == runs else MULTI_STATUS


def _shown(found: Explained) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "value": found.value,
        "defanged": defanged(found.value),
        "score": found.score,
        "never_enforced": found.unclean,
        "terms": found.terms,
        "sightings": [_sighting(one) for one in found.sightings],
        "expired": [_sighting(one) for one in found.expired],
        "suppressed": [{"why": one.why, **_sighting(one.sighting)} for one in found.withheld],
    }


def _sighting(one: Sighting) -> dict[str, Any]:
    shown = asdict(one)
    return {name: shown[name] for name in shown if name not in {"kind", "value"}}
