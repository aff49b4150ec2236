"""Cases in Cosmos DB: a document each, in a partition of its own, and an index of them in another.

The index has a small entry for each case: when it was opened, and whether it is still `open`. An
entry is written before its case becomes open and after it has ended, so that a death in between
leaves one that says open and should not, never the other way round. Readers skip an entry without
a case, and mend one whose case has ended.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pydantic import TypeAdapter

from tidegate.adapters.azure.cosmos_client import Cosmos, Document, Documents
from tidegate.model import ENDS, Case
from tidegate.ports import Conflict
from tidegate.stored import parsed, readable

DAYS = 180
CASES: dict[str, Any] = {
    "id": "cases",
    "partitionKey": {"paths": ["/partition_key"], "kind": "Hash", "version": 2},
    "defaultTtl": DAYS * 86_400,
    "indexingPolicy": {
        "indexingMode": "consistent",
        "automatic": True,
        # Only entries of the index have these: a case's document costs no more for being large.
        "includedPaths": [{"path": "/opened/?"}, {"path": "/open/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
    },
}
# No case is called so: an id has no colon.
INDEX, MARKS = "index:", "marks:"
WATERMARK = "alerts"
NEWEST = "SELECT VALUE c.id FROM c ORDER BY c.opened DESC"
OPEN = "SELECT VALUE c.id FROM c WHERE c.open = true ORDER BY c.opened"
PAGE = 1000  # entries that one answer may carry at most
CASE = TypeAdapter(Case)
ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class CosmosCases:
    """`ports.Cases` in the container `cases`. Raises BadPayload for one of more than 2 MB."""

    cosmos: Cosmos

    def get(self, case: str) -> Case | None:
        """See `ports.Cases`."""
        found = self._documents.read(case, case) if ID.match(case) else None
        return _case(found) if found else None

    def create(self, case: Case) -> bool:
        """See `ports.Cases`."""
        if not ID.match(case.id):
            raise ValueError(f"{case.id!r} cannot name a case")
        first = replace(case, version=1)
        entry = self._documents.create(_entry(first))
        made = self._documents.create(_document(first)) is None
        if made and entry is not None:  # of somebody who died before the case was there
            self._index(first)
        return made

    def save(self, case: Case) -> None:
        """See `ports.Cases`."""
        there = self._documents.read(case.id, case.id)
        if there is None or there["version"] != case.version:
            raise _conflict(case)
        after, had_ended = replace(case, version=case.version + 1), _ended(_case(there))
        if had_ended and not _ended(after):
            self._index(after)
        if not self._documents.replace(_document(after), there["_etag"]):
            raise _conflict(case)
        if _ended(after) and not had_ended:
            self._index(after)

    def newest(self, limit: int) -> list[Case]:
        """See `ports.Cases`."""
        return list(islice(self._listed(NEWEST, limit), limit))

    def unfinished(self, limit: int) -> list[Case]:
        """See `ports.Cases`."""
        return list(islice(self._unfinished(limit), limit))

    def watermark(self) -> datetime | None:
        """See `ports.Cases`."""
        found = self._documents.read(WATERMARK, MARKS)
        return datetime.fromisoformat(found["at"]) if found else None

    def advance(self, watermark: datetime) -> None:
        """See `ports.Cases`."""
        mark = {"id": WATERMARK, "partition_key": MARKS, "at": _sortable(watermark)}

        def later(there: Document | None) -> Document | None:
            return mark if there is None or there["at"] < mark["at"] else None

        self._documents.revise(WATERMARK, MARKS, later)

    def _unfinished(self, limit: int) -> Iterator[Case]:
        for case in self._listed(OPEN, limit):
            if _ended(case):
                self._index(case)
            else:
                yield case

    def _listed(self, query: str, limit: int) -> Iterator[Case]:
        names = self._documents.find(query, INDEX, min(limit, PAGE))
        yield from filter(None, readable(self.get, names))

    def _index(self, case: Case) -> None:
        """Let the index say what this version of the case does, unless it knows a later one."""
        entry = _entry(case)

        def known(there: Document | None) -> Document | None:
            return entry if there is None or there["version"] <= case.version else None

        self._documents.revise(case.id, INDEX, known)

    @property
    def _documents(self) -> Documents:
        return Documents(self.cosmos, CASES["id"])


def _document(case: Case) -> Document:
    return {
        "id": case.id,
        "partition_key": case.id,
        "version": case.version,
        "case": CASE.dump_python(case, mode="json"),
    }


def _entry(case: Case) -> Document:
    return {
        "id": case.id,
        "partition_key": INDEX,
        "version": case.version,
        "opened": _sortable(case.opened),
        "open": not _ended(case),
    }


def _case(document: Document) -> Case:
    return parsed(CASE, document["case"], f"case {document['id']}")


def _ended(case: Case) -> bool:
    return case.stage in ENDS


def _conflict(case: Case) -> Conflict:
    return Conflict(f"case {case.id} is no longer at version {case.version}")


def _sortable(time: datetime) -> str:
    """Return a time as a text that sorts as times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
