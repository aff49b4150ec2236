"""Feeds, their runs and their past."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from tidegate.canonical import defanged
from tidegate.declare.feed import Feed
from tidegate.ingest.replay import Replayed
from tidegate.model import Outcome, Run, Status
from tidegate.ports import FeedState
from tidegate.show.cells import SHOWN, out, short, table

ALWAYS = 5  # columns of the feeds' table: how many rows came in, were kept, were new
GOOD = {Status.OK, Status.UNCHANGED}


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
    lines = [[short(row[name]) for name in (*columns, "rows", "origin")] for row in rows]
    table("Feeds", (*columns, "rows", "origin"), lines)


def runs(found: Sequence[Run]) -> None:
    """Print runs of feeds, newest first."""
    columns = ("at", "feed", "status", "rows", "new", "changed", "gone", "reason", "payload")
    table("Runs", columns, map(_run, found))


def _run(one: Run) -> Sequence[object]:
    outcome = one.outcome
    counts = (outcome.rows, outcome.new, outcome.changed, outcome.withdrawn)
    payload = outcome.payloads[0][:12] if outcome.payloads else ""
    return (short(one.at), outcome.feed, outcome.status.value, *counts, outcome.reason, payload)


def replayed(found: Replayed) -> None:
    """Print a feed's state as it was."""
    rows = found.state.head(SHOWN).iter_rows(named=True)
    lines = [
        (row["kind"], defanged(row["value"]), short(row["first_seen"]), short(row["expires"]))
        for row in rows
    ]
    title = f"{len(found.state):,} indicators after {found.runs:,} runs"
    table(title, ("kind", "indicator", "first seen", "expires"), lines)
    if len(found.state) > SHOWN:
        out.print(f"… and {len(found.state) - SHOWN:,} more; --json has them all")
