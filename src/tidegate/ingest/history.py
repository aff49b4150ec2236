"""The past of a feed as its parser's rows, cut into slices of time, on disk.

A feed goes back by `between` in its `parse.py` (a stretch of time can be asked for), by the address
of its full export (`history`), or by `pages` (all since a time).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.ingest.earlier import seen
from tidegate.ingest.fetch import export
from tidegate.ingest.parse import BATCH, READ, context, parse
from tidegate.ingest.payload import plain
from tidegate.ingest.world import World
from tidegate.ports import BadPayload, Get
from tidegate.sightings import TIME

LONGEST = 1 << 20  # of a line


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the past: `start` belongs to it, `end` does not. `number` counts from 0."""

    number: int
    start: datetime
    end: datetime


def slices(start: datetime, end: datetime, step: timedelta) -> list[Slice]:
    """Cut a stretch of time into slices, oldest first; the last one may be shorter."""
    count = -((start - end) // step)
    return [
        Slice(number, start + number * step, min(end, start + (number + 1) * step))
        for number in range(count)
    ]


def stretches(feed: Feed, todo: Sequence[Slice]) -> Iterator[Sequence[Slice]]:
    """Yield the slices that are read together: one by one where the feed can be asked so."""
    if _exact(feed):
        yield from ([one] for one in todo)
    elif todo:
        yield todo


def _exact(feed: Feed) -> bool:
    return feed.code("between") is not None


def gather(
    feed: Feed, whole: Sequence[Slice], wanted: Sequence[Slice], get: Get, world: World
) -> None:
    """Read the feed's past once, and put the rows of each wanted slice into its `folder`.

    `whole` are all slices, of which the wanted ones are some in a row. Raises SourceDown and
    BadPayload. Memory is bounded by a page, or a batch of rows.
    """
    folders = {one.number: folder(one, world) for one in wanted}
    for made in folders.values():
        made.mkdir()
    rows = 0
    # Where the source cannot bound its answer, the same is asked whatever is left of the whole.
    asked = wanted if _exact(feed) else whole
    for count, batch in enumerate(_batches(feed, asked, get, world)):
        numbered = batch.with_columns(number=_numbers(feed, batch, whole, wanted))
        for (number,), part in numbered.partition_by("number", as_dict=True).items():
            if path := folders.get(number):
                part.drop("number").write_parquet(path / f"{count:06}.parquet")
                rows += len(part)
        world.progress(feed.name, f"read {rows:,} rows")


def folder(one: Slice, world: World) -> Path:
    """Return where the rows of a slice lie, as Parquet files with the columns of `READ`."""
    return world.scratch / f"slice-{one.number}"


def _numbers(
    feed: Feed, batch: pl.DataFrame, whole: Sequence[Slice], wanted: Sequence[Slice]
) -> pl.Series:
    """Return the number of the slice to which each row belongs, null where to none.

    That is the one in which it was first seen, or the first. Where the source itself chose the
    rows of a stretch, their own times do not matter: what it added late is old.
    """
    if _exact(feed):
        return pl.select(pl.repeat(wanted[0].number, len(batch), dtype=pl.Int64)).to_series()
    start, end = (pl.lit(time, TIME) for time in (whole[0].start, whole[-1].end))
    first, last = pl.col("first_seen"), pl.col("last_seen")
    ours = (last >= start) if feed.history else pl.lit(value=True)
    at = first.clip(lower_bound=start)
    at = at if feed.history else at.fill_null(start)
    starts = pl.Series([one.start for one in whole], dtype=TIME)
    number = pl.lit(starts).search_sorted(at, side="right").cast(pl.Int64) - 1
    return seen(batch).select(pl.when(ours & (at < end)).then(number)).to_series()


def _batches(feed: Feed, asked: Sequence[Slice], get: Get, world: World) -> Iterator[pl.DataFrame]:
    start, end = asked[0].start, asked[-1].end
    if between := feed.code("between"):
        yield from _paged(feed, between(get, start, end), world)
    elif feed.history:
        yield from _exported(feed, world)
    elif pages := feed.code("pages"):
        yield from _paged(feed, pages(get, start, None), world)
    else:
        raise AssertionError(f"{feed.name} cannot go back: checked by whoever asks it to")


def _paged(feed: Feed, pages: Iterable[bytes], world: World) -> Iterator[pl.DataFrame]:
    stored = (_stored(feed, *page, world) for page in enumerate(pages))
    together = list(stored) if feed.code("context") else []
    about = context(feed, together)
    for path in together or stored:
        yield from parse(feed, path, about)
        path.unlink()


def _stored(feed: Feed, number: int, page: bytes, world: World) -> Path:
    path = world.scratch / f"{feed.name}.{number}.page"
    path.write_bytes(page)
    return plain(path, world.scratch)


def _exported(feed: Feed, world: World) -> Iterator[pl.DataFrame]:
    text = plain(export(feed, world), world.scratch)
    past = feed.code("past")
    if past is None:
        yield from parse(feed, text)
        return
    with text.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from _framed(past(iter(lambda: file.readline(LONGEST), "")))


def _framed(rows: Iterator[dict[str, Any]]) -> Iterator[pl.DataFrame]:
    while some := list(islice(rows, BATCH)):
        try:
            yield pl.DataFrame(some, schema=READ)
        except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
            raise BadPayload(f"a cell of the wrong type: {str(error).splitlines()[0]}") from error
