"""Which indicators hygiene keeps from enforcement, and which a feed means all the same. Pure.

A feed may mean what a warninglist calls harmless (`suppress: {except: [LIST]}`). An indicator
passes that list where every source that asks to block it says so: one that does not is suspicious
of it, and its word counts.

What an analyst called harmless is not enforced, whatever hygiene says; see `mark.harmless`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import polars as pl

from tidegate.hygiene import NONE, Policy, reasons
from tidegate.sightings import empty

Exceptions = Mapping[str, frozenset[str]]
"""The warninglists whose entries a source means, by its name."""

NOTHING_SAID = empty({name: pl.String() for name in ("id", "why", "kind", "value")})
"""What analysts called harmless, one row per indicator; here nothing."""


def meant(sources: Iterable[str], exceptions: Exceptions) -> frozenset[str]:
    """Return the lists whose entries all of these sources mean."""
    lists = [exceptions.get(source, NONE) for source in sources]
    return frozenset.intersection(*lists) if lists else NONE


def unclean(
    scored: pl.DataFrame,
    policy: Policy,
    exceptions: Exceptions,
    harmless: pl.DataFrame = NOTHING_SAID,
) -> pl.Series:
    """Say of each scored indicator why it is never enforced; null where it may be.

    `harmless` is what analysts called so, with the columns of `NOTHING_SAID`.
    """
    why = _by_hygiene(scored, policy, exceptions)
    if harmless.is_empty():
        return why
    said = scored.select("id").join(harmless, on="id", how="left", maintain_order="left")
    return said["why"].zip_with(said["why"].is_not_null(), why)


def _by_hygiene(scored: pl.DataFrame, policy: Policy, exceptions: Exceptions) -> pl.Series:
    why = reasons(scored["kind"], scored["value"], policy)
    if not exceptions:
        return why
    rows = scored.select("kind", "value", "sources").with_row_index("row")
    some = pl.col("sources").list.eval(pl.element().is_in(list(exceptions))).list.all()
    asked = rows.filter(why.is_not_null()).filter(some)
    for lists, numbers in _by_lists(asked, exceptions).items():
        at = pl.Series(numbers, dtype=pl.UInt32)
        again = scored[numbers]
        why = why.scatter(at, reasons(again["kind"], again["value"], policy, lists))
    return why


def _by_lists(rows: pl.DataFrame, exceptions: Exceptions) -> dict[frozenset[str], list[int]]:
    """Return the numbers of rows by the lists that all of their sources mean."""
    found = defaultdict[frozenset[str], list[int]](list)
    for number, sources in rows.select("row", "sources").iter_rows():
        if lists := meant(sources, exceptions):
            found[lists].append(number)
    return found
