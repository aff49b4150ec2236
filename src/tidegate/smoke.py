"""Whether a deployment answers: health, one read of each app, and its version."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tidegate.ports import BadPayload, Http, Response, SourceDown

HEALTH, OPENAPI = "/api/health", "/api/openapi.json"
READS = {"ingest": "/api/feeds", "detonate": "/api/gate", "maps": "/api/datasets"}
UNAVAILABLE = 503
REFUSALS = (400, 401, 403)  # the platform's, where pages are linked, is any of them
T = TypeVar("T")
PAUSE = 2.0  # seconds between two looks at one that does not answer yet


@dataclass(frozen=True, slots=True)
class Found:
    """What one question came to. `said` is the fault, or what there is to say of a success."""

    url: str
    what: str
    well: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a deployment answers: one app, or all on one machine. A key is for its own host."""

    url: str
    http: Http
    headers: Mapping[str, str]

    def get(self, route: str, *also: int) -> Response:
        """Ask a route; statuses other than 2xx and `also` raise."""
        return self.http.request("GET", self.url + route, headers=self.headers, expect=also)


def smoke(
    site: Site,
    expected: str | None,
    wait: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> list[Found]:
    """Look at a deployment, again and again for `wait` seconds, until all of it is well."""
    deadline = clock() + wait
    while True:
        found = list(_look(site, expected))
        if all(one.well for one in found) or clock() + PAUSE > deadline:
            return found
        sleep(PAUSE)


def _look(site: Site, expected: str | None) -> Iterator[Found]:
    health = _asked(site, HEALTH, lambda: _health(site))
    if isinstance(health, Found):
        yield health
        return
    for app, state in health.items():
        yield Found(site.url, f"health of {app}", state == "up", state)
        read = READS.get(app)
        yield _checked(site, read, app) if read else Found(site.url, app, False, "no app of ours")
    yield _version(site, expected)


def _asked(site: Site, what: str, ask: Callable[[], T]) -> T | Found:
    try:
        return ask()
    except (SourceDown, BadPayload) as fault:
        return Found(site.url, what, False, str(fault))


def _health(site: Site) -> dict[str, str]:
    """Return how each app is; an answer that is not ours is a fault."""
    apps = _document(site.get(HEALTH, UNAVAILABLE)).get("apps")
    if not isinstance(apps, dict) or not apps:
        raise BadPayload(f"{HEALTH} tells of no apps: this is not Tidegate")
    return {str(app): str(state) for app, state in apps.items()}


def _checked(site: Site, route: str, app: str) -> Found:
    found = _asked(site, route, lambda: _read(site, route, app))
    return found if isinstance(found, Found) else Found(site.url, route, True, found)


def _read(site: Site, route: str, app: str) -> str:
    # Where people sign in, the map takes no key: that it refuses us, or the platform does, is well.
    refusals = REFUSALS if app == "maps" else ()
    answer = site.get(route, *refusals)
    if answer.status in refusals:
        return "is closed to strangers"
    _parsed(answer)
    return "answers"


def _version(site: Site, expected: str | None) -> Found:
    found = _asked(site, "version", lambda: _told_version(site))
    if isinstance(found, Found):
        return found
    one = Found(site.url, "version", True, found)
    if expected in {None, found}:
        return one
    return replace(one, well=False, said=f"{found}, not {expected}")


def _told_version(site: Site) -> str:
    info = _document(site.get(OPENAPI)).get("info")
    version = info.get("version") if isinstance(info, dict) else None
    if not isinstance(version, str):
        raise BadPayload(f"{OPENAPI} tells no version")
    return version


def _document(answer: Response) -> dict[str, Any]:
    if isinstance(found := _parsed(answer), dict):
        return found
    raise BadPayload("the answer is no JSON object")


def _parsed(answer: Response) -> object:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise BadPayload("the answer is no JSON") from error
