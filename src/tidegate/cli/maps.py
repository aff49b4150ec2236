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
    as_json: AsJson = False,
) -> None:
    """Refresh the map's datasets."""
    from tidegate.loop import FAILED_REFRESHES
    from tidegate.maps.refresh import refresh as renew

    with house() as opened:
        known = opened.maps.datasets
        if unknown := [name for name in names or [] if name not in known]:
            fail(f"no such dataset: {', '.join(unknown)}; there are: {', '.join(known)}", WRONG_USE)
        done = [renew(known[name], opened.maps, force=force) for name in names or known]
    if as_json:
        for one in done:
            emit({**asdict(one), "result": one.result.name.lower()})
    else:
        show.refreshes(done)
    raise typer.Exit(FAILED if any(one.result in FAILED_REFRESHES for one in done) else 0)
