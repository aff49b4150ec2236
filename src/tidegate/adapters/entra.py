"""Bearer tokens of Entra ID, and an `Http` that carries them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Unpack

from tidegate.adapters.theirs import Theirs, read
from tidegate.ports import Asked, BadPayload, Clock, Http, Response, SourceDown

DEFENDER_SCOPE = "https://api.securitycenter.microsoft.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
UNAUTHORIZED = 401
EARLY = timedelta(minutes=5)  # a token is renewed before it ends, as clocks differ


class _Answer(Theirs):
    access_token: str
    expires_in: int = 3600


@dataclass
class ClientCredentials:
    """An application's tokens for one scope, from the tenant's token endpoint."""

    http: Http
    endpoint: str
    client: str
    secret: str = field(repr=False)
    scope: str
    clock: Clock
    _token: str = field(default="", init=False, repr=False)
    _until: datetime | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def token(self, *, instead_of: str | None = None) -> str:
        """Return a token that still holds, and is not the one that was just refused."""
        with self._lock:
            if self._until is None or self.clock() >= self._until or self._token == instead_of:
                self._renew()
            return self._token

    def _renew(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_secret": self.secret,
            "scope": self.scope,
        }
        try:
            answer = read(_Answer, self.http.request("POST", self.endpoint, data=form))
        except BadPayload as error:
            # A rotated secret is mended by a person, not by giving up the case.
            raise SourceDown(f"no token: {error}") from error
        self._token = answer.access_token
        life = timedelta(seconds=answer.expires_in)
        self._until = self.clock() + max(life - EARLY, life / 2)


@dataclass(frozen=True)
class Authorized:
    """`ports.Http` that sends the token along: one refresh on 401, then it gives up."""

    http: Http
    tokens: ClientCredentials

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
