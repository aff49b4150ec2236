"""All that is known of one value, and what each source adds to its score."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.meant import meant
from tidegate.gate.score import scored, terms
from tidegate.hosts import host
from tidegate.hygiene import reason
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import Allocation, Withheld
from tidegate.sightings import frame

TERMS = ("reliability", "confidence", "age_days", "decay", "weight")


@dataclass(frozen=True, slots=True)
class Explained:
    """One indicator. `terms` has a line for each live sighting; `expired` are the others.

    `withheld` is what sources said of it that hygiene kept out. `country`, `asn` and `as_name` tell
    where an address, a network or the address in a URL is, as far as local tables know.
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
    country: str | None = None
    asn: int | None = None
    as_name: str | None = None

    @property
    def reported(self) -> bool:
        """Whether any source ever named it."""
        return bool(self.sightings or self.expired or self.withheld)


def explain(kind: Kind, value: str, known: Knowledge) -> Explained:
    """Explain a canonical value; one that nobody reported has no sightings and scores 0."""
    now, found = known.clock(), indicator_id(kind, value)
    everything = known.sightings.of(found)
    live = [one for one in everything if one.expires > now]
    rows = frame(live)
    worth = sources(known)
    score = scored(rows, worth, now)["score"].to_list()
    shown = terms(rows, worth, now).select("source", *TERMS).sort("weight", descending=True)
    return Explained(
        id=found,
        kind=kind,
        value=value,
        score=round(score[0], 1) if score else 0.0,
        unclean=reason(kind, value, known.policy, _meant(live, known)),
        terms=shown.with_columns(pl.col(pl.Float64).round(3)).to_dicts(),
        sightings=live,
        expired=[one for one in everything if one.expires <= now],
        withheld=known.suppressed.of(found) if known.suppressed else [],
        **asdict(_allocation(kind, value, known)),
    )


def _meant(live: Sequence[Sighting], known: Knowledge) -> frozenset[str]:
    blocking = {one.source for one in live} - known.advisory
    return meant(blocking, known.exceptions)


def _allocation(kind: Kind, value: str, known: Knowledge) -> Allocation:
    if kind is Kind.ASN:
        return Allocation(asn=int(value.removeprefix("AS")))
    if known.allocations is None:
        return Allocation()
    named = host(pl.Series([kind.value]), pl.Series([value])).item()
    return known.allocations.of(named.strip("[]") if named else "")
