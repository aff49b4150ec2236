"""The ledger in Cosmos DB: a document for each key, in the partition of its scope."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tidegate.adapters.azure.cosmos_client import Cosmos, Document, Documents
from tidegate.ports import Entry

DAYS = 180
LEDGER: dict[str, Any] = {
    "id": "ledger",
    "partitionKey": {"paths": ["/partition_key"], "kind": "Hash", "version": 2},
    "defaultTtl": DAYS * 86_400,
    "indexingPolicy": {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/begun/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
    },
}
OF = "SELECT * FROM c ORDER BY c.begun"
# Nothing in it that an id must not have, which is `/\?#`.
KEY = re.compile(r"(?=.{3,400}\Z)[A-Za-z0-9._-]+:[A-Za-z0-9._:-]+\Z")


@dataclass(frozen=True, slots=True)
class CosmosLedger:
    """`ports.Ledger` in the container `ledger`. An entry is forgotten 180 days after it changed."""

    cosmos: Cosmos
    _turns: "count[int]" = field(default_factory=count, init=False)

    def begin(self, key: str, owner: str, now: datetime) -> Entry | None:
        """See `ports.Ledger`."""
        if not KEY.match(key):
            raise ValueError(f"{key!r} is no key of the ledger")
        document = _document(Entry(key, owner, now)) | {"begun": self._turn(now)}
        there = self._documents.create(document)
        return _entry(there) if there else None

    def get(self, key: str) -> Entry | None:
        """See `ports.Ledger`."""
        found = self._read(key)
        return _entry(found) if found else None

    def finish(self, key: str, result: str, now: datetime) -> None:
        """See `ports.Ledger`."""

        def finished(there: Document | None) -> Document | None:
            if there is None:
                return None
            done = Entry(key, there["owner"], now, done=True, result=result)
            return _document(done) | {"begun": there["begun"]}

        self._documents.revise(key, _scope(key), finished)

    def forget(self, entry: Entry) -> None:
        """See `ports.Ledger`."""
        found = self._read(entry.key)
        if found and _entry(found) == entry:
            self._documents.delete(found)

    def of(self, scope: str) -> list[Entry]:
        """See `ports.Ledger`."""
        return [_entry(document) for document in self._documents.find(OF, scope)]

    def _read(self, key: str) -> Document | None:
        return self._documents.read(key, _scope(key)) if KEY.match(key) else None

    def _turn(self, now: datetime) -> str:
        """Return a text that sorts as entries were begun, those of one moment, too."""
        return f"{_text(now)} {next(self._turns):012}"

    @property
    def _documents(self) -> Documents:
        return Documents(self.cosmos, LEDGER["id"])


def _scope(key: str) -> str:
    return key.partition(":")[0]


def _document(entry: Entry) -> Document:
    return {
        "id": entry.key,
        "partition_key": _scope(entry.key),
        "owner": entry.owner,
        "at": _text(entry.at),
        "done": entry.done,
        "result": entry.result,
    }


def _entry(document: Document) -> Entry:
    at = datetime.fromisoformat(document["at"])
    return Entry(document["id"], document["owner"], at, document["done"], document["result"])


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
