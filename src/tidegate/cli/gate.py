"""The plan, and carrying it out."""

from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, AsJson, emit, gate_app, house


@gate_app.command()
def plan(as_json: AsJson = False) -> None:
    """Show what would change in Defender, and why."""
    from tidegate.gate.run import make_plan

    with house() as opened:
        proposed = make_plan(opened.gate)
    if as_json:
        emit(asdict(proposed))
    else:
        show.plan(proposed)


@gate_app.command()
def apply(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Carry the plan out in Defender."""
    from tidegate.gate.run import apply as carry_out
    from tidegate.gate.run import make_plan

    with house() as opened:
        proposed = make_plan(opened.gate)
        if not as_json:
            show.plan(proposed)
        if proposed.changes and not yes:
            where = opened.tenant.defender
            typer.confirm(
                f"Apply {len(proposed.changes)} changes to {where}?", abort=True, err=True
            )
        applied = carry_out(proposed, opened.gate)
    if as_json:
        emit(asdict(applied))
    else:
        show.applied(applied)
    raise typer.Exit(FAILED if applied.failed else 0)
