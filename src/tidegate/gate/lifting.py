"""For how many URLs an enforced host stands that hardly anybody reports by itself, and how well.

What the gate lifts to a host (`gate/cover.py`) is no sighting, so who asks about the host has to be
told of the URLs: else something is blocked of which nobody seems to have spoken.
"""

from dataclasses import dataclass

import polars as pl

from tidegate.gate.cover import KEPT_FROM, LIFTED_FROM
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.score import scored
from tidegate.hosts import host
from tidegate.model import Kind

NAMES = (Kind.DOMAIN, Kind.IPV4, Kind.IPV6)
COLUMNS = ("id", "kind", "value", "source", "confidence", "last_seen", "threat")


@dataclass(frozen=True, slots=True)
class Lifted:
    """So many `urls` on a host, the `score` that it has by them, and who reports them."""

    urls: int
    score: float
    sources: list[str]


def lifted(kind: Kind, value: str, known: Knowledge) -> Lifted | None:
    """Return what a host stands for; None where too few URLs on it are reported."""
    if kind not in NAMES:
        return None
    now = known.clock()
    mentions = (pl.col("kind") == Kind.URL.value) & pl.col("value").str.contains(
        value, literal=True
    )
    live = known.sightings.live(now).filter(mentions).select(COLUMNS).collect()
    spelled = f"[{value}]" if kind is Kind.IPV6 else value
    on_it = live.filter(host(live["kind"].cast(pl.String), live["value"]) == spelled)
    best = scored(on_it, sources(known), now).sort("score", descending=True)
    if len(best) < KEPT_FROM:
        return None
    score: float = best["score"].head(LIFTED_FROM)[-1]
    named = best["sources"].explode().unique().sort().to_list()
    return Lifted(len(best), round(score, 1), named)
