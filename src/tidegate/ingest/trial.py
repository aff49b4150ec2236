"""What a payload would come to, with examples: for who writes a feed's declaration."""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tidegate.columns import canonicalise
from tidegate.declare.feed import Feed
from tidegate.ingest.contract import Past, drifted, implausible, past, shrunk
from tidegate.ingest.fetch import Fetched, fetch
from tidegate.ingest.normal import Normal
from tidegate.ingest.parse import parse
from tidegate.ingest.payload import plain
from tidegate.ingest.reading import read
from tidegate.ingest.rehearsal import rehearsing
from tidegate.ingest.run import Job, by_what
from tidegate.ingest.world import World
from tidegate.model import Origin
from tidegate.ports import BadPayload

SHOWN = 3  # examples of each sort


@dataclass(frozen=True, slots=True)
class Example:
    """One row: what the source wrote, and what it is, or why it is none."""

    text: str
    means: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of a payload. `refusal` is what the contract holds against it, if any."""

    feed: str
    origin: Origin
    rows: int
    kept: int
    repeated: int
    suppressed: dict[str, int]
    rejected: dict[str, int]
    refusal: str | None
    notes: tuple[str, ...]
    examples: dict[str, tuple[Example, ...]]


def tried(feed: Feed, file: Path | None, world: World, *, live: bool = False) -> Trial:
    """Read a file, the feed's sample, or what its address gives now, and store nothing of it.

    The address is asked where it is wanted `live`, or where there is no sample; that is a request
    of the day's budget. Raises BadPayload and SourceDown.
    """
    with tempfile.TemporaryDirectory() as folder:
        inner = replace(rehearsing(world), scratch=Path(folder))
        return _tried(_job(feed, file, inner.scratch, live=live), inner)


def _job(feed: Feed, file: Path | None, scratch: Path, *, live: bool) -> Job:
    if file:
        return Job(feed, file, Origin.FILE)
    sample = None if live else feed.sample()
    if sample is None:
        return Job(feed)
    path = scratch / "sample"
    path.write_bytes(sample)
    return Job(feed, path, Origin.SAMPLE)


def _tried(job: Job, world: World) -> Trial:
    feed, now = job.feed, world.clock()
    state = world.feeds.state(feed.name)
    asked = replace(state, etag=None, last_modified=None)
    fetched = Fetched((job.file,)) if job.file else fetch(feed, asked, None, world)
    found = read(job, fetched.files, now, world)
    # A sample is a few rows: there is nothing to compare it with.
    old = world.sightings.state(feed.name)
    new = job.origin is Origin.SAMPLE
    before = Past() if new else past(feed, state, old, by_what(feed, world))
    texts = [plain(one, world.scratch) for one in fetched.files]
    return Trial(
        feed=feed.name,
        origin=job.origin,
        rows=found.rows,
        kept=len(found.sightings),
        repeated=found.repeated,
        suppressed=found.suppressed,
        rejected=found.rejected,
        refusal=_refusal(feed, found, before, world),
        notes=tuple(drifted(feed, found.columns, before)),
        examples={
            "kept": _kept(found.sightings),
            "suppressed": tuple(_first(_suppressed(found.withheld))),
            "rejected": tuple(_first(_rejected(feed, texts))),
        },
    )


def _refusal(feed: Feed, found: Normal, before: Past, world: World) -> str | None:
    try:
        broken = implausible(feed, found, before)
    except BadPayload as bad:
        return str(bad)
    return broken or shrunk(feed, found, before, world.feeds, world.clock())


def _kept(rows: pl.DataFrame) -> tuple[Example, ...]:
    said = rows.head(SHOWN).select("original", "value", "kind").iter_rows()
    return tuple(Example(original or value, f"{kind} {value}") for original, value, kind in said)


def _suppressed(rows: pl.DataFrame) -> Iterator[Example]:
    for original, value, why in rows.select("original", "value", "why").iter_rows():
        yield Example(original or value, why)


def _rejected(feed: Feed, texts: Iterable[Path]) -> Iterator[Example]:
    for batch in (batch for text in texts for batch in parse(feed, text)):
        why = canonicalise(batch["shape"], batch["value"])["rejected"]
        said = batch.select("value", pl.coalesce("fault", why).alias("why"))
        for value, reason in said.filter(pl.col("why").is_not_null()).iter_rows():
            yield Example(value or "", reason)


def _first(examples: Iterable[Example]) -> Iterator[Example]:
    """Yield a few of each reason."""
    seen: dict[str, int] = defaultdict(int)
    for one in examples:
        seen[one.means] += 1
        if seen[one.means] <= SHOWN:
            yield one
