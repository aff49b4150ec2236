"""All sightings into a file, and back."""

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated

import typer

from tidegate.cli.app import AsJson, app, emit, fail, house


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; it takes its place.")],
    as_json: AsJson = False,
) -> None:
    """Write all that feeds, analysts and detonations said into one file, which `restore` reads."""
    from tidegate.ingest.backup import backup as write

    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    with house() as opened:
        try:
            # It holds what may not be shared.
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                rows = write(opened.sightings, to, opened.ingest.clock())
                to.flush()
                os.fsync(to.fileno())
            fresh.replace(out)
        except OSError as error:
            fail(f"{out}: {error.strerror}")
        finally:
            with suppress(OSError):
                fresh.unlink()
    if as_json:
        emit({"out": out, "sources": rows})
    else:
        typer.echo(f"{out}: {sum(rows.values()):,} sightings of {len(rows)} sources")


File = typer.Argument(metavar="FILE", help="What `backup` wrote.")
Source = typer.Option(help="Only this one; may be given often.")
Replace = typer.Option("--replace", help="Of sources that hold some, too: those are gone then.")


@app.command()
def restore(
    file: Annotated[Path, File],
    source: Annotated[list[str] | None, Source] = None,
    replace: Annotated[bool, Replace] = False,
    as_json: AsJson = False,
) -> None:
    """Bring sightings back from a backup. A source that holds some is left as it is."""
    from tidegate.ingest.backup import restore as bring

    with house() as opened, _opened(file) as archive:
        now, only = opened.ingest.clock(), source or ()
        for one in bring(archive, opened.sightings, now, only, replace=replace):
            if as_json:
                emit(asdict(one))
            elif one.kept:
                typer.echo(f"{one.source}: left as it is, with {one.kept:,} sightings")
            else:
                typer.echo(f"{one.source}: {one.rows:,} sightings")


def _opened(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
