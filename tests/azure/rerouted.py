"""The seam between an Azure SDK and the network: cloud URLs that lead to stand-ins on loopback.

The SDK's policies see the cloud's https address, so tokens, scopes and retries are those of
production; a host that nobody plays raises, so no test reaches a cloud by accident.
"""

import base64
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport


class Offline(Exception):
    """A test asked for a host that nobody plays."""


class Rerouted(RequestsTransport):
    """A transport that carries requests for hosts with these suffixes to these addresses."""

    def __init__(self, hosts: Mapping[str, str], certificate: Path | None = None) -> None:
        super().__init__(**({"connection_verify": str(certificate)} if certificate else {}))
        self.hosts = hosts

    def send(self, request: Any, **options: Any) -> Any:
        asked = request.url
        request.url, request.headers["Host"] = self._local(asked)
        try:
            return super().send(request, **options)
        finally:
            request.url = asked  # retries must see the cloud's address

    def _local(self, url: str) -> tuple[str, str]:
        asked = urlsplit(url)
        for suffix, standin in self.hosts.items():
            if asked.netloc.endswith(suffix):
                to = urlsplit(standin)
                moved = (to.scheme, to.netloc, asked.path, asked.query, "")
                return urlunsplit(moved), asked.netloc
        raise Offline(url)


class Identity:
    """A credential with unsigned tokens; remembers for what it was asked."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        now = int(time.time())
        expires = now + 3600
        claims = {"aud": scopes[0].removesuffix("/.default"), "iat": now, "nbf": now}
        claims |= {"exp": expires, "iss": "https://sts.windows.net/tenant/"}
        parts = ({"alg": "none"}, claims, {})
        token = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts)
        return AccessToken(token.replace("=", ""), expires)
