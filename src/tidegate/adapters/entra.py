"""Bearer tokens of Entra ID, and an `Http` that carries them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, Unpack

from pydantic import Field, SecretStr

from tidegate.adapters.fixed import FixedSecret
from tidegate.adapters.theirs import Items, Theirs, read
from tidegate.ports import Asked, BadPayload, Clock, Http, Response, Secret, SourceDown

DEFENDER_SCOPE = "https://api.securitycenter.microsoft.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
BAD_REQUEST, UNAUTHORIZED = 400, 401
REFUSALS = (BAD_REQUEST, UNAUTHORIZED)
EARLY = timedelta(minutes=5)  # a token is renewed before it ends, as clocks differ
DAY = 86_400  # no token holds longer


class Tokens(Protocol):
    """Bearer tokens for one API."""

    def token(self, *, instead_of: str | None = None) -> str:
        """Return a token that still holds, and is not the one that was just refused.

        Raises SourceDown where there is none.
        """
        ...


class _Answer(Theirs):
    access_token: str = Field(min_length=1)
    expires_in: int = Field(3600, ge=0)


class _Fault(Theirs):
    error: str | None = None
    error_codes: Items[int] = ()


@dataclass
class ClientCredentials:
    """`Tokens` of an application with a secret, from the tenant's token endpoint.

    `http` is a plain client: one that sends tokens along would ask itself for them. `secret` may
    be rotated while we run: one that is refused is read anew, once.
    """

    http: Http
    endpoint: str
    client: str
    secret: str | Secret = field(repr=False)
    scope: str
    clock: Clock
    _token: str = field(default="", init=False, repr=False)
    _until: datetime | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.http, Authorized):
            raise TypeError("tokens are asked for without a token")

    def token(self, *, instead_of: str | None = None) -> str:
        """See `Tokens`."""
        with self._lock:
            if self._until is None or self.clock() >= self._until or self._token == instead_of:
                self._renew()
            return self._token

    def _renew(self) -> None:
        try:
            answer = self._issued()
        except BadPayload as error:
            # A wrong secret is mended by a person, not by giving up the case.
            raise SourceDown(f"no token: {error}") from error
        self._token = answer.access_token
        life = timedelta(seconds=min(answer.expires_in, DAY))
        self._until = self.clock() + max(life - EARLY, life / 2)

    def _issued(self) -> _Answer:
        given = self.secret
        secret = FixedSecret(SecretStr(given)) if isinstance(given, str) else given
        used = secret.value()
        answer = self._asked(used)
        if answer.status == UNAUTHORIZED and (other := secret.renewed(used)) != used:
            answer = self._asked(other)
        if answer.status in REFUSALS:
            raise BadPayload(_refusal(answer))
        return read(_Answer, answer)

    def _asked(self, secret: str) -> Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_secret": secret,
            "scope": self.scope,
        }
        return self.http.request("POST", self.endpoint, data=form, expect=REFUSALS)


def _refusal(answer: Response) -> str:
    """Say what Entra refused, by its codes: AADSTS7000215 is a wrong secret, say."""
    try:
        fault = read(_Fault, answer)
    except BadPayload:  # a proxy's page, say
        fault = _Fault()
    error = [repr(fault.error[:100])] if fault.error else []
    return " ".join([str(answer.status), *error, *(f"AADSTS{n}" for n in fault.error_codes[:3])])


@dataclass(frozen=True)
class Authorized:
    """`ports.Http` that sends the token along: one refresh on 401, then it gives up."""

    http: Http
    tokens: Tokens

    def request(self, method: str, url: str, **asked: Unpack[Asked]) -> Response:
        """See `ports.Http`. Raises SourceDown when the fresh token is refused as well."""
        token = self.tokens.token()
        answer = self._with(token, method, url, asked)
        if answer.status == UNAUTHORIZED:
            answer = self._with(self.tokens.token(instead_of=token), method, url, asked)
        if answer.status == UNAUTHORIZED:
            raise SourceDown("a fresh token was refused")
        return answer

    def _with(self, token: str, method: str, url: str, asked: Asked) -> Response:
        headers = {**(asked.get("headers") or {}), "authorization": f"Bearer {token}"}
        expect = (*asked.get("expect", ()), UNAUTHORIZED)
        sent: Asked = {**asked, "headers": headers, "expect": expect}
        return self.http.request(method, url, **sent)

    def download(
        self, url: str, to: Path, *, headers: Mapping[str, str] | None = None, max_bytes: int
    ) -> Response:
        """See `ports.Http`. Downloads are by signed link; a token has no business there."""
        return self.http.download(url, to, headers=headers, max_bytes=max_bytes)
