"""What a source has taken back by reference: a pulse or an event, with all that it said.

A feed's `parse.py` may have `gone(payload)`, the references that a payload calls withdrawn, and
`standing(payload)`, all references that there still are, or None where the payload does not say.
Both read the archived bytes: a run that is done again, or replayed, comes to the same.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tidegate.declare.feed import Feed
from tidegate.ingest.contract import FEW
from tidegate.ingest.job import Job
from tidegate.ingest.normal import Normal
from tidegate.ingest.payload import plain


def taken_back(
    feed: Feed, files: Sequence[Path], stored: pl.DataFrame, found: Normal, scratch: Path
) -> pl.Series:
    """Return the ids of stored rows whose reference is gone. What the same fetch says, holds.

    A value in several pulses or events has the reference of one, and goes with that.
    """
    over = pl.lit(value=False)
    for ended in _ended(feed, files, scratch):
        over |= ended
    rows = stored.filter(over)
    return rows.join(found.sightings.select("id"), on="id", how="anti")["id"]


def too_much(job: Job, back: pl.Series, stored: pl.DataFrame) -> str | None:
    """Say that more is taken back at once than is plausible: a list of events was cut short."""
    shrink, many = job.feed.contract.shrink, len(stored)
    if job.trusted or many < FEW or len(back) * 100 <= many * shrink:
        return None
    return f"takes back {len(back):,} of {many:,} indicators"


def _ended(feed: Feed, files: Sequence[Path], scratch: Path) -> list[pl.Expr]:
    gone, standing = feed.code("gone"), feed.code("standing")
    pages = (plain(file, scratch).read_bytes() for file in files if gone or standing)
    reference, found = pl.col("reference"), list[pl.Expr]()
    for page in pages:
        if gone and (named := gone(page)):
            found.append(reference.is_in(sorted(named)))
        if standing and (still := standing(page)) is not None:
            found.append(reference.is_in(sorted(still)).not_())
    return found
