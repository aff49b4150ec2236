"""Gets a feed's payload: conditional, streamed to disk, within the day's budget."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

from tidegate.declare.feed import Feed
from tidegate.ingest.world import World
from tidegate.ports import BadPayload, FeedState, Get, QuotaSpent, Response, SourceDown

MAX_BYTES = 1 << 30
ALL_BYTES, ALL_PAGES = 4 << 30, 50_000  # of one fetch, whatever its pages say of the next
OVERLAP = timedelta(hours=1)  # pages shift and clocks differ while a source is read
NOT_MODIFIED = 304

Pages = Generator[bytes, None, str | None]
"""What a feed's `pages` returns: bodies, and at the end the cursor for the next time."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files of one fetch, in order; none where nothing was modified."""

    files: tuple[Path, ...]
    etag: str | None = None
    last_modified: str | None = None
    cursor: str | None = None


def fetch(feed: Feed, state: FeedState, since: datetime | None, world: World) -> Fetched:
    """Fetch the feed into the scratch folder. Raises SourceDown, QuotaSpent and BadPayload."""
    headers = _headers(feed, world.secrets)
    _wait_over(state, world.clock())
    pages = feed.code("pages")
    if pages is None:
        _spend(feed, world)
        return _one(feed, state, headers, world)
    start = since or _since(feed, state, world.clock())
    cursor = None if since else state.cursor
    return _paged(feed, pages(_getter(feed, headers, world), start, cursor), world)


def asking(feed: Feed, world: World) -> Get:
    """Return what asks addresses of the feed, within the day's budget.

    Raises SourceDown where its key is missing, and QuotaSpent while it wants to be left alone.
    """
    _wait_over(world.feeds.state(feed.name), world.clock())
    return _getter(feed, _headers(feed, world.secrets), world)


def export(feed: Feed, world: World) -> Path:
    """Download all that the feed ever said. Raises as `fetch` does."""
    _wait_over(world.feeds.state(feed.name), world.clock())
    headers = _headers(feed, world.secrets)
    _spend(feed, world)
    url = world.urls.get(f"{feed.name}.history", feed.history)
    if url is None:
        raise AssertionError(f"{feed.name} has no history: checked by whoever asks for it")
    path = world.scratch / f"{feed.name}.history"
    world.http.download(url, path, headers=headers, max_bytes=MAX_BYTES)
    return path


def _headers(feed: Feed, secrets: Mapping[str, str]) -> dict[str, str]:
    missing = sorted(feed.secrets - secrets.keys())
    if missing:
        raise SourceDown(f"needs a key: set {feed.setting_of(missing[0])}")
    return {
        name: secrets[value[1:]] if value.startswith("$") else value
        for name, value in feed.headers.items()
    }


def _wait_over(state: FeedState, now: datetime) -> None:
    if state.not_before and state.not_before > now:
        raise QuotaSpent(f"waits for its quota until {state.not_before:%Y-%m-%d %H:%M} UTC")


def _spend(feed: Feed, world: World) -> None:
    day = world.clock().date().isoformat()
    if feed.daily_budget and not world.feeds.spend(feed.name, day, feed.daily_budget):
        raise QuotaSpent(f"today's {feed.daily_budget} requests are used up")


def _one(feed: Feed, state: FeedState, headers: dict[str, str], world: World) -> Fetched:
    conditional = {"if-none-match": state.etag, "if-modified-since": state.last_modified}
    headers |= {name: value for name, value in conditional.items() if value}
    path = world.scratch / f"{feed.name}.fetched"
    url = world.urls.get(feed.name, feed.url)
    answer = world.http.download(url, path, headers=headers, max_bytes=MAX_BYTES)
    files = () if answer.status == NOT_MODIFIED else (path,)
    return Fetched(files, answer.headers.get("etag"), answer.headers.get("last-modified"))


def _since(feed: Feed, state: FeedState, now: datetime) -> datetime:
    return state.fetched - OVERLAP if state.fetched else now - feed.keep


def _getter(feed: Feed, headers: Mapping[str, str], world: World) -> Get:
    base = world.urls.get(feed.name, feed.url)

    def get(url: str, params: Mapping[str, str]) -> Response:
        _spend(feed, world)
        return world.http.request("GET", urljoin(base, url), headers=headers, params=params)

    return get


def _paged(feed: Feed, pages: Pages, world: World) -> Fetched:
    """Store all pages; what the generator returns is the cursor for the next time."""
    files: list[Path] = []
    size = 0
    while len(files) < ALL_PAGES and size <= ALL_BYTES:
        try:
            page = next(pages)
        except StopIteration as end:
            return Fetched(tuple(files), cursor=end.value)
        path = world.scratch / f"{feed.name}.{len(files)}.fetched"
        size += path.write_bytes(page)
        files.append(path)
    raise BadPayload(f"no end after {len(files):,} pages and {size:,} bytes")
