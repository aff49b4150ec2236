"""Names below which everybody has a name of their own, and the names above those."""

from functools import cache
from typing import NamedTuple

import polars as pl
from publicsuffixlist import PublicSuffixList


class _Rules(NamedTuple):
    """Names that are shared; names directly below which every name is, but for the `owned`."""

    shared: pl.Series
    wild: pl.Series
    owned: pl.Series


def shared(names: pl.Series) -> pl.Series:
    """Say of each name whether it is shared: a public suffix, or above one.

    `github.io` is one, anybody's pages are below it. `windows.net` is above one: a block of it
    would take `blob.core.windows.net` with it. A customer's name below them is the customer's.
    """
    rules = _rules()
    above = pl.col("name").str.splitn(".", 2).struct.field("field_1")
    found = pl.col("name").is_in(rules.shared.implode()) | (
        above.is_in(rules.wild.implode()) & ~pl.col("name").is_in(rules.owned.implode())
    )
    return names.alias("name").to_frame().select(found.alias("shared")).to_series()


@cache
def _rules() -> _Rules:
    rules = [rule for rule in PublicSuffixList()._publicsuffix if rule.isascii()]  # noqa: SLF001
    wild = [rule[2:] for rule in rules if rule.startswith("*.")]
    owned = [rule[1:] for rule in rules if rule.startswith("!")]
    plain = [rule for rule in rules if rule[0] not in "*!"]
    above = {name for rule in (*plain, *wild) for name in _above(rule)}
    return _Rules(*(pl.Series(sorted(part), dtype=pl.String) for part in (above, wild, owned)))


def _above(name: str) -> list[str]:
    """Return the name and all above it, down to two labels."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]
