"""The best of the whole store, from which the gate chooses: in one pass, or from what changed.

A pass reads a slice of the ids at a time and bounds every indicator from numbers alone
(`gate/bounds.py`). Only what may be among the best so far is scored exactly, by `gate/score.py`,
and judged by hygiene, so that the bar rises and the rest gets ever cheaper. It leaves a `Pool`
(`gate/pool.py`) behind. The next cycle scores the pool, what was written since, and what is held;
if the best of those stand above the bar, nobody else can be better. Else it reads the whole store.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import polars as pl

from tidegate.gate.bounds import KEY, REST, View, bounds
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.mark import harmless
from tidegate.gate.meant import unclean
from tidegate.gate.pool import Pool, confirmed, grown, reliability, rests_on
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
from tidegate.sightings import CHANGE, KINDS, empty, unexpired

ROWS = 1_000_000  # of a slice of the store: what is in memory at once
SLICES = 256  # an id begins with two hex digits
WHOLE = timedelta(days=1)  # so old may the last pass over the whole store be
MANY = 0.5  # of all indicators: to read all of them costs no more
COLUMNS = (
    *("id", "kind", "value", "source", "confidence", "first_seen", "last_seen"),
    *("threat", "expires", "tlp"),
)


def candidates(
    known: Knowledge, wanted: Wanted, memory: Pool | None = None
) -> tuple[pl.DataFrame, Pool]:
    """Return the `CANDIDATES` as of now, and what the next cycle is to be given as its memory.

    The same store gives the same candidates, whatever the memory. Raises SourceDown.
    """
    search = _searching(known, wanted)
    versions = known.sightings.versions()  # first: what is written meanwhile is read again
    if memory is not None and _holds(memory, search):
        found = _since(search, memory, versions)
        if found is not None:
            return found
    live = search.rows()
    rows = live.select(pl.len()).collect().item()
    parts = min(max(rows // ROWS, 1), SLICES)
    # Ids are digests: a slice has of each crowd its share.
    crowd = max(wanted.most // (2 * parts), 2)
    best = _best(search, _slices(live, parts), crowd)
    kept = best.kept
    return chosen(kept, wanted), Pool(
        at=search.view.now,
        whole=search.view.now,
        rests_on=search.rests_on,
        risen=1.0,
        reliability=reliability(search.view.sources),
        confirmed=confirmed(search.view.sources),
        versions=versions,
        considered=best.counts,
        bars=raised((), kept, wanted),
        crowds=tuple(kept.filter(pl.col("alike") > 0)["alike"].unique().sort()),
        ids=_ids(kept, wanted),
        rows=best.rows,
    )


def _ids(kept: pl.DataFrame, wanted: Wanted) -> pl.Series:
    return pl.concat([kept["id"], wanted.held]).unique(maintain_order=True)


@dataclass(frozen=True, slots=True)
class _Search:
    known: Knowledge
    wanted: Wanted
    view: View
    rests_on: str
    harmless: pl.DataFrame

    def rows(self, only: Collection[str] | None = None) -> pl.LazyFrame:
        """Return the live sightings of what may be a candidate; of these sources only."""
        live = self.known.sightings.live(self.view.now, only)
        return live.filter(self._asked()).select(*COLUMNS)

    def still(self, rows: pl.DataFrame) -> pl.LazyFrame:
        """Return the same of sightings that were read earlier."""
        return unexpired(rows.lazy(), self.view.now).filter(self._asked())

    def reported(self, some: pl.DataFrame) -> pl.LazyFrame:
        """Return the same of some indicators: `id`, `kind` and `value`."""
        found = self.known.sightings.reported(some["id"], self.view.now, again=False)
        return found.join(some, on="id").lazy().filter(self._asked()).select(*COLUMNS)

    def _asked(self) -> pl.Expr:
        kinds = pl.col("kind").is_in([kind.value for kind in self.wanted.kinds])
        return kinds | self.wanted.holds() if len(self.wanted.held) else kinds

    def voiced(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Leave out those who only label."""
        return rows.filter(~pl.col("source").is_in(sorted(self.known.advisory)))

    def judged(self, rows: pl.DataFrame, bounded: pl.DataFrame) -> pl.DataFrame:
        """Return as `KEPT` what sightings come to; those of an id are all here or none is."""
        numbers = bounded.drop("newest")
        whole = self.told(rows).with_columns(KEY, REST).join(numbers, on=["key", "kind"])
        whole = whole.with_columns(place=0, bound=0)  # see `trimmed`
        return whole.select(pl.col(name).cast(dtype) for name, dtype in KEPT.items())

    def told(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return as `CANDIDATES` what sightings come to."""
        found = scored(self.voiced(rows), self.view.sources, self.view.now)
        why = unclean(found, self.known.policy, self.known.exceptions, self.harmless)
        voices = ~pl.col("source").is_in(sorted(self.known.advisory))
        newest = pl.col("first_seen").filter(voices).max().alias("newest")
        said = rows.group_by("id").agg(newest, pl.col("expires", "tlp").max())
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


@dataclass(frozen=True, slots=True)
class _Best:
    """What is best, as `KEPT`; its sightings, and those of what is held; of what, by kind."""

    kept: pl.DataFrame
    rows: pl.DataFrame
    counts: dict[str, int]


def _best(search: _Search, slices: Iterator[pl.DataFrame], crowds: pl.Series | int) -> _Best:
    """Return what is best in the slices.

    `crowds` are the `alike` of which there are too many to keep them all, or how often one has to
    be in the first slice to be such a crowd.
    """
    kept, counts = empty(KEPT), [pl.Series("kind", [], dtype=KINDS).value_counts()]
    read: list[pl.DataFrame] = []
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
        stay = pl.concat([kept.select("key"), held])
        read = [pl.concat([*read, some]).join(stay, on="key", how="semi")]
    rows = read[0].select(*COLUMNS) if read else search.rows(()).collect()
    seen = pl.concat(counts).group_by("kind").agg(pl.col("count").sum())
    return _Best(kept, rows, dict(seen.iter_rows()))


def _slices(live: pl.LazyFrame, parts: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part of the ids, with their `key`."""
    ends = [f"{part * SLICES // parts:02x}" for part in range(parts)] + ["g"]
    for low, high in pairwise(ends):
        within = pl.col("id").is_between(pl.lit(low), pl.lit(high), closed="left")
        yield live.filter(within).collect(engine="streaming").with_columns(KEY)


# --- what was written since -------------------------------------------------------------------


def _since(
    search: _Search, memory: Pool, versions: Mapping[str, str]
) -> tuple[pl.DataFrame, Pool] | None:
    """Return the same from what is remembered; None where that does not tell."""
    pool, wanted = grown(memory, search.view.sources), search.wanted
    changes = search.known.sightings.changes(_told(memory, versions))
    if pool is None or changes is None:
        return None
    known = _Known(search, memory, frozenset(versions), _moved(memory, changes))
    asked = pl.concat([memory.ids, wanted.held, known.moved["id"]])
    keys = asked.to_frame("id").select(KEY)["key"].unique()
    if len(keys) > sum(memory.considered.values()) * MANY:
        return None
    crowds = pl.Series("alike", pool.crowds, dtype=pl.UInt64)
    best = _best(search, _of(keys, known), crowds)
    if not above(best.kept, pool.bars, wanted):
        return None
    if versions == memory.versions and wanted.held.is_in(memory.ids.implode()).all():
        return chosen(best.kept, wanted), memory  # it holds as long as nothing is written
    bars = raised(pool.bars, best.kept, wanted)
    ids = _ids(best.kept, wanted)
    after = replace(pool, at=search.view.now, versions=versions, bars=bars, ids=ids, rows=best.rows)
    return chosen(best.kept, wanted), after


def _told(memory: Pool, versions: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that are remembered of sources which are still there."""
    return {name: version for name, version in memory.versions.items() if name in versions}


def _holds(memory: Pool, search: _Search) -> bool:
    """Whether the memory rests on what still is so."""
    now = search.view.now
    in_time = memory.whole <= memory.at <= now < memory.whole + WHOLE
    return in_time and memory.rests_on == search.rests_on


def _moved(memory: Pool, changes: pl.DataFrame) -> pl.DataFrame:
    """Return `id`, `kind` and `value` of what was written, and of what left us and is in the pool.

    What else was withdrawn stays behind the bar.
    """
    remembered = memory.rows.select(*CHANGE).unique("id")
    known = remembered.join(changes.select("id"), on="id", how="semi")
    return pl.concat([changes.drop_nulls("value"), known]).unique("id")


@dataclass(frozen=True, slots=True)
class _Known:
    """Where sightings are: in the memory, but for what has `moved` since."""

    search: _Search
    memory: Pool
    sources: frozenset[str]
    moved: pl.DataFrame

    def rows(self, keys: pl.Series) -> pl.DataFrame:
        """Return those of these keys, with their `key`."""
        ids = pl.concat([self.memory.ids, self.moved["id"]]).to_frame("id")
        held = self.search.wanted.held.to_frame("id").join(ids, on="id", how="anti")
        held = held.filter(_among(keys))
        parts = [
            self._remembered().filter(_among(keys)),
            self.search.reported(self.moved.filter(_among(keys))),
            # Whoever puts there what was never among the best lets the whole store be read once.
            self.search.rows(None if len(held) else ()).join(held.lazy(), on="id", how="semi"),
        ]
        return pl.concat(parts).collect(engine="streaming").with_columns(KEY)

    def _remembered(self) -> pl.LazyFrame:
        rows = self.memory.rows.filter(pl.col("source").is_in(sorted(self.sources)))
        return self.search.still(rows.join(self.moved, on="id", how="anti"))


def _among(keys: pl.Series) -> pl.Expr:
    return KEY.is_in(keys.implode())


def _of(keys: pl.Series, known: _Known) -> Iterator[pl.DataFrame]:
    """Yield the rows of a part of these keys."""
    for part in keys.sort().to_frame().iter_slices(ROWS):
        yield known.rows(part["key"])
