"""The web application: correlation ids, errors as problem+json, security headers, the page."""

import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tidegate.ports import BadPayload, SourceDown

log = logging.getLogger(__name__)

HEADER = "X-Correlation-ID"
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
PROBLEM = "application/problem+json"
CACHED_FOR_EVER = "public, max-age=31536000, immutable"

correlation: ContextVar[str] = ContextVar("correlation", default="-")
"""The id of the request or job that the current code works for; every log line carries it."""


class Correlated(logging.Filter):
    """Adds `correlation` to log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through."""
        record.correlation = correlation.get()
        return True


def create(
    routers: Iterable[APIRouter], page: Path | None = None, hosts: Sequence[str] = ("*",)
) -> FastAPI:
    """Build an application from routers.

    `page` is the folder of the built web page, if any. Requests that name none of the `hosts` are
    refused: on loopback that keeps out pages whose name was made to lead here.
    """
    app = FastAPI(title="Tidegate", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.middleware("http")(_same_origin)
    app.middleware("http")(_correlate)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SourceDown, _down)
    app.add_exception_handler(BadPayload, _bad)
    for router in routers:
        app.include_router(router)
    if page is not None:
        _serve(app, page)
    return app


async def _same_origin(
    request: Request, proceed: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Let no other site's page change anything through a visitor's browser."""
    origin = request.headers.get("origin")
    safe = request.method in {"GET", "HEAD", "OPTIONS"}
    if origin and not safe and urlsplit(origin).netloc != request.headers.get("host"):
        return problem(HTTPStatus.FORBIDDEN, "the request comes from another site")
    return await proceed(request)


async def _correlate(
    request: Request, proceed: Callable[[Request], Awaitable[Response]]
) -> Response:
    given = request.headers.get(HEADER, "")
    name = given if GIVEN.match(given) else uuid4().hex
    token, started = correlation.set(name), time.perf_counter()
    try:
        response = await proceed(request)
    except Exception:  # the one place where a bug becomes an answer, loudly
        log.exception("%s %s failed", request.method, request.url.path)
        response = problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    finally:
        correlation.reset(token)
    response.headers[HEADER] = name
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    elapsed = 1_000 * (time.perf_counter() - started)
    path = request.url.path
    log.info("%s %s %d in %.0f ms", request.method, path, response.status_code, elapsed)
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
    seconds = str(int(wait.total_seconds())) if wait else "60"
    detail = "a service behind this one does not answer"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": seconds})


async def _bad(_: Request, error: Exception) -> Response:
    log.warning("%s", error)
    return problem(HTTPStatus.BAD_GATEWAY, "a service behind this one answered nonsense")


def _serve(app: FastAPI, page: Path) -> None:
    """Serve the built page with the headers that the Static Web App has, from the same file."""
    declared = json.loads((page / "staticwebapp.config.json").read_text(encoding="utf-8"))
    security: Mapping[str, str] = declared["globalHeaders"]

    @app.middleware("http")
    async def _secure(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await proceed(request)
        if not request.url.path.startswith("/api/"):
            response.headers.update(security)
        if request.url.path.startswith("/assets/"):
            response.headers["Cache-Control"] = CACHED_FOR_EVER
        return response

    app.mount("/", StaticFiles(directory=page, html=True))
