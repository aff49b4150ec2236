"""What is published, into files: for whoever does not read it over HTTP."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.app import WRONG_USE, AsJson, emit, export_app, fail, house

Out = Annotated[Path | None, typer.Option(help="Write it there instead of printing it.")]
Score = Annotated[int, typer.Option(min=0, max=100, help="Leave out what scores less.")]


@export_app.command()
def stix(out: Out = None, as_json: AsJson = False) -> None:
    """Write what may go to others as a STIX 2.1 bundle; what left lately is in it as revoked."""
    from tidegate.gate import outward
    from tidegate.sharing import OTHERS

    with house() as opened:
        shelf = opened.shelf
        body = outward.stix(shelf.edition().rows, OTHERS, shelf.terms)
    _deliver(body, out, as_json=as_json)


@export_app.command()
def csv(out: Out = None, as_json: AsJson = False) -> None:
    """Write what may go to others as CSV, the best first, harmless to spreadsheets."""
    from tidegate.gate import outward
    from tidegate.sharing import OTHERS

    with house() as opened:
        shelf = opened.shelf
        body = outward.csv(shelf.edition().rows, OTHERS, shelf.terms)
    _deliver(body, out, as_json=as_json)


@export_app.command()
def misp(
    out: Annotated[Path, typer.Option(help="The folder of the feed.")],
    as_json: AsJson = False,
) -> None:
    """Write what may go to others as a MISP feed; events that did not change stay as they are."""
    from tidegate.gate import misp_feed

    with house() as opened:
        shelf = opened.shelf
        held = misp_feed.feed(shelf.edition().rows, shelf.terms)
    found = {f"{uuid}.json": misp_feed.event(held, uuid) or b"" for uuid in held.events["uuid"]}
    # The manifest last: what it names is there.
    found |= {"hashes.csv": misp_feed.hashes(held), "manifest.json": misp_feed.manifest(held)}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    written = [name for name, body in found.items() if _changed(out / name, body)]
    if as_json:
        emit({"out": out, "files": len(found), "written": len(written)})


@export_app.command("list")
def list_(
    name: Annotated[str, typer.Argument(help="The list, as `/api/lists` names it.")],
    out: Out = None,
    min_score: Score = 0,
    as_json: AsJson = False,
) -> None:
    """Write a list for a firewall, or another product that reads plain text."""
    from tidegate.gate.lists import FORMATS, render, whole

    if name not in FORMATS:
        fail(f"no such list: {name}; there are: {', '.join(FORMATS)}", WRONG_USE)
    with house() as opened:
        shelf = opened.shelf
        rows = shelf.edition().rows
        at = whole(shelf.clock())
        found = render(rows, FORMATS[name], min_score, at, shelf.own)
    counts = ("count", "covered", "unsaid", "beyond")
    told = {each: getattr(found, each) for each in counts}
    _deliver(found.body, out, as_json=as_json, **told)


def _deliver(body: bytes, out: Path | None, *, as_json: bool, **told: int) -> None:
    if out is None and as_json:
        fail("--json tells what was written: it needs --out", WRONG_USE)
    if out is None:
        sys.stdout.buffer.write(body)
        return
    written = _changed(out, body)
    if as_json:
        emit({"out": out, "bytes": len(body), "written": written, **told})


def _changed(path: Path, body: bytes) -> bool:
    """Write a file whole, or not at all where it says the same; whether it was written."""
    try:
        if path.is_file() and path.read_bytes() == body:
            return False
        staged = path.with_name(f".{path.name}.new")
        staged.write_bytes(body)
        staged.replace(path)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    return True
