"""What a search found."""

from tidegate.canonical import defanged
from tidegate.gate.search import Page
from tidegate.show.cells import out, short, table


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
    table("Indicators", columns, lines)
    if page.after:
        out.print(f"There are more: --continuation {page.after}", soft_wrap=True)
