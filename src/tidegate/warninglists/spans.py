"""Address ranges as columns, for one version of IP: which network is the closest around a number.

All work is bisection over whole columns. IPv4 numbers are Int64, IPv6 numbers UInt128.
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Spans:
    """Neighbouring spans without gaps: from `starts[i]` on, `owners[i]` holds, or nobody."""

    starts: pl.Series
    owners: pl.Series

    def at(self, numbers: pl.Series) -> pl.Series:
        """Return the owner of each number, null where nobody owns it."""
        if self.starts.is_empty():
            return pl.Series([None] * len(numbers), dtype=self.owners.dtype)
        # The first span starts at 0: every number has one.
        at = self.starts.search_sorted(numbers, side="right") - 1
        return self.owners.gather(at)


def closest(networks: pl.DataFrame) -> Spans:
    """Build the spans of networks (`first`, `last`, `bits`, `list`): the narrowest one owns.

    Networks lie inside one another or apart. So no span is in more of them than there are widths,
    which bounds the work whatever a list brings.
    """
    once = networks.sort("list").unique(["first", "bits"], keep="first", maintain_order=True)
    number = networks.schema["first"]
    after = once.select(pl.col("last") + pl.lit(1, number)).to_series()
    starts = pl.concat([pl.Series([0], dtype=number), once["first"], after]).unique().sort()
    owned = _owned(starts, once)
    owners = pl.select(pl.repeat(None, len(starts), dtype=networks.schema["list"])).to_series()
    return _joined(starts, owners.scatter(owned["at"], owned["list"]))


def _owned(starts: pl.Series, networks: pl.DataFrame) -> pl.DataFrame:
    """Return each span (`at`) that lies in a network, with the list of the narrowest one."""
    narrowest_last = networks.sort("bits")
    low = starts.search_sorted(narrowest_last["first"])
    high = starts.search_sorted(narrowest_last["last"], side="right")
    within = narrowest_last.select("list", at=pl.int_ranges(low, high))
    return within.explode("at").unique("at", keep="last", maintain_order=True)


def _joined(starts: pl.Series, owners: pl.Series) -> Spans:
    """Make neighbours of one owner one span."""
    rows = pl.DataFrame({"start": starts, "owner": owners}).with_row_index("at")
    owner = pl.col("owner")
    kept = rows.filter(owner.ne_missing(owner.shift(1)) | (pl.col("at") == 0))
    return Spans(kept["start"], kept["owner"])


@dataclass(frozen=True, slots=True)
class Cover:
    """What networks cover together: disjoint ranges, each named after its first network."""

    starts: pl.Series
    ends: pl.Series
    owners: pl.Series

    def around(self, first: pl.Series, last: pl.Series) -> pl.Series:
        """Return the owner of the range that holds all of first..last, null where none does."""
        return self._owner(first, last)

    def touching(self, first: pl.Series, last: pl.Series) -> pl.Series:
        """Return the owner of a range that holds any of first..last, null where none does."""
        return self._owner(last, first)

    def _owner(self, found_by: pl.Series, reaching: pl.Series) -> pl.Series:
        if self.starts.is_empty():
            return pl.Series([None] * len(found_by), dtype=self.owners.dtype)
        at = self.starts.search_sorted(found_by, side="right").cast(pl.Int64) - 1
        rows = pl.DataFrame({"at": at, "reaching": reaching})
        place = pl.col("at").clip(0)
        holds = (pl.col("at") >= 0) & (pl.lit(self.ends).gather(place) >= pl.col("reaching"))
        owner = pl.when(holds).then(pl.lit(self.owners).gather(place))
        return rows.select(owner.alias("owner")).to_series()


def cover(networks: pl.DataFrame) -> Cover:
    """Merge networks that overlap or touch each other."""
    rows = networks.sort("first", "bits", "list").with_columns(reach=pl.col("last").cum_max())
    before = pl.col("reach").shift(1)
    # `first - 1` and not `reach + 1`: the last address of all has no next one.
    one = pl.lit(1, networks.schema["first"])
    opens = before.is_null() | ((pl.col("first") > before) & (pl.col("first") - one > before))
    merged = rows.group_by(opens.cum_sum().alias("group"), maintain_order=True).agg(
        pl.col("first", "list").first(), pl.col("last").max()
    )
    return Cover(merged["first"], merged["last"], merged["list"])
