"""The routes of the gate: how enforcement stands, what changed and why, and what people decide."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field, StringConstraints

from tidegate.api.guards import May, permitted, spelled
from tidegate.api.problems import problems
from tidegate.canonical import defanged
from tidegate.gate import journal
from tidegate.gate.run import apply
from tidegate.gate.standing import stands
from tidegate.gate.status import changes, enforced
from tidegate.gate.undo import NothingToUndo, resume, undo
from tidegate.gate.world import Target, World
from tidegate.model import Kind

DEFENDER = "defender"
GROWN = 1.1  # a plan that grew by no more since somebody saw it is the one that they saw
DECIDED = problems(
    {
        403: "Only a few may decide.",
        404: "There is no such target.",
        409: "The plan is another one by now, or there is nothing to take back.",
    }
)
NO_TARGET = problems({404: "There is no such target."})
FAR = 1_000_000
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Where = Annotated[str, Query(max_length=64, description="The target's name.")]


class Approval(BaseModel):
    """Who lets a waiting plan happen."""

    target: str = Field(DEFENDER, max_length=64)
    plan: str = Field(min_length=1, max_length=64, description="The id of the waiting plan.")
    by: Said = Field(max_length=100, description="Who decides, for the record.")


class Undoing(BaseModel):
    """Who takes the last run back, and why."""

    target: str = Field(DEFENDER, max_length=64)
    by: Said = Field(max_length=100, description="Who decides, for the record.")
    why: Said = Field(max_length=500, description="Why, for the record.")
    run: str | None = Field(
        None, max_length=100, description="The run, which must be the last one still."
    )


class Resuming(BaseModel):
    """Who lets a target go on, with what was changed there by hand or without."""

    target: str = Field(DEFENDER, max_length=64)
    by: Said = Field(max_length=100, description="Who decides, for the record.")
    take_back: bool = Field(default=False, description="What was changed by hand, too.")


class Item(BaseModel):
    """One indicator that the gate holds somewhere."""

    id: str
    kind: Kind
    value: str
    defanged: str
    score: float
    sources: list[str]
    threat: str | None
    action: str
    since: datetime
    expires: datetime | None


class Items(BaseModel):
    """A page of `total`; `continuation` leads to the next, null where there is none."""

    items: list[Item]
    total: int
    continuation: str | None


class Changed(BaseModel):
    """One change, and what became of it."""

    at: datetime
    run: str
    target: str
    do: str
    kind: Kind
    value: str
    defanged: str
    action: str | None
    score: float | None
    why: str
    outcome: str


class Changes(BaseModel):
    """A page, newest first."""

    items: list[Changed]
    continuation: str | None


def router(world: World, may: May) -> APIRouter:
    """Return the routes; `may` says who may decide."""
    routes = APIRouter(prefix="/api/gate", tags=["gate"])
    _state(routes, world)
    _rows(routes, world)
    allowed = [Depends(permitted(may))]
    _approval(routes, world, allowed)
    _pauses(routes, world, allowed)
    return routes


def _state(routes: APIRouter, world: World) -> None:
    @routes.get("", summary="Tell how enforcement stands")
    def get_gate() -> dict[str, Any]:
        """Tell of each target its quota, its set, what waits, what somebody changed, and churn."""
        return stands(world)


def _rows(routes: APIRouter, world: World) -> None:
    told = [Depends(spelled)]

    @routes.get("/set", summary="List what is enforced", dependencies=told, responses=NO_TARGET)
    def get_set(
        target: Where = DEFENDER,
        kind: Annotated[Kind | None, Query(description="Of this kind.")] = None,
        source: Annotated[str | None, Query(max_length=64, description="Named by it.")] = None,
        action: Annotated[str | None, Query(max_length=64, description="So enforced.")] = None,
        q: Annotated[str | None, Query(max_length=2048, description="Part of a value.")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        continuation: Annotated[int, Query(ge=0, le=FAR, description="That of the last page.")] = 0,
    ) -> Items:
        """List what the gate holds at a target, the best first."""
        there = enforced(_target(target, world), world)
        found = there.filter(*_asked(kind, source, action, q))
        page, end = found[continuation : continuation + limit], continuation + limit
        following = str(end) if end < len(found) else None
        rows = page.iter_rows(named=True)
        return Items(items=[_item(row) for row in rows], total=len(found), continuation=following)

    @routes.get("/changes", summary="List what changed", dependencies=told, responses=NO_TARGET)
    def get_changes(
        target: Where = DEFENDER,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        before: Annotated[
            str | None, Query(max_length=100, description="The `continuation` of the last page.")
        ] = None,
    ) -> Changes:
        """List what came in, went out and changed at a target, and why; newest first."""
        return _changes(_target(target, world), world, limit, before)


def _approval(routes: APIRouter, world: World, allowed: list[Any]) -> None:
    @routes.post("/apply", summary="Approve a plan", responses=DECIDED, dependencies=allowed)
    def post_apply(said: Approval) -> dict[str, Any]:
        """Let the waiting plan happen. What has grown much since it was seen is another plan."""
        target = _target(said.target, world)
        waiting = journal.state(world.objects, target.name).waiting
        if waiting is None or waiting.plan != said.plan:
            raise HTTPException(HTTPStatus.CONFLICT, "this plan waits no more")
        most = round(GROWN * waiting.moves)
        done = apply(target, world, by=said.by, most=most)
        if done.held_back:
            raise HTTPException(HTTPStatus.CONFLICT, done.held_back)
        return stands(world)


def _pauses(routes: APIRouter, world: World, allowed: list[Any]) -> None:
    @routes.post("/undo", summary="Take the last run back", responses=DECIDED, dependencies=allowed)
    def post_undo(said: Undoing) -> dict[str, Any]:
        """Take back what the last run changed, and pause."""
        try:
            undo(_target(said.target, world), world, said.by, said.why, said.run)
        except NothingToUndo as nothing:
            raise HTTPException(HTTPStatus.CONFLICT, str(nothing)) from nothing
        return stands(world)

    @routes.post("/resume", summary="Go on after a pause", responses=DECIDED, dependencies=allowed)
    def post_resume(said: Resuming) -> dict[str, Any]:
        """Go on with the next cycle."""
        resume(_target(said.target, world), world, take_back=said.take_back)
        return stands(world)


def _target(name: str, world: World) -> Target:
    found = world.target(name)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such target")
    return found


def _asked(
    kind: Kind | None, source: str | None, action: str | None, text: str | None
) -> Iterator[pl.Expr]:
    """Yield what rows of `held.HELD` have to fulfil."""
    if kind is not None:
        yield pl.col("kind") == kind.value
    if source:
        yield pl.col("sources").list.contains(source)
    if action:
        yield pl.col("action") == action
    if text:
        yield pl.col("value").str.contains(text, literal=True)


def _item(row: dict[str, Any]) -> Item:
    return Item(defanged=defanged(row["value"]), **row)


def _changes(target: Target, world: World, limit: int, before: str | None) -> Changes:
    """Fill a page. A continuation names a run, and how many of its changes were told."""
    run, _, told = (before or "").partition("~")
    skip = int(told) if told.isdecimal() else 0
    items: list[Changed] = []
    for name, rows in changes(target, world, run or None, including=skip > 0):
        start = skip if name == run else 0
        part = rows[start : start + limit - len(items)]
        items += [_changed(row, name, target) for row in part.iter_rows(named=True)]
        if len(items) == limit:
            return Changes(items=items, continuation=f"{name}~{start + len(part)}")
    return Changes(items=items, continuation=None)


def _changed(row: dict[str, Any], run: str, target: Target) -> Changed:
    at, shown = journal.when(run), defanged(row["value"])
    return Changed(at=at, run=run, target=target.name, defanged=shown, **row)
