"""What a fetch changes: the rows to write, the rows that go, and the state that follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tidegate.declare.feed import Semantics
from tidegate.sightings import STATE, TIME, by_id, fingerprinted


@dataclass(frozen=True, slots=True)
class Delta:
    """`state` replaces the source's state; `written` are its rows that differ from the last.

    `renewed` rows say nothing new: half of their time was gone.
    """

    state: pl.DataFrame
    written: pl.DataFrame
    new: int
    changed: int
    renewed: int
    withdrawn: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (len(self.written) or self.withdrawn)


def delta(
    old: pl.DataFrame,
    fetched: pl.DataFrame,
    over: pl.Series,
    semantics: Semantics,
    keep: timedelta,
    now: datetime,
) -> Delta:
    """Compare a fetch (`SCHEMA`) with the source's last state (`STATE`). Pure.

    An unchanged row keeps its old times: they are what the store holds. `over` are ids that the
    source calls expired. A time that the source itself set is taken over when it is earlier, and
    not renewed over and over when it stays.
    """
    rows = _compared(old, fingerprinted(fetched), now)
    is_new = pl.col("old_fingerprint").is_null()
    changed = pl.col("old_fingerprint") != pl.col("fingerprint")
    half_gone = pl.col("old_expires") - pl.lit(now, TIME) < keep / 2
    expires, old_expires = pl.col("expires"), pl.col("old_expires")
    due = (expires < old_expires) | (half_gone & (expires > old_expires))
    written = _chosen(rows, is_new | changed | due).select(*STATE)
    counts = rows.select(
        is_new.sum().alias("new"), changed.sum().alias("changed"), due.sum().alias("due")
    ).row(0)
    staying = _staying(old, rows, over, semantics, now)
    state = _together(staying, written)
    withdrawn = len(old) + counts[0] - len(state)
    return Delta(state, written, counts[0], counts[1], len(written) - sum(counts[:2]), withdrawn)


def _chosen(rows: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Filter, without the copy that a filter makes even where it leaves out nothing."""
    mask = rows.select(condition).to_series()
    return rows if mask.all() else rows.filter(mask)


def _compared(old: pl.DataFrame, new: pl.DataFrame, now: datetime) -> pl.DataFrame:
    at = pl.lit(now, TIME)
    if old.is_empty():
        nothing = (pl.lit(None, dtype) for dtype in (pl.UInt64, TIME))
        names = ("old_fingerprint", "old_expires")
        blank = (lit.alias(name) for lit, name in zip(nothing, names, strict=True))
        return new.with_columns(at.alias("written"), *blank)
    before = old.select(
        "id",
        pl.col("first_seen").alias("old_first"),
        pl.col("last_seen").alias("old_last"),
        pl.col("expires").alias("old_expires"),
        pl.col("fingerprint").alias("old_fingerprint"),
    )
    joined = new.join(before, on="id", how="left", maintain_order="left")
    return joined.with_columns(
        pl.min_horizontal("first_seen", "old_first").alias("first_seen"),
        pl.max_horizontal("last_seen", "old_last").alias("last_seen"),
        at.alias("written"),
    )


def _staying(
    old: pl.DataFrame,
    rows: pl.DataFrame,
    over: pl.Series,
    semantics: Semantics,
    now: datetime,
) -> pl.DataFrame:
    """The old rows that still hold and are not among those of the fetch that are written."""
    if old.is_empty():
        return old
    holding = old.filter(pl.col("expires") > now)
    if semantics is Semantics.SNAPSHOT:
        return holding.join(rows.select("id"), on="id", how="semi")
    return holding.join(over.to_frame("id"), on="id", how="anti")


def _together(staying: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    if staying.is_empty():
        return written
    if written.is_empty():
        return staying
    rest = staying.join(written.select("id"), on="id", how="anti")
    return by_id(pl.concat([rest, written]))
