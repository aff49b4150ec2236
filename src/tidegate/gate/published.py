"""The set that others read: firewalls, TAXII clients, whoever takes a bundle. Replaced whole.

A reader sees the set before or after a cycle, never half of it. What leaves stays for a while with
the time at which it left, so that a client that asks for what is new hears of it, too. What comes
back is another row then, `returned` once more: to STIX what was revoked stays so.
"""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl

from tidegate.ports import Objects
from tidegate.sightings import KINDS, TIME, TLPS, empty
from tidegate.stored import table

NAME, LEFT = "gate/published.parquet", "gate/left.parquet"
REMEMBERED = timedelta(days=30)
LONG_GONE = 1_000_000  # of which is remembered how often they returned, and nothing else
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
    "until": TIME,
    "returned": pl.UInt16(),
}
"""One row per indicator and time that it `returned`, sorted by `changed`, then id.

`tlp` is the strictest marking of its sightings. `since` is when it came into the set, `changed`
when what is said of it last became something else or when it left, `gone` when it left; null while
it is in. `until` is until when it is said to hold: not all of the way to `expires`, which moves
with every fetch.
"""

RETURNS = {"id": pl.String(), "returned": pl.UInt16()}

TOLD = ("since", "changed", "gone", "until", "returned")
"""What `publish` alone can tell."""

# Times move with every fetch.
SAID = ("score", "sources", "threat", "tags", "reference", "tlp", "action")


def publish(wanted: pl.DataFrame, now: datetime, objects: Objects) -> pl.DataFrame:
    """Make `wanted` the set, and return it. Raises Conflict if another process did meanwhile.

    `wanted` has the columns of `PUBLISHED` but for those of `TOLD`.
    """
    before, etag = published(objects)
    long_gone = _left(objects)
    after = merged(before, wanted, now, long_gone)
    forgotten = before.join(after, on=[*RETURNS], how="anti").select(*RETURNS)
    if len(forgotten):  # first: what is remembered twice does no harm
        objects.put(LEFT, _parquet(pl.concat([long_gone, forgotten]).tail(LONG_GONE)))
    objects.put(NAME, _parquet(after), if_match=etag or None, if_absent=not etag)
    return after


def merged(
    before: pl.DataFrame,
    wanted: pl.DataFrame,
    now: datetime,
    long_gone: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the set that follows on `before`; the same `wanted` again changes no `changed`.

    `long_gone` (`RETURNS`) were in it once and are in `before` no more.
    """
    there, at = before.filter(pl.col("gone").is_null()), pl.lit(now, TIME)
    known = there.select("id", "since", "until", "returned", was="changed", said=_said())
    over = pl.concat([before.select(*RETURNS), empty(RETURNS) if long_gone is None else long_gone])
    again = over.group_by("id").agg((pl.col("returned").max() + 1).alias("again"))
    rows = (
        wanted.join(known, on="id", how="left")
        .join(again, on="id", how="left")
        .select(
            *wanted.columns,
            pl.coalesce("since", at).alias("since"),
            pl.when(_holds(at)).then("was").otherwise(at).alias("changed"),
            pl.lit(None, TIME).alias("gone"),
            pl.when(_holds(at)).then("until").otherwise("expires").alias("until"),
            pl.coalesce("returned", "again", pl.lit(0)).alias("returned"),
        )
    )
    left = before.join(rows, on=[*RETURNS], how="anti")
    left = left.with_columns(
        pl.when(pl.col("gone").is_null()).then(at).otherwise("changed").alias("changed"),
        pl.col("gone").fill_null(at),
    ).filter(pl.col("gone") > at - REMEMBERED)
    return pl.concat(_typed(part) for part in (rows, left)).sort("changed", *RETURNS)


def _holds(at: pl.Expr) -> pl.Expr:
    """Tell what is still said as it was, for less than half of the time that was said."""
    until, was = pl.col("until"), pl.col("was")
    fresh = (until <= pl.col("expires")) & (at - was < (until - was) / 2)
    return ((pl.col("said") == _said()) & fresh).fill_null(value=False)


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
    told = table(stored.data, PUBLISHED, NAME)  # an older set told less
    return told.with_columns(pl.col("returned").fill_null(0)), stored.etag


def _left(objects: Objects) -> pl.DataFrame:
    stored = objects.get(LEFT)
    return empty(RETURNS) if stored is None else table(stored.data, RETURNS, LEFT)


def _parquet(rows: pl.DataFrame) -> bytes:
    file = BytesIO()
    rows.write_parquet(file, compression="zstd", statistics=False)
    return file.getvalue()
