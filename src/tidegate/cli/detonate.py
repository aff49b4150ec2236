"""Alerts and their verdicts."""

from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, app, emit, fail, house


@app.command(name="detonate")
def detonate_alerts(
    alerts: Annotated[list[str] | None, typer.Argument(help="Alert ids; none = new ones.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Try once more what failed in these.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine the files and URLs behind Defender alerts, and write the verdicts back."""
    from tidegate import detonate, loop
    from tidegate.model import ENDS

    with house() as opened:
        for alert in alerts or []:
            try:
                detonate.receive(alert, opened.detonate, again=again)
            except ValueError as error:
                fail(f"{alert}: {error}", WRONG_USE)
        elsewhere = opened.settings.on_azure  # its own workers go on with the cases
        if elsewhere:
            chosen = [case for alert in alerts or [] if (case := opened.cases.get(alert))]
        else:
            cases = loop.detonate_all(opened)
            chosen = [case for case in cases if not alerts or case.id in alerts]
    if as_json:
        for case in chosen:
            emit(asdict(case))
    else:
        show.cases(chosen)
    unfinished = any(case.stage not in ENDS for case in chosen)
    raise typer.Exit(FAILED if unfinished and not elsewhere else 0)
