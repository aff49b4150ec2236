"""Search what is known."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidegate import show
from tidegate.cli.app import WRONG_USE, AsJson, app, emit, fail, house, utc
from tidegate.model import Kind

if TYPE_CHECKING:
    from tidegate.gate.search import Page

Text = Annotated[
    str | None, typer.Argument(help="Part of a value, tag or threat; an address, too.")
]
Kinds = Annotated[list[Kind] | None, typer.Option(help="Of this kind; may be repeated.")]
Sources = Annotated[list[str] | None, typer.Option(help="Said by this source; may be repeated.")]
Tag = Annotated[str | None, typer.Option(help="With exactly this tag.")]
Threat = Annotated[str | None, typer.Option(help="This threat, in any case.")]
Network = Annotated[str | None, typer.Option(help="Inside this network.")]
Prefix = Annotated[str | None, typer.Option(help="How the value begins.")]
First = Annotated[datetime | None, typer.Option(help="First seen after this, in UTC.")]
Last = Annotated[datetime | None, typer.Option(help="Last seen after this, in UTC.")]
Least = Annotated[float, typer.Option(min=0, max=100, help="Of at least this.")]
Sort = Annotated[Literal["id", "score"], typer.Option(help="By id, or by score, the best first.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="No more than this.")]
After = Annotated[str | None, typer.Option(help="That of the last page, with the same filters.")]


@app.command()
def search(
    text: Text = None,
    kind: Kinds = None,
    source: Sources = None,
    tag: Tag = None,
    threat: Threat = None,
    network: Network = None,
    prefix: Prefix = None,
    first_seen_after: First = None,
    last_seen_after: Last = None,
    min_score: Least = 0.0,
    sort: Sort = "id",
    limit: Limit = 100,
    continuation: After = None,
    as_json: AsJson = False,
) -> None:
    """Search all indicators that hold now."""
    from tidegate.canonical import Rejected
    from tidegate.gate import matching, paging
    from tidegate.gate.search import Order, Search
    from tidegate.gate.search import search as find

    with house() as opened:
        known = opened.knowledge
        try:
            wanted = matching.Filter(
                text=text,
                kinds=tuple(kind or ()),
                sources=tuple(source or ()),
                tag=tag,
                threat=threat,
                network=matching.network(network) if network else None,
                prefix=prefix,
                first_seen_after=first_seen_after and utc(first_seen_after),
                last_seen_after=last_seen_after and utc(last_seen_after),
            )
            begin = paging.mark(continuation, known.clock()) if continuation else None
        except Rejected as rejected:
            fail(str(rejected), WRONG_USE)
        page = find(Search(wanted, min_score, Order(sort), limit, begin), known)
    if as_json:
        emit(_plain(page))
    else:
        show.search_page(page)


def _plain(page: "Page") -> dict[str, Any]:
    rows = page.items.iter_rows(named=True)
    items = [{**row, "score": round(row["score"], 1)} for row in rows]
    return {"items": items, "continuation": str(page.after) if page.after else None}
