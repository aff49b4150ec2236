"""Cases to look at, and what people decide about them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, Field, TypeAdapter

from tidegate import detonate
from tidegate.api.guards import May, permitted
from tidegate.api.problems import problems
from tidegate.detonate import World
from tidegate.detonate.decisions import asked
from tidegate.detonate.effects import ledger_key, planned, undoing
from tidegate.model import ENDS, Case, Effect, Stage
from tidegate.ports import Entry

DOCUMENT = TypeAdapter(Case)
PLANNED_FROM = {Stage.WRITEBACK, Stage.CLEANUP, Stage.RESPOND, *ENDS}
DECIDED = problems(
    {403: "Only a few may decide.", 404: "There is no such case, or nothing to decide in it."}
)

Name = Annotated[str, Path(max_length=256)]
Decide = Callable[[str, str, World, str | None], list[str]]


class Decision(BaseModel):
    """Who decides, and about what."""

    by: str = Field(min_length=1, max_length=100, description="Who decides, for the record.")
    only: str | None = Field(
        None, max_length=200, description="One of the case's `asked`, or of its effects' keys."
    )


class Decided(BaseModel):
    """What was decided."""

    case: str
    decided: list[str]


def router(world: World, may: May) -> APIRouter:
    """Return the routes; `may` says who may decide."""
    routes = APIRouter(prefix="/api/cases", tags=["detonate"])

    @routes.get("", summary="List the newest cases")
    def get_cases(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
        """List the newest cases, with the verdicts that are known and what waits for approval."""
        return [summary(case) for case in world.cases.newest(limit)]

    @routes.get("/{case}", summary="Show a case", responses=problems({404: "No such case."}))
    def get_case(case: Name) -> dict[str, Any]:
        """Show a case: its stages with their times, its artefacts, effects and responses."""
        found = world.cases.get(case)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such case")
        return shown(found, world.ledger.of(found.id))

    _decisions(routes, world, may)
    return routes


def _decisions(routes: APIRouter, world: World, may: May) -> None:
    def decision(name: str, summary: str, decide: Decide) -> None:
        @routes.post(
            f"/{{case}}/{name}",
            summary=summary,
            operation_id=f"{name}_case",
            responses=DECIDED,
            dependencies=[Depends(permitted(may))],
        )
        def post_decision(case: Name, said: Decision) -> Decided:
            """Write the decision down and give the case a turn; return what was decided about."""
            try:
                return Decided(case=case, decided=decide(case, said.by, world, said.only))
            except detonate.Unknown as unknown:
                raise HTTPException(HTTPStatus.NOT_FOUND, str(unknown)) from unknown

    decision("approve", "Let happen what waits for approval", detonate.approve)
    decision("reject", "Let never happen what waits for approval", detonate.reject)
    decision("undo", "Take back what was done and can be", detonate.undo)


def summary(case: Case) -> dict[str, Any]:
    """Return a case on one line."""
    return {
        "id": case.id,
        "title": case.alert.title if case.alert else None,
        "severity": case.alert.severity if case.alert else None,
        "device": case.alert.device.name if case.alert and case.alert.device else None,
        "stage": case.stage,
        "opened": case.opened,
        "verdicts": [artefact.verdict for artefact in case.artefacts if artefact.verdict],
        "asked": asked(case),
        "reason": case.reason,
    }


def shown(case: Case, entries: list[Entry]) -> dict[str, Any]:
    """Return all of a case, and what became of its effects."""
    document: dict[str, Any] = DOCUMENT.dump_python(case, mode="json")
    return {
        **document,
        "entered": [{"stage": stage, "at": at} for stage, at in document["entered"]],
        "answers": dict(document["answers"]),
        "responses": [
            {"key": one.effect.key, **told}
            for one, told in zip(case.responses, document["responses"], strict=True)
        ],
        "seconds": (case.entered[-1][1] - case.opened).total_seconds() if case.entered else 0,
        "asked": asked(case),
        "effects": _effects(case, entries) if case.stage in PLANNED_FROM else [],
    }


def _effects(case: Case, entries: list[Entry]) -> list[dict[str, Any]]:
    known = {entry.key: entry for entry in entries}
    every = [*planned(case), *case.revoked, *undoing(case)]
    return [_effect(effect, known.get(ledger_key(effect, case))) for effect in every]


def _effect(effect: Effect, entry: Entry | None) -> dict[str, Any]:
    return {
        "key": effect.key,
        "do": effect.do,
        "kind": effect.kind,
        "target": effect.target,
        "text": effect.text,
        "undo": effect.undo,
        "done": entry.at if entry and entry.done else None,
        "result": entry.result if entry else "",
    }
