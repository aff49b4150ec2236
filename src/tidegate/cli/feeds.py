"""The life of a feed: declare it, try it, switch it, and decide on what is in quarantine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate import show
from tidegate.cli.app import (
    FAILED,
    AsJson,
    FeedName,
    chosen_feeds,
    emit,
    feeds_app,
    house,
)
from tidegate.show import ingest as shown
from tidegate.wiring import Local

RUNS = 5  # of a feed, in `feeds show`
SampleFile = Annotated[
    Path | None, typer.Option("--file", exists=True, dir_okay=False, help="Read this file.")
]


@feeds_app.command(name="list")
def listed(as_json: AsJson = False) -> None:
    """List the feeds, their state and what they need."""
    with house() as opened:
        rows = [_row(opened, name) for name in opened.catalogue.feeds]
        broken = opened.catalogue.broken.items()
        rows += [shown.broken_feed(name, lines) for name, lines in broken]
    if as_json:
        for row in rows:
            emit(row)
    else:
        show.feeds(rows)


def _row(opened: Local, name: str) -> dict[str, Any]:
    feed, memory = opened.catalogue.feeds[name], opened.memory
    return shown.feed(feed, memory.state(name), memory.trouble(name), opened.choice.why_not(feed))


@feeds_app.command(name="show")
def shown_whole(name: FeedName, as_json: AsJson = False) -> None:
    """Show all that is known of a feed: its declaration, state, contract and last runs."""
    [feed] = chosen_feeds([name])
    with house() as opened:
        memory, given = opened.memory, opened.settings.feed_urls.get(name)
        off = opened.choice.why_not(feed)
        known = shown.declared(feed, memory.state(name), memory.trouble(name), off, given)
        latest = opened.runs.newest(name, RUNS)
    if as_json:
        emit({**known, "runs": [asdict(run) for run in latest]})
    else:
        shown.whole_feed(known, latest)


@feeds_app.command(name="test")
def try_out(
    name: FeedName,
    file: SampleFile = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Ask its address, though it has a sample.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a file, the feed's sample or its address would come to; nothing is stored."""
    from tidegate.ingest.trial import tried

    [feed] = chosen_feeds([name])
    with house() as opened:
        found = tried(feed, file, opened.ingest, live=fetch)
    if as_json:
        emit(asdict(found))
    else:
        shown.trial(found)
    raise typer.Exit(FAILED if found.refusal else 0)


@feeds_app.command()
def enable(name: FeedName, as_json: AsJson = False) -> None:
    """Run a feed again that was disabled."""
    _switch(name, on=True, as_json=as_json)


@feeds_app.command()
def disable(name: FeedName, as_json: AsJson = False) -> None:
    """Run a feed no more by itself, until it is enabled; what it said stays until it expires."""
    _switch(name, on=False, as_json=as_json)


def _switch(name: str, *, on: bool, as_json: bool) -> None:
    [feed] = chosen_feeds([name])
    with house() as opened:
        opened.memory.switch(name, on)
        off = opened.choice.why_not(feed)
    said = {"feed": name, "runs": off is None, "why": off}
    if as_json:
        emit(said)
    else:
        shown.notice({name: f"does not run: {off}" if off else "runs"})


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


@feeds_app.command()
def drop(name: FeedName, as_json: AsJson = False) -> None:
    """Refuse for good what is in quarantine: the same bytes are no news from then on."""
    from tidegate.ingest.replay import drop as refuse_for_good

    [feed] = chosen_feeds([name])
    with house() as opened:
        dropped = refuse_for_good(feed, opened.ingest)
    if as_json:
        emit({"feed": name, "dropped": dropped.outcome.payloads, "at": dropped.at})
    else:
        shown.notice({name: f"dropped what came at {dropped.at:%Y-%m-%d %H:%M} UTC"})
