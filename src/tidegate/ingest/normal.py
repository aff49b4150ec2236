"""From a source's texts to sightings: kinds and values canonical, times aware, repeats merged."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from tidegate.canonical import Shape
from tidegate.columns import canonicalise
from tidegate.declare.feed import Feed
from tidegate.hygiene import Policy, reasons
from tidegate.ingest.withheld import WITHHELD
from tidegate.model import Tlp
from tidegate.sightings import SCHEMA, TIME, TLPS, empty, ids, unique

ABREAST = 2
SKEW = timedelta(minutes=5)
SECONDS = "%Y-%m-%d %H:%M:%S"
PLAIN_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?UTC|Z|\+00:?00)?$"
TLP_WORDS = {"white": Tlp.CLEAR, "amber+strict": Tlp.AMBER_STRICT}


@dataclass(frozen=True, slots=True)
class Normal:
    """A payload's sightings, and what became of the rows that are none of them.

    `over` are the ids that the source itself calls expired or withdrawn; `withheld` are sightings
    that hygiene kept out, with their reason.
    """

    rows: int
    sightings: pl.DataFrame
    over: pl.Series
    suppressed: dict[str, int]
    rejected: dict[str, int]
    repeated: int
    withheld: pl.DataFrame = field(default_factory=lambda: empty(WITHHELD))


def times(column: pl.Series) -> pl.Series:
    """Read a column of texts as times in UTC; null where there is none to read.

    Feeds write UTC without saying so, with blank or T, with fractions, as dates or as epochs.
    """
    text = column.str.strip_chars()
    head = pl.when(pl.col("t").str.contains(PLAIN_TIME)).then(pl.col("t").str.slice(0, 19))
    plain = head.str.replace("T", " ").str.to_datetime(SECONDS, time_unit="us", strict=False)
    found = text.to_frame("t").select(plain.dt.replace_time_zone("UTC")).to_series()
    if found.null_count() == text.null_count():
        return found
    return text.to_frame("t").select(pl.coalesce(pl.lit(found), *_other_times())).to_series()


def _other_times() -> list[pl.Expr]:
    text = pl.col("t")
    date = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    epoch = pl.when(text.str.contains(r"^\d{9,10}$")).then(text.cast(pl.Int64, strict=False))
    return [
        # Four digits: Python knows no other years.
        pl.when(text.str.contains(r"^\d{4}-")).then(
            text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        ),
        date.dt.replace_time_zone("UTC"),
        pl.from_epoch(epoch, time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """What became of one batch."""

    rows: int
    kept: pl.DataFrame
    over: pl.Series
    withheld: pl.DataFrame
    suppressed: dict[str, int]
    rejected: dict[str, int]


def normal(feed: Feed, batches: Iterable[pl.DataFrame], policy: Policy, now: datetime) -> Normal:
    """Turn the parser's batches into sightings of `SCHEMA`, sorted by id."""
    return _summed(list(_abreast(lambda batch: _judged(feed, batch, policy, now), batches)))


def _abreast(
    judge: Callable[[pl.DataFrame], _Part], batches: Iterable[pl.DataFrame]
) -> Iterator[_Part]:
    """Judge a few batches at a time, in order: while one is hashed, another is canonicalised."""
    with ThreadPoolExecutor(ABREAST) as pool:
        waiting: deque[Future[_Part]] = deque()
        for batch in batches:
            waiting.append(pool.submit(judge, batch))
            if len(waiting) > ABREAST:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _judged(feed: Feed, batch: pl.DataFrame, policy: Policy, now: datetime) -> _Part:
    found = canonicalise(batch["shape"], batch["value"])
    rows = batch.rename({"value": "original"}).hstack(found)
    good = rows.filter(pl.col("rejected").is_null()).drop("rejected")
    why = reasons(good["kind"], good["value"], policy, frozenset(feed.suppress.but))
    said = _columns(feed, good.filter(why.is_null()), now)
    return _Part(
        len(batch),
        said.filter(pl.col("expires") > now),
        said.filter(pl.col("expires") <= now)["id"],
        _withheld(feed, good, why, now),
        _count(why),
        _count(found["rejected"]),
    )


def _withheld(feed: Feed, good: pl.DataFrame, why: pl.Series, now: datetime) -> pl.DataFrame:
    """Return what hygiene keeps out as sightings: it is suppressed, not lost."""
    out = why.is_not_null()
    rows = _columns(feed, good.filter(out), now).with_columns(why=why.filter(out))
    return rows.filter(pl.col("expires") > now).select(*WITHHELD)


def _summed(parts: list[_Part]) -> Normal:
    suppressed, rejected = Counter[str](), Counter[str]()
    for part in parts:
        suppressed.update(part.suppressed)
        rejected.update(part.rejected)
    rows, together = sum(part.rows for part in parts), sum(len(part.kept) for part in parts)
    over = pl.concat([empty(SCHEMA)["id"], *(part.over for part in parts)])
    rejected.update({"expired": len(over)} if len(over) else {})
    withheld = pl.concat([empty(WITHHELD), *(part.withheld for part in parts)])
    once = unique(_taken(parts))
    # One report calls it over, another does not: it holds.
    gone = over.unique().to_frame().join(once.select("id"), on="id", how="anti")["id"]
    return Normal(
        rows,
        once,
        gone,
        dict(suppressed),
        dict(rejected),
        together - len(once),
        withheld.unique("id", keep="first"),
    )


def _taken(parts: list[_Part]) -> pl.DataFrame:
    """Join the frames and let go of them: two copies of a big feed are one too many."""
    together = pl.concat([empty(SCHEMA), *(part.kept for part in parts)])
    parts.clear()
    return together


def _count(why: pl.Series) -> dict[str, int]:
    counts = why.drop_nulls().value_counts(sort=True)
    return dict(zip(counts[:, 0].to_list(), counts[:, 1].to_list(), strict=True))


def _columns(feed: Feed, rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    seen = [times(rows[name]).alias(name) for name in ("first_seen", "last_seen", "expires")]
    latest = pl.lit(now + SKEW, TIME)
    # Not min_horizontal: that passes over nulls, and what has no time would be of the future.
    first, last = (pl.col(n).clip(upper_bound=latest) for n in ("first_seen", "last_seen"))
    at = pl.lit(now, TIME)
    return (
        rows.with_columns(seen)
        .select(
            ids(rows["kind"], rows["value"]).alias("id"),
            "kind",
            "value",
            pl.when(pl.col("original") != pl.col("value")).then("original").alias("original"),
            pl.col("confidence").fill_null(50).clip(0, 100).cast(pl.UInt8),
            pl.coalesce(pl.min_horizontal(first, last), at).alias("first_seen"),
            pl.coalesce(pl.max_horizontal(first, last), at).alias("last_seen"),
            pl.col("expires").fill_null(pl.lit(now + feed.keep, TIME)),
            _tags(rows),
            "threat",
            "reference",
            _tlp(feed),
        )
        .select(*SCHEMA)
    )


def _tags(rows: pl.DataFrame) -> pl.Series:
    """Tags as a sorted list; the port of an `address:port` is one of them.

    Each different text is split once: a million rows share a few thousand.
    """
    port = pl.concat_str(pl.lit("port:"), pl.col("original").str.extract(r":\]?(\d+)\W*$"))
    with_port = pl.concat_str("tags", port, separator=",", ignore_nulls=True)
    socket = pl.col("shape") == Shape.SOCKET.value
    texts = rows.select(pl.when(socket).then(with_port).otherwise("tags").fill_null("").alias("t"))
    different = texts["t"].unique()
    tags = [sorted({tag.strip() for tag in text.split(",")} - {""}) for text in different]
    lists = pl.DataFrame({"t": different, "tags": pl.Series(tags, dtype=SCHEMA["tags"])})
    return texts.join(lists, on="t", how="left", maintain_order="left")["tags"]


def _tlp(feed: Feed) -> pl.Expr:
    words = pl.col("tlp").str.to_lowercase().str.strip_prefix("tlp:").replace(TLP_WORDS)
    return words.cast(TLPS, strict=False).fill_null(pl.lit(feed.tlp.value, TLPS)).alias("tlp")
