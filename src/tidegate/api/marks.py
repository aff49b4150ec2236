"""The routes by which analysts say what they think of an indicator."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from tidegate.api.guards import May, permitted, spelled
from tidegate.api.problems import problems
from tidegate.canonical import Rejected, defanged, guess
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.mark import LIFE, LONGEST, LONGEST_NAME, Word, mark, unmark, word
from tidegate.model import Kind, indicator_id

MAX_VALUE = 4_096
Value = Annotated[str, Query(min_length=1, max_length=MAX_VALUE, description="Any spelling.")]


class Mark(BaseModel):
    """What is said of which value, why, and by whom."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(min_length=1, max_length=MAX_VALUE, description="Defanged or not.")
    word: Word
    because: str = Field(min_length=1, max_length=LONGEST, description="Everybody is shown it.")
    by: str = Field(min_length=1, max_length=LONGEST_NAME, description="Who says so.")
    days: int = Field(LIFE.days, ge=1, le=3_650, description="How long it holds.")


class Marked(BaseModel):
    """The value as it is known, and its score now."""

    kind: Kind
    value: str
    defanged: str
    score: float
    never_enforced: str | None


def router(known: Knowledge, may: May) -> APIRouter:
    """Return the routes; `may` says who may speak."""
    guards = [Depends(permitted(may)), Depends(spelled)]
    routes = APIRouter(prefix="/api/indicators", tags=["gate"], dependencies=guards)

    @routes.post("/mark", summary="Call an indicator malicious or harmless", responses=ONLY_FEW)
    def post_mark(said: Mark) -> Marked:
        """Let a word stand above all feeds and detonations; it takes the place of the last one."""
        kind, value = _guessed(said.value)
        now, life = known.clock(), timedelta(days=said.days)
        try:
            spoken = word(kind, value, said.word, said.because, said.by, now, life)
        except ValueError as mistake:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(mistake)) from mistake
        mark([spoken], known.sightings, now)
        return _shown(kind, value, known)

    @routes.delete("/mark", summary="Take back what was said", responses=ONLY_FEW | UNSAID)
    def delete_mark(value: Value) -> Marked:
        """Let feeds and detonations speak for themselves again."""
        kind, named = _guessed(value)
        if not unmark([indicator_id(kind, named)], known.sightings, known.clock()):
            raise HTTPException(HTTPStatus.NOT_FOUND, "no analyst has spoken of it")
        return _shown(kind, named, known)

    return routes


ONLY_FEW = problems({403: "Only a few may speak."})
UNSAID = problems({404: "No analyst has spoken of it."})


def _guessed(value: str) -> tuple[Kind, str]:
    try:
        return guess(value)
    except Rejected as rejected:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(rejected)) from rejected


def _shown(kind: Kind, value: str, known: Knowledge) -> Marked:
    found = explain(kind, value, known)
    return Marked(
        kind=kind,
        value=value,
        defanged=defanged(value),
        score=found.score,
        never_enforced=found.unclean,
    )
