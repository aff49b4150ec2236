"""The routes of the gate, asked without a socket: what is told, who may decide, and what is 409."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.ledger import SqliteLedger
from tidegate.api import app as web
from tidegate.api import gate
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.run import apply
from tidegate.gate.world import Target, World
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import APPLICATION, Enforced, FeedState, Placed
from tidegate.sightings import empty, frame, unexpired

pytestmark = pytest.mark.flow

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Defender:
    """A target in memory."""

    def __init__(self) -> None:
        self.held: dict[str, Enforced] = {}

    def current(self, *, fresh: bool = False):
        return list(self.held.values())

    def add(self, wanted):
        for one in wanted:
            self.held[one.value] = replace(one, id=one.value, application=APPLICATION)
        return [Placed(one.value, one.value) for one in wanted]

    def remove(self, ids) -> None:
        for one in ids:
            del self.held[one]


class Gate:
    def __init__(self, home) -> None:
        self.now, self.found, self.defender = NOW, [], Defender()
        store = SimpleNamespace(
            live=self.live,
            changes=lambda _: None,
            versions=self.versions,
            state=lambda _: empty(),
        )
        feeds = SimpleNamespace(state=lambda _: FeedState())
        parts = (
            store,
            feeds,
            lambda: self.now,
            Policy(simulated=True),
            {"alpha": "A"},
            frozenset(),
        )
        self.database = connect(home / "t.sqlite")
        objects = FileObjects(home / "objects", lambda: self.now)
        target = Target("defender", "Microsoft Defender", self.defender, 100, headroom=10)
        ledger = SqliteLedger(self.database)
        known = Knowledge(*parts)
        self.world = World(known, (target,), objects, ledger, lambda: str(uuid4()), ask_above=4)

    def versions(self):
        return {"alpha": str(self.found)}

    def live(self, now, only=None):
        return unexpired(frame(self.found).lazy(), now)

    def knows(self, *values: str) -> None:
        times = (NOW, NOW, NOW + timedelta(days=30))
        self.found = [Sighting(Kind.DOMAIN, one, "alpha", 90, *times) for one in values]

    def apply(self, **more):
        return apply(self.world.targets[0], self.world, **more)


@pytest.fixture
def house(tmp_path):
    made = Gate(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def client(house, browse):
    return browse(web.create([gate.router(house.world, lambda _: True)]))


def test_nothing_was_done_yet(client):
    told = client.get("/api/gate").json()
    assert told["rejected"] == {}
    [one] = told["targets"]
    assert (one["name"], one["at"], one["held"], one["limit"]) == ("defender", None, 0, 100)
    assert len(one["churn"]) == 48
    assert client.get("/api/gate/set").json() == {"items": [], "total": 0, "continuation": None}
    assert client.get("/api/gate/changes").json() == {"items": [], "continuation": None}


def test_the_state_is_told(house, client):
    house.knows("a.example", "b.example")
    house.apply()
    [one] = client.get("/api/gate").json()["targets"]
    assert (one["held"], one["slots"], one["headroom"], one["others"]) == (2, 90, 10, 0)
    assert one["by_kind"] == {"domain": 2}
    assert one["by_action"] == {"Block": 2}
    assert one["last"]["added"] == 2
    assert one["churn"][-1]["added"] == 2


def test_the_set_is_told_in_pages(house, client):
    house.knows("a.example", "b.example", "c.example")
    house.apply()
    first = client.get("/api/gate/set?limit=2").json()
    assert (len(first["items"]), first["total"]) == (2, 3)
    second = client.get(f"/api/gate/set?limit=2&continuation={first['continuation']}").json()
    assert (len(second["items"]), second["continuation"]) == (1, None)
    values = {one["value"] for one in first["items"] + second["items"]}
    assert values == {"a.example", "b.example", "c.example"}
    [found] = client.get("/api/gate/set?q=b.exa&kind=domain").json()["items"]
    assert (found["value"], found["defanged"], found["action"]) == (
        "b.example",
        "b[.]example",
        "Block",
    )
    assert client.get("/api/gate/set?kind=ipv4").json()["total"] == 0


@pytest.mark.parametrize(
    ("asked", "total"),
    [("source=alpha", 3), ("source=beta", 0), ("action=Block", 3), ("action=Audit", 0)],
)
def test_the_set_is_narrowed_by_source_and_action(house, client, asked, total):
    house.knows("a.example", "b.example", "c.example")
    house.apply()
    assert client.get(f"/api/gate/set?{asked}").json()["total"] == total


def test_changes_are_told_in_pages_across_runs(house, client):
    house.knows("a.example", "b.example", "c.example")
    house.apply()
    house.now += timedelta(hours=1)
    house.knows("a.example")
    house.apply()
    seen, more = [], {}
    while more is not None:
        page = client.get("/api/gate/changes", params={"limit": 2, **more}).json()
        seen += [(one["do"], one["value"]) for one in page["items"]]
        more = page["continuation"] and {"before": page["continuation"]}
    assert [do for do, _ in seen[:2]] == ["remove", "remove"]
    assert sorted(seen[2:]) == [("add", "a.example"), ("add", "b.example"), ("add", "c.example")]
    assert page["items"][-1]["outcome"] == "done"
    assert page["items"][-1]["at"] == "2026-03-01T12:30:00Z"


@pytest.mark.parametrize(
    "before", ["../../x", "~", "~~5", "2026~-1", "x~99999999999999999999", "\0"]
)
def test_a_senseless_continuation_harms_nobody(house, client, before):
    house.knows("a.example")
    house.apply()
    answer = client.get("/api/gate/changes", params={"before": before})
    assert answer.status_code in {200, 400}


def waiting(house, client) -> str:
    house.knows(*(f"d{n}.example" for n in range(5)))
    house.apply()
    [one] = client.get("/api/gate").json()["targets"]
    assert (one["waiting"]["adds"], one["held"]) == (5, 0)
    return one["waiting"]["plan"]


def test_a_waiting_plan_is_approved(house, client):
    plan = waiting(house, client)
    done = client.post("/api/gate/apply", json={"plan": plan, "by": "alex"})
    assert done.status_code == 200
    [one] = done.json()["targets"]
    assert (one["held"], one["waiting"], one["last"]["by"]) == (5, None, "alex")
    again = client.post("/api/gate/apply", json={"plan": plan, "by": "alex"})
    assert (again.status_code, again.json()["detail"]) == (409, "this plan waits no more")


def test_a_plan_that_has_grown_is_not_the_one_that_was_seen(house, client):
    plan = waiting(house, client)
    house.knows(*(f"d{n}.example" for n in range(20)))
    done = client.post("/api/gate/apply", json={"plan": plan, "by": "alex"})
    assert (done.status_code, done.json()["detail"]) == (409, "the plan has grown to 20 changes")
    assert house.defender.held == {}


def test_the_last_run_is_taken_back_and_the_gate_goes_on_later(house, client):
    assert client.post("/api/gate/undo", json={"by": "alex", "why": "x"}).status_code == 409
    house.knows("a.example")
    house.apply()
    done = client.post("/api/gate/undo", json={"by": "alex", "why": "too early"})
    [one] = done.json()["targets"]
    assert (one["paused"]["by"], one["paused"]["why"], one["held"]) == ("alex", "too early", 0)
    house.apply()
    assert house.defender.held == {}
    [one] = client.post("/api/gate/resume", json={"by": "alex"}).json()["targets"]
    assert one["paused"] is None
    house.apply()
    assert house.defender.held.keys() == {"a.example"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("apply", {"plan": "x", "by": "alex"}),
        ("undo", {"by": "alex", "why": "x"}),
        ("resume", {"by": "alex"}),
    ],
)
def test_only_a_few_may_decide(house, browse, path, body):
    closed = browse(web.create([gate.router(house.world, lambda _: False)]))
    assert closed.post(f"/api/gate/{path}", json=body).status_code == 403
    open_ = browse(web.create([gate.router(house.world, lambda _: True)]))
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert open_.post(f"/api/gate/{path}", json=body, headers=elsewhere).status_code == 403
    other = open_.post(f"/api/gate/{path}", json=body | {"target": "no"})
    assert other.status_code == 404
    nobody = {name: text for name, text in body.items() if name != "by"}
    blank = open_.post(f"/api/gate/{path}", json=body | {"by": " "})
    assert blank.status_code == 400
    assert open_.post(f"/api/gate/{path}", json=nobody).status_code == 400


def test_a_misspelled_filter_is_refused(client):
    assert client.get("/api/gate/set?kinds=domain").status_code == 400
    assert client.get("/api/gate/changes?target=no").status_code == 404
