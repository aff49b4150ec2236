"""Cases: what there is, and what a person decides about one."""

import getpass
from collections.abc import Callable
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, AsJson, cases_app, emit, fail, house
from tidegate.wiring import Local

Alert = Annotated[str, typer.Argument(help="The case's id, which is the alert's.")]
Only = Annotated[
    str | None, typer.Option("--only", help="One effect by its key, not all of the case.")
]
By = Annotated[str | None, typer.Option("--by", help="Who decides; unset = who you are here.")]
Decide = Callable[..., list[str]]


@cases_app.command(name="list")
def list_cases(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest cases: their stage, their verdict, and what waits for approval."""
    from tidegate.api.cases import summary

    with house() as opened:
        found = [summary(case) for case in opened.cases.newest(limit)]
    if as_json:
        for one in found:
            emit(one)
    else:
        show.case_list(found)


@cases_app.command(name="show")
def show_case(case: Alert, as_json: AsJson = False) -> None:
    """Show all of one case: stages, artefacts, effects, responses."""
    from tidegate.api.cases import shown

    with house() as opened:
        found = opened.cases.get(case)
        if found is None:
            fail(f"no such case: {case}")
        document = shown(found, opened.ledger.of(case))
    if as_json:
        emit(document)
    else:
        show.case(document)


@cases_app.command()
def approve(case: Alert, only: Only = None, by: By = None, as_json: AsJson = False) -> None:
    """Let happen what waits for approval."""
    from tidegate import detonate

    _decide(detonate.approve, "approved", case, only, by, as_json=as_json)


@cases_app.command()
def reject(case: Alert, only: Only = None, by: By = None, as_json: AsJson = False) -> None:
    """Let never happen what waits for approval."""
    from tidegate import detonate

    _decide(detonate.reject, "rejected", case, only, by, as_json=as_json)


@cases_app.command()
def undo(case: Alert, only: Only = None, by: By = None, as_json: AsJson = False) -> None:
    """Take back what was done and can be: blocks, tags, isolation."""
    from tidegate import detonate

    _decide(detonate.undo, "taken back", case, only, by, as_json=as_json)


def _decide(
    decide: Decide, said: str, case: str, only: str | None, by: str | None, *, as_json: bool
) -> None:
    from tidegate import detonate

    with house() as opened:
        try:
            decided = decide(case, by or getpass.getuser(), opened.detonate, only)
        except detonate.Unknown as unknown:
            fail(f"{case}: {unknown}")
        ended = _carried_out(case, opened)
    if as_json:
        emit({"case": case, "decided": decided, "ended": ended})
    else:
        show.decided(said, decided)
    raise typer.Exit(0 if ended else FAILED)


def _carried_out(case: str, opened: Local) -> bool:
    """Work on the case until it has ended again; elsewhere others do, and we do not wait."""
    from tidegate import loop
    from tidegate.detonate.decisions import reopened
    from tidegate.model import ENDS

    if opened.settings.on_azure:
        return True

    def open_still() -> bool:
        found = opened.cases.get(case)
        if found is None:
            return False
        return found.stage not in ENDS or reopened(found, opened.detonate) is not None

    loop.work_on(opened, open_still)
    return not open_still()
