"""A month of feeds on the real server, and beside it a gate that is made up: routes from fixtures.

Look-ups, feeds and the page are real. What `/api/gate…` and marks answer is `GateHouse.state`,
`changes` and `held`, in the shape that the page is promised; `posted` has what people decided.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from feeds_house import SHOWN, FeedsHouse, live_through_a_month
from playwright.sync_api import Locator, Page

from tidegate.canonical import defanged
from tidegate.declare.feed import feeds
from tidegate.settings import Settings
from tidegate.wiring import local, now

HOSTILE = "<img src=x onerror=alert(1)> in\u202evoice\u200b.exe"
READ = "<img src=x onerror=alert(1)> in[U+202E]voice[U+200B].exe"
ENFORCED, FREE = "192.0.2.100", "192.0.2.101"  # both are reported, one is in the set
LONG_URL = "http://login.example/" + "a" * 900
REASON = "score fell below the bar; " * 20
MADE, PAGE = 250, 100
HOUR = timedelta(hours=1)

State = dict[str, Any]


def ago(hours: float) -> str:
    return (now() - hours * HOUR).isoformat()


def target(name: str, title: str, limit: int, held: int, **what: Any) -> State:
    """A target that holds so many, with nothing to decide or to worry about."""
    parts = {"Block": held - held // 10, "Audit": held // 10}
    churn = [
        {"hour": ago(47 - n), "added": 40 + n * 7 % 90, "removed": n * 5 % 60} for n in range(48)
    ]
    return {
        "name": name,
        "title": title,
        "reason": None,
        "limit": limit,
        "others": 0,
        "headroom": 0,
        "slots": limit,
        "held": held,
        "by_kind": {"ipv4": held // 2, "domain": held // 3, "url": held - held // 2 - held // 3},
        "by_source": {"cins": held // 2, "emerging_threats": held // 3, "vmray": held // 50},
        "by_score": [0, 0, 0, 0, 0, held // 50, held // 8, held // 4, held // 3, held // 4],
        "by_action": parts,
        "waiting": None,
        "drift": [],
        "drifted": 0,
        "churn": churn,
        "churn_limit": 500,
        "last": {
            "run": f"r1-{name}",
            "at": ago(0.2),
            "added": 120,
            "extended": 900,
            "removed": 1,
            "failed": 0,
        },
        **what,
    }


def full() -> State:
    """A full Defender with all that may be, Sentinel out of reach, and lists without a limit."""
    sources = {f"source_{n:02}": 900 - 40 * n for n in range(14)} | {HOSTILE: 12, "analyst": 7}
    drift = [{"kind": "ipv4", "value": f"203.0.113.{n}", "what": "the action"} for n in range(9)]
    drift.append({"kind": "domain", "value": HOSTILE, "what": REASON})
    plan = {"plan": "p7", "at": ago(0.1), "adds": 4_200, "removes": 1, "why": f"{HOSTILE}: many"}
    defender = target(
        "defender",
        "Microsoft Defender",
        15_000,
        14_200,
        others=600,
        headroom=200,
        slots=14_200,
        by_source=sources,
        drift=drift,
        drifted=137,
        waiting=plan,
    )
    sentinel = target("sentinel", "Microsoft Sentinel", 50_000, 9_000, reason=HOSTILE)
    sentinel["last"] |= {"failed": 12}
    lists = target("lists", "Published lists", 0, 13_000, last=None, churn=[])
    return {
        "at": ago(0.02),
        "paused": None,
        "rejected": {"warninglist": 812, "private_address": 44, "popular_domain": 301, HOSTILE: 3},
        "targets": [defender, sentinel, lists],
    }


def change(n: int) -> State:
    """The n-th newest change; some of them are odd."""
    kind, value = ("ipv4", f"198.51.100.{n % 256}")
    if n % 10 == 3:
        kind, value = ("filename", HOSTILE) if n % 20 == 3 else ("url", LONG_URL)
    do = ("add", "extend", "remove", "add", "replace")[n % 5]
    return {
        "at": ago(0.1 + n / 10),
        "run": f"r{n // 40}",
        "target": ("defender", "sentinel")[n % 2],
        "do": do,
        "kind": kind,
        "value": value,
        "defanged": defanged(value),
        "score": None if n == 1 else 91.25 - n / 10,
        "why": (f"{HOSTILE} from {REASON}", "scored 91 from cins and ipsum")[n % 7 > 0],
        "outcome": "done" if n % 60 != 9 else f"refused by the target: {HOSTILE}",
    }


@dataclass
class GateHouse(FeedsHouse):
    """The server with a gate whose answers a test may change."""

    state: State = field(default_factory=full)
    changes: list[State] = field(default_factory=lambda: [change(n) for n in range(MADE)])
    held: dict[str, list[State]] = field(default_factory=dict)
    posted: list[tuple[str, State]] = field(default_factory=list)

    def application(self) -> FastAPI:
        """The real application, and the made-up routes."""
        app = super().application()
        app.include_router(made_up(self))
        return app

    def begin_anew(self) -> None:
        """Forget what a test did."""
        fresh = GateHouse(self.house)
        self.state, self.changes, self.posted = fresh.state, fresh.changes, []
        self.held = {"defender": [_held(ENFORCED)], "sentinel": [], "lists": []}

    def of(self, name: str) -> State:
        """The state of one target."""
        return next(one for one in self.state["targets"] if one["name"] == name)


def _held(value: str) -> State:
    said = {"id": f"ipv4:{value}", "kind": "ipv4", "value": value, "defanged": defanged(value)}
    times = {"since": "2026-11-20T10:00:00Z", "expires": "2026-12-20T10:00:00Z"}
    return said | times | {"score": 80.0, "sources": ["cins"], "threat": None, "action": "Block"}


def made_up(house: GateHouse) -> APIRouter:
    """The routes that the page is promised, from what the house has."""
    routes = APIRouter(prefix="/api")

    @routes.get("/gate")
    def get_gate() -> State:
        return house.state

    @routes.get("/gate/changes")
    def get_changes(target: str = "", limit: int = PAGE, before: str = "0") -> State:
        mine = [one for one in house.changes if target in {"", one["target"]}]
        end = int(before) + limit
        return {
            "items": mine[int(before) : end],
            "continuation": str(end) if end < len(mine) else None,
        }

    @routes.get("/gate/set")
    def get_set(target: str, q: str = "", kind: str = "", limit: int = PAGE) -> State:
        mine = [one for one in house.held[target] if q in one["value"] and kind in one["kind"]]
        return {"items": mine[:limit], "total": len(mine), "continuation": None}

    _decisions(routes, house)
    return routes


def _decisions(routes: APIRouter, house: GateHouse) -> None:
    @routes.post("/gate/apply")
    def post_apply(said: State) -> State:
        mine = house.of(said["target"])
        if mine["waiting"] is None or mine["waiting"]["plan"] != said["plan"]:
            raise HTTPException(HTTPStatus.CONFLICT, "another plan waits by now")
        house.posted.append(("apply", said))
        mine["waiting"] = None
        return copy.deepcopy(house.state)

    @routes.post("/gate/undo")
    def post_undo(said: State) -> State:
        house.posted.append(("undo", said))
        house.of(said["target"])["last"] = None
        house.state["paused"] = {"by": said["by"], "at": ago(0), "why": said["why"]}
        return house.state

    @routes.post("/gate/resume")
    def post_resume(said: State) -> State:
        house.posted.append(("resume", said))
        house.state["paused"] = None
        return house.state

    @routes.post("/indicators/mark")
    def post_mark(said: State) -> State:
        house.posted.append(("mark", said))
        return {}


@contextmanager
def gate_house(home: Path, page: Path) -> Iterator[GateHouse]:
    live_through_a_month(home)
    off = sorted(feeds().keys() - set(SHOWN))
    with local(Settings(home=home, page=page, feeds_off=off)) as opened:
        running = GateHouse(opened)
        running.begin_anew()
        running.open()
        try:
            yield running
        finally:
            running.close()


@dataclass
class Visit:
    """One open page, and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def target(self, name: str) -> Locator:
        return self.page.locator(f"[data-target={name}]")

    def tile(self, name: str) -> Locator:
        return self.page.locator("#tiles div", has_text=name).locator("dd")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#changes-rows tr")

    @property
    def explained(self) -> Locator:
        return self.page.locator("#explained")

    @property
    def form(self) -> Locator:
        return self.page.locator("form.confirm")

    def explain(self, value: str) -> None:
        self.page.get_by_role("searchbox").fill(value)
        self.page.keyboard.press("Enter")

    def again(self) -> None:
        """Ask the server once more, and let the page take it up."""
        with self.page.expect_response("**/api/gate"):
            self.page.evaluate("window.dispatchEvent(new Event('online'))")
        self.page.wait_for_timeout(200)
