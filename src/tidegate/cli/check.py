"""Many values at once."""

from typing import Annotated

import typer

from tidegate.cli.app import FAILED, AsJson, app, emit, fail, house

MOST = 1_000_000
LONGEST = 4_096


@app.command()
def check(
    file: Annotated[
        typer.FileText,
        typer.Argument(
            help="A value on each line, defanged or not; - reads what is piped in.",
            encoding="utf-8-sig",
            errors="replace",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell which of many values are known, and which reported networks hold them."""
    from itertools import islice

    from tidegate.gate.bulk import bulk
    from tidegate.show.many import answers

    lines = (line.strip() for line in iter(lambda: file.readline(LONGEST), ""))
    texts = list(islice(filter(None, lines), MOST + 1))
    if len(texts) > MOST:
        fail(f"more than {MOST:,} lines: ask in parts")
    with house() as opened:
        found = bulk(texts, opened.knowledge)
    if as_json:
        for row in found.iter_rows(named=True):
            emit(row)
    else:
        answers(found)
    nobody = found["sources"].null_count() == len(found)
    raise typer.Exit(FAILED if nobody and found["networks"].null_count() == len(found) else 0)
