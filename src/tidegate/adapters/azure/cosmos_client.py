"""Cosmos DB over the wire: what is retried, what is counted, what is raised.

The SDK retries 429 nine times, as the service asks, and 503 once. It never retries 408 and 449 on
writes, nor a batch in which one operation was throttled; ours may be repeated, so we do.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock, Semaphore
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import HttpTransport
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosResourceExistsError,
)

from tidegate.adapters.azure.cosmos_batches import Batch
from tidegate.adapters.azure.cosmos_documents import INDICATORS, LOOK_UP
from tidegate.model import partition_key
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

Headers = Mapping[str, str]
Count = Callable[[Headers], None]
Document = dict[str, Any]
T = TypeVar("T")

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT = 401, 403, 404, 408
GONE, TOO_MANY, RETRY_WITH, SERVER = 410, 429, 449, 500
# What a person has to mend (a key, a role, a firewall) is no reason to give anything up.
LATER = {UNAUTHORIZED, FORBIDDEN, TIMED_OUT, GONE, RETRY_WITH}
TRIES = 5
RACES = 20  # how often a lost race is run again
GONE_BY = CosmosAccessConditionFailedError, ResourceNotFoundError
RETRY_AFTER = "x-ms-retry-after-ms"
UNTOLD = timedelta(minutes=1)  # how long to wait when the service does not say


def _uncounted(_: Headers) -> None:
    """Let what an answer cost go."""


@dataclass
class Cosmos:
    """A database, reached when first asked. Safe for threads. `credential` may be a key.

    `transport` stands between the SDK and the network; a test's leads to a stand-in.
    """

    url: str
    credential: TokenCredential | str = field(repr=False)
    database: str = "tidegate"
    transport: HttpTransport[Any, Any] | None = None
    sleep: Callable[[float], None] = time.sleep
    _client: CosmosClient | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def container(self, name: str) -> ContainerProxy:
        """Return a container. Raises the SDK's errors: it asks the account where it lives."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
        return self._client.get_database_client(self.database).get_container_client(name)

    def patiently(self, work: Callable[[], T]) -> T:
        """Do what may be repeated, again and again where the SDK would give up."""
        for attempt in range(1, TRIES):
            try:
                return work()
            except HttpResponseError as error:
                if not _worth_another_try(error):
                    raise
                self.sleep(max(_pause(attempt), (_told(error) or timedelta()).total_seconds()))
        return work()

    def races(self) -> Iterator[None]:
        """Yield for each time that a race may be run, with a pause before all but the first."""
        yield
        for attempt in range(1, RACES):
            self.sleep(_pause(min(attempt, TRIES)))
            yield

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()

    def _connect(self) -> CosmosClient:
        options: dict[str, Any] = {
            # The answer to a write need not carry the document back.
            "no_response_on_write": True,
            # Our batches are measured as UTF-8, and escaped text is up to three times as long.
            "enable_compact_utf8_item_writes": True,
        }
        if self.transport is not None:
            options["transport"] = self.transport
        return CosmosClient(self.url, self.credential, **options)


@dataclass
class Indicators:
    """The container `indicators`. No more than `writers` batches are under way at once."""

    cosmos: Cosmos
    writers: int = 8  # fewer than the ten connections that the SDK's transport keeps open

    def __post_init__(self) -> None:
        self._free = Semaphore(self.writers)

    def write(self, batch: Batch, count: Count = _uncounted) -> None:
        """Write all of the batch or nothing; a deletion of what is gone already is fine."""
        try:
            with self._free, translated():
                self.cosmos.patiently(lambda: self._execute(batch, count))
        except _Missing:
            if not batch.deletes:
                raise
            for part in batch.apart():
                self.write(part, count)

    def of(self, indicator: str) -> list[dict[str, Any]]:
        """Return the indicator's documents, by one query of one partition."""
        with translated():
            found = self.cosmos.container(INDICATORS["id"]).query_items(
                LOOK_UP,
                parameters=[{"name": "@indicator", "value": indicator}],
                partition_key=partition_key(indicator),
            )
            return list(found)

    def _execute(self, batch: Batch, count: Count) -> None:
        self.cosmos.container(INDICATORS["id"]).execute_item_batch(
            [operation.wire for operation in batch.operations],
            partition_key=batch.partition,
            raw_response_hook=_each_charge(count),
        )


@dataclass(frozen=True, slots=True)
class Documents:
    """A container whose documents are written over what was read, or not at all.

    A write may have been done though its answer was lost: then the same write is refused when it
    is repeated, and the token in the document tells that it was ours.
    """

    cosmos: Cosmos
    name: str

    def read(self, name: str, partition: str) -> Document | None:
        """Return the document, if there is one."""
        with translated(), suppress(ResourceNotFoundError):
            return self._container().read_item(name, partition)
        return None

    def create(self, document: Document) -> Document | None:
        """Store a new document; return the one that is there already, if one is."""
        name, marked = document["id"], _marked(document)
        for _ in self.cosmos.races():
            if self._done(lambda: self._container().create_item(marked), CosmosResourceExistsError):
                return None
            # None there: it was deleted since, or what we read from has not heard of it yet.
            if there := self.read(name, document["partition_key"]):
                return None if _same(there, marked) else there
        raise _contended(name)

    def replace(self, document: Document, etag: str) -> bool:
        """Write over what was read under this ETag; False if that is gone."""
        name, marked = document["id"], _marked(document)
        only: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        if self._done(lambda: self._container().replace_item(name, marked, **only), *GONE_BY):
            return True
        there = self.read(name, document["partition_key"])
        return there is not None and _same(there, marked)

    def revise(
        self, name: str, partition: str, change: Callable[[Document | None], Document | None]
    ) -> None:
        """Write what `change` makes of the document; None leaves it as it is.

        Whoever loses a race changes once more, what the winner wrote.
        """
        for _ in self.cosmos.races():
            there = self.read(name, partition)
            after = change(there)
            if after is None or self._written(after, there):
                return
        raise _contended(name)

    def delete(self, document: Document) -> None:
        """Delete what was read, unless that is gone."""
        name, partition = document["id"], document["partition_key"]
        only = {"etag": document["_etag"], "match_condition": MatchConditions.IfNotModified}
        self._done(lambda: self._container().delete_item(name, partition, **only), *GONE_BY)

    def find(self, query: str, partition: str, at_once: int | None = None) -> Iterator[Any]:
        """Yield what a query finds in a partition; `at_once` is how many are fetched at a time."""
        with translated():
            yield from self._container().query_items(
                query, partition_key=partition, max_item_count=at_once
            )

    def _written(self, after: Document, there: Document | None) -> bool:
        if there is None:
            return self.create(after) is None
        return self.replace(after, there["_etag"])

    def _done(self, write: Callable[[], object], *lost: type[HttpResponseError]) -> bool:
        """Write; False when the service says that one of these conditions is lost."""
        with translated(), suppress(*lost):
            self.cosmos.patiently(write)
            return True
        return False

    def _container(self) -> ContainerProxy:
        return self.cosmos.container(self.name)


class _Missing(BadPayload):
    """One operation of the batch found nothing, which undid the batch."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise the SDK's faults as ours."""
    try:
        yield
    except HttpResponseError as error:
        raise _ours(error) from error
    except AzureError as error:
        raise SourceDown(f"Cosmos DB: {_first_line(error)}") from error


def _ours(error: HttpResponseError) -> Exception:
    status = error.status_code
    denied = "access denied: " if status in {UNAUTHORIZED, FORBIDDEN} else ""
    said = f"Cosmos DB: {status} {denied}{_first_line(error)}"
    if status == NOT_FOUND and isinstance(error, CosmosBatchOperationError):
        return _Missing(said)
    if status == TOO_MANY:
        return QuotaSpent(said, retry_after=_told(error) or UNTOLD)
    # An identity that cannot get a token has no status at all.
    later = status is None or status >= SERVER or status in LATER
    return SourceDown(said) if later else BadPayload(said)


def _worth_another_try(error: HttpResponseError) -> bool:
    # An answer of 429 has had the SDK's nine tries; an operation of a batch that says so, none.
    throttled = isinstance(error, CosmosBatchOperationError) and error.status_code == TOO_MANY
    return throttled or error.status_code in {TIMED_OUT, RETRY_WITH}


def _pause(attempt: int) -> float:
    return 0.05 * (1 << attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _marked(document: Document) -> Document:
    return document | {"token": uuid.uuid4().hex}


def _same(there: Document, marked: Document) -> bool:
    return bool(there.get("token") == marked["token"])


def _contended(name: str) -> SourceDown:
    return SourceDown(f"Cosmos DB: {name} is written by too many at once")


def _told(error: HttpResponseError) -> timedelta | None:
    # The SDK's errors of items and of batches both have headers, but no common type says so.
    headers: Headers = getattr(error, "headers", None) or {}
    told = headers.get(RETRY_AFTER)
    return None if told is None else timedelta(milliseconds=float(told))


def _first_line(error: AzureError) -> str:
    lines = [line for line in str(error).splitlines() if not line.startswith("Status code")]
    return lines[0][:200] if lines else type(error).__name__


def _each_charge(count: Count) -> Callable[[PipelineResponse[Any, Any]], None]:
    def hook(response: PipelineResponse[Any, Any]) -> None:
        # The same call may also refresh what the SDK knows of the account; documents are ours.
        if "/docs" in response.http_request.url:
            count(response.http_response.headers)

    return hook
