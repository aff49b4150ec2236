"""Feeds: their runs, their state, their past."""

from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate import show
from tidegate.cli.app import (
    FAILED,
    WRONG_USE,
    AsJson,
    FeedName,
    app,
    chosen_feeds,
    emit,
    fail,
    house,
    mistaken_feeds,
    refuse,
    utc,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.ingest.run import Job
    from tidegate.model import Outcome


@app.command()
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(help="Feeds; all when none is named.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Read this file, not the feed's address."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what was seen since, in UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only what was seen until then, in UTC.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read all, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Pull indicators from feeds into the store."""
    from tidegate.ingest import journal
    from tidegate.ingest.run import Job
    from tidegate.model import Origin

    if file and len(names or []) != 1:
        fail("--file belongs to exactly one feed: name it", WRONG_USE)
    chosen, wrong = chosen_feeds(names or []), [] if names else mistaken_feeds()
    first, last = _span(since, until)
    origin = Origin.FILE if file else Origin.LIVE
    jobs = [Job(feed, file, origin, first, until=last, dry=dry_run) for feed in chosen]
    outcomes = _run(jobs, as_json=as_json)
    journal.total(outcomes)
    if not as_json:
        show.outcomes(outcomes)
    if wrong:
        refuse(wrong)
    raise typer.Exit(FAILED if any(outcome.failed for outcome in outcomes) else 0)


def _run(jobs: "Sequence[Job]", *, as_json: bool) -> "list[Outcome]":
    from tidegate.ingest.run import run

    outcomes = []
    with show.progress(len(jobs)) as told, house(told) as opened:
        for job in jobs:
            outcomes.append(run(job, replace(opened.ingest, progress=told)))
            told(job.feed.name, show.DONE)
            if as_json:
                emit(asdict(outcomes[-1]))
    return outcomes


def _span(since: datetime | None, until: datetime | None) -> tuple[datetime | None, ...]:
    """Return the two times as UTC, unless they say otherwise."""
    first, last = (time and utc(time) for time in (since, until))
    if first and last and last <= first:
        fail("--since must be before --until", WRONG_USE)
    return first, last


@app.command()
def runs(
    name: Annotated[str | None, typer.Argument(help="Of this feed; of all when none.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="No more than this, newest first.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """List what the latest runs of feeds came to."""
    with house() as opened:
        found = opened.runs.newest(chosen_feeds([name])[0].name if name else None, limit)
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

    [feed] = chosen_feeds([name])
    with house() as opened:
        found = made_anew(feed, utc(at), opened.ingest)
    if as_json:
        for row in found.state.drop("fingerprint").iter_rows(named=True):
            emit(row)
    else:
        show.replayed(found)
