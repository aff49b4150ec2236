"""What is known: of one value, and of what is harmless."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from tidegate import show
from tidegate.cli.app import FAILED, AsJson, Value, app, emit, guessed, house


@app.command()
def lookup(
    value: Value,
    with_related: Annotated[
        bool, typer.Option("--related", help="Show what goes with it, too.")
    ] = False,
    enrich: Annotated[
        bool, typer.Option("--enrich", help="Ask others outside, who learn what is asked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of an indicator, and every term of its score."""
    from tidegate.gate.enrich import enriched
    from tidegate.gate.explain import explain as told
    from tidegate.gate.related import related

    kind, canonical = guessed(value)
    with house() as opened:
        found = told(kind, canonical, opened.knowledge)
        beside = related(found, opened.knowledge) if with_related else []
        outside = enriched(found, opened.enrichment) if enrich else []
    asked: dict[str, list[Any]] = {"related": beside} if with_related else {}
    asked |= {"enriched": outside} if enrich else {}
    if as_json:
        emit(asdict(found) | {name: list(map(asdict, each)) for name, each in asked.items()})
    else:
        show.explained(found)
        show.related(beside)
        if enrich:
            show.enriched(outside)
    known = found.reported or any(one.advice for one in outside)
    raise typer.Exit(0 if known else FAILED)


@app.command()
def explain(value: Value, as_json: AsJson = False) -> None:
    """Show how the score of an indicator comes about, and what keeps it from enforcement."""
    from tidegate.gate.explain import explain as told

    kind, canonical = guessed(value)
    with house() as opened:
        found = told(kind, canonical, opened.knowledge)
    if as_json:
        emit(asdict(found))
    else:
        show.judged(found)
    raise typer.Exit(0 if found.reported else FAILED)


@app.command()
def warninglists(
    refresh: Annotated[bool, typer.Option("--refresh", help="Bring the newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the installed lists of what is known to be harmless, or bring new ones."""
    from tidegate.wiring import installed_lists

    failed = False
    with house() as opened:
        for one in opened.refresh_warninglists() if refresh else ():
            failed = failed or one.outcome == "kept"
            became = ", ".join(filter(None, [one.outcome, one.reason]))
            show.err.print(show.plain(f"{one.name}: {became}"))
        found = installed_lists(opened)
    if as_json:
        for each in found:
            emit(each)
    else:
        show.warninglists(found)
    raise typer.Exit(FAILED if failed else 0)
