"""The popularity gate: names that everybody uses are not made indicators of.

13 of 100 malware URLs lie on one of the 100,000 most popular domains. The URL is an indicator, the
domain is not.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import polars as pl
from publicsuffixlist import PublicSuffixList

from tidegate.warninglists.names import below

RANKED = r"^(\d+),([a-z0-9_.-]+)$"
ADDRESS = r"^https?://([a-z0-9_.-]+)(?:[/:,]|$)"
RANKS: dict[str, Any] = {"name": pl.String(), "rank": pl.UInt32(), "shared": pl.Boolean()}
WITHIN = 100_000


@dataclass(frozen=True, slots=True)
class Popularity:
    """Registered domains with their rank.

    `shared` names are public suffixes, such as `github.io`: anybody may have a name below them.
    """

    ranks: pl.DataFrame

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a ranked list: `rank,domain` as Tranco has it, or one URL a row, best first."""
        line = pl.Series("line", text.lower().splitlines(), dtype=pl.String).str.strip_chars()
        name = pl.coalesce(line.str.extract(RANKED, 2), line.str.extract(ADDRESS)).alias("name")
        rank = line.str.extract(RANKED, 1).cast(pl.UInt32, strict=False).alias("given")
        named = pl.DataFrame([line]).select(name, rank).drop_nulls("name").with_row_index("at", 1)
        return cls(_registered(named.select("name", pl.coalesce("given", "at").alias("rank"))))

    def fingerprint(self) -> str:
        """Return a digest of all ranks."""
        return f"{len(self.ranks)}-{self.ranks.hash_rows().sum()}"

    def popular(self, domains: pl.Series, within: int = WITHIN) -> pl.Series:
        """Say of each name whether it or its registered domain is among the first `within`.

        A name below a shared one is its owner's alone, however popular the shared one is.
        """
        return self._ranked(domains, self.ranks.filter(~pl.col("shared")), within)

    def derivable(self, hosts: pl.Series, within: int = WITHIN) -> pl.Series:
        """Say of each URL's host whether a domain indicator may be derived from it.

        Stricter than `popular`: below a shared name, `raw.githubusercontent.com` looks like any
        customer, and the URL stays an indicator in any case.
        """
        return ~self._ranked(hosts, self.ranks, within)

    @staticmethod
    def _ranked(domains: pl.Series, ranks: pl.DataFrame, within: int) -> pl.Series:
        best = ranks.filter(pl.col("rank") <= within).select("name", "rank")
        rows = pl.DataFrame({"name": domains}).with_row_index("row")
        found = below(rows, best)["row"]
        return rows.select(pl.col("row").is_in(found.implode()).alias("popular")).to_series()


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _registered(named: pl.DataFrame) -> pl.DataFrame:
    """Reduce names to their registered domains; keep public suffixes, marked as shared."""
    registered = [_suffixes().privatesuffix(name) for name in named["name"]]
    owned = pl.Series("owned", registered, dtype=pl.String)
    shared = pl.col("owned").is_null() & pl.col("name").str.contains(".", literal=True)
    return (
        named.with_columns(owned)
        .select(pl.coalesce("owned", "name").alias("name"), "rank", shared.alias("shared"))
        .filter(pl.col("name").str.contains(".", literal=True))
        .sort("rank")
        .unique("name", keep="first", maintain_order=True)
    )
