"""From the files of one fetch to the sightings that a job asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.hygiene import Policy
from tidegate.ingest.contract import AFTER_UNTIL, BEFORE_SINCE
from tidegate.ingest.job import Job
from tidegate.ingest.normal import Normal, normal, times
from tidegate.ingest.parse import columns_of, context, parse
from tidegate.ingest.payload import plain
from tidegate.ingest.world import World
from tidegate.model import Origin
from tidegate.sightings import TIME


def read(job: Job, files: Sequence[Path], now: datetime, world: World) -> Normal:
    """Read the files of one fetch, which belong together. Raises BadPayload."""
    world.progress(job.feed.name, "read")
    texts = [plain(file, world.scratch) for file in files]
    batches = _counted(texts, job.feed, world)
    if job.origin is Origin.SAMPLE:
        return _as_if_now(job.feed, list(batches), world.policy, now)
    found = _within(job, normal(job.feed, batches, world.policy, now))
    return replace(found, columns=columns_of(job.feed, texts[0]) if texts else ())


def _within(job: Job, found: Normal) -> Normal:
    """Leave out what was not seen between the job's times, and count it."""
    rows, left_out = found.sightings, dict[str, int]()
    if job.since:
        rows = rows.filter(pl.col("last_seen") >= pl.lit(job.since, TIME))
        left_out[BEFORE_SINCE] = len(found.sightings) - len(rows)
    if job.until:
        left_out[AFTER_UNTIL] = len(rows)
        rows = rows.filter(pl.col("first_seen") < pl.lit(job.until, TIME))
        left_out[AFTER_UNTIL] -= len(rows)
    rejected = found.rejected | {reason: n for reason, n in left_out.items() if n}
    return replace(found, sightings=rows, rejected=rejected)


def _counted(texts: list[Path], feed: Feed, world: World) -> Iterator[pl.DataFrame]:
    rows, about = 0, context(feed, texts)
    for text in texts:
        for batch in parse(feed, text, about):
            yield batch
            rows += len(batch)
            world.progress(feed.name, f"read {rows:,} rows")


def _as_if_now(feed: Feed, batches: list[pl.DataFrame], policy: Policy, now: datetime) -> Normal:
    """Read a sample as if it had been written today: its own dates lie ever further back."""
    stamps = [times(batch[name]).max() for batch in batches for name in ("first_seen", "last_seen")]
    written = max((stamp for stamp in stamps if isinstance(stamp, datetime)), default=now)
    found = normal(feed, batches, policy, written)
    later = pl.col("first_seen", "last_seen", "expires") + (now - written)
    return replace(
        found,
        sightings=found.sightings.with_columns(later),
        withheld=found.withheld.with_columns(later),
    )
