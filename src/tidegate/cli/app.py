"""The command line's frame: its groups of commands, what they share, and how they end."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from yaml import YAMLError

from tidegate import show, wiring
from tidegate.declare.feed import Feed
from tidegate.model import Kind
from tidegate.settings import Settings
from tidegate.wiring import Local

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Threat intelligence in, enforcement out: ingest, detonate, gate, map.",
)
gate_app = typer.Typer(no_args_is_help=True, help="Choose what deserves enforcement.")
app.add_typer(gate_app, name="gate")
feeds_app = typer.Typer(
    no_args_is_help=True, help="The feeds: their state, one's own, what is in quarantine."
)
app.add_typer(feeds_app, name="feeds")

export_app = typer.Typer(
    no_args_is_help=True, help="What the gate published, as files for others and for firewalls."
)
app.add_typer(export_app, name="export")

cases_app = typer.Typer(
    no_args_is_help=True, help="The cases of alerts: to look at, approve, reject, take back."
)
app.add_typer(cases_app, name="cases")

FAILED, WRONG_USE = 1, 2
FeedName = Annotated[str, typer.Argument(help="The feed's name.")]
Value = Annotated[str, typer.Argument(help="An address, domain, URL or hash, defanged or not.")]
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
    if not verbose:  # what feeds failed at stands in the table that follows
        handler.addFilter(lambda record: record.name != "tidegate.ingest.journal")
    for chatty in ("azure", "httpx", "httpcore"):  # they log whole URLs
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def house(progress: show.Told = show.quiet) -> Iterator[Local]:
    """Open the house of the settings. Faults of the other side end the command with code 1."""
    from tidegate.declare.strict import Mistakes
    from tidegate.ports import BadPayload, SourceDown

    try:
        with wiring.house(settings(), progress) as opened:
            opened.read_format()
            yield opened
    except (SourceDown, BadPayload) as error:
        fail(str(error))
    except Mistakes as mistakes:
        refuse(mistakes.lines)


def settings() -> Settings:
    """Read the settings, or end the command saying all that is wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_input=False)
        refuse(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in faults)
    except (ValueError, YAMLError) as error:  # no mapping in the file
        fail(f"settings: {error}", WRONG_USE)


def chosen_feeds(names: list[str]) -> list[Feed]:
    """Return the feeds of these names, or all that run where none is named.

    An unknown or broken one ends the command, before anything is done.
    """
    with house() as opened:
        known = opened.catalogue
        missing = [name for name in names if name not in known.feeds]
        if wrong := [line for name in missing for line in known.broken.get(name, ())]:
            refuse(wrong)
        if missing:
            there = ", ".join(known.feeds)
            fail(f"no such feed: {', '.join(missing)}; there are: {there}", WRONG_USE)
        if names:
            return [known.feeds[name] for name in names]
        return opened.choice.running(known.feeds.values())


def mistaken_feeds() -> list[str]:
    """Return what is wrong with one's own feeds, a line for each mistake."""
    with house() as opened:
        return opened.catalogue.mistakes


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command with a message."""
    show.err.print(show.plain(message), style="red", highlight=False)
    raise typer.Exit(code)


def refuse(lines: Iterable[str]) -> NoReturn:
    """End the command as wrong use, with a line for each mistake."""
    for line in lines:
        show.err.print(show.plain(line), style="red", highlight=False, soft_wrap=True)
    raise typer.Exit(WRONG_USE)


def guessed(value: str) -> tuple[Kind, str]:
    """Return the indicator that a text names, or end the command as wrong use."""
    from tidegate.canonical import Rejected, guess

    try:
        return guess(value)
    except Rejected as rejected:
        fail(f"{value}: {rejected}", WRONG_USE)


def utc(time: datetime) -> datetime:
    """Return a time that was typed without its zone as one in UTC."""
    return time.replace(tzinfo=time.tzinfo or UTC)


def emit(record: object) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(json.dumps(record, default=_spelled) + "\n")


def _spelled(value: object) -> str:
    """Return a time as the API writes it, ISO 8601, anything else as it is spelled."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
