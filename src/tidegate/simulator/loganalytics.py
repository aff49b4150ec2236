"""Log Analytics' query API on loopback: its JSON, its limits and its faults.

The KQL itself is answered by an engine that whoever starts the tenant brings along; without one
the workspace has no data. Wordings of errors are Microsoft's documented ones.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, HTTPException, Response

from tidegate.ports import BadPayload, SourceDown
from tidegate.simulator.defender import Json
from tidegate.simulator.entra import LOGS, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

HALF_MINUTE = 30.0
DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
PARTIAL = {
    "code": "PartialError",
    "message": "There were some errors when processing your query.",
    "details": [{"code": "EngineError", "message": "Query result set has exceeded the limit"}],
}
TICK = timedelta(microseconds=1)


def router(scene: Scene) -> APIRouter:
    """Return the one route that is simulated."""
    routes = APIRouter(prefix="/v1/workspaces", dependencies=[Depends(guard(scene, LOGS))])

    @routes.post("/{workspace}/query")
    def query(workspace: str, body: Json) -> Response:
        _permit(scene, workspace)
        scene.record("log query", str(body.get("query", ""))[:200])
        trouble = scene.troubles.pop(0) if scene.troubles else ""
        if refusal := _refusal(scene, trouble):
            raise refusal
        time.sleep(scene.limits.log_seconds)
        found = _answer(scene, body)
        if found is None:
            return Response(status_code=204)
        cut = _cut(found, 0.5 if trouble == "partial" else 1.0, scene.limits.log_rows)
        return Response(orjson.dumps(cut), media_type="application/json")

    return routes


def _permit(scene: Scene, workspace: str) -> None:
    try:
        UUID(workspace)
    except ValueError:
        raise fault(404, "PathNotFoundError", "The requested path does not exist") from None
    most = {HALF_MINUTE: scene.limits.queries_a_half_minute}
    if (wait := scene.rates.spend("log query", scene.seconds, most)) is not None:
        raise _throttled(str(wait))


def _throttled(wait: str) -> HTTPException:
    return fault(429, "ThrottledError", "Too many requests.", **{"Retry-After": wait})


def _refusal(scene: Scene, trouble: str) -> HTTPException | None:
    """Return what a trouble is, where it is no answer at all."""
    later = format_datetime(scene.clock() + timedelta(seconds=2), usegmt=True)
    refusals = {
        "429": _throttled("1"),
        "429 date": _throttled(later),
        "504": fault(504, "GatewayTimeout", "The query took too long."),
    }
    return refusals.get(trouble)


def _answer(scene: Scene, body: Document) -> Document | None:
    if scene.logs is None:
        return None
    start, end = _span(str(body.get("timespan") or ""))
    try:
        return scene.logs(body["query"], start, end + TICK * scene.limits.log_span_holds_end)
    except BadPayload as error:
        raise _invalid(str(error)) from error
    except SourceDown:
        raise fault(504, "GatewayTimeout", "The query took too long.") from None


def _invalid(reason: str) -> HTTPException:
    inner = {"code": "SyntaxError", "message": reason}
    outer = {"code": "BadArgumentError", "message": "The request had some invalid properties"}
    return HTTPException(400, {"error": {**outer, "innererror": inner}})


def _cut(found: Document, part: float, most: int) -> Document:
    """Return what fits into an answer, with the error that says that it is not all."""
    table: dict[str, Any] = found["tables"][0]
    fits = min(most, int(len(table["rows"]) * part))
    if part == 1 and len(table["rows"]) <= most:
        return found
    shown = {**table, "rows": table["rows"][:fits]}
    return {"tables": [shown], "error": PARTIAL}


def _span(text: str) -> tuple[datetime, datetime]:
    """Read `start/end`, `start/duration`, `duration/end`; without a span the query has its own."""
    first, _, second = text.partition("/")
    if not second:
        return EVER
    if length := _duration(second):
        return _time(first), _time(first) + length
    if length := _duration(first):
        return _time(second) - length, _time(second)
    return _time(first), _time(second)


def _duration(text: str) -> timedelta | None:
    found = DURATION.fullmatch(text)
    return timedelta(**{k: float(v) for k, v in found.groupdict("0").items()}) if found else None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise fault(400, "BadArgumentError", "timespan: not an ISO 8601 interval") from None
