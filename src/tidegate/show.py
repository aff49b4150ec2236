"""Tables for people: what the commands found, defanged, with nothing that a terminal would obey."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tidegate.canonical import defanged
from tidegate.declare.feed import Feed
from tidegate.doctor import Check
from tidegate.gate.explain import Explained
from tidegate.gate.plan import Plan
from tidegate.gate.run import Applied
from tidegate.ingest.replay import Replayed
from tidegate.loop import Gated, Summary
from tidegate.maps.refresh import Refresh
from tidegate.model import Case, Outcome, Run, Sighting, Status
from tidegate.ports import FeedState

Told = Callable[[str, str], None]
WIDE = 150  # where no terminal says how wide it is: a log, a file
DONE = "done"
STAGES = ("fetch", "read", "compare", "store", DONE)
ALWAYS = 5  # columns of the feeds' table: how many rows came in, were kept, were new
SHOWN = 40  # lines of a long table; --json has them all
GOOD = {Status.OK, Status.UNCHANGED}
COLOURS = {"ok": "green", "missing": "yellow", "simulated": "cyan", "broken": "red"}


def _console(*, stderr: bool) -> Console:
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE)


out, err = _console(stderr=False), _console(stderr=True)


def quiet(what: str, stage: str) -> None:
    """Show no progress."""


def plain(value: object) -> Text:
    """Return a cell: text as it is, without markup and without control characters."""
    text = "" if value is None else str(value)
    return Text("".join(c if c.isprintable() else "·" for c in text))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are set to the right, with thousands parted."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    lines = [list(row) for row in rows]
    for at, name in enumerate(columns):
        numeric = bool(lines) and all(isinstance(line[at], int | float) for line in lines)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        shown.add_row(*(_cell(value) for value in line))
    out.print(shown)


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, float):
        return Text(f"{value:,.2f}")
    return Text(f"{value:,}") if isinstance(value, int) else plain(value)


@contextmanager
def progress(total: int) -> Iterator[Told]:
    """Show a bar over `total` feeds on a terminal; yields what is told each stage."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    begun: set[tuple[str, str]] = set()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("feeds", total=total * len(STAGES))

        def told(what: str, stage: str) -> None:
            begun.add((what, stage.partition(" ")[0]))
            done = len(begun) if stage != DONE else _whole(begun, what)
            bar.update(task, description=f"{what}: {stage}", completed=done)

        yield told


def _whole(begun: set[tuple[str, str]], what: str) -> int:
    """Count a finished feed as all of its stages: one that was unchanged skipped some."""
    begun.update((what, stage) for stage in STAGES)
    return len(begun)


def outcomes(found: Sequence[Outcome]) -> None:
    """Print the outcomes of feeds, without the columns that say nothing of any of them."""
    columns = ("feed", "status", "rows", "kept", "new", "changed", "gone", "suppressed")
    names = (*columns, "repeats", "rejected", "s", "reason")
    rows = list(map(_outcome, found))
    told = [at for at in range(len(names)) if at < ALWAYS or any(row[at] for row in rows)]
    table("Feeds", [names[at] for at in told], [[row[at] for at in told] for row in rows])


def _outcome(one: Outcome) -> Sequence[object]:
    colour = "green" if one.status in GOOD else "red" if one.failed else "yellow"
    rejected = ", ".join(f"{reason} {n:,}" for reason, n in one.rejected.items())
    counts = (one.rows, one.kept, one.new, one.changed, one.withdrawn, one.suppressed, one.repeated)
    status = Text(one.status, style=colour)
    return (one.feed, status, *counts, rejected, round(one.seconds, 2), one.reason)


def feed(declared: Feed, state: FeedState) -> dict[str, Any]:
    """Return what is known of a feed, as one flat record."""
    return {
        "feed": declared.name,
        "title": declared.title,
        "every_minutes": int(declared.every.total_seconds() // 60),
        "semantics": declared.semantics,
        "reliability": declared.reliability,
        "licence": declared.licence,
        "needs": sorted(f"TIDEGATE_{name}" for name in declared.secrets),
        "fetched": state.fetched,
        "rows": state.rows,
        "origin": state.origin,
    }


def feeds(rows: Sequence[dict[str, Any]]) -> None:
    """Print the feeds."""
    columns = ("feed", "title", "every_minutes", "semantics", "reliability", "needs", "fetched")
    lines = [[_short(row[name]) for name in (*columns, "rows", "origin")] for row in rows]
    table("Feeds", (*columns, "rows", "origin"), lines)


def _short(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return ", ".join(value) if isinstance(value, list) else value


def runs(found: Sequence[Run]) -> None:
    """Print runs of feeds, newest first."""
    columns = ("at", "feed", "status", "rows", "new", "changed", "gone", "reason", "payload")
    table("Runs", columns, map(_run, found))


def _run(one: Run) -> Sequence[object]:
    outcome = one.outcome
    counts = (outcome.rows, outcome.new, outcome.changed, outcome.withdrawn)
    payload = outcome.payloads[0][:12] if outcome.payloads else ""
    return (_short(one.at), outcome.feed, outcome.status.value, *counts, outcome.reason, payload)


def replayed(found: Replayed) -> None:
    """Print a feed's state as it was."""
    rows = found.state.head(SHOWN).iter_rows(named=True)
    lines = [
        (row["kind"], defanged(row["value"]), _short(row["first_seen"]), _short(row["expires"]))
        for row in rows
    ]
    title = f"{len(found.state):,} indicators after {found.runs:,} runs"
    table(title, ("kind", "indicator", "first seen", "expires"), lines)
    if len(found.state) > SHOWN:
        out.print(f"… and {len(found.state) - SHOWN:,} more; --json has them all")


def warninglists(found: Sequence[dict[str, Any]]) -> None:
    """Print the installed warninglists."""
    columns = ("name", "entries", "version", "use", "fetched", "trouble")
    table("Warninglists", columns, [[_short(one[name]) for name in columns] for one in found])


def cases(found: Sequence[Case]) -> None:
    """Print cases, with what became of each piece of evidence."""
    columns = ("case", "title", "stage", "evidence", "verdict", "s", "reason")
    table("Alerts", columns, map(_case, found))


def _case(case: Case) -> Sequence[object]:
    evidence = "\n".join(defanged(one.target) for one in case.artefacts)
    verdicts = "\n".join(str(one.verdict or "") for one in case.artefacts)
    seconds = (case.entered[-1][1] - case.opened).total_seconds() if case.entered else 0.0
    lines = Text("\n").join(plain(line) for line in evidence.split("\n"))
    title = case.alert.title if case.alert else ""
    verdict = Text(verdicts)
    troubles = [trouble for one in case.artefacts for trouble in one.troubles]
    why = "; ".join([*filter(None, [case.reason]), *troubles])
    return (case.id, title, case.stage.value, lines, verdict, seconds, why)


def plan(proposed: Plan) -> None:
    """Print a plan: what changes and why, and what was not chosen and why not."""
    changes = [
        (c.do, c.enforced.kind, defanged(c.enforced.value), c.enforced.action, c.why)
        for c in proposed.changes[:SHOWN]
    ]
    table(_title(proposed), ("do", "kind", "indicator", "action", "why"), changes)
    if len(proposed.changes) > SHOWN:
        out.print(f"… and {len(proposed.changes) - SHOWN:,} more; --json has them all")
    if proposed.refused:
        table("Not chosen", ("reason", "indicators"), proposed.refused.items())


def _title(proposed: Plan) -> str:
    counts = ", ".join(
        f"{proposed.count(do)} {do}" for do in ("add", "extend", "replace", "remove")
    )
    return (
        f"Plan: {counts}; {proposed.kept:,} stay; {proposed.chosen:,} of {proposed.slots:,} slots"
    )


def applied(done: Applied) -> None:
    """Print what became of a plan."""
    out.print(f"written {done.written:,}, removed {done.removed:,}, refused {len(done.failed):,}")
    if done.failed:
        rows = [(defanged(value), reason) for value, reason in list(done.failed.items())[:SHOWN]]
        table("Refused by Defender", ("indicator", "reason"), rows)


def refreshes(done: Sequence[Refresh]) -> None:
    """Print what became of datasets."""
    columns = ("dataset", "result", "rows", "new", "partial", "reason")
    rows = [
        (r.dataset, r.result.name.lower(), r.rows, r.answered, "yes" if r.partial else "", r.reason)
        for r in done
    ]
    table("Map", columns, rows)


def explained(found: Explained) -> None:
    """Print all that is known of one indicator."""
    out.print(plain(f"{found.kind} {defanged(found.value)}  score {found.score}  id {found.id}"))
    if found.unclean:
        out.print(plain(f"never enforced: {found.unclean}"))
    if not found.reported:
        out.print("nobody has reported it")
        return
    if found.terms:
        names = ("source", "reliability", "confidence", "age_days", "decay", "weight")
        lines = [[term[name] for name in names] for term in found.terms]
        table("What each source adds", names, lines)
    if found.sightings or found.expired:
        _sightings(found.sightings + found.expired)
    for one in found.withheld:
        out.print(plain(f"{one.sighting.source} said so, too; kept out: {one.why}"))


def _sightings(found: Sequence[Sighting]) -> None:
    rows = [
        (one.source, one.threat, ", ".join(one.tags), _short(one.last_seen), _short(one.expires))
        for one in found
    ]
    table("Sightings", ("source", "threat", "tags", "last seen", "expires"), rows)


def checks(found: Sequence[Check]) -> None:
    """Print what `doctor` found."""
    rows = [(c.what, Text(c.state, style=COLOURS[c.state]), c.effect) for c in found]
    table("Doctor", ("what", "state", "which means"), rows)


def summary(done: Summary) -> None:
    """Print what the main job did."""
    outcomes(done.feeds)
    cases(done.cases)
    if done.reason:
        out.print(plain(done.reason), style="red")
    _gated(done.gated)
    refreshes(done.maps)


def _gated(gated: Gated) -> None:
    if gated.plan is None:
        out.print(plain(f"gate: {gated.reason}"), style="red")
        return
    plan(gated.plan)
    if gated.applied:
        applied(gated.applied)
