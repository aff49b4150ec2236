"""Errors as RFC 9457 has them, or as TAXII has them, and how OpenAPI is told of them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from tidegate.correlation import correlation

PROBLEM = "application/problem+json"
TAXII = "/taxii2/"
TAXII_TYPE = "application/taxii+json;version=2.1"
API = ("/api/", TAXII)  # where the paths begin that are no page's
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "correlation_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "correlation_id": {"type": "string"},
    },
}
TAXII_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "error_id": {"type": "string"},
        "http_status": {"type": "string"},
    },
}
Responses = dict[int | str, dict[str, Any]]


def refusal(
    request: Request,
    status: int,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an error in the form of the routes that were asked."""
    taxii = request.url.path.startswith(TAXII)
    return (_taxii if taxii else problem)(status, detail, headers)


def problem(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as an answer; `detail` is for the caller and shows no internals."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "correlation_id": correlation.get(),
    }
    if detail and detail != body["title"]:
        body["detail"] = detail
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM)


def _taxii(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {
        "title": HTTPStatus(status).phrase,
        "description": detail or HTTPStatus(status).description,
        "error_id": correlation.get(),
        "http_status": str(status),
    }
    return JSONResponse(body, status, dict(headers or {}), media_type=TAXII_TYPE)


def problems(said: Mapping[int, str]) -> Responses:
    """Return the OpenAPI descriptions of statuses that come as problems."""
    return _described(said, {PROBLEM: {"schema": SCHEMA}})


def taxii_errors(said: Mapping[int, str]) -> Responses:
    """Return the OpenAPI descriptions of statuses that come as TAXII's error messages."""
    return _described(said, {TAXII_TYPE: {"schema": TAXII_SCHEMA}})


def _described(said: Mapping[int, str], content: dict[str, Any]) -> Responses:
    return {status: {"description": text, "content": content} for status, text in said.items()}


ANYWHERE = {
    400: "A parameter or the request as a whole is wrong; `detail` says which and why.",
    429: "Too many requests: try again after `Retry-After` seconds.",
    502: "A service behind this one answered nonsense.",
    503: "A service behind this one does not answer: try again after `Retry-After` seconds.",
}
EVERYWHERE = problems(ANYWHERE)
"""What any route may answer."""
