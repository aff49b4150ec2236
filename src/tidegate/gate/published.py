"""The set that others read: firewalls, TAXII clients, whoever takes a bundle. Replaced whole.

A reader sees the set before or after a cycle, never half of it. What leaves stays for a while with
the time at which it left, so that a client that asks for what is new hears of it, too.
"""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl

from tidegate.ports import Objects
from tidegate.sightings import KINDS, TIME, TLPS, empty

NAME = "gate/published.parquet"
REMEMBERED = timedelta(days=30)
PUBLISHED: dict[str, Any] = {
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "score": pl.Float64(),
    "sources": pl.List(pl.String()),
    "threat": pl.String(),
    "tags": pl.List(pl.String()),
    "reference": pl.String(),
    "first_seen": TIME,
    "last_seen": TIME,
    "expires": TIME,
    "tlp": TLPS,
    "action": pl.String(),
    "since": TIME,
    "changed": TIME,
    "gone": TIME,
}
"""One row per indicator, sorted by `changed`, then id.

`tlp` is the strictest marking of its sightings. `since` is when it came into the set, `changed`
when what is said of it last became something else or when it left, `gone` when it left; null while
it is in.
"""

# Times move with every fetch.
SAID = ("score", "sources", "threat", "tags", "reference", "tlp", "action")


def publish(wanted: pl.DataFrame, now: datetime, objects: Objects) -> pl.DataFrame:
    """Make `wanted` the set, and return it. Raises Conflict if another process did meanwhile.

    `wanted` has the columns of `PUBLISHED` but for the three times that are told here.
    """
    before, etag = published(objects)
    after = merged(before, wanted, now)
    file = BytesIO()
    after.write_parquet(file, compression="zstd", statistics=False)
    objects.put(NAME, file.getvalue(), if_match=etag or None, if_absent=not etag)
    return after


def merged(before: pl.DataFrame, wanted: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the set that follows on `before`; the same `wanted` again changes no `changed`."""
    known = before.select("id", "since", "gone", was="changed", said=_said())
    at = pl.lit(now, TIME)
    stays = pl.col("gone").is_null() & pl.col("since").is_not_null()
    rows = wanted.join(known, on="id", how="left").select(
        pl.exclude("since", "gone", "was", "said"),
        pl.when(stays).then("since").otherwise(at).alias("since"),
        pl.when(stays & (pl.col("said") == _said())).then("was").otherwise(at).alias("changed"),
        pl.lit(None, TIME).alias("gone"),
    )
    left = before.join(wanted, on="id", how="anti")
    left = left.with_columns(
        pl.when(pl.col("gone").is_null()).then(at).otherwise("changed").alias("changed"),
        pl.col("gone").fill_null(at),
    ).filter(pl.col("gone") > at - REMEMBERED)
    return pl.concat(_typed(part) for part in (rows, left)).sort("changed", "id")


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in PUBLISHED.items())


def _said() -> pl.Expr:
    # A score falls a little every day: it says something else when its whole number does.
    said = pl.struct(*SAID).struct.with_fields(pl.field("score").round())
    return said.hash()


def published(objects: Objects) -> tuple[pl.DataFrame, str]:
    """Return the set with `PUBLISHED` columns, and its ETag; an empty one if there is none yet."""
    stored = objects.get(NAME)
    if stored is None:
        return empty(PUBLISHED), ""
    return pl.read_parquet(BytesIO(stored.data)), stored.etag
