"""The routes that read the map: the datasets, their versions and what changed between them."""

import gzip
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Response
from pydantic import BaseModel

from tidegate.api.access import Access, reading
from tidegate.api.problems import problems
from tidegate.api.readers import GUARDED
from tidegate.maps.listing import listing, sites, version
from tidegate.maps.world import World

TSV = "text/tab-separated-values; charset=utf-8"
JSON = "application/json"
NOT_MODIFIED = 304
YEAR = "max-age=31536000, immutable"

TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Tab-separated values.", "content": {TSV: {"schema": {"type": "string"}}}}
}
KNOWN: dict[int | str, dict[str, Any]] = {304: {"description": "It is the one that you know."}}
MISSING = problems({404: "There is no such dataset or version."})


class Datasets(BaseModel):
    """All datasets, each with the address of its newest version; and one's own sites."""

    datasets: list[dict[str, Any]]
    sites: list[dict[str, Any]]


def router(world: World, access: Access) -> APIRouter:
    """Return the routes that read this world; `access` says who may."""
    allowed = [Depends(reading(access))]
    routes = APIRouter(prefix="/api", tags=["map"], dependencies=allowed, responses=GUARDED)

    @routes.head("/datasets", include_in_schema=False)
    @routes.get("/datasets", summary="List the datasets", responses=KNOWN, response_model=Datasets)
    def get_datasets(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """List the datasets, each with the address of its newest version."""
        body = orjson.dumps(
            {"datasets": listing(world), "sites": sites(world)}, option=orjson.OPT_UTC_Z
        )
        headers = {"Cache-Control": "no-cache", "ETag": f'"{sha256(body).hexdigest()[:32]}"'}
        return _unless_known(if_none_match, body, JSON, headers)

    @routes.head("/datasets/{name}/{file}", include_in_schema=False)
    @routes.get(
        "/datasets/{name}/{file}",
        summary="Read one version of a dataset",
        responses=TABLE | KNOWN | MISSING,
        response_class=Response,
    )
    def get_version(
        name: Annotated[str, Path(max_length=64)],
        file: Annotated[str, Path(max_length=128)],
        if_none_match: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str, Header()] = "",
    ) -> Response:
        """Read one version of a dataset, or what changed: TSV that never changes again."""
        packed = "gzip" in accept_encoding
        body, headers = _version(world, name, file, packed=packed)
        headers["Cache-Control"] = f"{'public' if access.public else 'private'}, {YEAR}"
        return _unless_known(if_none_match, body, TSV, headers)

    return routes


def _version(world: World, name: str, file: str, *, packed: bool) -> tuple[bytes, dict[str, str]]:
    stored = version(world, name, file)
    if stored is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such dataset or version")
    whole = file.endswith(".tsv.gz")
    called = world.datasets[name].file if whole else file.removesuffix(".gz")
    headers = _version_headers(file, called)
    if packed:
        return stored.data, {**headers, "Content-Encoding": "gzip"}
    return gzip.decompress(stored.data), headers


def _version_headers(file: str, download: str) -> dict[str, str]:
    return {
        # Weak: the same rows, whether they travel packed or not.
        "ETag": f'W/"{file}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{download}"',
    }


def _unless_known(known: str | None, body: bytes, media: str, headers: dict[str, str]) -> Response:
    tags = {tag.strip().removeprefix("W/") for tag in (known or "").split(",")}
    if tags & {"*", headers["ETag"].removeprefix("W/")}:
        kept = {name: value for name, value in headers.items() if name != "Content-Encoding"}
        return Response(status_code=NOT_MODIFIED, headers=kept)
    return Response(body, headers=headers, media_type=media)
