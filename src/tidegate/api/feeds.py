"""The routes of feeds: how each is doing, and letting in what is in quarantine."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel

from tidegate.api.guards import May, permitted, spelled
from tidegate.api.limits import Buckets, at_most
from tidegate.api.problems import problems
from tidegate.declare.feed import Feed, Reliability, Semantics, Use
from tidegate.ingest.alerts import plain
from tidegate.ingest.condition import Condition, Health, condition
from tidegate.ingest.replay import accept
from tidegate.ingest.requests import Desk
from tidegate.model import Origin, Outcome, Run
from tidegate.ports import BadPayload

Name = Annotated[str, Path(max_length=64)]


class FeedShown(BaseModel):
    """What a feed is, what is remembered of it, and how it is doing.

    `needs` are the settings that hold its keys; `due` is when it is asked next.
    """

    name: str
    title: str
    reference: str
    licence: str
    every_minutes: int
    semantics: Semantics
    reliability: Reliability
    use: Use
    needs: list[str]
    health: Health
    reason: str | None
    attempted: datetime | None
    fetched: datetime | None
    ingested: datetime | None
    due: datetime | None
    origin: Origin | None
    rows: int
    last: Run | None


class FeedAndRuns(FeedShown):
    """A feed and its latest runs, newest first."""

    runs: list[Run]


class BrokenFeed(BaseModel):
    """A feed of one's own whose declaration cannot be read, and why."""

    name: str
    health: Health = Health.BROKEN
    reason: str


class Feeds(BaseModel):
    """All feeds, by name; `broken` ones are not run until their declaration is mended."""

    feeds: list[FeedShown]
    broken: list[BrokenFeed]


def router(desk: Desk, may: May, pace: Buckets) -> APIRouter:
    """Return the routes of feeds."""
    routes = APIRouter(prefix="/api", tags=["ingest"], dependencies=[Depends(spelled)])

    @routes.get("/feeds", summary="List the feeds")
    def get_feeds() -> Feeds:
        """List all feeds with their state, their last run and their health."""
        choice = desk.choice()
        found = (condition(feed, choice, desk) for feed in desk.feeds.values())
        return Feeds(feeds=[_shown(one) for one in found], broken=list(_broken(desk)))

    @routes.get("/feeds/{name}", summary="Show a feed", responses=UNKNOWN)
    def get_feed(name: Name, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> FeedAndRuns:
        """Show one feed and its latest runs."""
        found = condition(_feed(name, desk), desk.choice(), desk)
        runs = desk.world.runs.newest(name, limit)
        return FeedAndRuns(**dict(_shown(found)), runs=runs)

    @routes.post(
        "/feeds/{name}/accept",
        summary="Let in what is in quarantine",
        dependencies=[Depends(permitted(may)), Depends(at_most(pace))],
        responses=UNKNOWN | REFUSED,
    )
    def post_accept(name: Name, response: Response) -> Outcome:
        """Let in what is in quarantine: a person outweighs the feed's contract."""
        try:
            outcome = accept(_feed(name, desk), desk.world)
        except BadPayload as error:  # ours: there is nothing to let in, or no longer
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
        if outcome.failed:
            response.status_code = HTTPStatus.BAD_GATEWAY
        return outcome

    return routes


UNKNOWN = problems({404: "There is no such feed."})
REFUSED = {
    502: {"model": Outcome, "description": "The payload could not be let in."},
    **problems(
        {403: "Letting in is not for this caller.", 409: "Nothing of the feed is in quarantine."}
    ),
}


def _broken(desk: Desk) -> Iterator[BrokenFeed]:
    for name, mistakes in desk.broken.items():
        yield BrokenFeed(name=name, reason=plain("; ".join(mistakes)))


def _feed(name: str, desk: Desk) -> Feed:
    if name in desk.broken:
        raise HTTPException(HTTPStatus.NOT_FOUND, "its declaration cannot be read: see /api/feeds")
    if name not in desk.feeds:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such feed")
    return desk.feeds[name]


def _shown(found: Condition) -> FeedShown:
    feed, state = found.feed, found.state
    return FeedShown(
        name=feed.name,
        title=feed.title,
        reference=feed.reference.partition("?")[0],
        licence=feed.licence,
        every_minutes=int(feed.every.total_seconds() // 60),
        semantics=feed.semantics,
        reliability=feed.reliability,
        use=feed.use,
        needs=sorted(f"TIDEGATE_{secret}" for secret in feed.secrets),
        health=found.health,
        reason=found.reason,
        attempted=state.attempted,
        fetched=state.fetched,
        ingested=state.ingested,
        due=found.due,
        origin=state.origin,
        rows=state.rows,
        last=found.last,
    )
