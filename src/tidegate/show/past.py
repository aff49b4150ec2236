"""Feeds' past: how far a backfill has come, and what was missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from tidegate.show.cells import out, plain, short, table

if TYPE_CHECKING:
    from tidegate.ingest.backfill import Backfilled
    from tidegate.ingest.gaps import Gap


def backfilled(done: Backfilled) -> None:
    """Print how far a backfill has come, and how it goes on."""
    names = ("feed", "status", "slices", "rows", "kept", "new", "changed", "suppressed", "expired")
    said = asdict(done)
    status = Text(done.status, style="yellow" if done.failed else "green")
    slices = f"{done.done} of {done.slices}"
    title = f"Backfill {short(done.start)} to {short(done.end)}"
    row = [said[name] for name in names]
    row[1:3] = [status, slices]
    table(title + (", nothing written" if done.dry_run else ""), names, [row])
    if done.reason:
        out.print(plain(done.reason))
    if done.failed:
        when = f", not before {short(done.go_on)}" if done.go_on else ""
        out.print(plain(f"the same command goes on where this one stopped{when}"))


def gaps(found: Sequence[Gap]) -> None:
    """Print what may have been missed, and what closes each gap."""
    if not found:
        out.print("no gaps")
        return
    rows = [
        (gap.feed, short(gap.start), short(gap.end), gap.command or "cannot be closed")
        for gap in found
    ]
    table("Gaps", ("feed", "from", "to", "closed by"), rows)
