"""The command line's frame: its groups of commands, what they share, and how they end."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from yaml import YAMLError

from tidegate import show
from tidegate.settings import Settings
from tidegate.wiring import Local, local

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Threat intelligence in, enforcement out: ingest, detonate, gate, map.",
)
gate_app = typer.Typer(no_args_is_help=True, help="Choose what deserves enforcement.")
app.add_typer(gate_app, name="gate")
feeds_app = typer.Typer(
    no_args_is_help=True, help="List the feeds, their state and what they need."
)
app.add_typer(feeds_app, name="feeds")

FAILED, WRONG_USE = 1, 2
FeedName = Annotated[str, typer.Argument(help="The feed's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log more; twice: all.")]


@app.callback()
def _prepare(verbose: Verbose = 0) -> None:
    from tidegate.correlation import Correlated

    handler = logging.StreamHandler()
    handler.addFilter(Correlated())
    form = "%(asctime)s %(levelname)s %(name)s [%(correlation)s] %(message)s"
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, format=form, handlers=[handler])
    for chatty in ("httpx", "httpcore"):  # they log whole URLs
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def house(progress: show.Told = show.quiet) -> Iterator[Local]:
    """Open the house of the settings. Faults of the other side end the command with code 1."""
    from tidegate.ports import BadPayload, SourceDown

    try:
        with local(settings(), progress) as opened:
            yield opened
    except (SourceDown, BadPayload) as error:
        fail(str(error))


def settings() -> Settings:
    """Read the settings, or end the command saying which one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        fail(f"{name}: {first['msg']}", WRONG_USE)
    except (ValueError, YAMLError) as error:  # no JSON in the environment, no mapping in the file
        fail(f"settings: {error}", WRONG_USE)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command with a message."""
    show.err.print(show.plain(message), style="red", highlight=False)
    raise typer.Exit(code)


def emit(record: object) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(json.dumps(record, default=str) + "\n")
