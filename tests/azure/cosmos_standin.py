"""A stand-in for Cosmos DB on loopback that the real SDK talks to: one container of documents.

It plays what the adapter uses, upserts, transactional batches, TTL and one query, and refuses all
else with 400: a stand-in that nearly answers is worse than none. It checks what the service checks:
signature or token audience, partition keys, ids, sizes. Its request charges are invented.
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_OPERATIONS = 100
MOST_BYTES = 2_000_000
LONGEST_ID = 1023
FORBIDDEN = set("/\\?#")
QUERY = "SELECT * FROM c WHERE c.indicator = @indicator"
SLICE = 0.002

Document = dict[str, Any]


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, said: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.headers = headers or {}


@dataclass
class Fault:
    """Refuse `times` document requests so, after `skip`; with `operation`, that one of a batch."""

    status: int
    times: int = 1
    skip: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    operation: int | None = None
    after: bool = False  # the work is done, and the answer is lost

    def strike(self) -> None:
        """Refuse once."""
        self.times -= 1
        raise Refused(self.status, "injected", self.headers)


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
    """The account: one database, one container. `now` is its clock, for TTL."""

    container: Document
    database: str = "tidegate"
    host: str = "acct.documents.azure.com"
    now: Callable[[], float] = time.time
    delay: float = 0.0
    key: str = field(default_factory=lambda: base64.b64encode(os.urandom(64)).decode())
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- what tests look at -------------------------------------------------------------------

    def documents(self) -> dict[str, Document]:
        """Return every living document by id."""
        with self._lock:
            found = [doc for part in self._documents.values() for doc in part.values()]
        return {doc["id"]: doc for doc in found if self._lives(doc)}

    @property
    def charged(self) -> float:
        """What all requests about documents were charged."""
        return sum(request.charge for request in self.seen)

    def _lives(self, document: Document) -> bool:
        ttl = document.get("ttl", self.container["defaultTtl"])
        return ttl == -1 or document["_ts"] + ttl > self.now()

    # --- the wire -----------------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> "Answer":
        """Answer one request."""
        self._authorise(method, path, headers)
        collection = f"/dbs/{self.database}/colls/{self.container['id']}"
        if method == "GET" and path == "/":
            return Answer(200, self._account())
        if method == "GET" and path.rstrip("/") == collection:
            return Answer(200, {**self.container, "_rid": "AAAA", "_self": "dbs/x/colls/y/"})
        if method == "POST" and path.rstrip("/") == f"{collection}/docs":
            return self._about_documents(headers, body)
        if path.startswith("/dbs/"):
            missing = not path.startswith(collection)
            raise Refused(404 if missing else 400, f"{method} {path} is not played here")
        raise Refused(400, f"{method} {path} is not played here")

    def _about_documents(self, headers: Any, body: bytes) -> "Answer":
        asked = json.loads(body)
        operations = len(asked) if isinstance(asked, list) else 1
        with self._counted():
            time.sleep(self.delay)
            with self._lock:
                answer = self._one(headers, asked, body)
        verb = "batch" if isinstance(asked, list) else "query" if "query" in asked else "upsert"
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

    def _one(self, headers: Any, asked: Any, body: bytes) -> "Answer":
        fault = self._fault()
        try:
            if fault is None or fault.operation is not None:
                return self._work(headers, asked, body, fault)
            if fault.after:
                self._work(headers, asked, body, None)
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

    def _work(self, headers: Any, asked: Any, body: bytes, fault: Fault | None) -> "Answer":
        partition = _partition(headers)
        if len(body) > MOST_BYTES:
            raise Refused(413, "Request size is too large")
        if headers.get("x-ms-cosmos-is-batch-request", "").lower() == "true":
            return self._batch(partition, asked, fault)
        if headers.get("x-ms-documentdb-isquery", "").lower() == "true":
            return self._query(partition, asked)
        if headers.get("x-ms-documentdb-is-upsert", "").lower() == "true":
            part = self._documents.setdefault(partition, {})
            done = self._upsert(part, partition, asked)
            return Answer(done["statusCode"], None, done["requestCharge"])
        raise Refused(400, "of single documents only upserts are played here")

    def _query(self, partition: str, asked: Document) -> "Answer":
        if asked["query"] != QUERY:
            raise Refused(400, f"this query is not played here: {asked['query']}")
        wanted = asked["parameters"][0]["value"]
        part = self._documents.get(partition, {}).values()
        found = [doc for doc in part if self._lives(doc) and doc["indicator"] == wanted]
        charge = round(2.3 + 0.1 * len(found), 2)
        return Answer(200, {"_rid": "AAAA", "Documents": found, "_count": len(found)}, charge)

    def _batch(self, partition: str, operations: list[Document], fault: Fault | None) -> "Answer":
        if len(operations) > MOST_OPERATIONS:
            raise Refused(400, "more operations in a batch than supported")
        part = dict(self._documents.get(partition, {}))
        done: list[Document] = []
        for index, operation in enumerate(operations):
            try:
                if fault is not None and fault.operation == index:
                    fault.strike()
                done.append(self._operate(part, partition, operation))
            except Refused as no:
                return _undone(operations, done, no)
        self._documents[partition] = part
        return Answer(200, done, round(sum(one["requestCharge"] for one in done), 2))

    def _operate(self, part: dict[str, Document], key: str, operation: Document) -> Document:
        match operation:
            case {"operationType": "Upsert", "resourceBody": document}:
                return self._upsert(part, key, document)
            case {"operationType": "Delete", "id": name}:
                document = part.pop(name, None)
                if document is None or not self._lives(document):
                    raise Refused(404, "Entity with the specified id does not exist")
                return {"statusCode": 204, "requestCharge": 5.0}
        raise Refused(400, f"{operation.get('operationType')} is not played here")

    def _upsert(self, part: dict[str, Document], key: str, document: Document) -> Document:
        self._check(key, document)
        new = document["id"] not in part
        part[document["id"]] = {**document, "_ts": int(self.now()), "_etag": str(uuid.uuid4())}
        charge = round(5 + len(json.dumps(document)) / 1024, 2)
        return {"statusCode": 201 if new else 200, "requestCharge": charge}

    def _check(self, key: str, document: Document) -> None:
        name, ttl = document.get("id"), document.get("ttl", -1)
        if not isinstance(name, str) or not 0 < len(name.encode()) <= LONGEST_ID:
            raise Refused(400, "The input name is invalid")
        if set(name) & FORBIDDEN or name != name.strip():
            raise Refused(400, "The input name contains an illegal character")
        if document.get(self.container["partitionKey"]["paths"][0].strip("/")) != key:
            raise Refused(400, "PartitionKey extracted from document doesn't match the header")
        if not isinstance(ttl, int) or not (ttl == -1 or 0 < ttl < 2**31):
            raise Refused(400, "The input ttl is invalid")

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


@dataclass
class Answer:
    """A status, a body as JSON, and what it costs."""

    status: int
    body: Any
    charge: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


def _partition(headers: Any) -> str:
    given = headers.get("x-ms-documentdb-partitionkey")
    if given is None or headers.get("x-ms-start-epk"):
        raise Refused(400, "only requests to one partition are played here")
    return json.loads(given)[0]


def _undone(operations: list[Document], done: list[Document], no: Refused) -> Answer:
    answers = [{"statusCode": 424, "requestCharge": 0} for _ in operations]
    answers[len(done)] = {"statusCode": no.status, "requestCharge": 0, "message": str(no)}
    charge = round(1 + sum(one["requestCharge"] for one in done), 2)
    return Answer(207, answers, charge, no.headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    standin: Standin

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_GET  # noqa: N815 - the base's names; other methods get its 501

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


@contextmanager
def served(standin: Standin):
    """Serve it from a thread; yield its address, on a port that no server had before."""
    handler = type("Handler", (_Handler,), {"standin": standin})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(SLICE,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
