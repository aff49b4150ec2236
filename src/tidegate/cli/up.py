"""Everything at once."""

from dataclasses import asdict, replace
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
    from tidegate.gate.plan import document

    plans = [document(one.plan) if one.plan else None for one in summary.gated]
    gated = [asdict(replace(one, plan=None)) for one in summary.gated]
    told = [{**one, "plan": plan} for one, plan in zip(gated, plans, strict=True)]
    emit({**asdict(replace(summary, gated=[])), "gated": told})
