"""Feeds' past: reading it, and where something of it was missed."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated

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
    utc,
)
from tidegate.declare.feed import Feed
from tidegate.ingest.gaps import Gap
from tidegate.wiring import Local

MOST_SLICES = 10_000
MOST_RUNS = 30_000  # of a feed: more than 90 days have, every five minutes


@app.command()
def backfill(
    name: FeedName,
    start: Annotated[datetime, typer.Option("--from", help="From this time on, in UTC.")],
    end: Annotated[datetime, typer.Option("--to", help="Up to this time, in UTC.")],
    step: Annotated[str, typer.Option(help="A slice of it: 15m, 6h, 1d.")] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read all, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read what a feed said in the past; the same command goes on where it was stopped."""
    from tidegate.ingest.backfill import Past
    from tidegate.ingest.backfill import backfill as read_past

    [feed] = chosen_feeds([name])
    if not feed.goes_back:
        fail(f"{name} cannot go back: it has neither a history nor pages", WRONG_USE)
    past = Past(feed, utc(start), utc(end), _step(step), dry_run)
    with show.slices(name) as told, house(told) as opened:
        _check(past.start, past.end, past.step, opened.ingest.clock())
        done = read_past(past, replace(opened.ingest, progress=told))
    if as_json:
        emit(asdict(done))
    else:
        show.backfilled(done)
    raise typer.Exit(FAILED if done.failed else 0)


def _step(text: str) -> timedelta:
    from pydantic import TypeAdapter, ValidationError

    from tidegate.declare.strict import Duration

    try:
        step: timedelta = TypeAdapter(Duration).validate_python(text)
    except ValidationError:
        fail(f"--step {text}: write it as 15m, 6h or 1d", WRONG_USE)
    if step < timedelta(minutes=1):
        fail(f"--step {text}: a minute at least", WRONG_USE)
    return step


def _check(start: datetime, end: datetime, step: timedelta, now: datetime) -> None:
    if not start < end <= now:
        fail("--from must be before --to, and neither in the future", WRONG_USE)
    if (end - start) / step > MOST_SLICES:
        fail(f"more than {MOST_SLICES:,} slices: take longer ones with --step", WRONG_USE)


@app.command()
def gaps(
    name: Annotated[str | None, typer.Argument(help="Of this feed; of all when none.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the times of which feeds may have said what nobody read, and what closes each."""
    chosen = chosen_feeds([name] if name else [])
    with house() as opened:
        found = list(_gaps(chosen, opened))
    if as_json:
        for gap in found:
            emit({**asdict(gap), "command": gap.command})
    else:
        show.gaps(found)


def _gaps(chosen: list[Feed], opened: Local) -> Iterator[Gap]:
    from tidegate.ingest.gaps import gaps as open_gaps

    now = opened.ingest.clock()
    for feed in chosen:
        if feed.reach:
            yield from open_gaps(feed, opened.runs.newest(feed.name, MOST_RUNS), now)
