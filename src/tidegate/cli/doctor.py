"""What is configured, and what is not."""

from dataclasses import asdict

import typer

from tidegate import show
from tidegate.cli.app import FAILED, AsJson, app, emit, settings


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is configured, what is missing, and what each missing thing switches off."""
    from tidegate.doctor import checks

    found = checks(settings())
    if as_json:
        for check in found:
            emit(asdict(check))
    else:
        show.checks(found)
    raise typer.Exit(FAILED if any(check.state == "broken" for check in found) else 0)
