"""A stand-in for Cosmos DB on loopback that the real SDK talks to: one database of containers.

It plays what the adapters use and refuses all else with 400: a stand-in that nearly answers is
worse than none. It checks what the service checks: signature or token audience, and what
`cosmos_container` does with documents. Its request charges are invented.
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cosmos_container import Answer, Container, Document, Fault, Refused
from loopback import serving


@dataclass
class Seen:
    """One request about documents, as it was answered."""

    status: int
    operations: int
    bytes: int
    charge: float
    verb: str


@dataclass
class Standin:
    """The account: one database and its containers. `now` is its clock, for TTL."""

    definitions: list[Document]
    database: str = "tidegate"
    host: str = "acct.documents.azure.com"
    now: Callable[[], float] = time.time
    delay: float = 0.0
    key: str = field(default_factory=lambda: base64.b64encode(os.urandom(64)).decode())
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.containers = {one["id"]: Container(one, self.now) for one in self.definitions}

    # --- what tests look at -------------------------------------------------------------------

    def documents(self, container: str = "indicators") -> dict[str, Document]:
        """Return every living document of a container by id."""
        with self._lock:
            return self.containers[container].documents()

    @property
    def charged(self) -> float:
        """What all requests about documents were charged."""
        return sum(request.charge for request in self.seen)

    # --- the wire -----------------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Answer one request."""
        self._authorise(method, path, headers)
        if method == "GET" and path == "/":
            return Answer(200, self._account())
        match [urllib.parse.unquote(part) for part in path.strip("/").split("/")]:
            case ["dbs", self.database, "colls", name, *rest] if name in self.containers:
                return self._within(self.containers[name], method, rest, headers, body)
        raise Refused(404 if path.startswith("/dbs/") else 400, f"{path} is not here")

    def _within(
        self, container: Container, method: str, rest: list[str], headers: Any, body: bytes
    ) -> Answer:
        match method, rest:
            case "GET", []:
                found = {**container.definition, "_rid": "AAAA", "_self": "dbs/x/colls/y/"}
                return Answer(200, found)
            case "GET", ["docs", name]:
                work = lambda _: container.read(_partition(headers), name)  # noqa: E731
                return self._counted_answer("read", 1, b"", work)
            case "PUT", ["docs", name]:
                work = lambda _: container.replace(_partition(headers), name, headers, body)  # noqa: E731
                return self._counted_answer("replace", 1, body, work)
            case "DELETE", ["docs", name]:
                work = lambda _: container.delete(_partition(headers), name, headers)  # noqa: E731
                return self._counted_answer("delete", 1, b"", work)
            case "POST", ["docs"]:
                return self._about_documents(container, headers, body)
        raise Refused(400, f"{method} of {rest} is not played here")

    def _about_documents(self, container: Container, headers: Any, body: bytes) -> Answer:
        asked = json.loads(body)
        batch = isinstance(asked, list)
        upsert = "x-ms-documentdb-is-upsert" in headers
        single = "query" if "query" in asked else "upsert" if upsert else "create"
        verb = "batch" if batch else single
        return self._counted_answer(
            verb,
            len(asked) if batch else 1,
            body,
            lambda fault: container.work(_partition(headers), headers, asked, body, fault),
        )

    def _counted_answer(
        self, verb: str, operations: int, body: bytes, work: Callable[[Fault | None], Answer]
    ) -> Answer:
        with self._counted():
            time.sleep(self.delay)
            with self._lock:
                answer = self._one(work)
        self.seen.append(Seen(answer.status, operations, len(body), answer.charge, verb))
        return answer

    @contextmanager
    def _counted(self):
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        yield
        with self._lock:
            self._at_once -= 1

    def _one(self, work: Callable[[Fault | None], Answer]) -> Answer:
        fault = self._fault()
        try:
            if fault is None or fault.operation is not None:
                return work(fault)
            if fault.after:
                work(None)
            fault.strike()
        except Refused as no:
            # A refused request is charged, too: a little.
            return Answer(no.status, {"code": "Refused", "message": str(no)}, 0.38, no.headers)

    def _fault(self) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.times > 0), None)
        if fault is None or fault.skip == 0:
            return fault
        fault.skip -= 1
        return None

    def _account(self) -> Document:
        where = [{"name": "Local", "databaseAccountEndpoint": f"https://{self.host}/"}]
        return {
            "id": "local",
            "_self": "",
            "writableLocations": where,
            "readableLocations": where,
            "enableMultipleWriteLocations": False,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            "queryEngineConfiguration": "{}",
        }

    def _authorise(self, method: str, path: str, headers: Any) -> None:
        given = urllib.parse.unquote(headers.get("authorization", ""))
        fields = dict(part.split("=", 1) for part in given.split("&") if "=" in part)
        right = {
            "aad": self._audience,
            "master": lambda sig: self._signed(sig, method, path, headers),
        }
        check = right.get(fields.get("type", ""))
        if headers.get("host") != self.host or check is None or not check(fields.get("sig", "")):
            raise Refused(401, "The input authorization token can't serve the request.")

    def _audience(self, token: str) -> bool:
        claims = token.split(".")[1]
        padded = claims + "=" * (-len(claims) % 4)
        return bool(json.loads(base64.urlsafe_b64decode(padded))["aud"] == f"https://{self.host}")

    def _signed(self, signature: str, method: str, path: str, headers: Any) -> bool:
        parts = [urllib.parse.unquote(part) for part in path.split("/") if part]
        listed = len(parts) % 2 == 1
        kind = "" if not parts else parts[-1] if listed else parts[-2]
        link = "/".join(parts[:-1] if listed else parts)
        date = headers.get("x-ms-date", "").lower()
        text = f"{method.lower()}\n{kind.lower()}\n{link}\n{date}\n\n"
        mac = hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(base64.b64encode(mac).decode(), signature)


def _partition(headers: Any) -> str:
    given = headers.get("x-ms-documentdb-partitionkey")
    if given is None or headers.get("x-ms-start-epk"):
        raise Refused(400, "only requests to one partition are played here")
    return json.loads(given)[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    standin: Standin

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base's names; others get its 501

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        try:
            answer = self.standin.answer(self.command, path, self.headers, body)
        except Refused as no:
            answer = Answer(no.status, {"code": "Refused", "message": str(no)}, 0, no.headers)
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(content)),
            "x-ms-request-charge": str(answer.charge),
            "x-ms-activity-id": str(uuid.uuid4()),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the test's output to itself."""


def served(standin: Standin):
    """Serve it from a thread; yield its address, on a port that no server had before."""
    return serving(type("Handler", (_Handler,), {"standin": standin}))
