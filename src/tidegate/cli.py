"""The command line: a thin skin on the use cases.

Every command prints a table for people, or JSON with `--json`. Exit codes: 0 done, 1 something
failed and the output says what, 2 wrong use.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

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


def main() -> None:
    """Run the command line."""
    app()


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


@app.command()
def up(
    once: Annotated[bool, typer.Option(help="Run the main job once, then exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: the page, the API, the main job, then the timers."""
    from tidegate import serve

    with house() as opened:
        failed = serve.up(opened, once=once, report=_summary_as_json if as_json else show.summary)
    raise typer.Exit(FAILED if failed else 0)


def _summary_as_json(summary: Any) -> None:
    emit(asdict(summary))


@app.command()
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(help="Feeds; all when none is named.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Read this file, not the feed's address.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what was seen since, in UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pull indicators from feeds into the store."""
    from tidegate.ingest.run import Job, run
    from tidegate.model import Origin

    chosen = _feeds(names or [])
    if file and len(chosen) != 1:
        fail("--file belongs to exactly one feed: name it", WRONG_USE)
    if file and not file.is_file():
        fail(f"{file}: no such file", WRONG_USE)
    aware = since.replace(tzinfo=since.tzinfo or UTC) if since else None
    outcomes = []
    with show.progress(len(chosen)) as told, house(told) as opened:
        for feed in chosen:
            origin = Origin.FILE if file else Origin.LIVE
            outcome = run(Job(feed, file, origin, aware), replace(opened.ingest, progress=told))
            outcomes.append(outcome)
            told(feed.name, show.DONE)
            if as_json:
                emit(asdict(outcome))
    if not as_json:
        show.outcomes(outcomes)
    raise typer.Exit(FAILED if any(outcome.failed for outcome in outcomes) else 0)


def _feeds(names: list[str]) -> list[Any]:
    from tidegate.declare.feed import feeds, running

    known = feeds()
    if unknown := [name for name in names if name not in known]:
        fail(f"no such feed: {', '.join(unknown)}; there are: {', '.join(known)}", WRONG_USE)
    chosen = settings()
    return [known[name] for name in names] or running(chosen.feeds_off, chosen.feed_urls)


@feeds_app.command(name="list")
def list_feeds(as_json: AsJson = False) -> None:
    """List the feeds, their state and what they need."""
    from tidegate.declare.feed import feeds

    with house() as opened:
        rows = [show.feed(feed, opened.memory.state(feed.name)) for feed in feeds().values()]
    if as_json:
        for row in rows:
            emit(row)
    else:
        show.feeds(rows)


@feeds_app.command()
def accept(name: FeedName, as_json: AsJson = False) -> None:
    """Let in what is in quarantine: a person outweighs the feed's contract."""
    from tidegate.ingest.replay import accept as let_in

    [feed] = _feeds([name])
    with house() as opened:
        outcome = let_in(feed, opened.ingest)
    if as_json:
        emit(asdict(outcome))
    else:
        show.outcomes([outcome])
    raise typer.Exit(FAILED if outcome.failed else 0)


@app.command()
def runs(
    name: Annotated[str | None, typer.Argument(help="Of this feed; of all when none.")] = None,
    limit: Annotated[int, typer.Option(help="No more than this, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what the latest runs of feeds came to."""
    with house() as opened:
        found = opened.runs.newest(_feeds([name])[0].name if name else None, limit)
    if as_json:
        for run in found:
            emit(asdict(run))
    else:
        show.runs(found)


@app.command()
def replay(
    name: FeedName,
    at: Annotated[datetime, typer.Option(help="The time, in UTC.")],
    as_json: AsJson = False,
) -> None:
    """Show a feed as it was at a time, made anew from its archived payloads."""
    from tidegate.ingest.replay import replay as made_anew

    [feed] = _feeds([name])
    with house() as opened:
        found = made_anew(feed, at.replace(tzinfo=at.tzinfo or UTC), opened.ingest)
    if as_json:
        for row in found.state.drop("fingerprint").iter_rows(named=True):
            emit(row)
    else:
        show.replayed(found)


@app.command()
def warninglists(
    refresh: Annotated[bool, typer.Option("--refresh", help="Bring the newest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the installed lists of what is known to be harmless, or bring new ones."""
    from tidegate.wiring import installed_lists

    failed = False
    with house() as opened:
        for one in opened.refresh_warninglists() if refresh else ():
            failed = failed or one.outcome == "kept"
            show.err.print(show.plain(f"{one.name}: {one.outcome} {one.reason or ''}"))
        found = installed_lists(opened)
    if as_json:
        for each in found:
            emit(each)
    else:
        show.warninglists(found)
    raise typer.Exit(FAILED if failed else 0)


@app.command(name="detonate")
def detonate_alerts(
    alerts: Annotated[list[str] | None, typer.Argument(help="Alert ids; none = new ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """Examine the files and URLs behind Defender alerts, and write the verdicts back."""
    from tidegate import detonate, loop
    from tidegate.model import ENDS

    with house() as opened:
        for alert in alerts or []:
            try:
                detonate.receive(alert, opened.detonate)
            except ValueError as error:
                fail(f"{alert}: {error}", WRONG_USE)
        cases = loop.detonate_all(opened)
    chosen = [case for case in cases if not alerts or case.id in alerts]
    if as_json:
        for case in chosen:
            emit(asdict(case))
    else:
        show.cases(chosen)
    raise typer.Exit(FAILED if any(case.stage not in ENDS for case in chosen) else 0)


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


@app.command()
def refresh(
    names: Annotated[list[str] | None, typer.Argument(help="Datasets; all when none.")] = None,
    force: Annotated[bool, typer.Option(help="Even if the data is fresh.")] = False,
    as_json: AsJson = False,
) -> None:
    """Refresh the map's datasets."""
    from tidegate.loop import FAILED_REFRESHES
    from tidegate.maps.refresh import refresh as renew

    with house() as opened:
        known = opened.maps.datasets
        if unknown := [name for name in names or [] if name not in known]:
            fail(f"no such dataset: {', '.join(unknown)}; there are: {', '.join(known)}", WRONG_USE)
        done = [renew(known[name], opened.maps, force=force) for name in names or known]
    if as_json:
        for one in done:
            emit({**asdict(one), "result": one.result.name.lower()})
    else:
        show.refreshes(done)
    raise typer.Exit(FAILED if any(one.result in FAILED_REFRESHES for one in done) else 0)


@app.command()
def lookup(
    value: Annotated[str, typer.Argument(help="An address, domain, URL or hash, defanged or not.")],
    as_json: AsJson = False,
) -> None:
    """Show all that is known of an indicator, and every term of its score."""
    from tidegate.canonical import Rejected, guess
    from tidegate.gate.explain import explain

    try:
        kind, canonical = guess(value)
    except Rejected as rejected:
        fail(f"{value}: {rejected}", WRONG_USE)
    with house() as opened:
        found = explain(kind, canonical, opened.gate)
    if as_json:
        emit(asdict(found))
    else:
        show.explained(found)
    raise typer.Exit(0 if found.reported else FAILED)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is configured, what is missing, and what each missing thing switches off."""
    from tidegate.doctor import checks

    found = checks(settings())
    if as_json:
        for check in found:
            emit(asdict(check))
    else:
        show.checks(found)
    raise typer.Exit(FAILED if any(check.state == "broken" for check in found) else 0)
