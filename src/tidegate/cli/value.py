"""What feeds are worth."""

from dataclasses import asdict
from typing import Annotated

import typer

from tidegate.cli.app import WRONG_USE, AsJson, emit, fail, feeds_app, house


@feeds_app.command(name="value")
def feeds_value(
    name: Annotated[str | None, typer.Argument(help="This feed alone, in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each feed alone has, how early and how wrong it is, and which to drop."""
    from tidegate.gate.value import value
    from tidegate.show import value as shown

    with house() as opened:
        known = opened.value.feeds
        if name is not None and name not in known:
            fail(f"no such feed: {name}; running are: {', '.join(known)}", WRONG_USE)
        found = value(opened.value)
    chosen = [one for one in found.feeds if name in {None, one.feed}]
    if as_json:
        for one in chosen:
            emit({"at": found.at, **asdict(one)})
    elif name:
        shown.worth(chosen[0], found.at)
    else:
        shown.value(found)
