"""What changed from one version of a dataset to the next, for readers who have the former.

Lines are told by their place: those to take out by that in the old version, those to put in by
that in the new one. So a reader needs to know nothing of keys, nor of how lines are ordered.
`docs/reference/map-api.md` has the format, and `tests/golden/delta.json` binds every reader.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from tidegate.maps.tsv import NULL

CHANGE, AT = "_change", "_at"
# Working columns. No declared column has a space in its name.
OLD, NEW = "old place", "new place"


class Delta(NamedTuple):
    """A delta as TSV, and how many lines it puts in and takes out."""

    data: bytes
    rows: int
    removed: int


def difference(before: bytes, after: bytes, key: Sequence[str]) -> Delta | None:
    """Return what leads from one version to the other; None if their columns or orders differ.

    Of a line that is taken out only the cells of the `key` are told; all of them if it is empty.
    """
    (header, old), (columns, new) = _lines(before, OLD), _lines(after, NEW)
    if header != columns:
        return None
    kept = old.join(new, on="line", how="inner", maintain_order="left")
    if not (_ascends(kept[OLD]) and _ascends(kept[NEW])):
        return None
    gone = old.join(kept, on=OLD, how="anti", maintain_order="left")
    fresh = new.join(kept, on=NEW, how="anti", maintain_order="left")
    lines = [
        f"{CHANGE}\t{AT}\t{header}",
        *_told("-", gone[OLD], _keys(gone["line"], header.split("\t"), key)),
        *_told("+", fresh[NEW], fresh["line"]),
    ]
    return Delta("\n".join([*lines, ""]).encode(), fresh.height, gone.height)


def _lines(data: bytes, place: str) -> tuple[str, pl.DataFrame]:
    # Not `splitlines`: a cell may hold what Unicode takes for the end of a line.
    header, *lines = data.decode().removesuffix("\n").split("\n")
    return header, pl.DataFrame({"line": lines}, schema={"line": pl.String()}).with_row_index(place)


def _ascends(places: pl.Series) -> bool:
    return bool((places.cast(pl.Int64).diff().drop_nulls() > 0).all())


def _keys(lines: pl.Series, names: Sequence[str], key: Sequence[str]) -> pl.Series:
    """Return the lines without what is not of the key."""
    if not key:
        return lines
    cells = pl.col("line").str.split("\t")
    shown = [
        cells.list.get(place) if name in key else pl.lit(NULL) for place, name in enumerate(names)
    ]
    told = pl.concat_str(shown, separator="\t").alias("told")
    return lines.to_frame("line").select(told)["told"]


def _told(change: str, places: pl.Series, lines: pl.Series) -> pl.Series:
    told = pl.DataFrame({"place": places, "line": lines})
    return told.select(
        pl.concat_str([pl.lit(change), "place", "line"], separator="\t").alias("told")
    )["told"]
