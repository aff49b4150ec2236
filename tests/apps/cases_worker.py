"""Takes two alerts to their ends on Azure's own worker, by way of all queues of the app `detonate`.

`python cases_worker.py FOLDER ALERT POISONED`; where the stores and the tenant are, its environment
says. The message of the second alert is put away as poison before anybody works on it. Prints as
JSON what each function was brought, and what the cases came to. A program of its
own, as worker.py is.
"""

import asyncio
import json
import logging
import os
import sys
from collections import defaultdict
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "azure"))

from azure.storage.queue import QueueClient
from rerouted import Rerouted
from tenant_house import Here
from worker import Worker, started

from tidegate import functions
from tidegate.model import ENDS
from tidegate.settings import Settings

LOOKS = 300  # at the queues, until both cases have ended


class Host:
    """Plays the host: brings what is in queues to the functions that they trigger."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.brought: defaultdict[str, list[str]] = defaultdict(list)

    async def bring(self, queue: str, name: str) -> None:
        """Bring what the queue shows by now to a function, and delete it."""
        with QueueClient.from_connection_string(os.environ["AZURITE"], queue) as client:
            for message in list(client.receive_messages()):
                await self.worker.bring(name, message.content, message.id)
                self.brought[name].append(message.content)
                client.delete_message(message)

    async def hear(self, alert: str) -> None:
        """Tell the webhook of an alert."""
        body = json.dumps({"alert": alert}).encode()
        status, answer = await self.worker.http("http_app_func", "/api/alerts", body)
        if status != 202:
            raise RuntimeError(f"{status}: {answer}")


async def main(folder: str, alert: str, poisoned: str) -> None:
    house = Here(Settings(), transport=Rerouted(json.loads(os.environ["ROUTES"])))
    functions.house = lambda: house
    host = Host(await started(folder))
    await host.hear(poisoned)
    await host.bring("cases", "give_up_case")
    await host.hear(alert)
    stages: dict[str, str] = {}
    for _ in range(LOOKS):
        await host.bring("cases", "run_case")
        await host.worker.tick("finished")
        stages = {one.id: one.stage for one in house.cases.newest(2)}
        if all(stage in ENDS for stage in stages.values()):
            break
        await asyncio.sleep(0.2)
    await host.worker.tick("sweep")
    await host.bring("rechecks", "run_recheck")
    await host.worker.bring("give_up_recheck", "nobody's")
    print(json.dumps({"brought": host.brought, "stages": stages}), flush=True)  # noqa: T201 - its output
    os._exit(0)  # what the app would do at its end is not what this is about


if __name__ == "__main__":
    logging.disable()
    asyncio.run(main(*sys.argv[1:]))
