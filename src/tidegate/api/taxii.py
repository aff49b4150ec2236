"""A TAXII 2.1 server, read-only: discovery, one API root, two collections of the published set.

`shared` holds what may go to others, `own` what may go to the organisation's own tools. There is
one version of each object; what left the set comes again, revoked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from tidegate.api.guards import spelled
from tidegate.api.negotiation import acceptable, once
from tidegate.api.problems import ANYWHERE, TAXII, TAXII_TYPE, taxii_errors
from tidegate.api.readers import REFUSED, Doors, audience, reach
from tidegate.api.times import Time
from tidegate.canonical import Rejected
from tidegate.gate.collection import (
    LATEST,
    LONGEST,
    MOST,
    SPEC,
    Collection,
    Match,
    Page,
    collection,
    contents,
    holds,
    page,
    place,
)
from tidegate.gate.shelf import Shelf
from tidegate.model import Tlp
from tidegate.sharing import OTHERS

STIX = f"application/stix+json;version={SPEC}"
ROOT = f"{TAXII}tidegate/"
PATH = "/tidegate/collections/{name}"
ADDED = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Shown:
    """A collection as it is told of; one for `others` holds less."""

    id: str
    alias: str
    title: str
    others: bool


COLLECTIONS = (
    Shown("4f5b7c53-21a4-4a3c-9a57-3f6f6b1f0a11", "shared", "What may go to others", others=True),
    Shown("b7f0c1de-6a0e-4c55-8f1b-5f0a2d9c7e22", "own", "What is for own tools", others=False),
)


class Filters(BaseModel):
    """Which of the objects, and how many at a time."""

    added_after: Time | None = Field(None, description="Only what was added after this time.")
    limit: int = Field(MOST, ge=1, le=1_000_000_000, description="No more at a time than this.")
    next: str | None = Field(None, max_length=LONGEST, description="That of the last page.")
    version: str | None = Field(None, alias="match[version]", max_length=1_024)
    spec_version: str | None = Field(None, alias="match[spec_version]", max_length=64)


class Matching(Filters):
    """Of which ids and types, too; several are parted by commas."""

    id: str | None = Field(None, alias="match[id]", max_length=8_192)
    type: str | None = Field(None, alias="match[type]", max_length=1_024)


Name = Annotated[str, Path(max_length=64, description="The id of a collection, or its alias.")]
Reach = Annotated[Tlp, Depends(reach)]
ObjectId = Annotated[str, Path(max_length=128, description="The id of an object.")]


def router(shelf: Shelf, doors: Doors) -> APIRouter:
    """Return the routes. Partners see the collection for others alone."""
    guards = [Depends(audience(doors)), Depends(acceptable), Depends(once), Depends(spelled)]
    routes = APIRouter(prefix=TAXII.rstrip("/"), tags=["taxii"], dependencies=guards)
    _about(routes)
    _collections(routes)
    _pages(routes, shelf)
    _single(routes, shelf)
    return routes


def _about(routes: APIRouter) -> None:
    """Add the routes that tell what there is."""

    @routes.get("/", summary="Discover the server", **TOLD)
    def discover() -> Response:
        """Name the API root."""
        roots = {"default": ROOT, "api_roots": [ROOT]}
        return _told({"title": "Tidegate", "description": SAID, **roots})

    @routes.get("/tidegate/", summary="Read about the API root", **TOLD)
    def get_root() -> Response:
        """Tell which versions it speaks; nothing can be written, so nothing is too long."""
        about = {"title": "Tidegate", "versions": [TAXII_TYPE], "max_content_length": 1_048_576}
        return _told(about)

    @routes.get("/tidegate/status/{status}/", summary="Read a status", **TOLD_OR_MISSING)
    def get_status(status: ObjectId) -> Response:
        """Tell that there is none: nothing can be added."""
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no such status: {status[:64]}")


def _collections(routes: APIRouter) -> None:
    """Add the routes that tell of collections, which cannot be written to."""

    @routes.get("/tidegate/collections/", summary="List the collections", **TOLD)
    def get_collections(up_to: Reach) -> Response:
        """List what the caller may read."""
        return _told({"collections": [_shown(one) for one in _visible(up_to)]})

    @routes.get("/tidegate/collections/{name}/", summary="Read about one", **TOLD_OR_MISSING)
    def get_collection(name: Name, up_to: Reach) -> Response:
        """Tell of one collection."""
        return _told(_shown(_found(name, up_to)))

    def refuse(name: Name, up_to: Reach) -> Response:
        _found(name, up_to)
        raise HTTPException(HTTPStatus.FORBIDDEN, "the collection is read-only")

    routes.post(f"{PATH}/objects/", include_in_schema=False)(refuse)
    routes.delete(f"{PATH}/objects/{{one}}/", include_in_schema=False)(refuse)


def _pages(routes: APIRouter, shelf: Shelf) -> None:
    """Add the routes that tell what is in a collection."""

    @routes.get(f"{PATH}/objects/", summary="Read objects", **TOLD_OR_MISSING)
    def get_objects(name: Name, asked: Annotated[Matching, Query()], up_to: Reach) -> Response:
        """Read a page of objects, in the order in which they were added."""
        held = _held(name, up_to, shelf)
        return _envelope(held, _page(held, asked))

    @routes.get(f"{PATH}/manifest/", summary="Read a manifest", **TOLD_OR_MISSING)
    def get_manifest(name: Name, asked: Annotated[Matching, Query()], up_to: Reach) -> Response:
        """Read what there is and when it was added, without the objects."""
        found = _page(_held(name, up_to, shelf), asked)
        return _listed(found, "objects", [_record(*row) for row in _rows(found)])


def _single(routes: APIRouter, shelf: Shelf) -> None:
    """Add the routes that tell of one object."""

    @routes.get(f"{PATH}/objects/{{one}}/", summary="Read an object", **TOLD_OR_MISSING)
    def get_object(
        name: Name, one: ObjectId, asked: Annotated[Filters, Query()], up_to: Reach
    ) -> Response:
        """Read one object, of which there is one version."""
        held = _held(name, up_to, shelf)
        return _envelope(held, _page(held, asked, one))

    @routes.get(f"{PATH}/objects/{{one}}/versions/", summary="Read versions", **TOLD_OR_MISSING)
    def get_versions(
        name: Name, one: ObjectId, asked: Annotated[Filters, Query()], up_to: Reach
    ) -> Response:
        """Tell the version of one object."""
        found = _page(_held(name, up_to, shelf), asked, one)
        return _listed(found, "versions", [version for _, _, version in _rows(found)])


SAID = "The indicators that are enforced here, and those that lately were."
ERRORS = taxii_errors({**ANYWHERE, **REFUSED, 406: "TAXII 2.1 is not what the caller accepts."})
CONTENT: dict[str, Any] = {TAXII_TYPE: {"schema": {"type": "object"}}}
GOOD: dict[int | str, Any] = {200: {"description": "As TAXII 2.1 has it.", "content": CONTENT}}
MISSING = taxii_errors({404: "There is no such collection or object."})
TOLD: dict[str, Any] = {"responses": GOOD | ERRORS, "response_class": Response}
TOLD_OR_MISSING: dict[str, Any] = {**TOLD, "responses": GOOD | ERRORS | MISSING}


def _visible(up_to: Tlp) -> Iterable[Shown]:
    return (one for one in COLLECTIONS if one.others or up_to is not OTHERS)


def _found(name: str, up_to: Tlp) -> Shown:
    for one in _visible(up_to):
        if name in {one.id, one.alias}:
            return one
    raise HTTPException(HTTPStatus.NOT_FOUND, "no such collection")


def _shown(one: Shown) -> dict[str, Any]:
    may = {"can_read": True, "can_write": False, "media_types": [STIX]}
    return {"id": one.id, "title": one.title, "alias": one.alias, **may}


def _held(name: str, up_to: Tlp, shelf: Shelf) -> Collection:
    shown, edition = _found(name, up_to), shelf.edition()
    reach = OTHERS if shown.others else shelf.own
    # What others asked not to pass on may stand in our own tools.
    terms = shelf.terms if shown.others else replace(shelf.terms, private=frozenset())
    key = ("collection", shown.alias)
    return edition.once(key, lambda: collection(edition.rows, reach, terms))


def _page(held: Collection, asked: Filters, one: str | None = None) -> Page:
    """Return what is asked for: of one object, if one is named. Raises HTTPException."""
    if one is not None and not holds(held, one):
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such object")
    try:
        after = place(asked.next) if asked.next else None
        return page(held, _match(asked, one), asked.limit, after)
    except Rejected as rejected:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(rejected)) from rejected


def _match(asked: Filters, one: str | None) -> Match:
    ids, types = (asked.id, asked.type) if isinstance(asked, Matching) else (one, None)
    return Match(
        ids=_several(ids),
        types=_several(types),
        versions=frozenset(map(_version, _several(asked.version))),
        specs=_several(asked.spec_version),
        added_after=asked.added_after,
    )


def _several(text: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",")) if text else frozenset()


def _version(text: str) -> str:
    if text in LATEST:
        return text
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected("match[version] is no version") from error
    found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rows(found: Page) -> Iterable[tuple[str, datetime, str]]:
    return found.entries.select("id", "added", "version").iter_rows()


def _record(one: str, added: datetime, version: str) -> dict[str, str]:
    return {"id": one, "date_added": _added(added), "version": version, "media_type": STIX}


def _added(time: datetime) -> str:
    return time.strftime(ADDED)


def _envelope(held: Collection, found: Page) -> Response:
    return _answer(found, "objects", f"[{','.join(contents(held, found))}]".encode())


def _listed(found: Page, name: str, items: list[Any]) -> Response:
    return _answer(found, name, orjson.dumps(items))


def _answer(found: Page, name: str, items: bytes) -> Response:
    """Write a page: empty lists are none, and `more` is told only where there are some."""
    if found.entries.is_empty():
        return _told({})
    onward = {"more": True, "next": str(found.after)} if found.after else {"more": False}
    body = orjson.dumps(onward)[:-1] + f',"{name}":'.encode() + items + b"}"
    added = found.entries["added"].to_list()
    headers = {
        "X-TAXII-Date-Added-First": _added(added[0]),
        "X-TAXII-Date-Added-Last": _added(added[-1]),
    }
    return Response(body, headers=headers, media_type=TAXII_TYPE)


def _told(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type=TAXII_TYPE)
