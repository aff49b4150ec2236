"""Names and what lies below them, for whole columns."""

from collections.abc import Sequence

import polars as pl

LAST_TWO = r"([^.]+\.[^.]+)$"


def below(rows: pl.DataFrame, names: pl.DataFrame, on: Sequence[str] = ("name",)) -> pl.DataFrame:
    """Join rows with the closest of the names that is theirs or above theirs.

    Rows have `row` and `on`, names have `on` and more; no name is a top-level domain.
    """
    ends = names["name"].str.extract(LAST_TWO).unique().implode()
    left = rows.filter(pl.col("name").str.extract(LAST_TWO).is_in(ends)).select("row", *on)
    found = [left.clear().join(names, on=list(on))]
    shorter = pl.col("name").str.splitn(".", 2).struct.field("field_1").alias("name")
    while not left.is_empty():  # once for each label of the longest name
        found.append(left.join(names, on=list(on)))
        left = left.join(found[-1], on="row", how="anti").with_columns(shorter).drop_nulls("name")
    return pl.concat(found)
