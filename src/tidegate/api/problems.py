"""Errors as RFC 9457 has them, and how OpenAPI is told of them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from tidegate.correlation import correlation

PROBLEM = "application/problem+json"
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
Responses = dict[int | str, dict[str, Any]]


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


def problems(said: Mapping[int, str]) -> Responses:
    """Return the OpenAPI descriptions of statuses that come as problems."""
    content = {PROBLEM: {"schema": SCHEMA}}
    return {status: {"description": text, "content": content} for status, text in said.items()}


EVERYWHERE = problems(
    {
        400: "A parameter or the request as a whole is wrong; `detail` says which and why.",
        429: "Too many requests: try again after `Retry-After` seconds.",
        502: "A service behind this one answered nonsense.",
        503: "A service behind this one does not answer: try again after `Retry-After` seconds.",
    }
)
"""What any route may answer."""
