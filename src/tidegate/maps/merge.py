"""What a dataset holds after an answer: one row per key, the latest, as long as it lives."""

from datetime import datetime

import polars as pl

from tidegate.declare.dataset import Dataset


def merge(dataset: Dataset, kept: pl.DataFrame, answer: pl.DataFrame) -> pl.DataFrame:
    """Return the kept rows with the answer's on top, by key.

    Within an answer the row that was received later wins, if the answer tells, then the one with
    the later time; an answer wins over what was kept. Rows that the answer marks as gone take their
    key with them.
    """
    times = [name for name in (dataset.ingested, dataset.time) if name]
    newest = answer.sort(map(_instant, times), maintain_order=True, nulls_last=False)
    rows = pl.concat([kept, newest], how="diagonal").unique(
        _key(dataset), keep="last", maintain_order=True
    )
    if dataset.gone is not None:
        rows = rows.filter(~pl.col(dataset.gone).eq_missing("true"))
    return rows.drop(dataset.passing)


def alive(dataset: Dataset, rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the rows inside the retention and before their own end, by time, then by key.

    No two rows have one key, so the order depends on nothing else: what did not change between two
    versions stands in the same order in both.
    """
    rows = rows.filter(since(dataset, now - dataset.retention))
    if dataset.expires is not None:
        ended = _instant(dataset.expires) <= now
        rows = rows.filter(~ended.fill_null(value=False))
    return rows.sort(_instant(dataset.time), *_key(dataset))


def _key(dataset: Dataset) -> list[str]:
    return dataset.key or list(dataset.columns)


def since(dataset: Dataset, start: datetime) -> pl.Expr:
    """Whether a row happened at or after `start`; one without a readable time counts as new."""
    return (_instant(dataset.time) >= start).fill_null(value=True)


def _instant(column: str) -> pl.Expr:
    # Seven digits of a second in, six kept: enough to order by, and the text itself stays whole.
    text = pl.col(column).str.strip_suffix("Z").str.head(26)
    return text.str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"
    ).dt.replace_time_zone("UTC")
