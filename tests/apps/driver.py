"""Drives a Function app by the public library's own converters, as the worker does."""

import asyncio
import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

APPS = Path(__file__).parents[2] / "apps"


def loaded(name: str) -> ModuleType:
    """Load an app as the worker does: its file, on its own."""
    path = APPS / name / "function_app.py"
    spec = importlib.util.spec_from_file_location(f"function_app_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def indexed(module: ModuleType) -> dict[str, Any]:
    return {one.get_function_name(): one for one in module.app.get_functions()}


def bindings(function: Any) -> list[dict[str, Any]]:
    return [json.loads(one) for one in function.get_raw_bindings()]


def trigger(function: Any) -> dict[str, Any]:
    [found] = [one for one in bindings(function) if one["type"].endswith("Trigger")]
    return found


def texts(values: dict[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def call(function: Any, datum: Datum, metadata: dict[str, Datum] | None = None) -> Any:
    """Invoke a function: decode what the host sends, encode what goes back to it."""
    converters = func.get_binding_registry()
    entry = trigger(function)
    given = {
        entry["name"]: converters.get(entry["type"]).decode(datum, trigger_metadata=metadata or {})
    }
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
    status, data = raw(function, method, path, body)
    return status, json.loads(data)


def raw(
    function: Any,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    sent = {"host": "tidegate.example", "content-type": "application/json", **(headers or {})}
    parts = {
        "method": Datum(method, "string"),
        "url": Datum(f"https://tidegate.example{path}", "string"),
        "headers": texts(sent),
        "query": texts({}),
        "params": texts({"route": path.lstrip("/")}),
        "body": Datum(body, "bytes"),
    }
    answer = call(function, Datum(parts, "http")).value
    data = answer["body"].value if answer.get("body") else b""
    return int(answer["status_code"].value), data


def tick(function: Any) -> None:
    schedule = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    call(function, Datum(json.dumps(schedule), "json"))


def bring(function: Any, text: str, identity: str, attempt: int = 1) -> None:
    """Bring a message of the function's queue, as the host took it."""
    metadata = {
        "Id": Datum(identity, "string"),
        "DequeueCount": Datum(str(attempt), "json"),
        "PopReceipt": Datum("ours", "string"),
    }
    call(function, Datum(text, "string"), metadata)
