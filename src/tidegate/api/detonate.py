"""The routes of `detonate`: alerts come in, the sandbox calls, and a door to the cases."""

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from tidegate.api import cases
from tidegate.api.guards import May, body
from tidegate.api.problems import problems
from tidegate.detonate import World, receive
from tidegate.detonate.finished import hint
from tidegate.detonate.hints import genuine
from tidegate.ports import BadPayload

log = logging.getLogger(__name__)

MAX_BODY = 64 << 10
LONGEST_ID = 19  # digits of a number of 64 bits
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


def routers(world: World, may: May, hook_key: str | None) -> Iterator[APIRouter]:
    """Return all routes. `may` says who may decide; `hook_key` has signed what VMRay brings."""
    yield router(world)
    yield cases.router(world, may)
    if hook_key:
        yield hook(world, hook_key)


def router(world: World) -> APIRouter:
    """Return the door for alerts."""
    routes = APIRouter(prefix="/api", tags=["detonate"])

    @routes.post(
        "/alerts",
        status_code=HTTPStatus.ACCEPTED,
        summary="Open a case for an alert",
        responses=problems({413: "The body is too large."}),
        openapi_extra={"requestBody": BODY},
    )
    def post_alert(
        said: Annotated[object, Depends(_body)],
        response: Response,
        again: Annotated[bool, Query(description="Try once more what failed.")] = False,
    ) -> dict[str, str]:
        """Open a case for an alert: its id, or what the Logic App sends, with the id as `alert`."""
        try:
            case = receive(_alert(said), world, again=again)
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
        response.headers["location"] = f"/api/cases/{case.id}"
        return {"case": case.id, "stage": case.stage}

    return routes


def hook(world: World, key: str) -> APIRouter:
    """Return the door for the sandbox, which only says where to look."""
    routes = APIRouter(prefix="/api", tags=["detonate"])

    @routes.post(
        "/finished",
        status_code=HTTPStatus.ACCEPTED,
        summary="Hear that VMRay has finished a submission",
        responses=problems({403: "The call is not signed by us.", 413: "The body is too large."}),
    )
    def post_finished(request: Request, said: Annotated[object, Depends(_body)]) -> dict[str, str]:
        """Look at a submission at once. Of the body only its id is used; all else is asked anew."""
        nonce = request.headers.get("x-tidegate-nonce", "")
        if not genuine(key, nonce, request.headers.get("x-tidegate-signature", "")):
            raise HTTPException(HTTPStatus.FORBIDDEN, "not signed by us")
        submission = _submission(said)
        try:
            hint(submission, world)
        except BadPayload as error:
            log.warning("a hint at submission %s came to nothing: %s", submission, error)
        return {"submission": submission}

    return routes


async def _body(request: Request) -> object:
    """Read a small JSON body. Whatever is wrong with it is the sender's fault."""
    try:
        return json.loads(await body(request, MAX_BODY))
    except (ValueError, RecursionError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body is not JSON") from error


def _alert(said: object) -> str:
    """Find the alert's id in the body. Raises ValueError."""
    match said:
        case str(given) | {"alert": str(given)} | {"alert": {"id": str(given)}}:
            return given
        case {"id": str(given)}:
            return given
        case _:
            raise ValueError("the body is neither an alert id nor an object with `alert`")


def _submission(said: object) -> str:
    """Find the id of the submission, a number, wherever the call has it."""
    data: Any = said
    for _ in range(3):
        if not isinstance(data, dict):
            break
        found = str(data.get("submission_id", ""))
        if found.isascii() and found.isdigit() and len(found) <= LONGEST_ID:
            return found
        data = data.get("data") or data.get("submission")
    raise HTTPException(HTTPStatus.BAD_REQUEST, "the body names no submission")
