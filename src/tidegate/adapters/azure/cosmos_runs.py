"""The runs of feeds in Cosmos DB: a document each, which its TTL takes after 90 days.

All of them share one logical partition. A run is one small document every few seconds at most, some
hundred megabytes in 90 days of the 20 GB that a partition holds, and every question about them is
then a query of one partition.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from pydantic import TypeAdapter

from tidegate.adapters.azure.cosmos_client import Cosmos, translated
from tidegate.model import Run, Status
from tidegate.stored import parsed, readable

DAYS = 90
RUNS: dict[str, Any] = {
    "id": "runs",
    "partitionKey": {"paths": ["/partition_key"], "kind": "Hash", "version": 2},
    "defaultTtl": DAYS * 86_400,
    "indexingPolicy": {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/feed/?"}, {"path": "/at/?"}, {"path": "/status/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
    },
}
PARTITION = "runs"
NEWEST = "SELECT VALUE c.run FROM c ORDER BY c.at DESC OFFSET 0 LIMIT @limit"
NEWEST_OF = (
    "SELECT VALUE c.run FROM c WHERE c.feed = @feed ORDER BY c.at DESC OFFSET 0 LIMIT @limit"
)
READ = (
    "SELECT VALUE c.run FROM c WHERE c.feed = @feed AND c.status = @status AND c.at <= @until"
    " ORDER BY c.at"
)
RUN = TypeAdapter(Run)
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


@dataclass(frozen=True, slots=True)
class CosmosRuns:
    """`ports.Runs` in the container `runs`."""

    cosmos: Cosmos

    def record(self, run: Run) -> None:
        """See `ports.Runs`. The same run again replaces itself."""
        document = {
            "id": run.id,
            "partition_key": PARTITION,
            "feed": run.outcome.feed,
            "at": _sortable(run.at),
            "status": run.outcome.status,
            "run": RUN.dump_python(run, mode="json"),
        }
        with translated():
            self.cosmos.patiently(lambda: self._upsert(document))

    def get(self, run: str) -> Run | None:
        """See `ports.Runs`."""
        if not ID.match(run):  # it may have come from a caller's URL
            return None
        with translated(), suppress(ResourceNotFoundError):
            found = self.cosmos.container(RUNS["id"]).read_item(run, PARTITION)
            return _run(found["run"])
        return None

    def newest(self, feed: str | None, limit: int) -> list[Run]:
        """See `ports.Runs`."""
        if feed is None:
            return self._runs(NEWEST, limit=limit)
        return self._runs(NEWEST_OF, feed=feed, limit=limit)

    def read(self, feed: str, until: datetime) -> list[Run]:
        """See `ports.Runs`."""
        return self._runs(READ, feed=feed, status=Status.OK, until=_sortable(until))

    def _upsert(self, document: dict[str, Any]) -> None:
        self.cosmos.container(RUNS["id"]).upsert_item(document)

    def _runs(self, query: str, **given: object) -> list[Run]:
        parameters = [{"name": f"@{name}", "value": value} for name, value in given.items()]
        with translated():
            found = self.cosmos.container(RUNS["id"]).query_items(
                query, parameters=parameters, partition_key=PARTITION
            )
            return list(readable(_run, found))


def _run(said: dict[str, Any]) -> Run:
    return parsed(RUN, said, f"run {said.get('id')}")


def _sortable(time: datetime) -> str:
    """Return a time as a text that sorts as times do."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
