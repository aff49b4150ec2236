"""What is configured, what is missing, and what each missing thing switches off."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.declare.feed import Feed, feeds
from tidegate.settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `state` is ok, missing, simulated or broken; `effect` is what that means."""

    what: str
    state: str
    effect: str


def checks(settings: Settings) -> list[Check]:
    """Look at the settings and the folder of the state; nothing is called or changed."""
    return [
        _home(settings.home),
        *_feeds(settings),
        _tenant(settings),
        _workspace(settings),
        _geo(settings.geo_database),
        _page(settings.page),
    ]


def _home(home: Path) -> Check:
    nearest = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Check("state", "broken", f"{home.absolute()} cannot be written: nothing works")
    return Check("state", "ok", f"in {home.absolute()}")


def _feeds(settings: Settings) -> Iterator[Check]:
    for feed in feeds().values():
        yield _feed(feed, settings)


def _feed(feed: Feed, settings: Settings) -> Check:
    what = f"feed {feed.name}"
    if feed.name in settings.feeds_off:
        return Check(what, "missing", "switched off by feeds_off")
    if not feed.enabled and feed.name not in settings.feed_urls:
        return Check(what, "missing", "has no address until TIDEGATE_FEED_URLS gives it one")
    missing = sorted(feed.secrets - settings.feed_keys.keys())
    if not missing:
        return Check(what, "ok", "needs no key" if not feed.secrets else "its key is set")
    instead = "; its sample is read instead" if settings.simulated else ""
    return Check(what, "missing", f"not fetched until TIDEGATE_{missing[0]} is set{instead}")


def _tenant(settings: Settings) -> Check:
    if settings.simulated:
        effect = "alerts, devices and sandbox are simulated until TIDEGATE_DEFENDER_URL is set"
        return Check("tenant", "simulated", effect)
    return Check("tenant", "ok", f"Defender at {settings.defender_url}")


def _workspace(settings: Settings) -> Check:
    if settings.tables is None:
        return Check(
            "logs", "simulated", "the map shows synthetic rows until TIDEGATE_TABLES is set"
        )
    if not settings.tables.is_dir():
        return Check("logs", "broken", f"{settings.tables} is no folder: the map stays empty")
    return Check("logs", "ok", f"local tables in {settings.tables}")


def _geo(database: Path | None) -> Check:
    if database is None:
        effect = "addresses without coordinates in the log are not located"
        return Check("geo database", "missing", effect)
    if not database.is_file():
        return Check("geo database", "broken", f"{database}: no such file")
    return Check("geo database", "ok", str(database))


def _page(page: Path | None) -> Check:
    if page is None:
        return Check("page", "missing", "`tidegate up` serves the API alone; `make run` builds it")
    for name in ("index.html", "staticwebapp.config.json"):
        if not (page / name).is_file():
            return Check("page", "broken", f"{page} has no {name}")
    return Check("page", "ok", str(page))
