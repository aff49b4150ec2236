"""How enforcement stands: the set at each target, what changed there, and what waits. For readers.

Read from what the last cycle remembered: no target is asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import polars as pl

from tidegate.gate import held, journal
from tidegate.gate.held import Held
from tidegate.gate.journal import Ran, State
from tidegate.gate.world import Target, World

HOURS = 48
BINS, BIN = 10, 10.0
DRIFT_SHOWN = 100
RUNS_READ = 100  # to fill one page


@dataclass(frozen=True, slots=True)
class Churn:
    """What came and went within an hour."""

    hour: datetime
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Status:
    """One target. `by_score` counts those of 0 to 10 points, of 10 to 20, and so on."""

    target: Target
    state: State
    held: int
    by_kind: dict[str, int]
    by_source: dict[str, int]
    by_score: list[int]
    by_action: dict[str, int]
    drift: list[Held]
    drifted: int
    churn: list[Churn]


def status(target: Target, world: World) -> Status:
    """Return how a target stands."""
    state = journal.state(world.objects, target.name)
    memory = list(held.load(world.objects, target.name).values())
    drift = [one for one in memory if one.drift]
    rows = held.frame(_there(memory))
    return Status(
        target=target,
        state=state,
        held=len(rows),
        by_kind=_counts(rows["kind"].cast(pl.String)),
        by_source=_counts(rows["sources"].explode(empty_as_null=False)),
        by_score=_bins(rows["score"]),
        by_action=_counts(rows["action"]),
        drift=drift[:DRIFT_SHOWN],
        drifted=len(drift),
        churn=_churn(state.runs, world.knowledge.clock()),
    )


def _there(memory: Iterable[Held]) -> list[Held]:
    return [one for one in memory if one.drift != held.REMOVED]


def _counts(values: pl.Series) -> dict[str, int]:
    counts = values.drop_nulls().value_counts(sort=True)
    return dict(zip(counts[:, 0].to_list(), counts[:, 1].to_list(), strict=True))


def _bins(scores: pl.Series) -> list[int]:
    found = _counts((scores / BIN).floor().clip(0, BINS - 1).cast(pl.Int64).cast(pl.String))
    return [found.get(str(at), 0) for at in range(BINS)]


def _churn(runs: Sequence[Ran], now: datetime) -> list[Churn]:
    """Return the last hours, oldest first."""
    this = now.replace(minute=0, second=0, microsecond=0)
    hours = [this - timedelta(hours=back) for back in reversed(range(HOURS))]
    added, removed = dict.fromkeys(hours, 0), dict.fromkeys(hours, 0)
    for run in runs:
        hour = run.at.replace(minute=0, second=0, microsecond=0)
        if hour in added:
            added[hour] += run.added
            removed[hour] += run.removed
    return [Churn(hour, added[hour], removed[hour]) for hour in hours]


def enforced(target: Target, world: World) -> pl.DataFrame:
    """Return all that is held at a target, best first, with the columns of `held.HELD`."""
    found = held.frame(_there(held.load(world.objects, target.name).values()))
    return found.sort("score", "id", descending=[True, False])


def changes(
    target: Target, world: World, before: str | None, *, including: bool = False
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield runs with their changes (`journal.CHANGES`), newest first.

    From `before` one on, `including` that one or not.
    """
    older = (
        run
        for run in journal.runs(world.objects, target.name)
        if before is None or run < before or (including and run == before)
    )
    for run in islice(older, RUNS_READ):
        rows = journal.read(world.objects, target.name, run)
        if rows is not None:
            yield run, rows
