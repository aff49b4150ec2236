"""Sightings as columns: the schema from parser to store, and the rules by which they merge."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import polars as pl

from tidegate.model import Kind, Sighting, Tlp

TIME = pl.Datetime("us", "UTC")
KINDS = pl.Enum([kind.value for kind in Kind])
TLPS = pl.Enum([tlp.value for tlp in Tlp])

SCHEMA: dict[str, Any] = {
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "original": pl.String(),  # the source's spelling, null where it is the canonical one
    "confidence": pl.UInt8(),
    "first_seen": TIME,
    "last_seen": TIME,
    "expires": TIME,
    "tags": pl.List(pl.String()),
    "threat": pl.String(),
    "reference": pl.String(),
    "tlp": TLPS,
}
"""One source's sightings, one row per indicator."""

STATE: dict[str, Any] = {**SCHEMA, "fingerprint": pl.UInt64(), "written": TIME}
"""A source's state: its sightings, what they said when they were last written, and when."""

# What makes a row worth writing again. Times move with every fetch; they ride along.
SAID = ("confidence", "tags", "threat", "reference", "tlp")


def empty(schema: dict[str, Any] = STATE) -> pl.DataFrame:
    """Return a frame without rows."""
    return pl.DataFrame(schema=schema)


def frame(sightings: Iterable[Sighting]) -> pl.DataFrame:
    """Return sightings as a frame of `SCHEMA` and their source in a column `source`."""
    columns: Sequence[str] = [name for name in SCHEMA if name != "id"]
    rows = [
        {"id": s.indicator, "source": s.source, **{name: getattr(s, name) for name in columns}}
        for s in sightings
    ]
    plain = [{**row, "tags": list(row["tags"])} for row in rows]
    return pl.DataFrame(plain, schema={**SCHEMA, "source": pl.String()})


def sightings(rows: pl.DataFrame) -> list[Sighting]:
    """Return the rows of a frame that has `SCHEMA` and `source`, as values."""
    return [_sighting(row) for row in rows.iter_rows(named=True)]


def _sighting(row: dict[str, Any]) -> Sighting:
    return Sighting(
        kind=Kind(row["kind"]),
        value=row["value"],
        source=row["source"],
        confidence=row["confidence"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        expires=row["expires"],
        tags=tuple(row["tags"]),
        threat=row["threat"],
        reference=row["reference"],
        tlp=Tlp(row["tlp"]),
        original=row["original"],
    )


def ids(kind: pl.Series, value: pl.Series) -> pl.Series:
    """Return the indicator ids of two columns; the columnar twin of `model.indicator_id`."""
    keys = pl.select(pl.concat_str(kind.cast(pl.String), pl.lit("\0"), value)).to_series()
    digests = [sha256(key.encode()).hexdigest()[:32] for key in keys]
    return pl.Series("id", digests, dtype=pl.String)


def unique(rows: pl.DataFrame) -> pl.DataFrame:
    """Merge rows that are about one indicator, and sort by id. Their order does not matter.

    The earliest first and the latest last sighting win, the greatest confidence, the strictest
    marking, all tags; of two texts the one of the later sighting, then the greater text.
    """
    # A quarter of the ids at a time: the copies that sorting makes are then a quarter, too.
    quarters = zip("048c", "48cg", strict=True)
    return pl.concat(
        _unique(rows.filter(pl.col("id").is_between(pl.lit(low), pl.lit(high), closed="left")))
        for low, high in quarters
    )


def _unique(rows: pl.DataFrame) -> pl.DataFrame:
    single = rows["id"].is_unique()
    if single.all():
        return rows.sort("id")
    return pl.concat([rows.filter(single), _merged(rows.filter(~single))]).sort("id")


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    newest_last = rows.sort("id", "last_seen", "threat", "reference", "original")
    return newest_last.group_by("id", maintain_order=True).agg(
        pl.col("kind", "value").first(),
        pl.col("original").drop_nulls().last(),
        pl.col("confidence").max(),
        pl.col("first_seen").min(),
        pl.col("last_seen", "expires").max(),
        pl.col("tags").explode(empty_as_null=False).drop_nulls().unique().sort(),
        pl.col("threat", "reference").drop_nulls().last(),
        pl.col("tlp").max(),
    )


def fingerprinted(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the column `fingerprint`: equal for rows that say the same.

    Polars may hash differently in another release; each row is then written once more.
    """
    said = pl.struct(*SAID).hash(seed=20)
    return rows.with_columns(said.alias("fingerprint"))


def unexpired(rows: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Keep the rows that still hold at `now`."""
    return rows.filter(pl.col("expires") > now)
