"""What a month on Azure costs."""

from dataclasses import asdict, replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from tidegate.cli.app import AsJson, app, emit


class Place(StrEnum):
    """The environments that are deployed."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


def _asked(help_: str) -> Any:
    return typer.Option(min=0, help=help_)


@app.command()
def cost(
    env: Annotated[Place, typer.Option(help="Where; also sets what is not given.")] = Place.DEV,
    feeds: Annotated[int | None, _asked("Feeds that run.")] = None,
    indicators: Annotated[int | None, _asked("Sightings that live at the same time.")] = None,
    changed: Annotated[
        float | None, typer.Option(min=0, max=1, help="Part of them that changes in a day.")
    ] = None,
    alerts: Annotated[int | None, _asked("Alerts a day.")] = None,
    refreshes: Annotated[int | None, _asked("Refreshes of datasets a day.")] = None,
    lookups: Annotated[int | None, _asked("Look-ups a day.")] = None,
    retention: Annotated[
        int | None, typer.Option(min=1, help="Days that a sighting lives.")
    ] = None,
    written: Annotated[
        float | None, typer.Option(min=0, help="Request units of a written row, as measured.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute what a month on Azure costs, line by line."""
    from tidegate.cost import ENVIRONMENTS, WORKLOADS, bill, prices
    from tidegate.show import cost as shown

    said: dict[str, Any] = {
        "feeds": feeds,
        "indicators": indicators,
        "changed": changed,
        "alerts": alerts,
        "refreshes": refreshes,
        "lookups": lookups,
        "retention": retention,
    }
    given = {name: value for name, value in said.items() if value is not None}
    work = replace(WORKLOADS[env], **given)
    found = bill(work, ENVIRONMENTS[env], prices(), written)
    if as_json:
        emit({**asdict(found), "usd": found.usd, "workload": asdict(work)})
    else:
        shown.cost(found, prices())
