"""Feeds: their runs, their state, their past."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate import show
from tidegate.cli.app import (
    FAILED,
    WRONG_USE,
    AsJson,
    FeedName,
    app,
    emit,
    fail,
    feeds_app,
    house,
    settings,
)


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

    chosen = chosen_feeds(names or [])
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


def chosen_feeds(names: list[str]) -> list[Any]:
    from tidegate.declare.feed import feeds, running

    known = feeds()
    if unknown := [name for name in names if name not in known]:
        fail(f"no such feed: {', '.join(unknown)}; there are: {', '.join(known)}", WRONG_USE)
    chosen = settings()
    return [known[name] for name in names] or running(chosen.feeds_off, chosen.feed_urls)


@feeds_app.command(name="list")
def listchosen_feeds(as_json: AsJson = False) -> None:
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

    [feed] = chosen_feeds([name])
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
        found = made_anew(feed, at.replace(tzinfo=at.tzinfo or UTC), opened.ingest)
    if as_json:
        for row in found.state.drop("fingerprint").iter_rows(named=True):
            emit(row)
    else:
        show.replayed(found)
