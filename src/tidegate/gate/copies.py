"""Which lists repeat each other, told from what they have in common. Pure.

The evidence is containment alone, of all that holds now. Two lists of which each has four fifths of
the other say the same: they are one group. A list that has four fifths of a smaller one is a list
of lists in its regard: it `copies` it, in the sense of `score.Source`.

Independent sensors that watch the same internet overlap, too, and that is what makes agreement
worth something: among real block lists of one day they share up to two thirds of the smaller one,
while a list of lists has 99 % of what it takes in. Between the two lies the threshold. Lists of
fewer than a hundred indicators are left alone, for a few famous addresses are on every list. And
where four fifths of a list are on a larger one anyway, that an indicator is on both is no news,
whether anybody copied or not: little is lost by a wrong guess.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from tidegate.gate.overlap import overlaps

CONTAINED = 0.8  # of a list is on the other
LEAST = 100  # indicators of each list

Copied = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Copies:
    """Sources that are alike, in groups, and which lists a list of lists copies."""

    groups: tuple[tuple[str, ...], ...] = ()
    copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def derived(combinations: pl.DataFrame, among: Collection[str]) -> Copies:
    """Tell from `overlap.Spread.combinations` who copies whom; only `among` these sources."""
    contained = _contained(combinations, among)
    turned = contained.select(source="other", other="source")
    both = ["source", "other"]
    alike = united({}, contained.join(turned, on=both, how="semi").rows())
    larger = contained.join(turned, on=both, how="anti").sort("other", "source")
    copies: dict[str, tuple[str, ...]] = {}
    for copied, source in larger.rows():
        copies[source] = (*copies.get(source, ()), copied)
    return Copies(_members(alike), copies)


def _contained(combinations: pl.DataFrame, among: Collection[str]) -> pl.DataFrame:
    """Return `source` and `other`: a row for each list that another has most of."""
    sizes = (
        combinations.explode("sources")
        .group_by(pl.col("sources").alias("source"))
        .agg(pl.col("indicators").sum().alias("size"))
        .filter((pl.col("size") >= LEAST) & pl.col("source").is_in(list(among)))
    )
    return (
        overlaps(combinations)
        .join(sizes, on="source")
        .join(sizes.select(other="source"), on="other", how="semi")
        .filter(pl.col("indicators") >= CONTAINED * pl.col("size"))
        .select("source", "other")
    )


def united(declared: Mapping[str, str], alike: Iterable[Iterable[str]]) -> dict[str, str]:
    """Return the group of each source that is in one, by what was declared and what is alike.

    Who is alike to one of a group is alike to all of it. A declared name stays.
    """
    members: dict[str, set[str]] = {}
    for names in (*declared.items(), *alike):
        together = set[str]().union(*(members.get(name, {name}) for name in names))
        members |= dict.fromkeys(together, together)
    named = set(declared.values())
    return {name: min(together & named or together) for name, together in members.items()}


def _members(groups: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(sorted(name for name, group in groups.items() if group == one))
        for one in sorted(set(groups.values()))
    )


def joined(declared: Copied, found: Copied, groups: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return whom each list copies. Declared copies stay; of one group nobody is found to copy.

    What would close a circle is left out: each in it would count for nothing because of the next.
    """
    copies = {name: frozenset(of) for name, of in declared.items()}
    for name in sorted(found):
        for copied in sorted(found[name]):
            fellows = groups.get(name, name) == groups.get(copied, copied)
            if not fellows and not _leads(copied, name, copies):
                copies[name] = copies.get(name, frozenset()) | {copied}
    return copies


def _leads(start: str, end: str, copies: Copied) -> bool:
    """Whether one comes from a list to another by way of whom they copy."""
    seen, ahead = set[str](), [start]
    while ahead:
        name = ahead.pop()
        if name == end:
            return True
        if name not in seen:
            seen.add(name)
            ahead += copies.get(name, ())
    return False
