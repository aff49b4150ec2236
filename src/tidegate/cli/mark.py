"""What analysts say of indicators."""

import getpass
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, Value, app, emit, fail, guessed, house
from tidegate.gate.mark import LIFE, Word


@app.command()
def mark(
    value: Value,
    said: Annotated[Word, typer.Argument(metavar="WORD", help="malicious or harmless.")],
    because: Annotated[str, typer.Option(help="The reason, which everybody is shown.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Who says so; unset = who you are here.")
    ] = None,
    days: Annotated[
        int, typer.Option("--for", min=1, max=3_650, help="For so many days.")
    ] = LIFE.days,
    as_json: AsJson = False,
) -> None:
    """Call an indicator malicious or harmless: that word stands above all feeds and detonations."""
    from tidegate.gate import mark as marks
    from tidegate.gate.explain import explain

    kind, canonical = guessed(value)
    with house() as opened:
        known, now = opened.knowledge, opened.knowledge.clock()
        name = by or getpass.getuser()
        try:
            word = marks.word(kind, canonical, said, because, name, now, timedelta(days=days))
        except ValueError as mistake:
            fail(str(mistake), WRONG_USE)
        marks.mark([word], known.sightings, now)
        found = explain(kind, canonical, known)
    if as_json:
        emit(asdict(found))
    else:
        show.judged(found)


@app.command()
def unmark(value: Value, as_json: AsJson = False) -> None:
    """Take back what an analyst said of an indicator."""
    from tidegate.gate import mark as marks
    from tidegate.model import indicator_id

    kind, canonical = guessed(value)
    with house() as opened:
        known = opened.knowledge
        name = indicator_id(kind, canonical)
        taken = bool(marks.unmark([name], known.sightings, known.clock()))
    if as_json:
        emit({"kind": kind, "value": canonical, "taken_back": taken})
    elif not taken:
        fail("no analyst has spoken of it")
    raise typer.Exit(0 if taken else FAILED)
