"""One container of the stand-in: what Cosmos DB does with documents, as far as we use it.

Single documents are created, upserted, and replaced or deleted under an ETag; batches upsert and
delete. Point reads, TTL and the adapters' own queries; all else is refused with 400. It checks what
the service checks: partition keys, ids, sizes. Its charges are invented.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_OPERATIONS = 100
MOST_BYTES = 2_000_000
LONGEST_ID = 1023
FORBIDDEN = set("/\\?#")

Document = dict[str, Any]


def _newest(documents: list[Document], given: Document) -> list[Any]:
    """Return the newest runs first, as many as asked for."""
    newest = sorted(documents, key=lambda doc: doc["at"], reverse=True)
    return [doc["run"] for doc in newest[: given["@limit"]]]


def _of(documents: list[Document], given: Document, name: str) -> list[Document]:
    """Return the documents in which a property is as asked for."""
    return [doc for doc in documents if doc[name] == given[f"@{name}"]]


def _until(documents: list[Document], given: Document) -> list[Any]:
    """Return the runs up to a time, oldest first."""
    found = [doc for doc in _of(documents, given, "status") if doc["at"] <= given["@until"]]
    return [doc["run"] for doc in sorted(found, key=lambda doc: doc["at"])]


def _begun(documents: list[Document]) -> list[Document]:
    """Return the documents in the order in which they were begun; equal ones come as it happens."""
    return sorted(documents, key=lambda doc: doc["begun"], reverse=True)[::-1]


def _listed(documents: list[Document], *, backwards: bool = False) -> list[str]:
    """Return the ids of the documents that have been opened, in that order."""
    opened = [doc for doc in documents if "opened" in doc]
    return [doc["id"] for doc in sorted(opened, key=lambda doc: doc["opened"], reverse=backwards)]


RUN = "SELECT VALUE c.run FROM c"
NEWEST = "ORDER BY c.at DESC OFFSET 0 LIMIT @limit"
# No query language: each query of the adapters, letter by letter, and what it finds.
QUERIES: dict[str, Callable[[list[Document], Document], list[Any]]] = {
    "SELECT * FROM c WHERE c.indicator = @indicator": lambda docs, given: _of(
        docs, given, "indicator"
    ),
    f"{RUN} {NEWEST}": _newest,
    f"{RUN} WHERE c.feed = @feed {NEWEST}": lambda docs, given: _newest(
        _of(docs, given, "feed"), given
    ),
    f"{RUN} WHERE c.feed = @feed AND c.status = @status AND c.at <= @until ORDER BY c.at": (
        lambda docs, given: _until(_of(docs, given, "feed"), given)
    ),
    "SELECT VALUE c.id FROM c ORDER BY c.opened DESC": lambda docs, _: _listed(
        docs, backwards=True
    ),
    "SELECT VALUE c.id FROM c WHERE c.open = true ORDER BY c.opened": lambda docs, _: _listed(
        [doc for doc in docs if doc.get("open") is True]
    ),
    "SELECT * FROM c ORDER BY c.begun": lambda docs, _: _begun(docs),
}


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
class Answer:
    """A status, a body as JSON, and what it costs."""

    status: int
    body: Any
    charge: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Container:
    """A container: its definition as the resource provider spells it, and its partitions."""

    definition: Document
    now: Callable[[], float] = time.time
    parts: dict[str, dict[str, Document]] = field(default_factory=dict)

    def lives(self, document: Document) -> bool:
        """Tell whether its TTL has left it."""
        ttl = document.get("ttl", self.definition["defaultTtl"])
        return ttl == -1 or document["_ts"] + ttl > self.now()

    def documents(self) -> dict[str, Document]:
        """Return every living document by id."""
        found = [doc for part in self.parts.values() for doc in part.values()]
        return {doc["id"]: doc for doc in found if self.lives(doc)}

    def work(
        self, partition: str, headers: Any, asked: Any, body: bytes, fault: Fault | None
    ) -> Answer:
        """Do what a request about documents asks for."""
        _sized(body)
        if headers.get("x-ms-cosmos-is-batch-request", "").lower() == "true":
            return self._batch(partition, asked, fault)
        if headers.get("x-ms-documentdb-isquery", "").lower() == "true":
            return self._query(partition, asked)
        if headers.get("x-ms-documentdb-is-upsert", "").lower() != "true":
            self._check(partition, asked)
            if self._living(partition, asked["id"]):
                raise Refused(409, "Entity with the specified id already exists in the system")
        return self._written(partition, asked)

    def read(self, partition: str, name: str) -> Answer:
        """Answer a point read."""
        return Answer(200, self._found(partition, name), 1.0)

    def replace(self, partition: str, name: str, headers: Any, body: bytes) -> Answer:
        """Write over a document, if it is the one that is meant."""
        _sized(body)
        self._meant(partition, name, headers)
        document = json.loads(body)
        if document.get("id") != name:
            raise Refused(400, "The id in the document doesn't match the one in the address")
        return self._written(partition, document)

    def delete(self, partition: str, name: str, headers: Any) -> Answer:
        """Delete a document, if it is the one that is meant."""
        self._meant(partition, name, headers)
        del self.parts[partition][name]
        return Answer(204, None, 5.0)

    def _living(self, partition: str, name: str) -> Document | None:
        document = self.parts.get(partition, {}).get(name)
        return document if document is not None and self.lives(document) else None

    def _found(self, partition: str, name: str) -> Document:
        document = self._living(partition, name)
        if document is None:
            raise Refused(404, "Resource Not Found")
        return document

    def _meant(self, partition: str, name: str, headers: Any) -> None:
        etag = headers.get("if-match")
        if etag is None:
            raise Refused(400, "only writes under an ETag are played here")
        if self._found(partition, name)["_etag"] != etag:
            raise Refused(412, "One of the specified pre-condition is not met")

    def _written(self, partition: str, document: Document) -> Answer:
        done = self._upsert(self.parts.setdefault(partition, {}), partition, document)
        return Answer(done["statusCode"], None, done["requestCharge"])

    def _query(self, partition: str, asked: Document) -> Answer:
        play = QUERIES.get(asked["query"])
        if play is None:
            raise Refused(400, f"this query is not played here: {asked['query']}")
        given = {one["name"]: one["value"] for one in asked.get("parameters", ())}
        living = [doc for doc in self.parts.get(partition, {}).values() if self.lives(doc)]
        found = play(living, given)
        charge = round(2.3 + 0.1 * len(found), 2)
        return Answer(200, {"_rid": "AAAA", "Documents": found, "_count": len(found)}, charge)

    def _batch(self, partition: str, operations: list[Document], fault: Fault | None) -> Answer:
        if len(operations) > MOST_OPERATIONS:
            raise Refused(400, "more operations in a batch than supported")
        part = dict(self.parts.get(partition, {}))
        done: list[Document] = []
        for index, operation in enumerate(operations):
            try:
                if fault is not None and fault.operation == index:
                    fault.strike()
                done.append(self._operate(part, partition, operation))
            except Refused as no:
                return _undone(operations, done, no)
        self.parts[partition] = part
        return Answer(200, done, round(sum(one["requestCharge"] for one in done), 2))

    def _operate(self, part: dict[str, Document], key: str, operation: Document) -> Document:
        match operation:
            case {"operationType": "Upsert", "resourceBody": document}:
                return self._upsert(part, key, document)
            case {"operationType": "Delete", "id": name}:
                document = part.pop(name, None)
                if document is None or not self.lives(document):
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
        if document.get(self.definition["partitionKey"]["paths"][0].strip("/")) != key:
            raise Refused(400, "PartitionKey extracted from document doesn't match the header")
        if not isinstance(ttl, int) or not (ttl == -1 or 0 < ttl < 2**31):
            raise Refused(400, "The input ttl is invalid")


def _sized(body: bytes) -> None:
    if len(body) > MOST_BYTES:
        raise Refused(413, "Request size is too large")


def _undone(operations: list[Document], done: list[Document], no: Refused) -> Answer:
    answers = [{"statusCode": 424, "requestCharge": 0} for _ in operations]
    answers[len(done)] = {"statusCode": no.status, "requestCharge": 0, "message": str(no)}
    charge = round(1 + sum(one["requestCharge"] for one in done), 2)
    return Answer(207, answers, charge, no.headers)
