"""Searches all live sightings: what is asked for is sought in the store, only a page leaves it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import polars as pl

from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.matching import Filter, inside, narrowed
from tidegate.gate.paging import Mark
from tidegate.gate.score import Sources, scored

WEIGHED = ("id", "kind", "value", "source", "confidence", "last_seen", "threat")
SHOWN = (*WEIGHED, "first_seen", "expires", "tags", "tlp")
AT_ONCE = 100_000  # indicators that are scored together: a page must not hold the whole store


class Order(StrEnum):
    """What comes first. Ids stay where they are while the store changes; scores do not."""

    ID = "id"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, how many at a time, in which order, and where the last page ended."""

    wanted: Filter = field(default_factory=Filter)
    least_score: float = 0.0
    order: Order = Order.ID
    limit: int = 100
    after: Mark | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One row per indicator, in order; `after` is where the next page begins, if there is one.

    The columns are id, kind, value, score, sources, threats, tags, first_seen, last_seen, expires
    and tlp, which is the strictest of the indicator's sightings.
    """

    items: pl.DataFrame
    after: Mark | None


@dataclass(frozen=True, slots=True)
class _View:
    """The live sightings at a time, and what their sources are worth."""

    live: pl.LazyFrame
    worth: Sources
    at: datetime

    def rows(self, ids: pl.Series, columns: tuple[str, ...] = WEIGHED) -> pl.DataFrame:
        """Return every sighting of sorted ids. By their range, a scan skips most of a store."""
        if ids.is_empty():
            return self.live.select(columns).clear().collect()
        among = pl.col("id").is_between(pl.lit(ids[0]), pl.lit(ids[-1]))
        wanted = pl.LazyFrame({"id": ids})
        return _collected(self.live.filter(among).select(columns).join(wanted, on="id", how="semi"))

    def scored(self, ids: pl.Series) -> pl.DataFrame:
        return scored(self.rows(ids), self.worth, self.at).select("id", "score")


def search(asked: Search, known: Knowledge) -> Page:
    """Return a page of the indicators of which one live sighting is what is wanted.

    An indicator is scored over all of its live sightings, also those that were not asked for.
    """
    at = asked.after.at if asked.after else known.clock()
    view = _View(known.sightings.live(at), sources(known), at)
    found = _best(asked, view) if asked.order is Order.SCORE else _next(asked, view)
    shown = found.head(asked.limit)
    more = len(found) > asked.limit
    after = Mark(at, shown["id"][-1], shown["score"][-1]) if more else None
    return Page(_items(shown, view), after)


def _next(asked: Search, view: _View) -> pl.DataFrame:
    """Return `id` and `score` of the page and of one more, by id."""
    if not asked.least_score:
        return view.scored(_first(asked, view).head(asked.limit + 1))
    found, enough = [view.scored(pl.Series("id", [], dtype=pl.String))], asked.limit + 1
    for ids in _growing(_matching(asked, view), 4 * enough):
        found.append(view.scored(ids).filter(pl.col("score") >= asked.least_score))
        if sum(map(len, found)) >= enough:
            break
    return pl.concat(found).head(enough)


def _best(asked: Search, view: _View) -> pl.DataFrame:
    """Return `id` and `score` of the page and of one more, the greatest score first."""
    best = view.scored(pl.Series("id", [], dtype=pl.String))
    for ids in _growing(_matching(asked, view), AT_ONCE):
        worthy = view.scored(ids).filter(_is_later(asked))
        best = pl.concat([best, worthy]).sort("score", "id", descending=[True, False])
        best = best.head(asked.limit + 1)
    return best


def _is_later(asked: Search) -> pl.Expr:
    enough = pl.col("score") >= asked.least_score
    if asked.after is None:
        return enough
    same = (pl.col("score") == asked.after.score) & (pl.col("id") > asked.after.id)
    return enough & ((pl.col("score") < asked.after.score) | same)


def _growing(ids: pl.Series, size: int) -> Iterator[pl.Series]:
    start = 0
    while start < len(ids):
        yield ids[start : start + size]
        start, size = start + size, min(2 * size, AT_ONCE)


def _first(asked: Search, view: _View) -> pl.Series:
    """Return at least as many of the first matching ids as a page and one more, if there are."""
    if asked.wanted.network:
        return _matching(asked, view)
    rows, enough = _narrowed(asked, view).select("id"), asked.limit + 1
    taken = 2 * enough
    while True:  # an id comes once for each source
        some = _collected(rows.bottom_k(taken, by="id"))["id"]
        ids = some.unique().sort()
        if len(ids) >= enough or len(some) < taken:
            return ids
        taken *= 4


def _matching(asked: Search, view: _View) -> pl.Series:
    """Return all matching ids, sorted."""
    rows = _narrowed(asked, view)
    if asked.wanted.network is None:
        return _collected(rows.select("id"))["id"].unique().sort()
    perhaps = _collected(rows.select("id", "value").unique())
    return inside(perhaps, asked.wanted.network)["id"].sort()


def _narrowed(asked: Search, view: _View) -> pl.LazyFrame:
    rows = narrowed(view.live, asked.wanted)
    if asked.after and asked.order is Order.ID:
        return rows.filter(pl.col("id") > pl.lit(asked.after.id))
    return rows


def _items(chosen: pl.DataFrame, view: _View) -> pl.DataFrame:
    rows = view.rows(chosen["id"].sort(), SHOWN)
    said = rows.group_by("id").agg(
        pl.col("kind", "value").first(),
        pl.col("source").unique().sort().alias("sources"),
        pl.col("threat").drop_nulls().unique().sort().alias("threats"),
        pl.col("tags").explode().drop_nulls().unique().sort(),
        pl.col("first_seen").min(),
        pl.col("last_seen", "expires", "tlp").max(),
    )
    columns = ("id", "kind", "value", "score", "sources", "threats", "tags")
    whole = chosen.join(said, on="id", how="left", maintain_order="left")
    return whole.select(*columns, "first_seen", "last_seen", "expires", "tlp")


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.collect(engine="streaming")
