"""The three Function apps through the public library's own converters, as the worker drives them.

What this does not show: the worker's indexing, the host's timers, keys and routes.
"""

import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import azure.functions as func
import httpx
import pytest
from driver import APPS, http, indexed, loaded, raw, tick, trigger

from tidegate import functions
from tidegate.wiring import Local

pytestmark = pytest.mark.slow

NAMES = ["ingest", "detonate", "maps"]
TIMERS = {
    "ingest": {"feeds": "0 */15 * * * *"},
    "detonate": {
        "alerts": "0 * * * * *",
        "finished": "30 * * * * *",
        "sweep": "15 */5 * * * *",
        "gate": "45 */15 * * * *",
    },
    "maps": {"datasets": "0 */5 * * * *"},
}
OPEN = {
    "ingest": {"health": ("api/health", ["GET"])},
    "detonate": {"health": ("api/health", ["GET"]), "hear": ("api/finished", ["POST"])},
    "maps": {"health": ("api/health", ["GET"])},
}
QUEUES = {
    "ingest": {
        "run_feed": "feeds",
        "run_request": "requests",
        "give_up_feed": "feeds-poison",
        "give_up_request": "requests-poison",
    },
    "detonate": {
        "run_case": "cases",
        "run_recheck": "rechecks",
        "give_up_case": "cases-poison",
        "give_up_recheck": "rechecks-poison",
    },
}
Load = Callable[[str], ModuleType]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Local]:
    """The houses that were opened; each is closed after the test."""
    houses: list[Local] = []
    really = functions.house

    def house() -> Local:
        houses.append(really())
        return houses[-1]

    monkeypatch.setattr(functions, "house", house)
    return houses


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opened: list[Local]) -> Iterator[Load]:
    """Load an app as the worker does: its file, on its own."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    modules: list[ModuleType] = []

    def load_app(name: str) -> ModuleType:
        modules.append(loaded(name))
        return modules[-1]

    yield load_app
    for module in modules:
        # Else the app ends its lifespan from `__del__`, in the middle of whatever runs then.
        module.app.startup_task_done = False
    for house in opened:
        house.__exit__()


# --- what is declared -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_app_is_its_triggers_and_no_more(load, opened, name):
    module = load(name)
    found = indexed(module)
    timers, queues, unlocked = TIMERS[name], QUEUES.get(name, {}), OPEN[name]
    assert found.keys() == {"http_app_func", *unlocked, *timers, *queues}
    assert {one: trigger(found[one])["queueName"] for one in queues} == queues
    everything = trigger(found["http_app_func"])
    assert (everything["type"], everything["route"]) == ("httpTrigger", "/{*route}")
    assert everything["authLevel"] == "FUNCTION"
    shut = {one for one in found if trigger(found[one]).get("authLevel") != "ANONYMOUS"}
    assert found.keys() - shut == unlocked.keys()
    routes = {
        one: (trigger(found[one])["route"], trigger(found[one])["methods"]) for one in unlocked
    }
    assert routes == unlocked
    ticking = {one: trigger(found[one]) for one in timers}
    assert {one["type"] for one in ticking.values()} == {"timerTrigger"}
    assert {name: one["schedule"] for name, one in ticking.items()} == timers
    # A quarter of an hour is long to wait for the next time; the others are soon there again.
    again = {one for one in found if found[one].get_settings_dict("retry_policy")}
    assert again == {one for one, when in timers.items() if "*/15" in when}
    assert not any(one.get("runOnStartup") for one in ticking.values())
    assert opened == []


@pytest.mark.parametrize("name", NAMES)
def test_an_app_is_thin_and_has_one_register(load, name):
    assert len((APPS / name / "function_app.py").read_text().splitlines()) <= 100
    registers = [v for v in vars(load(name)).values() if isinstance(v, func.FunctionRegister)]
    assert len(registers) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_host_is_told_what_it_needs(name):
    host = json.loads((APPS / name / "host.json").read_text())
    assert host["version"] == "2.0"
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    }
    assert host["extensions"]["http"]["routePrefix"] == ""
    assert host["telemetryMode"] == "OpenTelemetry"
    assert host["functionTimeout"]
    assert host["logging"]["logLevel"]["default"] == "Information"


@pytest.mark.parametrize("name", QUEUES)
def test_queues_carry_what_the_adapter_sends(name):
    queues = json.loads((APPS / name / "host.json").read_text())["extensions"]["queues"]
    assert queues["messageEncoding"] == "none"
    # So many at once in a process: a run of a feed holds its frames, a case at most a sample.
    most = {"ingest": 4, "detonate": 12}[name]
    assert queues["batchSize"] + queues["newBatchThreshold"] <= most


def test_a_call_that_nobody_signed_is_not_heard(load, monkeypatch):
    monkeypatch.setenv("TIDEGATE_WEBHOOK_URL", "https://tidegate.example/api/finished")
    monkeypatch.setenv("TIDEGATE_WEBHOOK_KEY", "a key of sixteen characters")
    found = indexed(load("detonate"))
    body = b'{"submission_id": 1}'
    assert http(found["hear"], "POST", "/api/finished", body)[0] == 403
    # Whoever has no key decides nothing, whatever the path says.
    decision = b'{"by": "nobody"}'
    assert http(found["hear"], "POST", "/api/cases/a_1/approve", decision)[0] == 403


READERS = '{"edge": "sixteen characters or more"}'


@pytest.mark.parametrize("setting", ["TIDEGATE_READERS", "TIDEGATE_PARTNERS"])
def test_with_passwords_there_are_functions_that_ask_for_no_key(load, monkeypatch, setting):
    monkeypatch.setenv(setting, READERS)
    found = indexed(load("ingest"))
    routes = {
        name: trigger(one)["route"]
        for name, one in found.items()
        if trigger(one).get("authLevel") == "ANONYMOUS" and name != "health"
    }
    assert routes == functions.BY_PASSWORD


def test_what_they_answer_is_behind_the_password(load, monkeypatch):
    monkeypatch.setenv("TIDEGATE_READERS", READERS)
    found = indexed(load("ingest"))
    shown = base64.b64encode(b"edge:sixteen characters or more").decode()
    for name, path in (
        ("read_lists", "/api/lists/plain-url"),
        ("read_lists", "/api/lists"),
        ("read_export", "/api/export/csv"),
        ("read_misp", "/api/misp/manifest.json"),
        ("read_taxii", "/taxii2/"),
    ):
        assert raw(found[name], "GET", path)[0] == 401
        headers = {"authorization": f"Basic {shown}"}
        assert raw(found[name], "GET", path, headers=headers)[0] == 200
    # Whoever has no key starts nothing, whatever the path says.
    assert raw(found["read_lists"], "POST", "/api/ingest?source=urlhaus")[0] == 403


def test_without_passwords_the_key_reads(load):
    everything = indexed(load("ingest"))["http_app_func"]
    assert raw(everything, "GET", "/api/lists/plain-url")[0] == 200
    assert raw(everything, "GET", "/taxii2/")[0] == 200


def test_loading_an_app_loads_no_engine_and_no_web_server(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(APPS / 'ingest')!r}); import function_app; "
        "print([m for m in ('duckdb', 'uvicorn', 'azure.storage') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


# --- what they do -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_health_answers_with_and_without_a_key(load, opened, name):
    found = indexed(load(name))
    for function in (found["health"], found["http_app_func"]):
        status, body = http(function, "GET", "/api/health")
        assert (status, body) == (200, {"status": "healthy", "apps": {name: "up"}})
    assert len(opened) == 1


def test_deep_health_takes_a_key(load):
    found = indexed(load("ingest"))
    assert http(found["health"], "GET", "/api/health?deep=true")[0] == 403
    status, body = http(found["http_app_func"], "GET", "/api/health?deep=true")
    assert (status, body["apps"]) == (200, {"ingest": "up"})
    assert {one["state"] for one in body["checks"]} == {"healthy", "degraded"}


def test_a_request_for_runs_is_worked_on_where_no_queue_triggers_it(load):
    everything = indexed(load("ingest"))["http_app_func"]
    status, body = http(everything, "POST", "/api/ingest?source=urlhaus")
    [outcome] = body["feeds"]
    assert (status, outcome["reason"]) == (502, "needs a key: set TIDEGATE_ABUSECH_KEY")


def test_http_answers_while_runs_of_feeds_hold_all_threads(load):
    routes, held = load("ingest"), threading.Event()

    async def asked() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        run = asyncio.create_task(asyncio.to_thread(held.wait))
        await asyncio.sleep(0)
        transport = httpx.ASGITransport(functions.Routes(routes.house, routes.routers))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="https://a.example") as one:
                return (await asyncio.wait_for(one.get("/api/health"), 30)).status_code
        finally:
            held.set()
            await run

    assert asyncio.run(asked()) == 200


def test_an_app_has_its_own_routes_and_no_others(load):
    everything = indexed(load("ingest"))["http_app_func"]
    assert http(everything, "GET", "/api/indicators/b.example")[0] == 404
    assert http(everything, "GET", "/api/indicators/junk")[0] == 400
    status, problem = http(everything, "GET", "/api/datasets")
    assert (status, problem["title"]) == (404, "Not Found")


def test_an_alert_comes_in_by_webhook(load):
    everything = indexed(load("detonate"))["http_app_func"]
    status, body = http(everything, "POST", "/api/alerts", b'{"alert": "a_1"}')
    assert (status, body) == (202, {"case": "a_1", "stage": "received"})
    assert http(everything, "GET", "/api/cases/a_1")[1]["id"] == "a_1"


@pytest.mark.parametrize(
    ("name", "use_case"),
    [
        ("ingest", "tidegate.functions.start_feeds"),
        ("detonate", "tidegate.functions.read_alerts"),
        ("maps", "tidegate.loop.map_due"),
    ],
)
def test_a_timer_runs_its_use_case_on_the_house(load, monkeypatch, name, use_case):
    module = load(name)
    house = object()
    monkeypatch.setattr(module, "house", lambda: house)
    ran: list[object] = []
    monkeypatch.setattr(use_case, ran.append)
    tick(indexed(module)[next(iter(TIMERS[name]))])
    assert ran == [house]


def test_a_use_case_that_fails_fails_the_invocation(load, monkeypatch):
    module = load("ingest")

    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "house", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        tick(indexed(module)["feeds"])


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_of_an_app_are_behind_its_key(load, name):
    found = indexed(load(name))
    http(found["http_app_func"], "GET", "/api/nothing")
    status, text = raw(found["http_app_func"], "GET", "/api/metrics")
    assert status == 200
    assert b'http_response_status_code="404"' in text
