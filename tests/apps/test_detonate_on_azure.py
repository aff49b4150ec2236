"""The app `detonate` on Azure's own SDKs, end to end: Azurite, the stand-in of Cosmos DB, a tenant.

What this does not show: the host's timers, its own way with queues, roles and private networks.
"""

import json
import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from azurite_lab import Azurite, azurite
from cosmos_standin import Fault, Standin, served
from driver import APPS, bring, http, indexed, loaded, tick
from rerouted import Rerouted
from tenant_house import Here
from test_worker import PYTHON

from tidegate import functions
from tidegate.adapters.azure.cosmos_cases import CASES
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_ledger import LEDGER
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.model import ENDS
from tidegate.settings import Settings
from tidegate.simulator.samples import digest
from tidegate.simulator.seed import LOADER, alert_id
from tidegate.simulator.server import Tenant as Simulated
from tidegate.wiring import Azure

pytestmark = pytest.mark.slow

QUEUES = {"cases": "run_case", "rechecks": "run_recheck", "cases-poison": "give_up_case"}
PATIENCE = 90.0


@dataclass
class World:
    """Everything around the app: the tenant, the emulators, instances of the app."""

    azurite: Azurite
    cosmos: Standin
    transport: Rerouted
    tenant: Simulated
    apps: list[ModuleType] = field(default_factory=list)
    houses: list[Azure] = field(default_factory=list)

    def open(self) -> Azure:
        self.houses.append(Here(Settings(), transport=self.transport))
        return self.houses[-1]

    def instance(self) -> dict:
        """Start an instance of the app; return its functions."""
        self.apps.append(loaded("detonate"))
        return indexed(self.apps[-1])

    def deliver(self, app: dict, queue: str) -> list[str]:
        """Bring what a queue shows to the app, as the host does; return what it was."""
        with QueueClient.from_connection_string(self.azurite.connection, queue) as client:
            taken = list(client.receive_messages(max_messages=32))
            for message in taken:
                bring(app[QUEUES[queue]], message.content, message.id, message.dequeue_count)
                client.delete_message(message)
        return [message.content for message in taken]

    def until_ended(self, *instances: dict, cases: int) -> dict[str, str]:
        """Deliver and let the timers tick until so many cases have ended; return their stages."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for app in instances:
                self.deliver(app, "cases")
                tick(app["finished"])
            stages = {case.id: case.stage for case in self.houses[-1].cases.newest(100)}
            if len(stages) == cases and all(stage in ENDS for stage in stages.values()):
                return stages
            time.sleep(0.2)
        raise AssertionError(f"not ended in time: {stages}")

    def comments(self, number: int) -> list[str]:
        alert = self.tenant.scene.memory.get("alerts", alert_id(number)) or {}
        return [one["comment"] for one in alert["comments"]]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    running, standin = azurite(), Standin([INDICATORS, RUNS, CASES, LEDGER])
    local = {part for part in running.connection.split(";") if "Endpoint=" in part}
    hosts = {urlsplit(part.split("=", 1)[1]).netloc for part in local}
    environment = {
        "HOME": str(tmp_path / "home"),
        "COSMOS_URL": f"https://{standin.host}",
        "COSMOS_KEY": standin.key,
        "STORAGE_CONNECTION": running.connection,
        "STORAGE_CONTAINER": running.name(),
        "STORAGE_FOLDERS": "[]",
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"TIDEGATE_{name}", value)
    tenant = Simulated(tmp_path / "tenant", timedelta(milliseconds=300))
    monkeypatch.setenv("TENANT", tenant.start())
    with served(standin) as cosmos:
        routes = {".documents.azure.com": cosmos, **{host: f"http://{host}" for host in hosts}}
        made = World(running, standin, Rerouted(routes), tenant)
        monkeypatch.setattr(functions, "house", made.open)
        yield made
        for app in made.apps:
            app.app.startup_task_done = False  # else it ends its lifespan from `__del__`
        for queue in ("cases", "rechecks"):
            client = QueueClient.from_connection_string(running.connection, queue)
            # Nothing may have been put there yet: then there is none.
            with client, suppress(ResourceNotFoundError):
                client.clear_messages()
        for house in made.houses:
            house.__exit__()
    tenant.stop()


def post(app: dict, number: int) -> tuple[int, dict]:
    body = f'{{"alert": "{alert_id(number)}"}}'.encode()
    return http(app["http_app_func"], "POST", "/api/alerts", body)


def test_from_the_webhook_to_the_comment(world):
    app = world.instance()
    began = time.monotonic()
    status, body = post(app, 1)
    assert (status, body["stage"]) == (202, "received")
    assert time.monotonic() - began < 30
    assert post(app, 1)[0] == 202  # twice is once
    assert world.until_ended(app, cases=1) == {alert_id(1): "done"}
    assert "VMRay says malicious" in world.comments(1)[0]
    assert len(world.comments(1)) == 1
    assert world.tenant.scene.memory.calls("submit") == [digest(LOADER)]
    _, case = http(app["http_app_func"], "GET", f"/api/cases/{alert_id(1)}")
    assert {one["result"].split(" ")[0] for one in case["effects"]} == {
        *("written", "indicator", "tagged")
    }
    documents = world.cosmos.documents("cases")
    assert documents[alert_id(1)]["partition_key"] == alert_id(1)
    assert {one["source"] for one in world.cosmos.documents().values()} == {"vmray"}
    assert list(world.houses[-1].objects.names("evidence/")) == []
    assert [path for path in (world.houses[-1].settings.home).rglob("*") if path.is_file()] == []


def test_the_timer_reads_alerts_and_two_instances_share_them(world):
    one, two = world.instance(), world.instance()
    for number in (3, 5, 6, 7, 8, 9, 10):
        alert = world.tenant.scene.memory.get("alerts", alert_id(number))
        world.tenant.scene.memory.put("alerts", alert_id(number), {**alert, "status": "Resolved"})
    tick(one["alerts"])
    tick(two["alerts"])
    stages = world.until_ended(one, two, cases=3)
    assert set(stages.values()) == {"done"}
    memory = world.tenant.scene.memory
    assert sorted(memory.calls("submit")).count(digest(LOADER)) == 1
    assert [len(world.comments(number)) for number in (1, 2, 4)] == [1, 1, 1]
    assert len(memory.calls("live response")) == 2
    tick(one["sweep"])
    assert world.deliver(one, "rechecks")


def test_what_waits_is_approved_over_http(world):
    app = world.instance()
    post(app, 1)
    world.until_ended(app, cases=1)
    everything = app["http_app_func"]
    case = f"/api/cases/{alert_id(1)}"
    asked = http(everything, "GET", case)[1]["asked"]
    assert any(key.startswith("device.isolate") for key in asked)
    status, said = http(everything, "POST", f"{case}/approve", b'{"by": "night shift"}')
    assert (status, said["decided"]) == (200, asked)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and http(everything, "GET", case)[1]["asked"]:
        world.deliver(app, "cases")
    world.until_ended(app, cases=1)
    turns = {one["key"]: one["turn"] for one in http(everything, "GET", case)[1]["responses"]}
    assert set(turns.values()) == {"succeeded"}
    assert any("device.isolate desk-1" in text for text in world.comments(1))


def test_the_gate_waits_for_a_person_and_then_enforces(world):
    app = world.instance()
    post(app, 1)
    world.until_ended(app, cases=1)
    memory, everything = world.tenant.scene.memory, app["http_app_func"]
    for one in memory.all("indicators"):
        memory.delete("indicators", one["id"])
    tick(app["gate"])
    [defender] = http(everything, "GET", "/api/gate")[1]["targets"]
    assert (defender["held"], defender["reason"]) == (0, None)
    assert defender["waiting"]["why"] == "a person applies what changes here"
    said = json.dumps({"plan": defender["waiting"]["plan"], "by": "night shift"})
    status, told = http(everything, "POST", "/api/gate/apply", said.encode())
    assert status == 200
    [defender] = told["targets"]
    assert (defender["waiting"], defender["last"]["by"]) == (None, "night shift")
    assert defender["held"] == len(memory.all("indicators")) > 0
    tick(app["gate"])
    assert http(everything, "GET", "/api/gate")[1]["targets"][0]["held"] == defender["held"]
    stored = set(world.houses[-1].objects.names("gate/"))
    assert {"gate/defender/state.json", "gate/defender/held.parquet"} < stored
    assert "gate/published.parquet" in stored


def test_a_store_that_is_down_costs_no_attempt_of_the_platform(world):
    app = world.instance()
    post(app, 4)
    world.cosmos.faults.append(Fault(503, times=5))
    delivered = world.deliver(app, "cases")  # and does not raise
    assert delivered == [alert_id(4)]
    assert world.until_ended(app, cases=1) == {alert_id(4): "done"}


def test_a_poisoned_case_fails_with_a_comment(world):
    app = world.instance()
    post(app, 4)
    with QueueClient.from_connection_string(world.azurite.connection, "cases") as client:
        [message] = list(client.receive_messages())
        client.delete_message(message)
    bring(app["give_up_case"], alert_id(4), "poisoned")
    assert world.until_ended(app, cases=1) == {alert_id(4): "failed"}
    assert "its process ended or failed each time" in world.comments(4)[0]


def test_an_app_without_a_tenant_is_well_and_waits_for_one(world, monkeypatch, caplog):
    """As the first deployment has it: nothing is read, nobody is alarmed."""
    monkeypatch.setattr(Here, "tenant", Azure.tenant)
    monkeypatch.setattr(Here, "has_tenant", Azure.has_tenant)
    app = world.instance()
    assert http(app["health"], "GET", "/api/health") == (
        200,
        {"status": "healthy", "apps": {"detonate": "up"}},
    )
    with caplog.at_level(logging.INFO, "tidegate"):
        for timer in ("alerts", "finished", "sweep", "gate"):
            tick(app[timer])
    assert "swept: cases=0 oldest_seconds=0 locks=0 " in caplog.text
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert http(app["http_app_func"], "GET", "/api/gate")[1]["targets"] == []
    assert post(app, 1)[0] == 404


def test_azures_own_worker_brings_cases_to_their_ends(world, monkeypatch):
    if not PYTHON.exists():
        pytest.skip("Azure's own worker needs Python 3.13, which was not found")
    monkeypatch.setenv("AZURITE", world.azurite.connection)
    monkeypatch.setenv("ROUTES", json.dumps(world.transport.hosts))
    program = Path(__file__).parent / "cases_worker.py"
    done = subprocess.run(  # noqa: S603 - our own code
        [str(PYTHON), str(program), str(APPS / "detonate"), alert_id(1), alert_id(4)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["stages"] == {alert_id(1): "done", alert_id(4): "failed"}
    brought = said["brought"]
    assert alert_id(4) in brought["give_up_case"]
    assert alert_id(1) in brought["run_case"]
    assert brought["run_recheck"]
    assert [len(world.comments(number)) for number in (1, 4)] == [1, 1]
    assert world.tenant.scene.memory.calls("submit") == [digest(LOADER)]
