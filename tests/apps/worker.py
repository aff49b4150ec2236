"""Drives a Function app by Azure's own worker library, `azure-functions-runtime`, in one process.

`python worker.py FOLDER` loads the app in FOLDER as the platform does, and says on its output, as
JSON, which functions it has and what some of them answer. It is a program of its own because the
library needs Python 3.13. What the host would send is played: the library has an entry for it that
needs no gRPC.
"""

import asyncio
import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as library
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

SITE = "https://tidegate.example"


class Message:
    """Any message of the protocol: it keeps what it is given, and has None for the rest."""

    Success, Failure, undefined, IN, out, inout = 1, 0, 0, 0, 1, 2

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> None:
        return None


class Protocol:
    """The module that would be generated from the protocol."""

    def __getattr__(self, name: str) -> type[Message]:
        return type(name, (Message,), {})


class Worker:
    """A worker that has loaded an app. `triggers` are those of each function, by its name."""

    def __init__(self, functions: list[Any]) -> None:
        self.ids = {one.name: one.function_id for one in functions}
        self.triggers = {
            one.name: next(binding for binding in map(json.loads, one.raw_bindings) if _in(binding))
            for one in functions
        }

    async def call(
        self, name: str, datum: Any, about: dict[str, Any] | None = None, trace: str = ""
    ) -> Any:
        """Invoke a function within a trace of the host's; return what it answers.

        Raises RuntimeError where it fails.
        """
        given = [(self.triggers[name]["name"], datum)]
        done, value, _, error, _ = await invocation_request_native(
            "1", self.ids[name], given, about or {}, trace
        )
        if not done:
            raise RuntimeError(f"{name}: {error}")
        return value

    @property
    def kinds(self) -> dict[str, str]:
        """What triggers each function."""
        return {name: trigger["type"] for name, trigger in self.triggers.items()}

    async def http(
        self, name: str, path: str, body: bytes | None = None, trace: str = ""
    ) -> tuple[int, Any]:
        """Ask a function of HTTP, or POST it a body; return status and JSON."""
        parts = {
            "method": Datum("GET" if body is None else "POST", "string"),
            "url": Datum(SITE + path, "string"),
            "headers": {
                "host": Datum("tidegate.example", "string"),
                "content-type": Datum("application/json", "string"),
            },
            "query": {},
            "params": {"route": Datum(path.lstrip("/"), "string")},
            "body": Datum(body or b"", "bytes"),
        }
        answer = (await self.call(name, Datum(parts, "http"), trace=trace)).value
        return int(answer["status_code"].value), json.loads(answer["body"].value)

    async def tick(self, name: str) -> None:
        """Let the time of a timer come."""
        schedule = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        await self.call(name, Datum(json.dumps(schedule), "json"))

    async def bring(self, name: str, text: str, identity: str = "an id", trace: str = "") -> None:
        """Bring a message of the function's queue."""
        about = {
            "Id": Datum(identity, "string"),
            "PopReceipt": Datum("a receipt", "string"),
            "DequeueCount": Datum("1", "json"),
        }
        await self.call(name, Datum(text, "string"), about, trace)


async def started(folder: str) -> Worker:
    """Load the app in a folder, and index its functions."""
    sys.path.insert(0, folder)
    library.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=folder, worker_directory="")
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": Protocol()},
    )
    _succeeded(await library.worker_init_request(request))
    found = await library.functions_metadata_request(SimpleNamespace())
    _succeeded(found)
    return Worker(found.function_metadata_results)


def _in(binding: dict[str, Any]) -> bool:
    return str(binding["type"]).endswith("Trigger")


def _succeeded(answer: Any) -> None:
    if answer.result.status != Message.Success:
        raise RuntimeError(answer.result.exception.message)


async def said(folder: str) -> dict[str, Any]:
    """Return what an app is and answers."""
    worker = await started(folder)
    answers = {
        "health": await worker.http("health", "/api/health"),
        "with a key": await worker.http("http_app_func", "/api/health"),
        "problem": await worker.http("http_app_func", "/nothing"),
    }
    if "read_map" in worker.kinds:
        answers["map"] = await worker.http("read_map", "/api/datasets")
    for name, kind in worker.kinds.items():
        if kind == "timerTrigger":
            await worker.tick(name)
    if "give_up_feed" in worker.kinds:
        await worker.bring("give_up_feed", "no_such_feed")
    return {"functions": worker.kinds, "answers": answers}


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(asyncio.run(said(sys.argv[1]))))  # noqa: T201 - its output
