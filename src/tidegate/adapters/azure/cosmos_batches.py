"""Changes as transactional batches: what shares a partition travels together, within the limits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
import polars as pl

from tidegate.adapters.azure.cosmos_documents import document_id, documents
from tidegate.model import partition_key
from tidegate.ports import BadPayload

MOST_OPERATIONS = 100
# The service takes 2 MB of body; what the SDK wraps around a document is counted per operation.
MOST_BYTES = 1_950_000
WRAPPING = 64


@dataclass(frozen=True, slots=True)
class Operation:
    """One upsert of a document; one deletion where there is none."""

    indicator: str
    id: str
    document: dict[str, Any] | None
    size: int

    @property
    def wire(self) -> tuple[str, tuple[Any, ...]]:
        """The operation as the SDK wants it."""
        return ("delete", (self.id,)) if self.document is None else ("upsert", (self.document,))


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations on one partition, all of which happen or none."""

    operations: tuple[Operation, ...]

    @property
    def partition(self) -> str:
        """The partition key that they share."""
        return partition_key(self.operations[0].indicator)

    @property
    def indicators(self) -> list[str]:
        """Whose sightings it writes or deletes."""
        return [operation.indicator for operation in self.operations]

    @property
    def deletes(self) -> bool:
        """Whether it deletes anything."""
        return any(operation.document is None for operation in self.operations)

    def apart(self) -> "list[Batch]":
        """Return its upserts together and each deletion alone; nothing if it is one already.

        One deletion of what is gone undoes the whole batch, and says so of only one of them.
        """
        if len(self.operations) == 1:
            return []
        upserts = tuple(found for found in self.operations if found.document is not None)
        deletions = [Batch((found,)) for found in self.operations if found.document is None]
        return ([Batch(upserts)] if upserts else []) + deletions


def batches(rows: pl.DataFrame, gone: pl.Series, source: str, now: datetime) -> Iterator[Batch]:
    """Yield the batches that write these rows and delete the sightings of these indicators.

    A hundred of each partition, then the next hundred of each: all writers at once on one
    partition would wait for its share of the throughput while the others idle.
    """
    marked = rows.with_columns(gone=False)
    deletions = gone.to_frame("id").with_columns(gone=True)
    partition = pl.col("id").str.head(2)
    turn = pl.int_range(pl.len()).over(partition) // MOST_OPERATIONS
    ordered = pl.concat([marked, deletions], how="diagonal").sort("id").sort(turn, partition, "id")
    operations = _operations(ordered, source, now)
    for _, together in groupby(operations, key=lambda found: partition_key(found.indicator)):
        yield from _within_limits(together)


def _operations(rows: pl.DataFrame, source: str, now: datetime) -> Iterator[Operation]:
    # In slices: a first run's million rows are never all documents at once.
    for part in rows.iter_slices(MOST_OPERATIONS * 64):
        for gone, document in zip(part["gone"], documents(part, source, now), strict=True):
            indicator = document["indicator"]
            yield _deletion(indicator, source) if gone else _upsert(document)


def _deletion(indicator: str, source: str) -> Operation:
    name = document_id(indicator, source)
    return Operation(indicator, name, None, len(name) + WRAPPING)


def _upsert(document: dict[str, Any]) -> Operation:
    size = len(orjson.dumps(document)) + WRAPPING
    if size > MOST_BYTES:
        raise BadPayload(f"{document['kind']} {document['value'][:80]}: {size:,} bytes of sighting")
    return Operation(document["indicator"], document["id"], document, size)


def _within_limits(operations: Iterable[Operation]) -> Iterator[Batch]:
    batch: list[Operation] = []
    size = 0
    for operation in operations:
        if batch and (len(batch) == MOST_OPERATIONS or size + operation.size > MOST_BYTES):
            yield Batch(tuple(batch))
            batch, size = [], 0
        batch.append(operation)
        size += operation.size
    yield Batch(tuple(batch))
