"""The routes of what goes out to others: STIX, CSV, and a MISP feed."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from tidegate.api.guards import spelled
from tidegate.api.problems import Responses, problems
from tidegate.api.readers import GUARDED, Doors, audience
from tidegate.gate import misp_feed, outward
from tidegate.gate.misp_feed import Feed
from tidegate.gate.shelf import Edition, Shelf
from tidegate.model import Tlp
from tidegate.sharing import OTHERS, Terms

JSON, STIX = "application/json", "application/stix+json;version=2.1"
CSV = "text/csv; charset=utf-8"
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Event = Annotated[str, Path(pattern=f"^{UUID}$", description="An event of the manifest.")]


def router(shelf: Shelf, doors: Doors) -> APIRouter:
    """Return the routes: what may go to others, for partners and for the house's own readers."""
    guards = [Depends(audience(doors)), Depends(spelled)]
    routes = APIRouter(prefix="/api", tags=["gate"], dependencies=guards)

    @routes.get("/export/stix", summary="Read a STIX bundle", **_of(STIX))
    def get_stix(request: Request) -> Response:
        """Read the published set as one STIX 2.1 bundle; what left lately is in it as revoked."""
        return _answer(request, STIX, _written(shelf, outward.stix))

    @routes.get("/export/csv", summary="Read a CSV file", **_of(CSV))
    def get_csv(request: Request) -> Response:
        """Read the published set as CSV, the best first, harmless to spreadsheets."""
        return _answer(request, CSV, _written(shelf, outward.csv))

    _misp(routes, shelf)
    return routes


def _misp(routes: APIRouter, shelf: Shelf) -> None:
    """Add the routes of the MISP feed."""

    @routes.get("/misp/manifest.json", summary="Read the manifest of the MISP feed", **_of(JSON))
    def get_manifest(request: Request) -> Response:
        """Read which events there are, and when each was last changed."""
        return _answer(request, JSON, _of_feed(shelf, misp_feed.manifest))

    @routes.get("/misp/hashes.csv", summary="Read the hashes of the MISP feed", **_of(CSV))
    def get_hashes(request: Request) -> Response:
        """Read the MD5 of each value, and its event."""
        return _answer(request, CSV, _of_feed(shelf, misp_feed.hashes))

    missing = problems({404: "There is no such event."})

    @routes.get(
        "/misp/{event}.json", summary="Read an event of the MISP feed", **_of(JSON, missing)
    )
    def get_event(request: Request, event: Event) -> Response:
        """Read all that came into the set on one day and is of one kind."""
        found = misp_feed.event(_feed(shelf.edition(), shelf.terms), event)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such event")
        return _answer(request, JSON, _sealed(found))


def _of(media: str, more: Responses | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"} if "csv" in media else {}}}
    told: Responses = {
        200: {"description": "What may go to others.", "content": content},
        304: {"description": "It is the one that you know."},
    }
    return {"responses": told | GUARDED | (more or {}), "response_class": Response}


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is sent, and the ETag by which it is known."""

    body: bytes
    etag: str


def _sealed(body: bytes) -> Sealed:
    return Sealed(body, f'"{sha256(body).hexdigest()[:32]}"')


def _written(shelf: Shelf, write: Callable[[pl.DataFrame, Tlp, Terms], bytes]) -> Sealed:
    """Return what a function of `outward` makes of the set for others, made once."""
    edition = shelf.edition()
    return edition.once(write, lambda: _sealed(write(edition.rows, OTHERS, shelf.terms)))


def _of_feed(shelf: Shelf, write: Callable[[Feed], bytes]) -> Sealed:
    edition = shelf.edition()
    return edition.once(write, lambda: _sealed(write(_feed(edition, shelf.terms))))


def _feed(edition: Edition, terms: Terms) -> Feed:
    return edition.once("misp", lambda: misp_feed.feed(edition.rows, terms))


def _answer(request: Request, media: str, found: Sealed) -> Response:
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "").split(",")
    if found.etag in {tag.strip().removeprefix("W/") for tag in known}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.body, headers=headers, media_type=media)
