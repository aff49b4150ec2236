"""A feed's contract: what of a fetch is too odd to be let in unseen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from tidegate.declare.feed import Feed, Format, Semantics
from tidegate.hygiene import CHOSEN
from tidegate.ingest.normal import Normal
from tidegate.ports import BadPayload, Feeds, FeedState, Trouble

BEFORE_SINCE = "before --since"
AFTER_UNTIL = "after --until"
UNKNOWN = "unknown kind"
FINE = {"expired", BEFORE_SINCE, AFTER_UNTIL}  # rejected, and no fault of the payload
FEW = 100  # shares and changes of fewer say nothing


@dataclass(frozen=True, slots=True)
class Past:
    """What the last good fetch was like; nothing of it is known where a field is empty.

    `indicators` is how many the next list should have, about. `suppressed` is the percentage of
    its `rows` that hygiene kept out, by the same policy as today's. `columns` are those it had.
    """

    indicators: int = 0
    suppressed: int | None = None
    columns: tuple[str, ...] = ()
    rows: int = 0


def past(feed: Feed, state: FeedState, old: pl.DataFrame, judged: str) -> Past:
    """Return what to compare a fetch with that `judged` names the policy of.

    A window's state also holds what has left the list, and a log's next page may be short.
    """
    indicators = {
        Semantics.SNAPSHOT: len(old),
        Semantics.WINDOW: min(len(old), state.rows),
        Semantics.LOG: 0,
    }[feed.semantics]
    suppressed = state.suppressed if state.judged == judged else None
    return Past(indicators, suppressed, state.columns, state.rows)


def implausible(feed: Feed, found: Normal, before: Past) -> str | None:
    """Say which promise of the feed's contract this fetch breaks, if any, but for its shrinking.

    Raises BadPayload where no row is an indicator.
    """
    bad = refused(feed, found)
    if found.rows and bad == found.rows:
        why = next(iter(found.rejected))
        raise BadPayload(f"none of {found.rows:,} rows is an indicator ({why})")
    return next(_broken(feed, found, bad, before), None)


def refused(feed: Feed, found: Normal) -> int:
    """Return how many rows are no indicators, by the payload's own fault."""
    # A log's page may hold nothing but rules and file names: that is its news of today.
    fine = FINE | {UNKNOWN} if feed.semantics is Semantics.LOG else FINE
    return sum(n for reason, n in found.rejected.items() if reason not in fine)


def _broken(feed: Feed, found: Normal, bad: int, before: Past) -> Iterator[str]:
    contract, rows, kept = feed.contract, found.rows, len(found.sightings)
    if not contract.least_rows <= rows <= contract.most_rows:
        expected = f"{contract.least_rows:,} to {contract.most_rows:,}"
        yield f"{rows:,} rows where {expected} are expected"
    if bad * 100 > rows * contract.rejected:
        yield f"{bad:,} of {rows:,} rows are no indicators"
    if before.indicators and kept > max(before.indicators * contract.growth, contract.room):
        yield f"{kept:,} indicators where the last good fetch had only {before.indicators:,}"
    for name in missing(feed, found.columns, before):
        yield f"the column {name} is missing"
    yield from _harmless(feed, found, before)


def missing(feed: Feed, columns: tuple[str, ...], before: Past) -> list[str]:
    """Return the columns that the declaration uses, the last good fetch had and this one lacks."""
    if feed.indicator is None or not columns:
        return []
    return sorted(feed.indicator.columns & {*before.columns} - {*columns})


def share_suppressed(found: Normal) -> int | None:
    """Return the percentage of rows that are known to be harmless; None of few rows."""
    harmless = sum(n for reason, n in found.suppressed.items() if reason not in CHOSEN)
    return round(100 * harmless / found.rows) if found.rows >= FEW else None


def _harmless(feed: Feed, found: Normal, before: Past) -> Iterator[str]:
    share = share_suppressed(found)
    if share is None:
        return
    if share > feed.contract.suppressed:
        yield f"{share} % of {found.rows:,} rows are known to be harmless"
    if before.suppressed is not None and share > before.suppressed + feed.contract.jump:
        yield f"{share} % of the rows are known to be harmless, where it were {before.suppressed} %"


def drifted(feed: Feed, columns: tuple[str, ...], before: Past) -> Iterator[str]:
    """Yield a note for each column that is new, and for each that is gone and was not needed."""
    declared = {name for names in feed.columns for name in names}
    known = {*before.columns} or (declared if feed.format is Format.CSV else set())
    if not (columns and known):
        return
    for name in columns:
        if name not in known:
            yield f"new column {name}"
    for name in sorted({*before.columns} - {*columns}):
        yield f"column {name} is gone"


def shrunk(feed: Feed, found: Normal, before: Past, memory: Feeds, now: datetime) -> str | None:
    """Say that a list has come down too far, unless enough fetches in a row have said so.

    Each must come at its own time, and speak of about as many indicators as the one before.
    """
    kept, contract, known = len(found.sightings), feed.contract, memory.trouble(feed.name)
    why = _collapse(found, before, contract.shrink)
    if why is None:
        if known.shrunk_times:
            memory.note(feed.name, replace(known, shrunk_to=0, shrunk_times=0, shrunk_at=None))
        return None
    if contract.confirm is None:
        return why
    times = _confirmed(feed, kept, known, now)
    if times != known.shrunk_times or kept != known.shrunk_to:
        new = replace(known, shrunk_to=kept, shrunk_times=times, shrunk_at=now)
        memory.note(feed.name, new)
    said = f"{why}; {times} of {contract.confirm} fetches that have to say so"
    return None if times >= contract.confirm else said


def _collapse(found: Normal, before: Past, shrink: int) -> str | None:
    """Say by what a list has come down too far: its indicators, or its rows.

    What hygiene keeps out is no indicator: half of a list may be gone behind it.
    """
    kept = len(found.sightings)
    if before.indicators < FEW or kept >= before.indicators:
        return None
    if _less(kept, before.indicators, shrink):
        return f"{kept:,} indicators where the last good fetch had {before.indicators:,}"
    if _less(found.rows, before.rows, shrink):
        return f"{found.rows:,} rows where the last good fetch had {before.rows:,}"
    return None


def _confirmed(feed: Feed, kept: int, known: Trouble, now: datetime) -> int:
    """Return how many fetches in a row have told of the same shrinking, this one included."""
    shrink, to = feed.contract.shrink, known.shrunk_to
    if not known.shrunk_times or _less(kept, to, shrink) or _less(to, kept, shrink):
        return 1
    # Asked twice at once, it says the same once.
    soon = known.shrunk_at is not None and now - known.shrunk_at < feed.every / 2
    return known.shrunk_times + (0 if soon else 1)


def _less(one: int, than: int, percent: int) -> bool:
    return one * 100 < than * (100 - percent)


def staleness(feed: Feed, state: FeedState, now: datetime) -> str | None:
    """Say that the source has given the same bytes for too long, if it has."""
    longest = feed.contract.stale
    if longest is None or state.changed is None or now - state.changed <= longest:
        return None
    return f"the same bytes since {state.changed:%Y-%m-%d}"
