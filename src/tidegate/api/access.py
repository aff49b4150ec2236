"""Who may do what with the map, and who it is that asks."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import HTTPException, Request
from pydantic import SecretStr

from tidegate.api.guards import May
from tidegate.api.limits import caller
from tidegate.api.readers import ASKED, knows

PRINCIPAL = "x-ms-client-principal"
LONGEST = 16_384  # characters of a principal; a token with many groups has thousands


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read, may refresh, and may do so by `force`. `readers` read by their passwords.

    `who` names a caller, so that one cannot use up what is there for all. What is `public` may lie
    in any cache.
    """

    read: May
    refresh: May
    force: May
    readers: Mapping[str, SecretStr] = field(default_factory=dict)
    who: Callable[[Request], str] = caller
    public: bool = False


def open_to(may: May) -> Access:
    """Let those who may do everything."""
    return Access(may, may, may)


def reading(access: Access) -> Callable[[Request], None]:
    """Return the dependency of what only those who may read are told."""

    def check(request: Request) -> None:
        if access.read(request) or knows(request, access.readers):
            return
        if access.readers:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "a reader's password is needed", ASKED)
        raise HTTPException(HTTPStatus.FORBIDDEN, "this needs permission")

    return check


def roles(principal: str) -> frozenset[str]:
    """Return the roles in a principal as App Service and Static Web Apps describe one.

    Only the platform may have said so: whoever calls this has made sure of that.
    """
    try:
        told = orjson.loads(base64.b64decode(principal, validate=True))
    except (binascii.Error, ValueError):
        return frozenset()
    if not isinstance(told, dict) or len(principal) > LONGEST:
        return frozenset()
    return frozenset([*_claimed(told), *_texts(told.get("userRoles"))])


def _claimed(told: Mapping[str, Any]) -> list[str]:
    named = {told.get("role_typ"), "roles"}
    claims = told.get("claims")
    found = [one for one in claims if isinstance(one, dict)] if isinstance(claims, list) else []
    return _texts([one.get("val") for one in found if one.get("typ") in named])


def _texts(values: object) -> list[str]:
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
