"""The ten alerts of the simulated tenant, detonated, on the real server with a worker."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from feeds_house import FeedsHouse
from playwright.sync_api import Locator, Route
from visit import Visit

from tidegate import detonate, loop
from tidegate.model import ENDS
from tidegate.settings import Settings
from tidegate.simulator.memory import Memory
from tidegate.simulator.seed import alert_id, device_id
from tidegate.wiring import local

HOSTILE = "<img src=x onerror=alert(1)> in\u202evoice\u200b.exe"
HOSTILELY_NAMED = alert_id(4)
AGAIN = "window.dispatchEvent(new Event('online'))"


@dataclass
class CasesHouse(FeedsHouse):
    """The server, and the worker that does what was decided."""

    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _worker: threading.Thread | None = field(default=None, init=False)

    def work(self) -> None:
        """Work on cases from now on."""
        world = self.house.detonate
        self._worker = threading.Thread(target=detonate.run, args=(world, self._stopped))
        self._worker.start()

    def rest(self) -> None:
        """Leave what is decided undone until further notice."""
        self._stopped.set()
        if self._worker:
            self._worker.join()
        self._stopped.clear()

    def tenant(self) -> Memory:
        """What the simulated tenant remembers."""
        return Memory(self.house.settings.home / "tenant")

    def case(self, name: str) -> dict[str, Any]:
        """What the server says of a case."""
        with urlopen(f"{self.url}/api/cases/{name}") as answer:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(answer)
        return found

    def isolated(self, device: str) -> bool:
        """Whether the device is cut off its network, as the tenant has it."""
        with closing(self.tenant()) as memory:
            return bool((memory.get("machines", device_id(device)) or {})["_isolated"])


@contextmanager
def cases_house(home: Path, page: Path) -> Iterator[CasesHouse]:
    with local(Settings(home=home, page=page)) as opened:
        running = CasesHouse(opened)
        _name_hostilely(running)
        assert all(case.stage in ENDS for case in loop.detonate_all(opened))
        running.open()
        running.work()
        try:
            yield running
        finally:
            running.rest()
            running.close()


def _name_hostilely(house: CasesHouse) -> None:
    assert house.house.detonate.alerts.get(HOSTILELY_NAMED)  # which seeds the tenant
    with closing(house.tenant()) as memory:
        alert = memory.get("alerts", HOSTILELY_NAMED) or {}
        memory.put("alerts", HOSTILELY_NAMED, {**alert, "title": HOSTILE})


class CasesVisit(Visit):
    """The page of the cases."""

    def line(self, case: str) -> Locator:
        return self.page.locator(f"[data-case={case}]")

    @property
    def case(self) -> Locator:
        return self.page.locator("#case")

    def response(self, do: str) -> Locator:
        return self.page.locator(f"#case-responses > ol > li[data-key^='{do}:']")

    def effect(self, do: str) -> Locator:
        return self.page.locator(f"#case-effects > ul > li[data-key^='{do}:']")

    def tile(self, name: str) -> Locator:
        return self.page.locator("#tiles div", has_text=name).locator("dd")

    def names(self) -> list[str]:
        return [one.get_attribute("data-case") or "" for one in self.page.locator(".line").all()]

    def again(self) -> None:
        """Ask the server once more, and let the page take it up."""
        with self.page.expect_response("**/api/cases?limit=*"):
            self.page.evaluate(AGAIN)
        self.page.wait_for_timeout(200)


def changed(seen: Visit, case: str, **what: Any) -> None:
    """Let the server's answers about a case say something else."""

    def one(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | what)

    def every(route: Route) -> None:
        rows = route.fetch().json()
        mine = {name: value for name, value in what.items() if name in rows[0]}
        route.fulfill(json=[row | mine if row["id"] == case else row for row in rows])

    seen.page.route(f"**/api/cases/{case}", one)
    seen.page.route("**/api/cases?limit=*", every)
