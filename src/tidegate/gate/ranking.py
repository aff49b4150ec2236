"""Which indicators are among the best of their kind so far, and at what bar the others ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tidegate.gate.pool import LAST, RISE, Bar
from tidegate.gate.select import ENFORCEABLE
from tidegate.model import Kind
from tidegate.sightings import KINDS, TIME, TLPS

CANDIDATES: dict[str, Any] = {
    "id": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "score": pl.Float64(),
    "sources": pl.List(pl.String()),
    "newest": TIME,
    "last_seen": TIME,
    "threat": pl.String(),
    "expires": TIME,
    "tlp": TLPS,
    "unclean": pl.String(),
}
"""One row per indicator, best first; of equals what was seen first last, then by id.

`newest` is the latest time at which a source saw it first. Advisory sources count for `expires`,
the latest, and for `tlp`, the strictest, and for nothing else. `unclean` is why hygiene would never
enforce it.
"""

KEPT = {
    **CANDIDATES,
    "key": pl.UInt64(),
    "rest": pl.UInt64(),
    "alike": pl.UInt64(),
    "now": pl.Float64(),
    "ever": pl.Float64(),
    "place": pl.UInt32(),
    "bound": pl.UInt32(),
}
"""Candidates with the halves of their id, their bounds (`gate/bounds.py`), and two places.

`place` is that by score among the clean, or unclean, ones of the kind; `bound` that by `ever` in
their class.
"""

CLASS = ("kind", "alike")
CLEAN = pl.col("unclean").is_null()
SPARE = 1.5  # so many times as many as are wanted are remembered of a class
DEPTH = 0.98  # and of those below the last one wanted these
ROUNDED = 1e-6  # a score may be so much above a bound that is not rounded
PLACE = pl.int_range(1, pl.len() + 1)
SEEN = pl.col("newest").to_physical()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: of each kind the `most` best that are clean and score so much.

    Unclean ones that are better than the last of them come with them, `most` of a kind at most.
    `held` are ids that come whatever they are and score, as long as a source with a weight speaks
    of them.
    """

    most: int
    least_score: float
    held: pl.Series = field(default_factory=lambda: pl.Series("id", [], dtype=pl.String))
    kinds: tuple[Kind, ...] = ENFORCEABLE

    @property
    def spare(self) -> int:
        """How many of a class are remembered."""
        return int(SPARE * self.most) + 1

    def holds(self) -> pl.Expr:
        """Tell rows (`id`) that are held."""
        return pl.col("id").is_in(self.held.implode())


def worth_a_look(bounded: pl.DataFrame, kept: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Keep of the `bounds` what may be among the best, or may have to be remembered."""
    bars = kept.filter(CLEAN & (pl.col("bound") == wanted.spare))
    marked = bounded.join(
        last(kept, wanted).select("kind", end="score", end_seen="newest", end_key="key"),
        on="kind",
        how="left",
    ).join(bars.select(*CLASS, bar="ever", bar_seen="newest", bar_key="key"), on=CLASS, how="left")
    enough = pl.col("ever") >= wanted.least_score / RISE - ROUNDED
    deep = (pl.col("ever") >= DEPTH * pl.col("end")).fill_null(value=True)
    good = enough & (_reaches("now", "end") | (deep & _reaches("ever", "bar")))
    return marked.filter(good).select(bounded.columns)


def last(kept: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Return of each kind the last one wanted, if there are so many."""
    return kept.filter(CLEAN & (pl.col("place") == wanted.most))


def _reaches(bound: str, bar: str) -> pl.Expr:
    there, seen, key = (pl.col(f"{bar}{of}") for of in ("", "_seen", "_key"))
    first = pl.col("newest")
    before = (first > seen) | ((first == seen) & (pl.col("key") <= key))
    return there.is_null() | (pl.col(bound) > there) | ((pl.col(bound) == there) & before)


def best_first(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Sort; of equals comes first what is new, for others confirm more of it; then by id."""
    return rows.sort(by, "newest", "key", "rest", descending=[True, True, False, False])


def trimmed(kept: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Keep the best by score, the best of each class by bound, clean or not, and what is held."""
    # Sorted without the texts.
    columns = ("kind", "alike", "score", "ever", "newest", "key", "rest")
    numbers = kept.select(*columns, clean=CLEAN)
    ranked = best_first(numbers.with_row_index("row"), "score").with_columns(
        PLACE.over("kind", "clean").alias("place")
    )
    ranked = best_first(ranked, "ever").with_columns(PLACE.over(*CLASS, "clean").alias("bound"))
    places = ranked.sort("row").select(pl.col("place", "bound").cast(pl.UInt32))
    placed = kept.with_columns(places)
    ends = last(placed, wanted).select("kind", end="score")
    deep = placed.select("kind", "ever").join(ends, on="kind", how="left", maintain_order="left")
    spare = (deep["ever"] >= DEPTH * deep["end"]).fill_null(value=True)
    spare &= placed["bound"] <= wanted.spare
    return placed.filter((pl.col("place") <= wanted.most) | spare | wanted.holds())


def raised(before: Sequence[Bar], kept: pl.DataFrame, wanted: Wanted) -> tuple[Bar, ...]:
    """Return the bars of all that is neither kept now nor was before them before."""
    ends = {kind: DEPTH * end for kind, end in last(kept, wanted).select("kind", "score").rows()}
    full = kept.filter(pl.col("bound") == wanted.spare)
    rows = full.select(*CLASS, "ever", SEEN, "key", "rest").iter_rows()
    deep = [Bar(kind, 0, end, LAST, 0, 0) for kind, end in ends.items()]
    found: dict[tuple[str, int], Bar] = {}
    for bar in [*before, *(Bar(*row) for row in rows), *deep]:
        if not bar.alike or bar.bound >= ends.get(bar.kind, 0):
            known = found.get((bar.kind, bar.alike), bar)
            found[bar.kind, bar.alike] = min(bar, known, key=Bar.order)
    return tuple(found.values())


def above(kept: pl.DataFrame, bars: Sequence[Bar], wanted: Wanted) -> bool:
    """Whether the last one wanted of each kind that has a bar is no worse than it."""
    ends = last(kept, wanted).filter(pl.col("score") >= wanted.least_score)
    places = {
        kind: (-score, -seen, key, rest)
        for kind, score, seen, key, rest in ends.select(
            "kind", "score", SEEN, "key", "rest"
        ).iter_rows()
    }
    alike = kept.filter(pl.col("alike") > 0).group_by(CLASS).agg(pl.col("score").max())
    scores = {(kind, of): score for kind, of, score in alike.iter_rows()}
    for bar in bars:
        score = scores.get((bar.kind, bar.alike)) if bar.alike else bar.bound
        if bar.bound + ROUNDED < wanted.least_score:
            continue
        if score is None or bar.kind not in places:
            return False
        if places[bar.kind] > (-score, -bar.seen, bar.key, bar.rest):
            return False
    return True


def chosen(kept: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """Return the candidates among all that may be one."""
    good = best_first(kept.filter(pl.col("score") >= wanted.least_score), "score")
    clean = CLEAN.cast(pl.UInt32)
    before = (clean.cum_sum() - clean).over("kind")
    best = good.filter((pl.col("place") <= wanted.most) & (before < wanted.most))
    found = pl.concat([best, kept.filter(wanted.holds())]).unique("id")
    return best_first(found, "score").select(*CANDIDATES)
