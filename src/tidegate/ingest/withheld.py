"""What hygiene kept out of a source, with the reason: suppressed is not lost."""

from datetime import datetime
from typing import Any

import polars as pl

from tidegate.declare.feed import Semantics
from tidegate.hygiene import Policy, reasons
from tidegate.sightings import SCHEMA

WITHHELD: dict[str, Any] = {**SCHEMA, "why": pl.String()}
"""The sightings that a source would have, had hygiene let them pass."""


def parted(
    stored: pl.DataFrame, policy: Policy, but: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part sightings that another policy let in: those that stay, and those that go, with why."""
    why = reasons(stored["kind"], stored["value"], policy, but)
    out = stored.with_columns(why=why).drop_nulls("why").select(*WITHHELD)
    return stored.filter(why.is_null()), out


def merged(
    old: pl.DataFrame,
    found: pl.DataFrame,
    kept: pl.Series,
    semantics: Semantics,
    now: datetime,
) -> pl.DataFrame:
    """Return the source's next withheld rows, sorted by id.

    A snapshot replaces them; a window or a log adds to those that have not expired. `kept` are the
    ids that pass now: a list that lets go of a value lets go of it here, too.
    """
    still = old.clear() if semantics is Semantics.SNAPSHOT else old.filter(pl.col("expires") > now)
    rows = pl.concat([found.select(*WITHHELD), still.select(*WITHHELD)])
    once = rows.unique("id", keep="first", maintain_order=True)
    return once.filter(~pl.col("id").is_in(kept.implode())).sort("id")
