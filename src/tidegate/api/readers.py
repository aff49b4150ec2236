"""Who may read what is published: firewalls and clients that can do no more than HTTP Basic."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus

from fastapi import HTTPException, Request
from pydantic import SecretStr

from tidegate.api.guards import May
from tidegate.api.problems import problems
from tidegate.model import Tlp
from tidegate.sharing import OTHERS, OWN_TENANT

ASKED = {"WWW-Authenticate": 'Basic realm="Tidegate", charset="UTF-8"'}
REFUSED = {
    401: "A reader's name and password are needed, as HTTP Basic, or the password as a bearer.",
    403: "This is not for this caller.",
}
GUARDED = problems(REFUSED)


@dataclass(frozen=True, slots=True)
class Doors:
    """Who comes in: the house's own `readers`, its `partners`, by name and password.

    Where there are no readers, whoever `may` counts as one.
    """

    may: May
    readers: Mapping[str, SecretStr] = field(default_factory=dict)
    partners: Mapping[str, SecretStr] = field(default_factory=dict)


def audience(doors: Doors) -> Callable[[Request], None]:
    """Return the dependency that lets readers and partners in, and notes which of them it is."""

    def admit(request: Request) -> None:
        request.state.reach = _reach(request, doors)

    return admit


def reach(request: Request) -> Tlp:
    """Return how strictly marked what is told to the caller may be, once `audience` knows."""
    found: Tlp = request.state.reach
    return found


def ours(doors: Doors) -> Callable[[Request], None]:
    """Return the dependency of what is for the house's own readers alone."""

    def check(request: Request) -> None:
        if _reach(request, doors) is not OWN_TENANT:
            raise HTTPException(HTTPStatus.FORBIDDEN, "this is not for partners")

    return check


def knows(request: Request, readers: Mapping[str, SecretStr]) -> bool:
    """Whether the caller shows the password of one of these."""
    return _known(_shown(request.headers.get("authorization", "")), readers)


def _reach(request: Request, doors: Doors) -> Tlp:
    shown = _shown(request.headers.get("authorization", ""))
    # Both are looked at whatever the first one says: time tells nothing.
    reader, partner = _known(shown, doors.readers), _known(shown, doors.partners)
    if reader or (not doors.readers and doors.may(request)):
        return OWN_TENANT
    if partner:
        return OTHERS
    if doors.readers or doors.partners:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "a reader's password is needed", ASKED)
    raise HTTPException(HTTPStatus.FORBIDDEN, "this needs permission")


def _shown(header: str) -> tuple[str | None, str]:
    """Return the name and password that a header shows; a bearer shows no name."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return None, rest.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


def _known(shown: tuple[str | None, str], known: Mapping[str, SecretStr]) -> bool:
    name, password = shown
    given, matches = _digest(password), 0
    for one, secret in known.items():
        same = compare_digest(given, _digest(secret.get_secret_value()))
        matches += same & (name is None or compare_digest(_digest(name), _digest(one)))
    return bool(matches)


def _digest(text: str) -> bytes:
    # Of one length, whatever is shown.
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
