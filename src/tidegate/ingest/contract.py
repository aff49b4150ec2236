"""A feed's contract: what of a fetch is too odd to be let in unseen."""

import polars as pl

from tidegate.declare.feed import Feed, Semantics
from tidegate.ingest.normal import Normal
from tidegate.ports import BadPayload, FeedState

BEFORE_SINCE = "before --since"
UNKNOWN = "unknown kind"
FINE = {"expired", BEFORE_SINCE}  # rejected, and no fault of the payload


def before(feed: Feed, state: FeedState, old: pl.DataFrame) -> int:
    """How many indicators the next list should have, about.

    A window's state also holds what has left the list, and a log's next page may be short.
    """
    match feed.semantics:
        case Semantics.SNAPSHOT:
            return len(old)
        case Semantics.WINDOW:
            return min(len(old), state.rows)
        case Semantics.LOG:
            return 0


def implausible(feed: Feed, found: Normal, before: int) -> str | None:
    """Say which promise of the feed's contract this fetch breaks, if any."""
    contract, kept, rows = feed.contract, len(found.sightings), found.rows
    # A log's page may hold nothing but rules and file names: that is its news of today.
    fine = FINE | {UNKNOWN} if feed.semantics is Semantics.LOG else FINE
    refused = sum(n for reason, n in found.rejected.items() if reason not in fine)
    if rows and refused == rows:
        raise BadPayload(f"none of {rows:,} rows is an indicator ({next(iter(found.rejected))})")
    if not contract.least_rows <= rows <= contract.most_rows:
        return f"{rows:,} rows where {contract.least_rows:,} to {contract.most_rows:,} are expected"
    if refused * 100 > rows * contract.rejected:
        return f"{refused:,} of {rows:,} rows are no indicators"
    if before >= 100 and kept * 100 < before * (100 - contract.shrink):  # noqa: PLR2004
        return f"{kept:,} indicators where the last good fetch had {before:,}"
    return None
