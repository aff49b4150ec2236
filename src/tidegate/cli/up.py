"""Everything at once."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from tidegate import show
from tidegate.cli.app import FAILED, AsJson, app, emit, house


@app.command()
def up(
    once: Annotated[bool, typer.Option(help="Run the main job once, then exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: the page, the API, the main job, then the timers."""
    from tidegate import serve

    with house() as opened:
        failed = serve.up(opened, once=once, report=_summary_as_json if as_json else show.summary)
    raise typer.Exit(FAILED if failed else 0)


def _summary_as_json(summary: Any) -> None:
    emit(asdict(summary))
