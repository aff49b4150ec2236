"""What is enforced, what would change and why; carrying it out, and taking it back."""

import getpass
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, emit, fail, gate_app, house
from tidegate.gate.world import Target, World

Name = Annotated[str, typer.Option("--target", help="Where: defender, sentinel.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; unset = who you are here.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Whole = Annotated[bool, typer.Option("--all", help="All at once, whatever changed this hour.")]
DEFENDER = "defender"


@gate_app.command()
def plan(target: Name = DEFENDER, whole: Whole = False, as_json: AsJson = False) -> None:
    """Show what would change, and why. Changes nothing."""
    from tidegate.gate.plan import document
    from tidegate.gate.run import make_plan

    with house() as opened:
        proposed = make_plan(_target(target, opened.gate), opened.gate, whole=whole)
    if as_json:
        emit(document(proposed))
    else:
        show.plan(proposed)


@gate_app.command()
def apply(
    target: Name = DEFENDER,
    yes: Yes = False,
    whole: Whole = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Carry the plan out, a waiting one too; lists and exports follow."""
    from tidegate.gate.found import found
    from tidegate.gate.run import apply as carry_out
    from tidegate.gate.run import make_plan
    from tidegate.gate.share import renew
    from tidegate.ports import Conflict

    with house() as opened:
        world, where = opened.gate, _target(target, opened.gate)
        rows = found(world)
        if not yes:
            proposed = make_plan(where, world, rows, whole=whole)
            if not as_json:
                show.plan(proposed)
            if proposed.changes:
                asked = f"{len(proposed.changes)} changes to {where.title}, {where.address}"
                typer.confirm(f"Apply {asked}?", abort=True, err=True)
        done = carry_out(where, world, rows, by=_name(by), whole=whole).applied
        with suppress(Conflict):  # a cycle published meanwhile, and knows as much
            renew(world, rows)
    if done is None:
        fail("nothing was planned")
    if as_json:
        emit(asdict(done))
    else:
        show.applied(done)
    raise typer.Exit(FAILED if done.failed or done.reason else 0)


@gate_app.command()
def status(as_json: AsJson = False) -> None:
    """Show how enforcement stands: the sets, what waits, what changed, what somebody changed."""
    from tidegate.gate.standing import stands
    from tidegate.gate.status import status as standing

    with house() as opened:
        if as_json:
            emit(stands(opened.gate))
        else:
            found = [standing(target, opened.gate) for target in opened.gate.targets]
            show.enforcement(found, opened.gate.churn)


@gate_app.command()
def undo(
    why: Annotated[str, typer.Option("--because", help="Why, for the record.")],
    target: Name = DEFENDER,
    run: Annotated[
        str | None, typer.Option("--run", help="The run, which must be the last one still.")
    ] = None,
    yes: Yes = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take the last run back, and pause: the next cycle would choose the same again."""
    from tidegate.gate.undo import NothingToUndo
    from tidegate.gate.undo import undo as take_back

    if not why.strip():
        fail("taking back needs a reason", WRONG_USE)
    with house() as opened:
        where = _target(target, opened.gate)
        if not yes:
            asked = f"the last run at {where.title}, {where.address}"
            typer.confirm(f"Take back {asked}, and pause?", abort=True, err=True)
        try:
            done = take_back(where, opened.gate, _name(by), why, run)
        except NothingToUndo as nothing:
            fail(str(nothing))
    if as_json:
        emit(asdict(done))
    else:
        show.applied(done)
    raise typer.Exit(FAILED if done.failed or done.reason else 0)


@gate_app.command()
def resume(
    target: Name = DEFENDER,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="What was changed by hand is the gate's again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go on after a pause, with the next cycle."""
    from tidegate.gate.undo import resume as go_on

    with house() as opened:
        go_on(_target(target, opened.gate), opened.gate, take_back=take_back)
    if as_json:
        emit({"target": target, "paused": None})
    else:
        show.out.print(f"{target}: goes on with the next cycle")


def _name(by: str | None) -> str:
    return (by or "").strip() or getpass.getuser()


def _target(name: str, world: World) -> Target:
    found = world.target(name)
    if found is None:
        known = ", ".join(one.name for one in world.targets)
        fail(f"no such target: {name}; there are: {known}", WRONG_USE)
    return found
