"""The web application: correlation ids, errors as problem+json, security headers, the page."""

import json
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from tidegate.correlation import correlation
from tidegate.ports import BadPayload, SourceDown

log = logging.getLogger(__name__)

HEADER = "X-Correlation-ID"
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
PROBLEM = "application/problem+json"
DECLARED = "staticwebapp.config.json"

Proceed = Callable[[Request], Awaitable[Response]]
Layer = Callable[[Request, Proceed], Awaitable[Response]]


def create(
    routers: Iterable[APIRouter], page: Path | None = None, hosts: Sequence[str] = ("*",)
) -> FastAPI:
    """Build an application from routers.

    `page` is the folder of the built web page, if any. Requests that name none of the `hosts` are
    refused: on loopback that keeps out pages whose name was made to lead here.
    """
    app = FastAPI(title="Tidegate", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    if page is not None:
        _serve(app, page)
    for layer in (_same_origin, _known(hosts), _correlate):  # the last one is the outermost
        app.middleware("http")(layer)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SourceDown, _down)
    app.add_exception_handler(BadPayload, _bad)
    for router in routers:
        app.include_router(router)
    return app


async def _same_origin(request: Request, proceed: Proceed) -> Response:
    """Let no other site's page change anything through a visitor's browser."""
    origin = request.headers.get("origin")
    safe = request.method in {"GET", "HEAD", "OPTIONS"}
    if origin and not safe and _netloc(origin) != request.headers.get("host"):
        return problem(HTTPStatus.FORBIDDEN, "the request comes from another site")
    return await proceed(request)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _known(hosts: Sequence[str]) -> Layer:
    async def check(request: Request, proceed: Proceed) -> Response:
        host = re.sub(r":\d*\Z", "", request.headers.get("host", "")).lower()
        if "*" not in hosts and host not in hosts:
            return problem(HTTPStatus.BAD_REQUEST, "the request is for another host")
        return await proceed(request)

    return check


async def _correlate(request: Request, proceed: Proceed) -> Response:
    given = request.headers.get(HEADER, "")
    name = given if GIVEN.match(given) else uuid4().hex
    token, started = correlation.set(name), time.perf_counter()
    asked = f"{request.method} {request.url.path!a}"  # quoted: a path may hold line breaks
    try:
        response = await proceed(request)
    except Exception:  # the one place where a bug becomes an answer, loudly
        log.exception("%s failed", asked)
        response = problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    else:
        elapsed = 1_000 * (time.perf_counter() - started)
        log.info("%s %d in %.0f ms", asked, response.status_code, elapsed)
    finally:
        correlation.reset(token)
    response.headers[HEADER] = name
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def problem(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as RFC 9457 has it; `detail` is for the caller and shows no internals."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "correlation_id": correlation.get(),
    }
    if detail and detail != body["title"]:
        body["detail"] = detail
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, str(error.detail), error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return problem(HTTPStatus.BAD_REQUEST, f"{where}: {first['msg']}")


async def _down(_: Request, error: Exception) -> Response:
    log.warning("%s", error)
    wait = error.retry_after if isinstance(error, SourceDown) else None
    seconds = "60" if wait is None else str(max(1, math.ceil(wait.total_seconds())))
    detail = "a service behind this one does not answer"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": seconds})


async def _bad(_: Request, error: Exception) -> Response:
    log.warning("%s", error)
    return problem(HTTPStatus.BAD_GATEWAY, "a service behind this one answered nonsense")


def _serve(app: FastAPI, page: Path) -> None:
    """Serve the built page with the headers that the Static Web App has, from the same file."""
    try:
        declared = json.loads((page / DECLARED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadPayload(f"{page} is not the built page: {error}") from error

    @app.middleware("http")
    async def _secure(request: Request, proceed: Proceed) -> Response:
        response, path = await proceed(request), request.url.path
        if not path.startswith("/api/"):
            response.headers.update(declared["globalHeaders"])
            if response.status_code < HTTPStatus.BAD_REQUEST:
                response.headers.update(_of_route(path, declared["routes"]))
        return response

    files, nothing = StaticFiles(directory=page, html=True), app.router.default

    async def _page(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and not scope["path"].startswith("/api/")
        found = ours and scope["path"] != f"/{DECLARED}"
        await (files if found else nothing)(scope, receive, send)

    # Not mounted: a mount would take a wrong method on a route of ours for a missing file.
    app.router.default = _page


def _of_route(path: str, routes: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the headers of the first route that matches; a route may end in `*`."""
    for route in routes:
        start, star, _ = route["route"].partition("*")
        if path.startswith(start) if star else path == start:
            headers: Mapping[str, str] = route.get("headers", {})
            return headers
    return {}
