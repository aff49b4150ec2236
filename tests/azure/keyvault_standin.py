"""A stand-in for Key Vault's secrets on loopback that the real SDK talks to through `Rerouted`.

It plays what the adapter uses and checks what the service checks: the challenge comes first, a
token is for the vault's audience, the version of the API is named. All else gets 400.
"""

import base64
import binascii
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from loopback import serving

TENANT = "00000000-0000-0000-0000-000000000000"
AUDIENCE = "https://vault.azure.net"
NAMES = count()


@dataclass
class Answer:
    """What goes over the wire. A body that is bytes goes as it is."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def fault(status: int, code: str, said: str, inner: str = "", **headers: str) -> Answer:
    """Return a refusal in the service's form."""
    error: dict[str, Any] = {"code": code, "message": said}
    if inner:
        error["innererror"] = {"code": inner}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": error}, named)


@dataclass
class Vault:
    """A vault with a host of its own, as the SDK remembers challenges by host.

    `faults` are answered first, in turn, to whoever has a token. Each answer takes `delay`.
    """

    host: str = field(default_factory=lambda: f"v{next(NAMES)}-kv.vault.azure.net")
    resource: str = AUDIENCE
    faults: list[Answer] = field(default_factory=list)
    asked: int = 0
    challenged: int = 0
    most_at_once: int = 0
    delay: float = 0.0
    _secrets: dict[str, tuple[str, bool]] = field(default_factory=dict)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def put(self, name: str, value: str, *, enabled: bool = True) -> None:
        """Set a secret's newest version."""
        self._secrets[name] = (value, enabled)

    def remove(self, name: str) -> None:
        """Delete a secret."""
        del self._secrets[name]

    def answer(self, method: str, url: str, headers: Any) -> Answer:
        """Answer one request."""
        if not self._authorised(headers.get("authorization", "")):
            self.challenged += 1
            challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", '
            challenge += f'resource="{self.resource}"'
            refusal = fault(401, "Unauthorized", "AKV10000: Request is missing a Bearer token.")
            refusal.headers["WWW-Authenticate"] = challenge
            return refusal
        with self._counted():
            time.sleep(self.delay)
            return self.faults.pop(0) if self.faults else self._found(method, url, headers)

    def _found(self, method: str, url: str, headers: Any) -> Answer:
        parts = urlsplit(url)
        known = method == "GET" and headers["host"] == self.host
        match parts.path.strip("/").split("/"):
            case ["secrets", name] if known and "api-version" in parse_qs(parts.query):
                return self._newest(name)
        return fault(400, "BadParameter", f"{method} {url} is not played here")

    def _newest(self, name: str) -> Answer:
        if name not in self._secrets:
            said = f"A secret with (name/id) {name} was not found in this key vault."
            return fault(404, "SecretNotFound", said)
        value, enabled = self._secrets[name]
        if not enabled:
            said = "Operation get is not allowed on a disabled secret."
            return fault(403, "Forbidden", said, "SecretDisabled")
        at = f"{self.url}/secrets/{name}/{uuid4().hex}"
        now = int(time.time())
        attributes = {"enabled": True, "created": now, "updated": now}
        return Answer(200, {"value": value, "id": at, "attributes": attributes})

    def _authorised(self, header: str) -> bool:
        try:
            claims = header.removeprefix("Bearer ").split(".")[1]
            padded = claims + "=" * (-len(claims) % 4)
            return bool(json.loads(base64.urlsafe_b64decode(padded))["aud"] == AUDIENCE)
        except (IndexError, KeyError, ValueError, binascii.Error):
            return False

    @contextmanager
    def _counted(self):
        with self._lock:
            self.asked += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        yield
        with self._lock:
            self._at_once -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    vault: Vault

    def do_GET(self) -> None:
        answer = self.vault.answer(self.command, self.path, self.headers)
        raw = isinstance(answer.body, bytes)
        content = answer.body if raw else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        sent = {"content-type": "application/json", "content-length": str(len(content))}
        for name, value in {**sent, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the test's output to itself."""


def served(vault: Vault):
    """Serve it from a thread; yield its address."""
    return serving(type("Handler", (_Handler,), {"vault": vault}))
