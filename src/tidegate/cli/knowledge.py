"""What is known: of one value, and of what is harmless."""

from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, app, emit, fail, house


@app.command()
def lookup(
    value: Annotated[str, typer.Argument(help="An address, domain, URL or hash, defanged or not.")],
    as_json: AsJson = False,
) -> None:
    """Show all that is known of an indicator, and every term of its score."""
    from tidegate.canonical import Rejected, guess
    from tidegate.gate.explain import explain

    try:
        kind, canonical = guess(value)
    except Rejected as rejected:
        fail(f"{value}: {rejected}", WRONG_USE)
    with house() as opened:
        found = explain(kind, canonical, opened.gate)
    if as_json:
        emit(asdict(found))
    else:
        show.explained(found)
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
            show.err.print(show.plain(f"{one.name}: {one.outcome} {one.reason or ''}"))
        found = installed_lists(opened)
    if as_json:
        for each in found:
            emit(each)
    else:
        show.warninglists(found)
    raise typer.Exit(FAILED if failed else 0)
