"""Tables for people: what the commands found, defanged, with nothing that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tidegate.canonical import defanged
from tidegate.show.bar import DONE, Told, progress, quiet, slices
from tidegate.show.cases import case, case_list, cases, decided
from tidegate.show.cells import err, out, plain, short, table
from tidegate.show.gate import applied, enforcement, gated, plan
from tidegate.show.ingest import feed, feeds, outcomes, replayed, runs
from tidegate.show.maps import datasets, refreshes
from tidegate.show.outside import enriched
from tidegate.show.past import backfilled, gaps
from tidegate.show.search import search_page

if TYPE_CHECKING:
    from tidegate.doctor import Check
    from tidegate.gate.explain import Explained
    from tidegate.gate.related import Relation
    from tidegate.loop import Summary
    from tidegate.model import Sighting
    from tidegate.smoke import Found

__all__ = [
    "DONE",
    "Told",
    "applied",
    "backfilled",
    "case",
    "case_list",
    "cases",
    "checks",
    "datasets",
    "decided",
    "enforcement",
    "enriched",
    "err",
    "explained",
    "feed",
    "feeds",
    "gaps",
    "gated",
    "judged",
    "out",
    "outcomes",
    "plain",
    "plan",
    "progress",
    "quiet",
    "refreshes",
    "related",
    "replayed",
    "runs",
    "search_page",
    "slices",
    "smoke",
    "summary",
    "warninglists",
]

TERMS = (
    *("source", "grade", "precision", "reliability", "confidence"),
    *("age_days", "decay", "weight", "uncounted"),
)
COLOURS = {"ok": "green", "missing": "yellow", "simulated": "cyan", "broken": "red"}


def warninglists(found: Sequence[dict[str, Any]]) -> None:
    """Print the installed warninglists."""
    columns = ("name", "entries", "version", "use", "fetched", "trouble")
    table("Warninglists", columns, [[short(one[name]) for name in columns] for one in found])


def explained(found: Explained) -> None:
    """Print all that is known of one indicator."""
    judged(found)
    if found.sightings or found.expired:
        _sightings(found.sightings + found.expired)
    for one in found.withheld:
        out.print(plain(f"{one.sighting.source} said so, too; kept out: {one.why}"))


def judged(found: Explained) -> None:
    """Print how the score of one indicator comes about, and what keeps it from enforcement."""
    out.print(plain(f"{found.kind} {defanged(found.value)}  score {found.score}  id {found.id}"))
    for line in _asides(found):
        out.print(plain(line))
    if not found.reported:
        out.print("nobody has reported it")
    if found.terms:
        lines = [[_blank(term[name]) for name in TERMS] for term in found.terms]
        names = [name.replace("_", " ") for name in TERMS]
        table("What each source adds", names, lines, {"grade", "precision", "age days"})


def _blank(value: object) -> object:
    return "" if value is None else value


def _asides(found: Explained) -> Iterator[str]:
    system = f"AS{found.asn}" if found.asn else None
    if where := ", ".join(filter(None, [found.country, system, found.as_name])):
        yield f"allocated to {where}"
    if said := found.marked:
        yield f"{said.by} calls it {said.word} until {short(said.expires)}: {said.because}"
    if found.unclean:
        yield f"never enforced: {found.unclean}"
    if found.published:
        yield f"published since {short(found.published)}"
    if urls := found.lifted:
        yield f"stands for {urls.urls:,} URLs on it, by whose score: {', '.join(urls.sources)}"


def _sightings(found: Sequence[Sighting]) -> None:
    names = ["source", "threat", "tags", "tlp", "last seen", "expires", "reference", "spelled"]
    rows = [list(_said(one)) for one in found]
    if not any(one.original for one in found):
        names, rows = names[:-1], [row[:-1] for row in rows]
    table("Sightings", names, rows)


def _said(one: Sighting) -> Iterator[object]:
    yield from (one.source, one.threat, ", ".join(one.tags), one.tlp.value)
    yield from (short(one.last_seen), short(one.expires), one.reference)
    yield defanged(one.original or "")


def related(found: Sequence[Relation]) -> None:
    """Print what goes with an indicator."""
    for one in found:
        lines = [
            (each.kind.value, defanged(each.value), each.score, ", ".join(each.sources))
            for each in one.found
        ]
        title = f"{one.name}: {one.total:,}"
        more = f", the newest {len(lines)}" if one.total > len(lines) else ""
        table(title + more, ("kind", "indicator", "score", "sources"), lines)


def checks(found: Sequence[Check]) -> None:
    """Print what `doctor` found."""
    rows = [(c.what, Text(c.state, style=COLOURS[c.state]), c.effect) for c in found]
    table("Doctor", ("what", "state", "which means"), rows)


def smoke(found: Sequence[Found]) -> None:
    """Print what a look at a deployment found."""
    rows = [(one.url, one.what, _wellness(one), plain(one.said)) for one in found]
    table("Smoke", ("where", "what", "state", "which means"), rows)


def _wellness(found: Found) -> Text:
    state = "ok" if found.well else "broken"
    return Text(state, style=COLOURS[state])


def summary(done: Summary) -> None:
    """Print what the main job did."""
    outcomes(done.feeds)
    cases(done.cases)
    if done.reason:
        out.print(plain(done.reason), style="red")
    for one in done.gated:
        gated(one)
    refreshes(done.maps)
