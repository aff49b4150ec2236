"""All that is known of one value, and what each source adds to its score."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import polars as pl

from tidegate import hygiene
from tidegate.gate.knowledge import ANALYST, Knowledge, sources
from tidegate.gate.lifting import Lifted, lifted
from tidegate.gate.mark import CONFIDENCE, Word, reason, speaker
from tidegate.gate.meant import meant
from tidegate.gate.published import published
from tidegate.gate.score import UNKNOWN, Source, Sources, Voice, scored, terms
from tidegate.hosts import host
from tidegate.model import Kind, Sighting, indicator_id
from tidegate.ports import Allocation, Withheld
from tidegate.sightings import frame

SLACK = 1.0  # points that a score falls from cycle to cycle by itself, at most
TERMS = ("reliability", "confidence", "age_days", "decay", "group", "weight")


@dataclass(frozen=True, slots=True)
class Marked:
    """What an analyst said of it."""

    word: Word
    because: str
    by: str
    at: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Explained:
    """One indicator. `terms` has a line for each live sighting; `expired` are the others.

    In a line, `grade` and `precision` make the `reliability`, `copies` are the lists with this
    indicator that the source copies, and `uncounted` says why it adds nothing to the score; null
    where it does. `marked` is an analyst's word, `published` since when others are served it.

    `withheld` is what sources said of it that hygiene kept out. `country`, `asn` and `as_name` tell
    where an address, a network or the address in a URL is, as far as local tables know. `lifted`
    are the URLs for which a host is enforced; its score is then theirs.
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
    marked: Marked | None = None
    published: datetime | None = None
    lifted: Lifted | None = None

    @property
    def reported(self) -> bool:
        """Whether any source ever named it, or URLs on it for which it stands."""
        return bool(self.sightings or self.expired or self.withheld or self.lifted)


def explain(kind: Kind, value: str, known: Knowledge) -> Explained:
    """Explain a canonical value; one that nobody reported has no sightings and scores 0."""
    now, found = known.clock(), indicator_id(kind, value)
    everything = known.sightings.of(found)
    live = [one for one in everything if one.expires > now]
    rows = frame(live)
    worth = sources(known)
    score = scored(rows, worth, now)["score"].to_list()
    unclean = reason(live) or hygiene.reason(kind, value, known.policy, _meant(live, known))
    explained = Explained(
        id=found,
        kind=kind,
        value=value,
        score=round(score[0], 1) if score else 0.0,
        unclean=unclean,
        terms=_terms(rows, worth, now),
        sightings=live,
        expired=[one for one in everything if one.expires <= now],
        withheld=known.suppressed.of(found) if known.suppressed else [],
        **asdict(_allocation(kind, value, known)),
        marked=_marked(live),
    )
    return _served(explained, known)


def _served(found: Explained, known: Knowledge) -> Explained:
    """Add since when it is in the set that others are served, and for which URLs."""
    if known.objects is None:
        return found
    rows = published(known.objects)[0]
    there = rows.filter((pl.col("id") == found.id) & pl.col("gone").is_null())
    if there.is_empty():
        return found
    told = replace(found, published=there["since"][0])
    if found.marked or found.unclean or found.score >= there["score"][0] - SLACK:
        return told
    above = lifted(found.kind, found.value, known)
    if above is None or above.score <= found.score:
        return told
    return replace(told, score=above.score, lifted=above)


def _terms(rows: pl.DataFrame, worth: Sources, now: datetime) -> list[dict[str, object]]:
    weighed = terms(rows, worth, now).sort("weight", "source", descending=[True, False])
    shown = weighed.select("source", *TERMS).with_columns(pl.col(pl.Float64).round(3)).to_dicts()
    exact = weighed.to_dicts()
    return [_term(line, row, exact, worth) for line, row in zip(shown, exact, strict=True)]


def _term(
    line: dict[str, object],
    row: dict[str, object],
    rows: Sequence[dict[str, object]],
    worth: Sources,
) -> dict[str, object]:
    source = worth.known.get(str(row["source"]), UNKNOWN)
    present = {str(one["source"]) for one in rows}
    precision = None if source.precision is None else round(source.precision, 3)
    told = {
        "source": line["source"],
        "voice": source.voice.value,
        "grade": source.grade,
        "precision": precision,
    }
    copies = sorted(source.copies & present)
    return {**told, **line, "copies": copies, "uncounted": _uncounted(row, rows, source, copies)}


def _uncounted(
    row: dict[str, object],
    rows: Sequence[dict[str, object]],
    source: Source,
    copies: Sequence[str],
) -> str | None:
    """Say why a source adds nothing to the score; `rows` come with the greatest weight first."""
    if source.voice is not Voice.ANALYST and any(one["source"] == ANALYST for one in rows):
        return "an analyst has spoken"
    if source.advisory:
        return "it labels, and does not call bad"
    strongest = next(one for one in rows if one["group"] == row["group"])
    if strongest is not row:
        return f"it repeats {strongest['source']}"
    if row["weight"] or source.voice is Voice.ANALYST:
        return None
    if not row["decay"]:
        return "it is too old"
    return f"it copies {', '.join(copies)}" if copies else "it is not sure at all"


def _marked(live: Sequence[Sighting]) -> Marked | None:
    spoken = next((one for one in live if one.source == ANALYST), None)
    if spoken is None:
        return None
    said = Word.MALICIOUS if spoken.confidence == CONFIDENCE[Word.MALICIOUS] else Word.HARMLESS
    return Marked(said, spoken.threat or "", speaker(spoken), spoken.last_seen, spoken.expires)


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
