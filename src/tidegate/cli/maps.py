"""The map's datasets."""

from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, app, emit, fail, house


@app.command()
def refresh(
    names: Annotated[list[str] | None, typer.Argument(help="Datasets; all when none.")] = None,
    force: Annotated[bool, typer.Option(help="Even if the data is fresh.")] = False,
    full: Annotated[bool, typer.Option(help="All of it anew, not what is new alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Refresh the map's datasets."""
    from tidegate.loop import FAILED_REFRESHES
    from tidegate.maps.refresh import refresh as renew

    with house() as opened:
        known = opened.maps.datasets
        if unknown := [name for name in names or [] if name not in known]:
            fail(f"no such dataset: {', '.join(unknown)}; there are: {', '.join(known)}", WRONG_USE)
        done = [renew(known[name], opened.maps, force=force, full=full) for name in names or known]
    if as_json:
        for one in done:
            emit({**asdict(one), "result": one.result.name.lower()})
    else:
        show.refreshes(done)
    raise typer.Exit(FAILED if any(one.result in FAILED_REFRESHES for one in done) else 0)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """Show how fresh the map's datasets are, and what is wrong with them."""
    from tidegate.maps.listing import listing
    from tidegate.maps.state import read

    with house() as opened:
        world = opened.maps
        found = [
            {**one, "why": read(world.objects, one["name"]).state.reason} for one in listing(world)
        ]
        now = world.clock()
    if as_json:
        for one in found:
            emit(one)
    else:
        show.datasets(found, now)
