"""Brings one request to the app `ingest` on Azure's own worker: from HTTP by way of the queue.

`python traced_worker.py FOLDER TRACEPARENT` with the request on its input; where the stores and the
feeds are, its environment says. A program of its own, as worker.py is, and each invocation is a
task, as the worker has it.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "azure"))

from azure.storage.queue import QueueClient
from rerouted import Rerouted
from worker import started

from tidegate import functions
from tidegate.adapters.http import HttpClient
from tidegate.settings import Settings
from tidegate.wiring import Azure

OF_THE_QUEUE = f"00-{'1' * 32}-{'2' * 16}-01"  # the host begins a trace for each message


class Here(Azure):
    """The house on Azure whose feeds are on loopback."""

    def _http(self, *, outside: bool = False) -> HttpClient:
        return self._open.enter_context(HttpClient(retries=0, allow_private=True))


async def main(folder: str, trace: str, body: bytes) -> None:
    house = Here(Settings(), transport=Rerouted(json.loads(os.environ["ROUTES"])))
    functions.house = lambda: house
    worker = await started(folder)
    asked = worker.http("http_app_func", "/api/ingest", body, trace)
    status, answer = await asyncio.create_task(asked)
    if status not in {200, 202}:
        raise RuntimeError(f"{status}: {answer}")
    with QueueClient.from_connection_string(os.environ["AZURITE"], "requests") as queue:
        [message] = queue.receive_messages()
        brought = worker.bring("run_request", message.content, message.id, OF_THE_QUEUE)
        await asyncio.create_task(brought)
    house.telemetry.flush()
    os._exit(0)  # what the app would do at its end is not what this is about


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.buffer.read()))
