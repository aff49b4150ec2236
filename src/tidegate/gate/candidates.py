"""The best of the whole store, from which the gate chooses: in one pass, or from what changed.

A pass reads a slice of the ids at a time and bounds every indicator from numbers alone
(`gate/bounds.py`). Only what may be among the best so far is scored exactly, by `gate/score.py`,
and judged by hygiene, so that the bar rises and the rest gets ever cheaper. It leaves a `Pool`
(`gate/pool.py`) behind. The next cycle scores the pool, what was written since, and what is held;
if the best of those stand above the bar, nobody else can be better. Else it reads the whole store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import polars as pl

from tidegate.gate.bounds import KEY, REST, View, bounds
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.mark import harmless
from tidegate.gate.meant import unclean
from tidegate.gate.pool import Pool, Written, confirmed, grown, reliability, rests_on
from tidegate.gate.ranking import (
    CANDIDATES,
    KEPT,
    Wanted,
    above,
    chosen,
    raised,
    trimmed,
    worth_a_look,
)
from tidegate.gate.score import scored
from tidegate.sightings import KINDS, TIME, empty

ROWS = 1_000_000  # of a slice of the store: what is in memory at once
SLICES = 256  # an id begins with two hex digits
WHOLE = timedelta(days=1)  # so old may the last pass over the whole store be
MANY = 0.5  # of all indicators: to read all of them costs no more
OVERLAP = timedelta(minutes=10)  # by so much may the clocks of those who write differ
COLUMNS = ("id", "kind", "value", "source", "confidence", "last_seen", "threat", "expires", "tlp")


def candidates(
    known: Knowledge, wanted: Wanted, memory: Pool | None = None
) -> tuple[pl.DataFrame, Pool]:
    """Return the `CANDIDATES` as of now, and what the next cycle is to be given as its memory.

    The same store gives the same candidates, whatever the memory. Raises SourceDown.
    """
    search = _searching(known, wanted)
    written = _written(known)  # before the rows: what is written meanwhile is read again
    if memory is not None and _holds(memory, search):
        found = _since(search, memory, written)
        if found is not None:
            return found
    live = search.rows()
    rows = live.select(pl.len()).collect().item()
    parts = min(max(rows // ROWS, 1), SLICES)
    # Ids are digests: a slice has of each crowd its share.
    crowd = max(wanted.most // (2 * parts), 2)
    kept, considered = _best(search, _slices(live, parts), crowd)
    counts = dict(considered.group_by("kind").agg(pl.col("count").sum()).iter_rows())
    return chosen(kept, wanted), Pool(
        at=search.view.now,
        whole=search.view.now,
        rests_on=search.rests_on,
        risen=1.0,
        reliability=reliability(search.view.sources),
        confirmed=confirmed(search.view.sources),
        written=written,
        considered=counts,
        bars=raised((), kept, wanted),
        crowds=tuple(kept.filter(pl.col("alike") > 0)["alike"].unique().sort()),
        ids=kept["id"],
    )


@dataclass(frozen=True, slots=True)
class _Search:
    known: Knowledge
    wanted: Wanted
    view: View
    rests_on: str
    harmless: pl.DataFrame

    def rows(self) -> pl.LazyFrame:
        """Return the live sightings of what may be a candidate."""
        kinds = pl.col("kind").is_in([kind.value for kind in self.wanted.kinds])
        asked = kinds | self.wanted.holds() if len(self.wanted.held) else kinds
        return self.known.sightings.live(self.view.now).filter(asked).select(*COLUMNS)

    def voiced(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Leave out those who only label."""
        return rows.filter(~pl.col("source").is_in(sorted(self.known.advisory)))

    def judged(self, rows: pl.DataFrame, bounded: pl.DataFrame) -> pl.DataFrame:
        """Return as `KEPT` what sightings come to; those of an id are all here or none is."""
        whole = self.told(rows).with_columns(KEY, REST).join(bounded, on=["key", "kind"])
        whole = whole.with_columns(place=0, bound=0)  # see `trimmed`
        return whole.select(pl.col(name).cast(dtype) for name, dtype in KEPT.items())

    def told(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return as `CANDIDATES` what sightings come to."""
        found = scored(self.voiced(rows), self.view.sources, self.view.now)
        why = unclean(found, self.known.policy, self.known.exceptions, self.harmless)
        said = rows.group_by("id").agg(pl.col("expires", "tlp").max())
        whole = found.with_columns(why.alias("unclean")).join(said, on="id")
        return whole.select(pl.col(name).cast(dtype) for name, dtype in CANDIDATES.items())


def those(known: Knowledge, ids: pl.Series) -> pl.DataFrame:
    """Return as `CANDIDATES` what is reported of these ids, whatever it scores."""
    search = _searching(known, Wanted(0, 0.0, ids, kinds=()))
    return search.told(search.rows().collect(engine="streaming"))


def _searching(known: Knowledge, wanted: Wanted) -> _Search:
    worth = sources(known)
    view = View(worth, known.snapshots & confirmed(worth).keys(), known.clock())
    asked = {"most": wanted.most, "least": wanted.least_score, "kinds": sorted(wanted.kinds)}
    return _Search(known, wanted, view, rests_on(known, view, asked), harmless(known))


def _best(
    search: _Search, slices: Iterator[pl.DataFrame], crowds: pl.Series | int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return as `KEPT` what is best in the slices, and by kind the `count` of all in each.

    `crowds` are the `alike` of which there are too many to keep them all, or how often one has to
    be in the first slice to be such a crowd.
    """
    kept, counts = empty(KEPT), [pl.Series("kind", [], dtype=KINDS).value_counts()]
    held = search.wanted.held.to_frame("id").select(KEY)
    for rows in slices:
        bounded = bounds(search.voiced(rows), search.view)
        if isinstance(crowds, int):
            many = bounded["alike"].value_counts().filter(pl.col("count") >= crowds)
            crowds = many["alike"]
        crowded = pl.col("alike").is_in(crowds.implode())
        bounded = bounded.with_columns(pl.when(crowded).then("alike").otherwise(0).alias("alike"))
        counts.append(bounded["kind"].value_counts())
        good = worth_a_look(bounded, kept, search.wanted).select("key")
        some = rows.join(pl.concat([good, held]), on="key", how="semi")
        kept = trimmed(pl.concat([kept, search.judged(some, bounded)]), search.wanted)
    return kept, pl.concat(counts)


def _slices(live: pl.LazyFrame, parts: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part of the ids, with their `key`."""
    ends = [f"{part * SLICES // parts:02x}" for part in range(parts)] + ["g"]
    for low, high in pairwise(ends):
        within = pl.col("id").is_between(pl.lit(low), pl.lit(high), closed="left")
        yield live.filter(within).collect(engine="streaming").with_columns(KEY)


def _of(live: pl.LazyFrame, keys: pl.Series) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part of these keys."""
    for part in keys.sort().to_frame().iter_slices(ROWS):
        # The ids alone are read of what has other keys.
        rows = live.filter(KEY.is_in(part["key"].implode()))
        yield rows.collect(engine="streaming").with_columns(KEY)


# --- what was written since -------------------------------------------------------------------


def _since(
    search: _Search, memory: Pool, written: dict[str, Written]
) -> tuple[pl.DataFrame, Pool] | None:
    """Return the same from what is remembered; None where that does not tell."""
    pool, wanted = grown(memory, search.view.sources), search.wanted
    if pool is None:
        return None
    asked = _asked(search, memory, written)
    if len(asked) > sum(memory.considered.values()) * MANY:
        return None
    crowds = pl.Series("alike", pool.crowds, dtype=pl.UInt64)
    kept, _ = _best(search, _of(search.rows(), asked), crowds)
    if not above(kept, pool.bars, wanted):
        return None
    bars = raised(pool.bars, kept, wanted)
    after = replace(pool, at=search.view.now, written=written, bars=bars, ids=kept["id"])
    return chosen(kept, wanted), after


def _written(known: Knowledge) -> dict[str, Written]:
    time = pl.col("written")
    seconds = time.dt.epoch("s").sum().alias("seconds")
    rows = known.sightings.written().group_by("source").agg(time.max(), pl.len(), seconds)
    found = rows.collect(engine="streaming").iter_rows()
    return {source: Written(newest, *sums) for source, newest, *sums in found}


def _holds(memory: Pool, search: _Search) -> bool:
    """Whether the memory rests on what still is so."""
    now = search.view.now
    in_time = memory.whole <= memory.at <= now < memory.whole + WHOLE
    return in_time and memory.rests_on == search.rests_on


def _asked(search: _Search, memory: Pool, written: Mapping[str, Written]) -> pl.Series:
    """Return the keys of the pool, of what was written since, and of what is held."""
    ids = [memory.ids, search.wanted.held]
    new = [
        _is_new(source, memory)
        for source, now in written.items()
        if memory.written.get(source) != now
    ]
    if new:
        rows = search.known.sightings.written().filter(pl.any_horizontal(new)).select("id")
        ids.append(rows.collect(engine="streaming")["id"])
    return pl.concat(ids).to_frame("id").select(KEY)["key"].unique()


def _is_new(source: str, memory: Pool) -> pl.Expr:
    theirs = pl.col("source") == source
    if source not in memory.written:
        return theirs
    since = memory.written[source].newest - OVERLAP
    return theirs & (pl.col("written") > pl.lit(since, TIME))
