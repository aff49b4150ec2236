"""A month of feeds on the real server, and a real gate before two targets in memory.

Defender has had three runs, refused one indicator, was changed by hand, and has a plan that waits;
Sentinel is paused since its last run was taken back. `begin_anew` brings all of that back.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from feeds_house import SHOWN, FeedsHouse, live_through_a_month
from playwright.sync_api import Locator, Route
from visit import Visit

from tidegate.canonical import defanged
from tidegate.declare.feed import feeds
from tidegate.gate.cycle import cycle
from tidegate.gate.mark import unmark
from tidegate.gate.standing import stands
from tidegate.gate.status import changes
from tidegate.gate.undo import undo
from tidegate.gate.world import World
from tidegate.model import Kind, indicator_id
from tidegate.ports import APPLICATION, Enforced, Placed
from tidegate.settings import Settings
from tidegate.wiring import local, now

HOSTILE = "<img src=x onerror=alert(1)> in\u202evoice\u200b.exe"
READ = "<img src=x onerror=alert(1)> in[U+202E]voice[U+200B].exe"
LIMITS, ASK_ABOVE = (120, 160, 300), 30
LONG = "score fell below the bar; " * 20
LONG_URL = "http://login.example/" + "a" * 900
PLACES: dict[str, Any] = {"headroom": 20, "floors": {Kind.IPV4: 60}}
NOBODY_KNOWS = "203.0.113.250"
DOUBTED = "it blocked the shop"
LOCKED = "the portal says no"

State = dict[str, Any]


def ago(hours: float) -> str:
    return (now() - timedelta(hours=hours)).isoformat()


class Kept:
    """A target in memory, where analysts hold two indicators of their own."""

    def __init__(self) -> None:
        theirs = ("198.51.100.253", "198.51.100.254")
        self.held = {one: Enforced(Kind.IPV4, one, "Block", id=one) for one in theirs}
        self.refuses = 0  # so many of those that come next

    def current(self, *, fresh: bool = False) -> list[Enforced]:
        return list(self.held.values())

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        return [self._place(one) for one in wanted]

    def _place(self, one: Enforced) -> Placed:
        if self.refuses > 0:
            self.refuses -= 1
            return Placed(one.value, failure=LOCKED)
        self.held[one.value] = replace(one, id=one.value, application=APPLICATION)
        return Placed(one.value, one.value)

    def remove(self, ids: Sequence[str]) -> None:
        for one in ids:
            del self.held[one]

    def ours(self) -> list[str]:
        return [value for value, one in self.held.items() if one.application == APPLICATION]


@dataclass
class GateHouse(FeedsHouse):
    """The server, its gate, and the targets."""

    targets: dict[str, Kept] = field(default_factory=dict)
    touched: tuple[str, ...] = ()  # by hand, at Defender: one changed, one removed
    enforced: str = ""  # at Defender, and several feeds report it
    back: timedelta = timedelta()
    _kept: dict[str, dict[str, Enforced]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.house.gate

    def bounded(self, limit: int, ask_above: int | None = None) -> World:
        """The gate with targets of this size, all in memory."""
        made = self.world
        known = replace(made.knowledge, clock=lambda: now() - self.back)
        targets = tuple(
            replace(one, enforcement=self.targets[one.name], limit=limit, **PLACES)
            for one in made.targets
        )
        outside = {"feedback": None, "devices": None}
        bounds = {"churn": 500, "ask_above": ask_above}
        return replace(made, knowledge=known, targets=targets, **outside, **bounds)

    def live(self) -> None:
        """Let the gate have run three times, and people at Defender and Sentinel."""
        self.targets = {one.name: Kept() for one in self.world.targets}
        first, second, third = LIMITS
        self.back = timedelta(hours=30)
        run(self.bounded(first))
        run(self.bounded(first))  # only what was seen there can be seen to have changed
        self._change_by_hand()
        self.back = timedelta(hours=5)
        self.targets["defender"].refuses = 1
        world = self.bounded(second)
        run(world)
        undo(world.targets[1], world, "Robin Example", DOUBTED)
        self.back = timedelta()
        self.house.gate = self.bounded(third, ASK_ABOVE)
        run(self.world)
        self._keep()

    def _change_by_hand(self) -> None:
        defender = self.targets["defender"]
        changed, removed, self.enforced = [
            one for one in defender.ours() if one.startswith("192.0.2.")
        ][:3]
        self.touched = (changed, removed)
        defender.held[changed] = replace(defender.held[changed], action="Allowed")
        del defender.held[removed]

    @property
    def _objects(self) -> Path:
        return self.house.settings.home / "objects" / "gate"

    def _keep(self) -> None:
        shutil.copytree(self._objects, self._objects.with_name("kept"))
        self._kept = {name: dict(one.held) for name, one in self.targets.items()}

    def begin_anew(self) -> None:
        """Forget what a test did."""
        shutil.rmtree(self._objects)
        shutil.copytree(self._objects.with_name("kept"), self._objects)
        for name, held in self._kept.items():
            self.targets[name].held = dict(held)
        marked = [indicator_id(Kind.IPV4, one) for one in (self.enforced, NOBODY_KNOWS)]
        unmark(marked, self.world.knowledge.sightings, now())

    def standing(self, name: str) -> State:
        """What the server tells of a target."""
        return next(one for one in stands(self.world)["targets"] if one["name"] == name)

    def changes(self, name: str) -> int:
        """How many changes at a target are remembered."""
        found = self.world.target(name)
        assert found is not None
        return sum(len(rows) for _, rows in changes(found, self.world, None))


def run(world: World) -> None:
    """Run the gate once."""
    assert [one.reason for one in cycle(world)] == [None, None]


@contextmanager
def gate_house(home: Path, page: Path) -> Iterator[GateHouse]:
    live_through_a_month(home)
    off = sorted(feeds().keys() - set(SHOWN))
    with local(Settings(home=home, page=page, feeds_off=off)) as opened:
        running = GateHouse(opened)
        running.live()
        running.open()
        try:
            yield running
        finally:
            running.close()


def full() -> State:
    """A full Defender with all that may be, Sentinel out of reach, and one that is new."""
    drift = [{"kind": "ipv4", "value": f"203.0.113.{n}", "what": "the action"} for n in range(9)]
    drift.append({"kind": "domain", "value": HOSTILE, "what": LONG})
    churn = [{"hour": ago(47 - n), "added": 40 + n * 7 % 90, "removed": n} for n in range(48)]
    last = {"run": "r1", "at": ago(0.2), "added": 120, "failed": 12, "by": HOSTILE}
    defender = {
        "name": "defender",
        "title": "Microsoft Defender",
        "at": ago(0.1),
        "limit": 15_000,
        "others": 600,
        "headroom": 200,
        "slots": 14_200,
        "held": 14_200,
        "by_kind": {"ipv4": 9_000, "domain": 5_200},
        "by_source": {f"source_{n:02}": 900 - 40 * n for n in range(14)} | {HOSTILE: 12},
        "by_score": [0, 0, 0, 0, 0, 200, 2_000, 4_000, 5_000, 3_000],
        "by_action": {"Block": 13_000, HOSTILE: 1_200},
        "refused": {HOSTILE: 3, "no slot left": 1_000_000},
        "drift": drift,
        "drifted": 137,
        "waiting": {"plan": "p7", "at": ago(0.1), "adds": 4_200, "removes": 1, "why": HOSTILE},
        "churn": churn,
        "churn_limit": 130,
        "last": {**last, "reason": HOSTILE},
    }
    sentinel = {"name": "sentinel", "title": HOSTILE, "reason": HOSTILE}
    paused = {"by": HOSTILE, "at": ago(1), "why": LONG}
    return {"targets": [defender, {**sentinel, "paused": paused}, {"name": "none"}]}


def made_up(route: Route) -> None:
    """Answer with changes of which some are odd."""
    route.fulfill(json={"items": [_change(n) for n in range(50)], "continuation": None})


def _change(n: int) -> State:
    value = {3: HOSTILE, 8: LONG_URL}.get(n % 10, f"198.51.100.{n}")
    return {
        "at": ago(0.1 + n / 10),
        "run": f"r{n // 40}",
        "do": ("add", "remove", "replace", "add", "extend")[n % 5],
        "kind": {3: "filename", 8: "url"}.get(n % 10, "ipv4"),
        "value": value,
        "defanged": defanged(value),
        "action": HOSTILE,
        "score": None if n == 1 else 91.25 - n / 10,
        "why": f"{HOSTILE} from {LONG}",
        "outcome": {4: "pending", 9: HOSTILE}.get(n % 10, "done"),
    }


class GateVisit(Visit):
    """The page of the gate."""

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
