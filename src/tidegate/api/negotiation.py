"""What a request to TAXII must be: from a client that reads TAXII 2.1, and unambiguous."""

import re
from http import HTTPStatus

from fastapi import HTTPException, Request

from tidegate.api.problems import TAXII_TYPE

ACCEPTED = re.compile(r"(?:\*/\*|application/\*|application/taxii\+json)\Z")
NOT_WANTED = re.compile(r"q=0(?:\.0{0,3})?\Z")
VERSION = "version=2.1"


def acceptable(request: Request) -> None:
    """Refuse a caller that accepts no TAXII 2.1; one that says nothing accepts all."""
    said = request.headers.get("accept", "*/*")
    if not any(_accepts(one) for one in said.split(",")):
        raise HTTPException(HTTPStatus.NOT_ACCEPTABLE, f"there is only {TAXII_TYPE}")


def _accepts(text: str) -> bool:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    said = {part.replace('"', "").replace(" ", "") for part in parameters}
    versions = {part for part in said if part.startswith("version=")}
    refused = any(NOT_WANTED.match(part) for part in said)
    return bool(ACCEPTED.match(media)) and versions <= {VERSION} and not refused


def once(request: Request) -> None:
    """Refuse a parameter that is given twice: which of them is meant?"""
    for name in request.query_params:
        if len(request.query_params.getlist(name)) > 1:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"given twice: {name[:64]}")
