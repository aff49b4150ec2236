"""What a search found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.canonical import defanged
from tidegate.show.cells import out, short, table

if TYPE_CHECKING:
    from tidegate.gate.search import Page


def search_page(page: Page) -> None:
    """Print a page of indicators, and what leads to the next."""
    columns = ("kind", "indicator", "score", "sources", "threats", "tags", "last seen", "tlp")
    lines = [
        (
            row["kind"],
            defanged(row["value"]),
            round(row["score"], 1),
            *(short(row[name]) for name in ("sources", "threats", "tags", "last_seen")),
            row["tlp"],
        )
        for row in page.items.iter_rows(named=True)
    ]
    table("Indicators" if lines else "nothing found", columns, lines, {"tags", "last seen", "tlp"})
    if page.after:
        out.print(f"There are more: --continuation {page.after}", soft_wrap=True)
