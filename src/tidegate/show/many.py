"""The answers to many values."""

from __future__ import annotations

import polars as pl

from tidegate.canonical import defanged
from tidegate.show.cells import SHOWN, out, table


def answers(found: pl.DataFrame) -> None:
    """Print what is known of `bulk.ANSWERS`: the worst first, the rest as counts."""
    reported, held = pl.col("sources").is_not_null(), pl.col("networks").is_not_null()
    known = found.filter(reported | held).unique("id", maintain_order=True)
    worst = known.sort("score", descending=True, nulls_last=True, maintain_order=True).head(SHOWN)
    columns = ("kind", "indicator", "score", "sources", "in networks", "never enforced")
    lines = [_line(*row) for row in worst.select(*SHOWED).iter_rows()]
    if lines:
        table(_title(found), columns, lines)
    else:
        out.print(_title(found))
    if len(known) > SHOWN:
        out.print(f"… and {len(known) - SHOWN:,} more; --json has them all")


SHOWED = ("kind", "value", "score", "sources", "networks", "never_enforced")


def _line(
    kind: str,
    value: str,
    score: float | None,
    sources: list[str] | None,
    networks: list[str] | None,
    never: str | None,
) -> tuple[object, ...]:
    rounded = None if score is None else f"{score:.1f}"
    return (
        kind,
        defanged(value),
        rounded,
        ", ".join(sources or ()),
        ", ".join(networks or ()),
        never,
    )


def _title(found: pl.DataFrame) -> str:
    unread = len(found) - found["rejected"].null_count()
    reported = len(found) - found["sources"].null_count()
    alone = found.filter(pl.col("sources").is_null() & pl.col("networks").is_not_null())
    return (
        f"{len(found):,} asked: {reported:,} reported, {len(alone):,} only in reported networks,"
        f" {unread:,} name nothing"
    )
