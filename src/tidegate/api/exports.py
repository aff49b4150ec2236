"""The routes of what goes out to others: STIX, CSV, and a MISP feed."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from tidegate.api.guards import spelled
from tidegate.api.problems import Responses, problems
from tidegate.api.readers import GUARDED, Doors, audience
from tidegate.gate import misp_feed, outward
from tidegate.gate.misp_feed import Feed
from tidegate.gate.shelf import Shelf
from tidegate.sharing import OTHERS

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
        return _answer(request, STIX, stix(shelf))

    @routes.get("/export/csv", summary="Read a CSV file", **_of(CSV))
    def get_csv(request: Request) -> Response:
        """Read the published set as CSV, the best first, harmless to spreadsheets."""
        return _answer(request, CSV, csv(shelf))

    _misp(routes, shelf)
    return routes


def _misp(routes: APIRouter, shelf: Shelf) -> None:
    """Add the routes of the MISP feed."""

    @routes.get("/misp/manifest.json", summary="Read the manifest of the MISP feed", **_of(JSON))
    def get_manifest(request: Request) -> Response:
        """Read which events there are, and when each was last changed."""
        return _answer(request, JSON, misp_feed.manifest(feed(shelf)))

    @routes.get("/misp/hashes.csv", summary="Read the hashes of the MISP feed", **_of(CSV))
    def get_hashes(request: Request) -> Response:
        """Read the MD5 of each value, and its event."""
        return _answer(request, CSV, misp_feed.hashes(feed(shelf)))

    missing = problems({404: "There is no such event."})

    @routes.get(
        "/misp/{event}.json", summary="Read an event of the MISP feed", **_of(JSON, missing)
    )
    def get_event(request: Request, event: Event) -> Response:
        """Read all that came into the set on one day and is of one kind."""
        found = misp_feed.event(feed(shelf), event)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such event")
        return _answer(request, JSON, found)


def _of(media: str, more: Responses | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"} if "csv" in media else {}}}
    told: Responses = {
        200: {"description": "What may go to others.", "content": content},
        304: {"description": "It is the one that you know."},
    }
    return {"responses": told | GUARDED | (more or {}), "response_class": Response}


def stix(shelf: Shelf) -> bytes:
    """Return the bundle for others."""
    edition = shelf.edition()
    return edition.once("stix", lambda: outward.stix(edition.rows, OTHERS, shelf.terms))


def csv(shelf: Shelf) -> bytes:
    """Return the CSV file for others."""
    edition = shelf.edition()
    return edition.once("csv", lambda: outward.csv(edition.rows, OTHERS, shelf.terms))


def feed(shelf: Shelf) -> Feed:
    """Return what the MISP feed is written from."""
    edition = shelf.edition()
    return edition.once("misp", lambda: misp_feed.feed(edition.rows, shelf.terms))


def _answer(request: Request, media: str, body: bytes) -> Response:
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "").split(",")
    if etag in {tag.strip().removeprefix("W/") for tag in known}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type=media)
