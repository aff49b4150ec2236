"""Search what is known."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from tidegate import show
from tidegate.cli.app import WRONG_USE, AsJson, app, emit, fail, house, utc
from tidegate.model import Kind

Some = list[str] | None


@app.command()
def search(
    text: Annotated[
        str | None, typer.Argument(help="Part of a value, tag or threat; an address, too.")
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Of this kind; may be repeated.")] = None,
    source: Annotated[Some, typer.Option(help="Said by this source; may be repeated.")] = None,
    tag: Annotated[str | None, typer.Option(help="With exactly this tag.")] = None,
    threat: Annotated[str | None, typer.Option(help="This threat, in any case.")] = None,
    network: Annotated[str | None, typer.Option(help="Inside this network.")] = None,
    prefix: Annotated[str | None, typer.Option(help="How the value begins.")] = None,
    first_seen_after: Annotated[
        datetime | None, typer.Option(help="First seen after this, in UTC.")
    ] = None,
    last_seen_after: Annotated[
        datetime | None, typer.Option(help="Last seen after this, in UTC.")
    ] = None,
    min_score: Annotated[float, typer.Option(min=0, max=100, help="Of at least this.")] = 0.0,
    sort: Annotated[
        Literal["id", "score"], typer.Option(help="By id, or by score, the best first.")
    ] = "id",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="No more than this.")] = 100,
    continuation: Annotated[
        str | None, typer.Option(help="That of the last page, with the same filters.")
    ] = None,
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
        after = str(page.after) if page.after else None
        rows = page.items.iter_rows(named=True)
        items = [{**row, "score": round(row["score"], 1)} for row in rows]
        emit({"items": items, "continuation": after})
    else:
        show.search_page(page)
