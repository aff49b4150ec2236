"""What a report's indicators become: judged values, then sightings. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import polars as pl

from tidegate import hygiene
from tidegate.canonical import Rejected, Shape, canonical
from tidegate.marks import techniques
from tidegate.model import (
    Artefact,
    Case,
    Entity,
    Found,
    Ioc,
    Kind,
    Report,
    Sighting,
    Tlp,
    Verdict,
)
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

SOURCE = "vmray"
CONFIDENCE = {Verdict.MALICIOUS: 100, Verdict.SUSPICIOUS: 75}
SHAPES = {shape.value: shape for shape in Shape}
WORST = list(Verdict)  # the order of the enum is from worst to unknown


def sift(found: Iterable[Found], policy: hygiene.Policy) -> tuple[tuple[Ioc, ...], int]:
    """Return the canonical indicators that hygiene lets pass, and how many others there were.

    Two spellings of one value are one; the worse of their verdicts holds.
    """
    judged: dict[tuple[Kind, str], Verdict] = {}
    refused = 0
    for one in found:
        try:
            key = canonical(SHAPES.get(one.shape) or Kind(one.shape), one.text)
        except Rejected:
            refused += 1
            continue
        judged[key] = min(one.verdict, judged.get(key, one.verdict), key=WORST.index)
    iocs = [Ioc(kind, value, verdict) for (kind, value), verdict in sorted(judged.items())]
    clean = _clean(iocs, policy)
    return tuple(clean), refused + len(iocs) - len(clean)


def _clean(iocs: list[Ioc], policy: hygiene.Policy) -> list[Ioc]:
    kinds = pl.Series([ioc.kind.value for ioc in iocs], dtype=pl.String)
    values = pl.Series([ioc.value for ioc in iocs], dtype=pl.String)
    reasons = hygiene.reasons(kinds, values, policy)
    return [ioc for ioc, reason in zip(iocs, reasons, strict=True) if reason is None]


def sightings_of(case: Case, life: timedelta) -> Iterator[Sighting]:
    """Yield what the case's reports say about indicators, the samples themselves included."""
    for artefact in case.artefacts:
        if artefact.report is not None and artefact.verdict is not None:
            # Common software is not blocked as a whole, so it is not handed to the gate either.
            itself = set() if artefact.common else {_itself(artefact, artefact.verdict)}
            for ioc in {*itself, *artefact.iocs}:
                if ioc.verdict in CONFIDENCE:
                    yield _sighting(ioc, artefact.report, life)


def _itself(artefact: Artefact, verdict: Verdict) -> Ioc:
    if artefact.entity is Entity.URL:
        return Ioc(Kind.URL, artefact.target, verdict)
    return Ioc(Kind.SHA256, artefact.key, verdict)


def _sighting(ioc: Ioc, report: Report, life: timedelta) -> Sighting:
    return Sighting(
        kind=ioc.kind,
        value=ioc.value,
        source=SOURCE,
        confidence=CONFIDENCE[ioc.verdict],
        first_seen=report.analysed,
        last_seen=report.analysed,
        expires=report.analysed + life,
        # Sorted, as merging leaves them: the same again is then no change.
        tags=tuple(sorted(["detonated", str(ioc.verdict), *techniques(report.techniques)])),
        threat=report.threats[0] if report.threats else None,
        # What one analysis found goes together by it.
        reference=_reference(report),
        # It comes out of our own alerts: for the organisation, not for the world.
        tlp=Tlp.AMBER,
    )


def _reference(report: Report) -> str:
    return report.link or f"VMRay sample {report.sample}"


def suspected(sightings: Iterable[Sighting]) -> set[str]:
    """Return the ids of what is suspicious and nowhere malicious."""
    held = [(one.indicator, one.confidence) for one in sightings]
    bad = {name for name, sure in held if sure == CONFIDENCE[Verdict.MALICIOUS]}
    return {name for name, _ in held} - bad


def changed_references(case: Case) -> set[str]:
    """Return the references of the analyses that came to another verdict than before."""
    reports = [one.report for one in case.artefacts if one.report and one.had]
    return {_reference(report) for report in reports}


def merged(
    state: pl.DataFrame,
    sightings: Iterable[Sighting],
    now: datetime,
    said_again: Iterable[str] = (),
    withdrawn: Iterable[str] = (),
    kept: Iterable[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the source's next state and those of its rows that say something new.

    Merging the same sightings again changes nothing. What analyses of the references `said_again`
    said earlier, and say no more, is gone, but for the ids `kept`, which other analyses found, too;
    so are the `withdrawn` ids.
    """
    columns = list(SCHEMA)
    fresh = frame(sightings).select(columns)
    held = state.filter(pl.col("expires") > now)
    again = pl.col("reference").is_in(list(said_again)).fill_null(value=False)
    left = held.filter(~again | pl.col("id").is_in(list(kept)))
    rows = fingerprinted(unique(pl.concat([left.select(columns), fresh])).select(columns))
    rows = rows.filter(~pl.col("id").is_in(list(withdrawn)))
    before = held.select("id", "written", said="fingerprint")
    rows = rows.join(before, on="id", how="left", maintain_order="left")
    new = (pl.col("fingerprint") != pl.col("said")).fill_null(value=True)
    stamped = pl.when(new).then(pl.lit(now, dtype=STATE["written"])).otherwise("written")
    after = rows.with_columns(stamped.alias("written"), new.alias("new")).sort("id")
    return after.select(list(STATE)), after.filter("new").select(list(STATE))
