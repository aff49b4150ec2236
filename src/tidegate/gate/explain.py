"""All that is known of one value, and what each source adds to its score."""

from dataclasses import dataclass

import polars as pl

from tidegate.gate.run import World, sources
from tidegate.gate.score import scored, terms
from tidegate.hygiene import reason
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import Withheld
from tidegate.sightings import frame

TERMS = ("reliability", "confidence", "age_days", "decay", "weight")


@dataclass(frozen=True, slots=True)
class Explained:
    """One indicator. `terms` has a line for each live sighting; `expired` are the others.

    `withheld` is what sources said of it that hygiene kept out.
    """

    id: str
    kind: Kind
    value: str
    score: float
    unclean: str | None
    terms: list[dict[str, object]]
    sightings: list[Sighting]
    expired: list[Sighting]
    withheld: list[Withheld]

    @property
    def reported(self) -> bool:
        """Whether any source ever named it."""
        return bool(self.sightings or self.expired or self.withheld)


def explain(kind: Kind, value: str, world: World) -> Explained:
    """Explain a canonical value; one that nobody reported has no sightings and scores 0."""
    now, found = world.clock(), indicator_id(kind, value)
    everything = world.sightings.of(found)
    live = [one for one in everything if one.expires > now]
    rows = frame(live)
    known = sources(world)
    score = scored(rows, known, now)["score"].to_list()
    shown = terms(rows, known, now).select("source", *TERMS).sort("weight", descending=True)
    return Explained(
        id=found,
        kind=kind,
        value=value,
        score=round(score[0], 1) if score else 0.0,
        unclean=reason(kind, value, world.policy),
        terms=shown.with_columns(pl.col(pl.Float64).round(3)).to_dicts(),
        sightings=live,
        expired=[one for one in everything if one.expires <= now],
        withheld=world.suppressed.of(found) if world.suppressed else [],
    )
