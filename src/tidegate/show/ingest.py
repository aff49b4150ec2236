"""Feeds, their runs and their past."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.text import Text

from tidegate.canonical import defanged
from tidegate.model import Outcome, Run, Status
from tidegate.ports import FeedState, Trouble
from tidegate.show.cells import SHOWN, out, plain, short, table

if TYPE_CHECKING:
    from tidegate.declare.feed import Feed
    from tidegate.ingest.replay import Replayed
    from tidegate.ingest.trial import Trial

ALWAYS = 5  # columns of the feeds' table: how many rows came in, were kept, were new
GOOD = {Status.OK, Status.UNCHANGED}
FINE = Trouble()
PARTS = ("declaration", "contract", "memory", "trouble")
NOTHING: tuple[object, ...] = (None, [], {}, (), "")
LISTED = (
    "feed",
    "title",
    "state",
    "every_minutes",
    "semantics",
    "reliability",
    "needs",
    "fetched",
    "rows",
    "origin",
    "why",
)
SPARE = {"title", "every_minutes", "semantics", "reliability", "rows", "origin"}


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
    why = "; ".join(filter(None, [one.reason, *one.notes]))
    return (one.feed, status, *counts, rejected, round(one.seconds, 2), why)


def feed(
    declared: Feed, state: FeedState, trouble: Trouble = FINE, off: str | None = None
) -> dict[str, Any]:
    """Return what is known of a feed, as one flat record; `off` says why it does not run."""
    well = "good" if state.fetched else "new"
    return {
        "feed": declared.name,
        "title": declared.title,
        "state": "off" if off else trouble.state or well,
        "why": off or trouble.reason,
        "every_minutes": int(declared.every.total_seconds() // 60),
        "semantics": declared.semantics,
        "reliability": declared.reliability,
        "licence": declared.licence,
        "needs": sorted({declared.setting_of(name) for name in declared.secrets}),
        "fetched": state.fetched,
        "rows": state.rows,
        "origin": state.origin,
    }


def broken_feed(name: str, mistakes: Sequence[str]) -> dict[str, Any]:
    """Return what is known of a feed whose declaration cannot be read, as `feed` does."""
    unknown = dict.fromkeys((*LISTED, "licence"))
    more = f"; and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
    return {**unknown, "feed": name, "state": "broken", "why": f"{mistakes[0]}{more}"}


def feeds(rows: Sequence[dict[str, Any]]) -> None:
    """Print the feeds."""
    table("Feeds", LISTED, [[short(row[name]) for name in LISTED] for row in rows], SPARE)


def declared(
    found: Feed, state: FeedState, trouble: Trouble, off: str | None, given: str | None
) -> dict[str, Any]:
    """Return all that is known of one feed. `given` is the address that settings give it."""
    spoken = found.model_dump(by_alias=True, exclude_none=True)
    contract = spoken.pop("contract")
    return {
        **feed(found, state, trouble, off),
        "address": redacted(given or found.url),
        "declaration": {name: _spelled(value) for name, value in spoken.items()},
        "contract": {name: _spelled(value) for name, value in contract.items()},
        "memory": asdict(state),
        "trouble": asdict(trouble),
    }


def redacted(url: str) -> str:
    """Return an address without its credentials and its query, which may be a key."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"


def _spelled(value: object) -> object:
    """Return a duration as declarations write it, anything else as it is."""
    if not isinstance(value, timedelta):
        return value
    minutes = int(value.total_seconds() // 60)
    sizes = (("d", 1440), ("h", 60))
    unit, size = next(((u, s) for u, s in sizes if minutes % s == 0), ("m", 1))
    return f"{minutes // size}{unit}"


def whole_feed(known: dict[str, Any], latest: Sequence[Run]) -> None:
    """Print all that is known of one feed, and what its last runs came to."""
    flat = {name: value for name, value in known.items() if not isinstance(value, dict)}
    parts = [(known["feed"], flat), *((name.capitalize(), known[name]) for name in PARTS)]
    for title, part in parts:
        rows = [(name, _cell(value)) for name, value in part.items() if value not in NOTHING]
        if rows:
            table(title, ("what", "is"), rows)
    runs(latest)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return short(value)
    nested = isinstance(value, dict | list | tuple)
    return json.dumps(value, default=str) if nested else short(value)


def trial(found: Trial) -> None:
    """Print what would become of a payload."""
    columns = ("feed", "from", "rows", "kept", "repeats", "suppressed", "rejected")
    suppressed, rejected = sum(found.suppressed.values()), sum(found.rejected.values())
    counts = (found.rows, found.kept, found.repeated, suppressed, rejected)
    table("Trial", columns, [(found.feed, found.origin.value, *counts)])
    for what, examples in found.examples.items():
        if examples:
            lines = [(defanged(one.text), defanged(one.means)) for one in examples]
            table(what.capitalize(), ("the source wrote", "which is"), lines)
    for note in found.notes:
        out.print(plain(note))
    out.print(plain(f"refused: {found.refusal}" if found.refusal else "would be let in"))


def notice(said: dict[str, Any]) -> None:
    """Print what a command did, one line for each thing."""
    for name, value in said.items():
        out.print(plain(f"{name}: {value}"))


def runs(found: Sequence[Run]) -> None:
    """Print runs of feeds, newest first."""
    columns = ("at", "feed", "status", "rows", "new", "changed", "gone", "reason", "payload")
    title = "Runs" if found else "no runs"
    table(title, columns, map(_run, found), {"changed", "gone", "payload"})


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
    after = "1 run" if found.runs == 1 else f"{found.runs:,} runs"
    title = f"{len(found.state):,} indicators after {after}"
    table(title, ("kind", "indicator", "first seen", "expires"), lines)
    if len(found.state) > SHOWN:
        out.print(f"… and {len(found.state) - SHOWN:,} more; --json has them all")
