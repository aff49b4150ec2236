"""The three Function apps through the public library's own converters, as the worker drives them.

What this does not show: the worker's indexing, the host's timers, keys and routes.
"""

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from tidegate import functions
from tidegate.wiring import Local

pytestmark = pytest.mark.slow

APPS = Path(__file__).parents[2] / "apps"
NAMES = ["ingest", "detonate", "maps"]
TIMERS = {
    "ingest": ("feeds", "0 */5 * * * *"),
    "detonate": ("alerts", "0 * * * * *"),
    "maps": ("datasets", "0 */5 * * * *"),
}
Load = Callable[[str], ModuleType]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Local]:
    """The houses that were opened; each is closed after the test."""
    houses: list[Local] = []
    really = functions.local

    def local() -> Local:
        houses.append(really())
        return houses[-1]

    monkeypatch.setattr(functions, "local", local)
    return houses


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opened: list[Local]) -> Iterator[Load]:
    """Load an app as the worker does: its file, on its own."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    loaded: list[ModuleType] = []

    def load_app(name: str) -> ModuleType:
        path = APPS / name / "function_app.py"
        spec = importlib.util.spec_from_file_location(f"function_app_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded.append(module)
        return module

    yield load_app
    for module in loaded:
        # Else the app ends its lifespan from `__del__`, in the middle of whatever runs then.
        module.app.startup_task_done = False
    for house in opened:
        house.__exit__()


def indexed(module: ModuleType) -> dict[str, Any]:
    return {one.get_function_name(): one for one in module.app.get_functions()}


def bindings(function: Any) -> list[dict[str, Any]]:
    return [json.loads(one) for one in function.get_raw_bindings()]


def trigger(function: Any) -> dict[str, Any]:
    [found] = [one for one in bindings(function) if one["type"].endswith("Trigger")]
    return found


def texts(values: dict[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def call(function: Any, datum: Datum) -> Any:
    """Invoke a function: decode what the host sends, encode what goes back to it."""
    converters = func.get_binding_registry()
    entry = trigger(function)
    given = {entry["name"]: converters.get(entry["type"]).decode(datum, trigger_metadata={})}
    user = function.get_user_function()
    if "context" in user.__code__.co_varnames:
        trace = SimpleNamespace(Traceparent="", Tracestate="", attributes={})
        given["context"] = SimpleNamespace(
            invocation_id="1",
            function_name=function.get_function_name(),
            function_directory="",
            trace_context=trace,
            retry_context=None,
            thread_local_storage=SimpleNamespace(invocation_id=None),
        )
    returned = asyncio.run(user(**given))
    back = [one for one in bindings(function) if one["name"] == "$return"]
    return converters.get(back[0]["type"]).encode(returned, expected_type=None) if back else None


def http(function: Any, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    parts = {
        "method": Datum(method, "string"),
        "url": Datum(f"https://tidegate.example{path}", "string"),
        "headers": texts({"host": "tidegate.example", "content-type": "application/json"}),
        "query": texts({}),
        "params": texts({"route": path.lstrip("/")}),
        "body": Datum(body, "bytes"),
    }
    answer = call(function, Datum(parts, "http")).value
    data = answer["body"].value if answer.get("body") else b""
    return int(answer["status_code"].value), json.loads(data)


def tick(function: Any) -> None:
    schedule = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    call(function, Datum(json.dumps(schedule), "json"))


# --- what is declared -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_app_is_its_triggers_and_no_more(load, opened, name):
    module = load(name)
    found = indexed(module)
    timer, schedule = TIMERS[name]
    assert found.keys() == {"http_app_func", "health", timer}
    everything, health = trigger(found["http_app_func"]), trigger(found["health"])
    assert (everything["type"], everything["route"]) == ("httpTrigger", "/{*route}")
    assert everything["authLevel"] == "FUNCTION"
    assert (health["route"], health["methods"], health["authLevel"]) == (
        "api/health",
        ["GET"],
        "ANONYMOUS",
    )
    assert trigger(found[timer])["type"] == "timerTrigger"
    assert trigger(found[timer])["schedule"] == schedule
    assert not trigger(found[timer]).get("runOnStartup")
    assert opened == []


@pytest.mark.parametrize("name", NAMES)
def test_an_app_is_thin_and_has_one_register(load, name):
    assert len((APPS / name / "function_app.py").read_text().splitlines()) <= 40
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
        ("ingest", "tidegate.loop.ingest_due"),
        ("detonate", "tidegate.loop.detonate_due"),
        ("maps", "refresh_all"),
    ],
)
def test_a_timer_runs_its_use_case_on_the_house(load, monkeypatch, name, use_case):
    module = load(name)
    house = SimpleNamespace(maps="the maps")
    monkeypatch.setattr(module, "house", lambda: house)
    ran: list[object] = []

    def fake(given: object) -> list[object]:
        ran.append(given)
        return []

    if "." in use_case:
        monkeypatch.setattr(use_case, fake)
    else:
        monkeypatch.setattr(module, use_case, fake)
    tick(indexed(module)[TIMERS[name][0]])
    assert ran == (["the maps"] if name == "maps" else [house])


def test_a_use_case_that_fails_fails_the_invocation(load, monkeypatch):
    module = load("ingest")

    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "house", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        tick(indexed(module)["feeds"])
