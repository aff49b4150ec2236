"""The routes of lists for firewalls: plain text that is answered from memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel

from tidegate.api.guards import spelled
from tidegate.api.problems import Responses, problems
from tidegate.api.readers import GUARDED, Doors, ours
from tidegate.gate.lists import FORMATS, Rendered, render, whole
from tidegate.gate.shelf import Shelf

TEXT = "text/plain; charset=utf-8"
FRESH = timedelta(minutes=5)  # so long a copy is as good as ours
CONTENT: dict[str, Any] = {TEXT: {"schema": {"type": "string"}}}
READ: Responses = {
    200: {"description": "The list, one entry a line, the best first.", "content": CONTENT},
    304: {"description": "It is the one that you know."},
    **GUARDED,
    **problems({404: "There is no such list."}),
}
Name = Annotated[str, Path(max_length=64, description="One of those that the index names.")]
Score = Annotated[int, Query(ge=0, le=100, description="Leave out what scores less.")]


class Listed(BaseModel):
    """A list: where it is, who reads it, and how many lines it has of how many at most."""

    name: str
    title: str
    url: str
    count: int
    most: int
    changed: datetime | None


class Index(BaseModel):
    """All lists."""

    lists: list[Listed]


def router(shelf: Shelf, doors: Doors) -> APIRouter:
    """Return the routes: of the published set, for the house's own readers."""
    # Permission first: to others it is nothing which lists and parameters there are.
    guards: Sequence[Any] = [Depends(ours(doors)), Depends(spelled)]
    routes = APIRouter(prefix="/api/lists", tags=["gate"], dependencies=guards)

    @routes.get("", summary="List the lists", responses=GUARDED)
    def get_lists(response: Response) -> Index:
        """Name every list with its address, its format and its number of lines."""
        response.headers["Cache-Control"] = "no-cache"
        return Index(lists=[_listed(name, rendered(shelf, name, 0)) for name in FORMATS])

    @routes.head("/{name}", include_in_schema=False)
    @routes.get("/{name}", summary="Read a list", responses=READ, response_class=Response)
    def get_list(request: Request, name: Name, min_score: Score = 0) -> Response:
        """Read a list as its product reads it; headers tell its size and what is not in it."""
        found = rendered(shelf, _known(name), min_score)
        headers = _headers(found, shelf.clock())
        if _unchanged(request.headers, found):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(found.body, headers=headers, media_type=TEXT)

    @routes.head("/{name}/md5", include_in_schema=False)
    @routes.get("/{name}/md5", summary="Read a list's MD5", responses=READ, response_class=Response)
    def get_md5(name: Name, min_score: Score = 0) -> Response:
        """Read the MD5 of a list, by which Cisco's products tell whether it changed."""
        found = rendered(shelf, _known(name), min_score)
        return Response(f"{found.md5}\n", headers={"Cache-Control": "no-cache"}, media_type=TEXT)

    return routes


def rendered(shelf: Shelf, name: str, min_score: int) -> Rendered:
    """Return a list as it is now."""
    edition, form, at = shelf.edition(), FORMATS[name], whole(shelf.clock())
    key = ("list", name, min_score, at)
    return edition.once(key, lambda: render(edition.rows, form, min_score, at, shelf.own))


def _known(name: str) -> str:
    if name not in FORMATS:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such list")
    return name


def _listed(name: str, found: Rendered) -> Listed:
    form = FORMATS[name]
    return Listed(
        name=name,
        title=form.title,
        url=f"/api/lists/{name}",
        count=found.count,
        most=form.most,
        changed=found.changed,
    )


def _headers(found: Rendered, now: datetime) -> dict[str, str]:
    headers = {
        "ETag": found.etag,
        "Cache-Control": f"private, max-age={FRESH.total_seconds():.0f}",
        "Expires": _date(now + FRESH),
        "X-Tidegate-Count": str(found.count),
        "X-Tidegate-Covered": str(found.covered),
        "X-Tidegate-Left-Out": str(found.unsaid),
        "X-Tidegate-Over-Limit": str(found.beyond),
    }
    if found.changed:
        headers["Last-Modified"] = _date(found.changed)
    if found.until:
        headers["X-Tidegate-First-Expiry"] = _date(found.until)
    return headers


def _date(time: datetime) -> str:
    return format_datetime(time.astimezone(UTC), usegmt=True)


def _unchanged(headers: Mapping[str, str], found: Rendered) -> bool:
    """Whether the caller has this list; an ETag is better known than a time."""
    known = headers.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return bool(tags & {"*", found.etag})
    since = _read(headers.get("if-modified-since", ""))
    return bool(since and found.changed and found.changed.replace(microsecond=0) <= since)


def _read(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
