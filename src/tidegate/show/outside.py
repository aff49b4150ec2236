"""What others outside say of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidegate.show.cells import out, plain, short, table

if TYPE_CHECKING:
    from tidegate.gate.enrich import Enriched


def enriched(found: Sequence[Enriched]) -> None:
    """Print what those who were asked say, or why they say nothing."""
    if not found:
        out.print("nobody outside is asked about this kind")
        return
    columns = ("who", "state", "says", "counts", "labels", "seen", "link or reason")
    table("What others say", columns, map(_line, found))
    for one in found:
        if one.advice and one.advice.harmless:
            out.print(plain(f"never enforced, advises {one.by}: {one.advice.harmless}"))


def _line(one: Enriched) -> Sequence[object]:
    state = f"{one.state.value} (kept)" if one.cached else one.state.value
    said = one.advice
    if said is None:
        return (one.by, state, "", "", "", "", one.reason)
    counts = ", ".join(f"{count} {name}" for name, count in said.counts.items() if count)
    return (one.by, state, said.says, counts, ", ".join(said.labels), short(said.at), said.link)
