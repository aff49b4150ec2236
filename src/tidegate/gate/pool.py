"""What the gate remembers from one cycle to the next, so that it reads only what was written since.

`ids` are the best, and some more, and `rows` are their sightings, so that those which nobody wrote
since need not be read. All else comes behind a bar: of a crowd that is `alike` (`gate/bounds.py`)
behind a place in it, of all others of a kind behind a bound. As long as nothing of it is written
again, that stays so.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from tidegate.gate.bounds import View
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.score import LIFETIMES, UNKNOWN, Sources
from tidegate.ports import Objects

NAME = "gate/pool.parquet"
VERSION = 3
RISE = 1.05  # by so much may sources become more reliable before the whole store is read again


@dataclass(frozen=True, slots=True)
class Bar:
    """What is not in the pool comes behind this.

    Where `alike` is 0: behind the bound and, where it is the same, what was first seen so late (in
    microseconds) and the id (in halves). Else: behind those two; the bound is that which all of
    them have.
    """

    kind: str
    alike: int
    bound: float
    seen: int
    key: int
    rest: int

    def order(self) -> tuple[float, int, int, int]:
        """Sort the best first."""
        return (0.0 if self.alike else -self.bound, -self.seen, self.key, self.rest)


LAST = 2**63 - 1  # nothing is seen so late


@dataclass(frozen=True, slots=True)
class Pool:
    """The memory as of `at`; the whole store was last read at `whole`.

    It rests on what `rests_on` is a digest of, and on what the sources were worth: `reliability`,
    and `confirmed` where a list is one. Since `whole` bounds may have `risen` so many times.
    `considered` counts by kind what was bounded when the whole store was read; then the `crowds`
    (`alike`) were found. `versions` are those of the sources' sightings.
    """

    at: datetime
    whole: datetime
    rests_on: str
    risen: float
    reliability: Mapping[str, float]
    confirmed: Mapping[str, datetime]
    versions: Mapping[str, str]
    considered: Mapping[str, int]
    bars: tuple[Bar, ...]
    crowds: tuple[int, ...]
    ids: pl.Series
    rows: pl.DataFrame


def rests_on(known: Knowledge, view: View, asked: Mapping[str, Any]) -> str:
    """Return a digest of all by which bounds and hygiene say what they say.

    How reliable sources are is not in it: that moves a little all the time.
    """
    said = {
        "version": VERSION,
        "asked": dict(asked),
        "lives": {kind.value: str(life) for kind, life in LIFETIMES.items()},
        "groups": {name: source.group for name, source in view.sources.known.items()},
        "copies": {name: sorted(source.copies) for name, source in view.sources.known.items()},
        "snapshots": sorted(view.snapshots),
        "advisory": sorted(known.advisory),
        "policy": known.policy.version,
        "exceptions": {name: sorted(lists) for name, lists in known.exceptions.items()},
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def reliability(sources: Sources) -> dict[str, float]:
    """Return what the word of each source is worth; "" is whom nobody declared."""
    worth = {name: source.reliability for name, source in sources.known.items()}
    return {**worth, "": UNKNOWN.reliability}


def confirmed(sources: Sources) -> dict[str, datetime]:
    """Return when each snapshot was last confirmed."""
    return {name: one.confirmed for name, one in sources.known.items() if one.confirmed}


def grown(pool: Pool, sources: Sources) -> Pool | None:
    """Return the pool by what sources are worth now; None where it does not tell.

    A bound is concave in the weights, and nothing of nothing: where no weight grows by more than a
    factor, it does not either.
    """
    worth, lists = reliability(sources), confirmed(sources)
    factor = _factor(pool.reliability, worth)
    back = any(lists.get(name, at) < at for name, at in pool.confirmed.items())
    if factor is None or pool.risen * factor > RISE or back:
        return None
    bars = tuple(_grown(bar, factor) for bar in pool.bars)
    risen = pool.risen * factor
    return replace(pool, bars=bars, risen=risen, reliability=worth, confirmed=lists)


def _factor(before: Mapping[str, float], now: Mapping[str, float]) -> float | None:
    pairs = [(before.get(name, before[""]), now.get(name, now[""])) for name in {*before, *now}]
    if any(new > old == 0 for old, new in pairs):
        return None
    return max([1.0, *(new / old for old, new in pairs if old)])


def _grown(bar: Bar, factor: float) -> Bar:
    if factor == 1:
        return bar
    bound = min(bar.bound * factor, 100.0)
    # Of others than those alike anyone who was below may be at the bar now, whatever its id.
    return replace(bar, bound=bound) if bar.alike else Bar(bar.kind, 0, bound, LAST, 0, 0)


def dump(pool: Pool) -> bytes:
    """Return the pool as one Parquet file."""
    said = asdict(replace(pool, ids=pl.Series(), rows=pl.DataFrame()))
    del said["ids"], said["rows"]
    file = BytesIO()
    ids = pool.ids.alias("id").to_frame()
    ids.join(pool.rows, on="id", how="left", maintain_order="left").write_parquet(
        file,
        compression="zstd",
        compression_level=1,
        metadata={"pool": json.dumps(said, default=datetime.isoformat)},
    )
    return file.getvalue()


def load(data: bytes) -> Pool | None:
    """Return the pool; None if that is not one."""
    try:
        said: dict[str, Any] = json.loads(pl.read_parquet_metadata(BytesIO(data))["pool"])
        said |= {name: _time(said[name]) for name in ("at", "whole")}
        said["confirmed"] = {name: _time(at) for name, at in said["confirmed"].items()}
        said |= {"bars": tuple(Bar(**bar) for bar in said["bars"])}
        said |= {"crowds": tuple(said["crowds"])}
        rows = pl.read_parquet(BytesIO(data))
        ids = rows["id"].unique(maintain_order=True)
        return Pool(**said, ids=ids, rows=rows.filter(pl.col("source").is_not_null()))
    except (PolarsError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def remembered(objects: Objects) -> Pool | None:
    """Return what the last cycle left, if it can be read."""
    stored = objects.get(NAME)
    return load(stored.data) if stored else None


def remember(pool: Pool, objects: Objects) -> None:
    """Keep the pool for the next cycle. Of two that do so at once either may: both are right."""
    objects.put(NAME, dump(pool))
