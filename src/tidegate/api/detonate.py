"""The routes of `detonate`: alerts come in, cases can be looked at."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import TypeAdapter

from tidegate.api.guards import body
from tidegate.api.problems import problems
from tidegate.detonate import World, receive
from tidegate.detonate.effects import ledger_key, planned
from tidegate.model import ENDS, Case, Stage
from tidegate.ports import Entry

MAX_BODY = 64 << 10
BAD_REQUEST = 400
NOT_FOUND = 404
ACCEPTED = 202
DOCUMENT = TypeAdapter(Case)
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "object", "required": ["alert"], "properties": {"alert": {}}},
                ]
            }
        }
    },
}
PLANNED_FROM = {Stage.WRITEBACK, Stage.CLEANUP, *ENDS}


def router(world: World) -> APIRouter:
    """Return the routes on this world."""
    routes = APIRouter(prefix="/api", tags=["detonate"])

    @routes.post(
        "/alerts",
        status_code=ACCEPTED,
        summary="Open a case for an alert",
        responses=problems({413: "The body is too large."}),
        openapi_extra={"requestBody": BODY},
    )
    def post_alert(said: Annotated[object, Depends(_body)], response: Response) -> dict[str, str]:
        """Open a case for an alert: its id, or what the Logic App sends, with the id as `alert`."""
        try:
            case = receive(_alert(said), world)
        except ValueError as error:
            raise HTTPException(BAD_REQUEST, str(error)) from error
        response.headers["location"] = f"/api/cases/{case.id}"
        return {"case": case.id, "stage": case.stage}

    @routes.get("/cases", summary="List the newest cases")
    def get_cases(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
        """List the newest cases, with the verdicts that are known."""
        return [_summary(case) for case in world.cases.newest(limit)]

    @routes.get(
        "/cases/{case}", summary="Show a case", responses=problems({404: "There is no such case."})
    )
    def get_case(case: Annotated[str, Path(max_length=256)]) -> dict[str, Any]:
        """Show a case: its stages with their times, its artefacts, its effects."""
        found = world.cases.get(case)
        if found is None:
            raise HTTPException(NOT_FOUND, "no such case")
        return _shown(found, world.ledger.of(found.id))

    return routes


async def _body(request: Request) -> object:
    """Read a small JSON body. Whatever is wrong with it is the sender's fault."""
    try:
        return json.loads(await body(request, MAX_BODY))
    except (ValueError, RecursionError) as error:
        raise HTTPException(BAD_REQUEST, "the body is not JSON") from error


def _alert(body: object) -> str:
    """Find the alert's id in the body. Raises ValueError."""
    match body:
        case str(given) | {"alert": str(given)} | {"alert": {"id": str(given)}}:
            return given
        case _:
            raise ValueError("the body is neither an alert id nor an object with `alert`")


def _summary(case: Case) -> dict[str, Any]:
    verdicts = [artefact.verdict for artefact in case.artefacts if artefact.verdict]
    return {
        "id": case.id,
        "title": case.alert.title if case.alert else None,
        "stage": case.stage,
        "opened": case.opened,
        "verdicts": verdicts,
        "reason": case.reason,
    }


def _shown(case: Case, entries: list[Entry]) -> dict[str, Any]:
    document: dict[str, Any] = DOCUMENT.dump_python(case, mode="json")
    return {
        **document,
        "entered": [{"stage": stage, "at": at} for stage, at in document["entered"]],
        "seconds": (case.entered[-1][1] - case.opened).total_seconds() if case.entered else 0,
        "effects": _effects(case, entries) if case.stage in PLANNED_FROM else [],
    }


def _effects(case: Case, entries: list[Entry]) -> list[dict[str, Any]]:
    known = {entry.key: entry for entry in entries}
    shown = []
    for effect in planned(case):
        entry = known.get(ledger_key(effect, case))
        shown.append(
            {
                "do": effect.do,
                "kind": effect.kind,
                "target": effect.target,
                "text": effect.text,
                "undo": effect.undo,
                "done": entry.at if entry and entry.done else None,
                "result": entry.result if entry else "",
            }
        )
    return shown
