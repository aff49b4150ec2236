"""From a source's texts to sightings: kinds and values canonical, times aware, repeats merged."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from tidegate.canonical import Shape
from tidegate.columns import canonicalise
from tidegate.declare.feed import Feed
from tidegate.hygiene import Policy, reasons, tally
from tidegate.ingest.withheld import WITHHELD
from tidegate.model import Tlp
from tidegate.sightings import SCHEMA, TIME, TLPS, Scattered, empty, ids, merged, scattered

ABREAST = 2
SKEW = timedelta(minutes=5)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
TEXTS, LONGEST = ("original", "tags", "threat", "reference"), 10_000  # characters
MOST_TAGS, LONGEST_TAG = 500, 200
SECONDS = "%Y-%m-%d %H:%M:%S"
PLAIN_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?UTC|Z|\+00:?00)?$"
TLP_WORDS = {"white": Tlp.CLEAR, "amber+strict": Tlp.AMBER_STRICT}


@dataclass(frozen=True, slots=True)
class Normal:
    """A payload's sightings, and what became of the rows that are none of them.

    `over` are the ids that the source itself calls expired or withdrawn; `withheld` are sightings
    that hygiene kept out, with their reason. `columns` are those of the payload, where it says so.
    """

    rows: int
    sightings: pl.DataFrame
    over: pl.Series
    suppressed: dict[str, int]
    rejected: dict[str, int]
    repeated: int
    withheld: pl.DataFrame = field(default_factory=lambda: empty(WITHHELD))
    columns: tuple[str, ...] = ()


def times(column: pl.Series) -> pl.Series:
    """Read a column of texts as times in UTC; null where there is none to read.

    Feeds write UTC without saying so, with blank or T, with fractions, as dates or as epochs.
    What lies outside the years 1 to 9999 is no time: Python could not read it back.
    """
    found = _times(column).alias(column.name)
    known = found.is_between(pl.lit(FIRST, TIME), pl.lit(LAST, TIME))
    return found if known.all() else found.set(~known.fill_null(value=True), None)


def _times(column: pl.Series) -> pl.Series:
    if (column.str.len_bytes() == len("2026-01-01 00:00:00")).all():
        plainly = column.str.to_datetime(SECONDS, time_unit="us", strict=False)
        if plainly.null_count() == column.null_count():
            return plainly.dt.replace_time_zone("UTC")
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
    kept: Scattered
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
    if batch["fault"].null_count() < len(batch):
        found = found.with_columns(pl.coalesce(batch["fault"], "rejected").alias("rejected"))
    rows = _brief(batch.rename({"value": "original"}).hstack(found))
    good = rows.filter(pl.col("rejected").is_null()).drop("rejected")
    why = reasons(good["kind"], good["value"], policy, frozenset(feed.suppress.but))
    said = _columns(feed, good.filter(why.is_null()), now)
    return _Part(
        len(batch),
        scattered(said.filter(pl.col("expires") > now)),
        said.filter(pl.col("expires") <= now)["id"],
        _withheld(feed, good, why, now),
        tally(why),
        tally(found["rejected"]),
    )


def _brief(rows: pl.DataFrame) -> pl.DataFrame:
    """Cut texts without end short: a store has two megabytes for all that a row says."""
    long = [name for name in TEXTS if (rows[name].str.len_bytes() > LONGEST).any()]
    return rows.with_columns(pl.col(long).str.head(LONGEST)) if long else rows


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
    rows = sum(part.rows for part in parts)
    together = sum(len(few) for part in parts for few in part.kept.values())
    over = pl.concat([empty(SCHEMA)["id"], *(part.over for part in parts)])
    rejected.update({"expired": len(over)} if len(over) else {})
    withheld = pl.concat([empty(WITHHELD), *(part.withheld for part in parts)])
    once = merged([part.kept for part in parts])
    if (once["tags"].list.len() > MOST_TAGS).any():
        once = once.with_columns(pl.col("tags").list.head(MOST_TAGS))
    # One report calls it over, another does not: it holds.
    gone = over.unique().to_frame()
    gone = gone.join(once.select("id"), on="id", how="anti") if len(gone) else gone
    return Normal(
        rows,
        once,
        gone["id"],
        dict(suppressed),
        dict(rejected),
        together - len(once),
        withheld.unique("id", keep="first"),
    )


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
            _original(rows),
            pl.col("confidence").fill_null(50).clip(0, 100).cast(pl.UInt8),
            pl.coalesce(pl.min_horizontal(first, last), at).alias("first_seen"),
            pl.coalesce(pl.max_horizontal(first, last), at).alias("last_seen"),
            pl.col("expires").fill_null(pl.lit(now + feed.keep, TIME)),
            _tags(rows),
            _shared(rows["threat"]),
            "reference",
            _tlp(feed),
        )
        .select(*SCHEMA)
    )


def _shared(column: pl.Series) -> pl.Series:
    """Keep each different text once: a million rows name a few threats."""
    different = column.drop_nulls().unique()
    if len(different) * 10 > len(column):
        return column
    codes = column.cast(pl.Enum(different)).to_physical()
    return different.gather(codes).alias(column.name)


def _original(rows: pl.DataFrame) -> pl.Series:
    """Return the spellings that are not the canonical ones, and hold on to no others."""
    odd = (rows["original"] != rows["value"]).arg_true()
    none = pl.select(pl.repeat(None, len(rows), dtype=pl.String)).to_series()
    return none.scatter(odd, rows["original"].gather(odd)).alias("original")


def _tags(rows: pl.DataFrame) -> pl.Series:
    """Tags as a sorted list; the port of an `address:port` is one of them.

    Each different text is split once: a million rows share a few thousand.
    """
    texts = rows.select(_with_port(rows).fill_null("").alias("t"))
    different = texts["t"].unique()
    tags = [sorted({t.strip()[:LONGEST_TAG] for t in text.split(",")} - {""}) for text in different]
    lists = pl.DataFrame({"t": different, "tags": pl.Series(tags, dtype=SCHEMA["tags"])})
    return texts.join(lists, on="t", how="left", maintain_order="left")["tags"]


def _with_port(rows: pl.DataFrame) -> pl.Expr:
    socket = pl.col("shape") == Shape.SOCKET.value
    if not rows.select(socket.any()).item():
        return pl.col("tags")
    port = pl.concat_str(pl.lit("port:"), pl.col("original").str.extract(r":\]?(\d+)\W*$"))
    with_port = pl.concat_str("tags", port, separator=",", ignore_nulls=True)
    return pl.when(socket).then(with_port).otherwise("tags")


def _tlp(feed: Feed) -> pl.Expr:
    words = pl.col("tlp").str.to_lowercase().str.strip_prefix("tlp:").replace(TLP_WORDS)
    return words.cast(TLPS, strict=False).fill_null(pl.lit(feed.tlp.value, TLPS)).alias("tlp")
