"""From text to rows: one function per format, all giving the same columns.

`READ` is what a parser gives, `parse.py` of a feed included: texts as the source wrote them, nulls
where it said nothing. Every problem with the whole payload is a BadPayload.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from tidegate import extract
from tidegate.declare.feed import Feed, FieldMap, Format, Steps, Trailer
from tidegate.ingest.table import BATCH, FAULT, header, table
from tidegate.ports import BadPayload

READ: dict[str, Any] = {
    "shape": pl.String(),
    "value": pl.String(),
    "confidence": pl.Int64(),
    "first_seen": pl.String(),
    "last_seen": pl.String(),
    "expires": pl.String(),
    "tags": pl.String(),  # comma separated
    "threat": pl.String(),
    "reference": pl.String(),
    "tlp": pl.String(),
    "fault": pl.String(),  # why the row is none, where its format already says so
}
COMMENT = r"^\s*(?:#|;|//)"
INLINE_COMMENT = r"\s+(?:#|;|//).*$"
BINARY = re.compile(r"[\x01-\x08\x0e-\x1a]")
KEYED = 100  # lines of JSON that are looked at for their keys
MOST_KEYS, LONGEST_KEY = 500, 100

__all__ = ["BATCH", "READ", "columns_of", "context", "mapped", "parse"]


def columns_of(feed: Feed, path: Path) -> tuple[str, ...]:
    """Return the names of a payload's columns or keys, where it says them; else none."""
    if feed.format is Format.CSV:
        return header(feed, path)
    if feed.format is not Format.JSONL:
        return ()
    with path.open("rb") as lines:
        return tuple(sorted(_keys(islice(lines, KEYED), feed.trailer))[:MOST_KEYS])


def _keys(lines: Iterable[bytes], trailer: Trailer | None) -> set[str]:
    found = set[str]()
    for line in lines:
        try:
            row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            continue
        last = trailer and isinstance(row, dict) and trailer.where.items() <= row.items()
        if isinstance(row, dict) and not last:
            found.update(key for key in row if len(key) < LONGEST_KEY)
    return found


def context(feed: Feed, paths: Sequence[Path]) -> Any:
    """Return what the payloads of one fetch say about one another; None where they say nothing.

    For `context(payloads)` of a feed's `parse.py`, whose `parse` is given what that returned.
    """
    several = feed.format is Format.CODE and len(paths) > 1
    read = feed.code("context") if several else None
    return read(path.read_bytes() for path in paths) if read else None


def parse(feed: Feed, path: Path, about: Any = None) -> Iterator[pl.DataFrame]:
    """Read one plain payload in batches with the columns of `READ`. Raises BadPayload.

    `about` is the `context` of the payloads that it came with.
    """
    if feed.format is Format.CODE:
        yield from _by_code(feed, path, about).iter_slices(BATCH)
        return
    if feed.format is Format.TEXT:
        yield from _prose(path).iter_slices(BATCH)
        return
    if feed.indicator is None:
        raise AssertionError(f"{feed.name}: checked when it was declared")
    read = {Format.CSV: table, Format.JSONL: _jsonl, Format.LINES: _lines}[feed.format]
    for raw in read(feed, path):
        yield mapped(raw, feed.indicator)


def _by_code(feed: Feed, path: Path, about: Any) -> pl.DataFrame:
    read = feed.code("parse")
    if read is None:
        raise AssertionError(f"{feed.name}: format code without parse() in parse.py")
    try:
        beside = () if about is None else (about,)
        return pl.DataFrame(read(path.read_bytes(), *beside), schema=READ)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise BadPayload(f"a cell of the wrong type: {str(error).splitlines()[0]}") from error


def mapped(raw: pl.DataFrame, fields: FieldMap) -> pl.DataFrame:
    """Apply a flat field map to a frame of texts."""

    def column(name: str | None) -> pl.Expr:
        # Of several known sets of columns, one may lack what another has.
        return pl.col(name) if name in raw.columns else pl.lit(None, pl.String)

    value = column(fields.value)
    if fields.prefix_length:
        value = pl.concat_str(value, column(fields.prefix_length), separator="/")
    tags = column(fields.tags)
    if fields.port:
        port = pl.concat_str(pl.lit("port:"), column(fields.port).str.extract(r"^(\d{1,5})$"))
        tags = pl.concat_str(tags, port, separator=",", ignore_nulls=True)
    texts = ("first_seen", "last_seen", "expires", "threat", "reference")
    return raw.select(
        pl.lit(fields.kind.value).alias("shape"),
        value.alias("value"),
        _confidence(fields.confidence, column).alias("confidence"),
        tags.alias("tags"),
        *(column(getattr(fields, name)).alias(name) for name in texts),
        pl.lit(None, pl.String).alias("tlp"),
        column(FAULT).alias("fault"),
    ).select(*READ)


def _confidence(said: int | str | Steps, column: Callable[[str], pl.Expr]) -> pl.Expr:
    match said:
        case int():
            return pl.lit(said, pl.Int64)
        case str():
            return column(said).cast(pl.Int64, strict=False)
        case Steps():
            return _reached(said, column(said.column).cast(pl.Int64, strict=False))


def _reached(said: Steps, number: pl.Expr) -> pl.Expr:
    found = pl.lit(None, pl.Int64)
    for step, confidence in sorted(said.steps.items()):
        found = pl.when(number >= step).then(pl.lit(confidence, pl.Int64)).otherwise(found)
    return found


def _prose(path: Path) -> pl.DataFrame:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if BINARY.search(text):
        raise BadPayload("binary, not text")
    found = pl.DataFrame(extract.rows(text), schema=READ)
    if found.is_empty():
        raise BadPayload("a text without any indicator")
    return found


def _text_lines(path: Path) -> pl.DataFrame:
    try:
        lines = pl.read_lines(path, name="line").get_column("line")
    except pl.exceptions.NoDataError:
        lines = pl.Series("line", [], dtype=pl.String)
    except pl.exceptions.PolarsError:  # not UTF-8: read it leniently
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = pl.Series("line", text.splitlines(), dtype=pl.String)
    plain = lines.str.strip_prefix("\ufeff").str.strip_chars()
    return plain.to_frame().filter(pl.col("line") != "")


def _lines(feed: Feed, path: Path) -> Iterator[pl.DataFrame]:
    lines = _text_lines(path)
    if len(lines) and lines["line"][0].startswith(("{", "[")):
        raise BadPayload("JSON where plain lines are declared")
    kept = lines.filter(~pl.col("line").str.contains(COMMENT))
    name = feed.indicator.value if feed.indicator else "line"
    for batch in kept.iter_slices(BATCH):
        yield batch.select(pl.col("line").str.replace(INLINE_COMMENT, "").alias(name))


def _jsonl(feed: Feed, path: Path) -> Iterator[pl.DataFrame]:
    lines = _text_lines(path)
    if len(lines) and not lines["line"][0].startswith("{"):
        raise BadPayload("not lines of JSON objects")
    names = sorted(feed.indicator.columns) if feed.indicator else []
    if feed.trailer is not None:
        lines = _without_trailer(feed.trailer, lines)
    for batch in lines.iter_slices(BATCH):
        yield batch.select(_field(name) for name in names)


def _field(name: str) -> pl.Expr:
    return pl.col("line").str.json_path_match(f"$.{name}").alias(name)


def _without_trailer(trailer: Trailer, lines: pl.DataFrame) -> pl.DataFrame:
    if lines.is_empty():
        raise BadPayload("no line at all: cut short")
    last = lines.tail(1)
    told = {name: last.select(_field(name)).item() for name in (*trailer.where, trailer.count)}
    if any(told[name] != value for name, value in trailer.where.items()):
        raise BadPayload("the last line is missing: cut short")
    if told[trailer.count] != str(len(lines) - 1):
        raise BadPayload(f"{len(lines) - 1} rows where the last line says {told[trailer.count]}")
    return lines.head(-1)
