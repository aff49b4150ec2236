"""The web application: correlation ids, errors as problem+json, security headers, the page."""

import json
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from opentelemetry.metrics import MeterProvider
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from tidegate.api.guards import netloc
from tidegate.api.limits import Buckets, limited
from tidegate.api.problems import API, EVERYWHERE, refusal
from tidegate.correlation import correlation
from tidegate.ports import BadPayload, SourceDown
from tidegate.tracing import heard

log = logging.getLogger(__name__)

HEADER = "X-Correlation-ID"
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
DECLARED = "staticwebapp.config.json"

Proceed = Callable[[Request], Awaitable[Response]]
Layer = Callable[[Request, Proceed], Awaitable[Response]]


class _Api(FastAPI):
    """An application whose OpenAPI document says how it answers what is wrong: 400, not 422."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operation in (one for path in document["paths"].values() for one in path.values()):
                operation["responses"].pop("422", None)
            for name in ("HTTPValidationError", "ValidationError"):
                document.get("components", {}).get("schemas", {}).pop(name, None)
        return super().openapi()


def create(
    routers: Iterable[APIRouter],
    page: Path | None = None,
    hosts: Sequence[str] = ("*",),
    meters: MeterProvider | None = None,
    per_minute: int = 0,
) -> FastAPI:
    """Build an application from routers.

    `page` is the folder of the built web page, if any. Requests that name none of the `hosts` are
    refused: on loopback that keeps out pages whose name was made to lead here. No caller may ask
    the API more often than `per_minute`; 0 is no limit. Requests are counted on `meters`, unless
    told on those of the process, if it has any.
    """
    app = _Api(
        title="Tidegate",
        version=version("tidegate"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=EVERYWHERE,
        telemetry=_telemetry(meters),
    )
    if page is not None:
        _serve(app, page)
    paced = [limited(Buckets(per_minute))] if per_minute else []
    # The last one is the outermost.
    for layer in (_same_origin, *paced, _known(hosts), _correlate, _traced):
        app.middleware("http")(layer)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SourceDown, _down)
    app.add_exception_handler(BadPayload, _bad)
    for router in routers:
        app.include_router(router)
    return app


def _telemetry(meters: MeterProvider | None) -> TelemetryConfig:
    """Count requests by the templates of their routes, and no more.

    Spans and logs would carry paths, which hold indicators, and queries, which may hold the key.
    """
    return {"meter_provider": meters, "tracing": False, "logs": False, "auto_configure": False}


async def _same_origin(request: Request, proceed: Proceed) -> Response:
    """Let no other site's page change anything through a visitor's browser."""
    origin = request.headers.get("origin")
    safe = request.method in {"GET", "HEAD", "OPTIONS"}
    # A Static Web App asks by our own name and says in a header by which name it was asked. A page
    # of another site cannot send that header: its browser would ask us first, and we never agree.
    ours = {request.headers.get("host"), netloc(request.headers.get("x-ms-original-url", ""))}
    if origin and not safe and netloc(origin) not in ours - {""}:
        return refusal(request, HTTPStatus.FORBIDDEN, "the request comes from another site")
    return await proceed(request)


def _known(hosts: Sequence[str]) -> Layer:
    async def check(request: Request, proceed: Proceed) -> Response:
        host = re.sub(r":\d*\Z", "", request.headers.get("host", "")).lower()
        if "*" not in hosts and host not in hosts:
            return refusal(request, HTTPStatus.BAD_REQUEST, "the request is for another host")
        return await proceed(request)

    return check


async def _traced(request: Request, proceed: Proceed) -> Response:
    with heard(request.headers):
        return await proceed(request)


async def _correlate(request: Request, proceed: Proceed) -> Response:
    given = request.headers.get(HEADER, "")
    name = given if GIVEN.match(given) else uuid4().hex
    token, started = correlation.set(name), time.perf_counter()
    try:
        response = await proceed(request)
    except Exception:  # the one place where a bug becomes an answer, loudly
        log.exception("%s failed", _asked(request))
        response = refusal(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    else:
        elapsed = 1_000 * (time.perf_counter() - started)
        log.info("%s %d in %.0f ms", _asked(request), response.status_code, elapsed)
    finally:
        correlation.reset(token)
    response.headers[HEADER] = name
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _asked(request: Request) -> str:
    """Return the method and the template of the route: a path holds what its sender likes."""
    route = request.scope.get("route")  # it is known once the request was answered
    return f"{request.method} {getattr(route, 'path', '(no route)')}"


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return refusal(request, error.status_code, str(error.detail), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the body"
    return refusal(request, HTTPStatus.BAD_REQUEST, f"{where}: {first['msg']}")


async def _down(request: Request, error: Exception) -> Response:
    log.warning("%s", error)
    wait = error.retry_after if isinstance(error, SourceDown) else None
    seconds = "60" if wait is None else str(max(1, math.ceil(wait.total_seconds())))
    detail = "a service behind this one does not answer"
    return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": seconds})


async def _bad(request: Request, error: Exception) -> Response:
    log.warning("%s", error)
    return refusal(request, HTTPStatus.BAD_GATEWAY, "a service behind this one answered nonsense")


def _serve(app: FastAPI, page: Path) -> None:
    """Serve the built page with the headers that the Static Web App has, from the same file."""
    try:
        declared = json.loads((page / DECLARED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadPayload(f"{page} is not the built page: {error}") from error

    @app.middleware("http")
    async def _secure(request: Request, proceed: Proceed) -> Response:
        response, path = await proceed(request), request.url.path
        if not path.startswith(API):
            response.headers.update(declared["globalHeaders"])
            if response.status_code < HTTPStatus.BAD_REQUEST:
                response.headers.update(_of_route(path, declared["routes"]))
        return response

    files, nothing = StaticFiles(directory=page, html=True), app.router.default

    async def _page(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and not scope["path"].startswith(API)
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
