"""What a request must be before a route listens to it: permitted, ours, spelled right, not huge."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from pydantic import BaseModel

May = Callable[[Request], bool]
KEYS = {"code", "clientId"}  # how a function key may come along
HERE = {None, "same-origin", "none"}  # what Sec-Fetch-Site says of our own page, or of no page


def permitted(may: May) -> Callable[[Request], None]:
    """Return the dependency of what only the permitted may do, and no other site's page."""

    def check(request: Request) -> None:
        if not may(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "this needs permission")
        if _from_elsewhere(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the request comes from another site")
        if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
            raise HTTPException(HTTPStatus.FORBIDDEN, "not to be fetched ahead")

    return check


def _from_elsewhere(request: Request) -> bool:
    if request.headers.get("sec-fetch-site") not in HERE:
        return True
    said = request.headers.get("origin") or request.headers.get("referer")
    return said is not None and netloc(said) != request.headers.get("host")


def netloc(address: str) -> str:
    """Return the host and port of an address; nothing of what is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def spelled(request: Request) -> None:
    """Refuse parameters that the route does not have: a misspelled filter would filter nothing."""
    fields = request.scope["route"].dependant.query_params
    known = {name for field in fields for name in _names(field)}
    if unknown := sorted(request.query_params.keys() - known - KEYS):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"no such parameter: {unknown[0][:100]}")


def _names(field: Any) -> Iterable[str]:
    """Return the names under which a parameter comes: those of its fields, if it has some."""
    annotation = field.field_info.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [one.alias or name for name, one in annotation.model_fields.items()]
    return [field.alias]


async def body(request: Request, most: int) -> bytes:
    """Read a body of no more than `most` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
    return bytes(received)
