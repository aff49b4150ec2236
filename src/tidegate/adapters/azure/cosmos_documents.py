"""Sightings as Cosmos documents: the container, and rows as documents and back.

One document per sighting, so writers of different sources never touch the same one, and every
write is an upsert that needs no read before it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import polars as pl

from tidegate.model import Kind, Sighting, Tlp
from tidegate.sightings import SCHEMA, TIME

# As the resource provider spells it, so that the infrastructure's own files can be compared.
INDICATORS: dict[str, Any] = {
    "id": "indicators",
    "partitionKey": {"paths": ["/partition_key"], "kind": "Hash", "version": 2},
    # Ours say in their `ttl` how long they hold; what others put there goes after thirty days.
    "defaultTtl": 30 * 86_400,
    "indexingPolicy": {
        "indexingMode": "consistent",
        "automatic": True,
        # Every indexed path costs on every write, and only this one is ever asked for.
        "includedPaths": [{"path": "/indicator/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
    },
}
LOOK_UP = "SELECT * FROM c WHERE c.indicator = @indicator"

LONGEST_TTL = 2**31 - 1
MICROSECONDS = 1_000_000
TIMES = ("first_seen", "last_seen", "expires")
SAID = [name for name in SCHEMA if name != "id"]


def document_id(indicator: str, source: str) -> str:
    """Return the id of the document in which this source speaks of this indicator."""
    return f"{indicator}~{source}"


def documents(rows: pl.DataFrame, source: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield rows of `sightings.SCHEMA` as documents that live until their rows expire."""
    left = (pl.col("expires") - pl.lit(now, TIME)).dt.total_microseconds() / MICROSECONDS
    columns = rows.select(
        pl.concat_str("id", pl.lit(f"~{source}")),
        pl.col("id").str.head(2).alias("partition_key"),
        pl.col("id").alias("indicator"),
        pl.lit(source).alias("source"),
        *SAID,
        # The service refuses a ttl of 0. What has expired already goes a second later.
        left.ceil().clip(1, LONGEST_TTL).cast(pl.Int64).alias("ttl"),
    )
    plain = columns.with_columns(
        pl.col("kind", "tlp").cast(pl.String),
        pl.col(TIMES).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
    )
    return plain.iter_rows(named=True)


def sighting(document: dict[str, Any]) -> Sighting:
    """Return a document as the sighting that it holds."""
    said = {name: document[name] for name in SAID}
    said |= {name: datetime.fromisoformat(document[name]) for name in TIMES}
    said |= {"kind": Kind(said["kind"]), "tlp": Tlp(said["tlp"]), "tags": tuple(said["tags"])}
    return Sighting(source=document["source"], **said)
