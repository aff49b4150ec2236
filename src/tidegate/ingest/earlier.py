"""What an old report adds to what is known now. Pure.

The newest word of a source stands; an older one tells that it was seen earlier, and of what nothing
was known. Nothing is ever withdrawn by it.
"""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.hygiene import Policy
from tidegate.ingest.delta import Delta
from tidegate.ingest.normal import Normal, normal, times
from tidegate.sightings import STATE, TIME, by_id, fingerprinted

SEEN = ("first_seen", "last_seen", "expires")
WORD = [name for name in STATE if name not in {"id", "written", *SEEN}]
PLAIN = "%Y-%m-%d %H:%M:%S"


def judged(
    feed: Feed, batches: Iterable[pl.DataFrame], end: datetime, now: datetime, policy: Policy
) -> Normal:
    """Judge rows of the past as `normal` does, but a sighting holds from when it was last seen.

    What has expired by `now` is counted as that. Rows without any time were seen by `end`.
    """
    return normal(feed, (_dated(batch, feed, end, now) for batch in batches), policy, now)


def seen(batch: pl.DataFrame) -> pl.DataFrame:
    """Return when each row was first and last seen, as its source says; null where it does not."""
    said = pl.DataFrame([times(batch[name]).alias(name) for name in SEEN[:2]])
    return said.select(
        pl.min_horizontal("first_seen", "last_seen").alias("first_seen"),
        pl.max_horizontal("first_seen", "last_seen").alias("last_seen"),
    )


def _dated(batch: pl.DataFrame, feed: Feed, end: datetime, now: datetime) -> pl.DataFrame:
    last = seen(batch)["last_seen"].alias("last").fill_null(end)
    said = batch.with_columns(last, times(batch["expires"]).alias("over"))
    holds = pl.coalesce("over", pl.col("last").clip(upper_bound=pl.lit(now, TIME)) + feed.keep)
    never = pl.col("first_seen").is_null() & pl.col("last_seen").is_null()
    return said.with_columns(
        pl.when(never).then(_text(pl.col("last"))).otherwise("last_seen").alias("last_seen"),
        _text(holds).alias("expires"),
    ).drop("last", "over")


def _text(time: pl.Expr) -> pl.Expr:
    return time.dt.strftime(PLAIN)


def earlier(old: pl.DataFrame, found: pl.DataFrame, now: datetime) -> Delta:
    """Merge sightings of the past (`SCHEMA`) into a source's state (`STATE`).

    Of two reports the later one says it, of two equally late ones that which is stored. The
    earliest first and the latest last sighting win, and the latest expiry. The order in which
    reports come makes no difference.
    """
    known = old.join(found.select("id"), on="id", how="semi").select(*STATE)
    told = fingerprinted(found).with_columns(pl.lit(now, TIME).alias("written")).select(*STATE)
    merged = _merged(known, told, now)
    differs = pl.any_horizontal(
        pl.col(name) != pl.col(f"{name}_before") for name in ("fingerprint", *SEEN)
    )
    compared = merged.join(
        known.select("id", "fingerprint", *SEEN), on="id", how="left", suffix="_before"
    )
    is_new = pl.col("fingerprint_before").is_null()
    changed = compared.filter(is_new | differs)
    new = changed.select(is_new.sum()).item()
    written = changed.select(*STATE)
    rest = old.join(written.select("id"), on="id", how="anti").select(*STATE)
    state = by_id(pl.concat([rest, written]))
    return Delta(state, by_id(written), new, len(written) - new, 0, 0)


def _merged(known: pl.DataFrame, told: pl.DataFrame, now: datetime) -> pl.DataFrame:
    both = pl.concat(
        [
            known.with_columns(stored=pl.lit(value=True)),
            told.with_columns(stored=pl.lit(value=False)),
        ]
    )
    return (
        both.sort("id", "last_seen", "stored")
        .group_by("id", maintain_order=True)
        .agg(
            pl.col(WORD).last(),
            pl.col("first_seen").min(),
            pl.col("last_seen", "expires").max(),
            pl.lit(now, TIME).alias("written"),
        )
        .select(*STATE)
    )
