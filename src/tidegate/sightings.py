"""Sightings as columns: the schema from parser to store, and the rules by which they merge."""

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import polars_hash  # noqa: F401 - it adds `chash` to expressions

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

SOURCE = re.compile(r"[a-z0-9_-]{1,64}\Z")
HALF = 16  # hex digits

REPORTED: dict[str, Any] = {
    "id": pl.String(),
    "source": pl.String(),
    **{
        name: SCHEMA[name]
        for name in ("first_seen", "last_seen", "expires", "confidence", "tlp", "threat")
    },
}
"""What a bulk look-up asks of each sighting."""

CHANGE: dict[str, Any] = {name: SCHEMA[name] for name in ("id", "kind", "value")}
"""What a source wrote; of what it withdrew the id alone."""

NETWORK: dict[str, Any] = {
    "value": pl.String(),
    "source": pl.String(),
    "expires": TIME,
    "version": pl.UInt8(),
    "first": pl.UInt128(),
    "bits": pl.UInt8(),
}
"""A sighting of a network: its version of IP, its first address, the length of its prefix."""

# What makes a row worth writing again. Times move with every fetch; they ride along.
SAID = ("confidence", "tags", "threat", "reference", "tlp")


def named(source: str) -> str:
    """Return the source's name if it can be part of an id or of a file's name; else ValueError."""
    if not SOURCE.match(source):
        raise ValueError(f"not a source's name: {source!r}")
    return source


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
    return [sighting(row) for row in rows.iter_rows(named=True)]


def sighting(row: dict[str, Any]) -> Sighting:
    """Return one row that has the columns of `SCHEMA` and `source`, as a value."""
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
    text = pl.concat_str(kind.cast(pl.String), pl.lit("\0"), value)
    digest = pl.col("id").chash.sha2_256()  # type: ignore[attr-defined]
    # Two halves joined, not one head: a head would keep the whole digest in memory.
    half = pl.concat_str(pl.col("id").str.slice(0, HALF), pl.col("id").str.slice(HALF, HALF))
    return pl.select(text.alias("id")).with_columns(digest).select(half).to_series()


def by_id(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort by id."""
    parts = map(_sorted, _gathered([scattered(rows)]))
    return pl.concat([rows.clear(), *parts])


def unique(rows: pl.DataFrame) -> pl.DataFrame:
    """Merge rows that are about one indicator, and sort by id. Their order does not matter.

    The earliest first and the latest last sighting win, the greatest confidence, the strictest
    marking, all tags; of two texts the one of the later sighting, then the greater text.
    """
    return merged([scattered(rows)])


def keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `key` and `rest`, the two halves of the id as numbers.

    They sort as the id does, many times as fast.
    """
    return rows.with_columns(_half(0).alias("key"), _half(HALF).alias("rest"))


def _half(start: int) -> pl.Expr:
    return pl.col("id").str.slice(start, HALF).str.to_integer(base=16, dtype=pl.UInt64)


Scattered = dict[str, pl.DataFrame]
"""Rows by the first hex digit of their id."""


def scattered(rows: pl.DataFrame) -> Scattered:
    """Part rows by the beginning of their id, so that parts can be merged one by one."""
    digit = rows.with_columns(pl.col("id").str.head(1).alias("digit"))
    parts = digit.partition_by("digit", include_key=False, as_dict=True)
    return {str(name): part for (name,), part in parts.items()}


def merged(batches: list[Scattered]) -> pl.DataFrame:
    """Do what `unique` does for several batches, and empty them: one copy at a time is enough."""
    parts = (_sorted(_once(part)) for part in _gathered(batches))
    return pl.concat([empty(SCHEMA), *parts])


def _gathered(batches: list[Scattered]) -> Iterator[pl.DataFrame]:
    """Yield what has the same first digit, in order, with the first half of the id as `key`."""
    for digit in string.hexdigits[:16]:
        found = [batch.pop(digit) for batch in batches if digit in batch]
        if found:
            # Columns in one piece are gathered many times as fast as columns in many.
            yield pl.concat(found).with_columns(_half(0).alias("key")).rechunk()


def _sorted(keyed: pl.DataFrame) -> pl.DataFrame:
    ordered = keyed.sort("key")
    collided = (ordered["key"].diff() == 0).any()
    return (keyed.sort("id") if collided else ordered).drop("key")


def _once(keyed: pl.DataFrame) -> pl.DataFrame:
    single = keyed["key"].is_unique()
    if single.all():
        return keyed
    return pl.concat([keyed.filter(single), _merged(keyed.filter(~single))])


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
        pl.col("key").first(),
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
