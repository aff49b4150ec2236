"""One refresh of one dataset in Blob Storage, as a process of its own that can be made to stop.

`python map_worker.py CONNECTION CONTAINER ROW CALL [SECONDS]` refreshes with ROW as the answer.
Before the call to the store that begins with CALL, by its number ("put locks/ 2" is the second)
it stops itself with the signal that the environment's STOP names. It says how the refresh ended.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tidegate import lease
from tidegate.adapters.azure.blob import BlobObjects
from tidegate.adapters.azure.storage import Storage
from tidegate.declare.dataset import Dataset
from tidegate.maps.refresh import refresh
from tidegate.maps.world import World
from tidegate.ports import LogTable, Place

HITS = Dataset.model_validate(
    {
        "name": "hits",
        "title": "Hits",
        "query": "Hits",
        "file": "hits.tsv",
        "refresh": "15m",
        "window": "3d",
        "overlap": "10m",
        "retention": "7d",
        "columns": {"TimeGenerated": "datetime", "Id": "string"},
        "key": ["Id"],
        "locate": "Id",
        "label": "Id",
    }
)


class Stopping:
    """Objects of a process that stops before one of its calls."""

    def __init__(self, objects: BlobObjects, call: str, how: int) -> None:
        self._objects, self._how = objects, how
        self._call, _, number = call.rpartition(" ")
        self._left = int(number)

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            self._left -= f"{method} {args[0]}".startswith(self._call)
            if self._left == 0:
                self._left -= 1
                os.kill(os.getpid(), self._how)
            return getattr(self._objects, method)(*args, **more)

        return call


class Answer:
    """Logs that answer one row, which is nowhere."""

    def __init__(self, id_: str) -> None:
        self._id = id_

    def now(self) -> datetime:
        return datetime.now(UTC)

    def query(self, *_: object, check: Callable[[], None], **__: object) -> LogTable:
        check()
        when = f"{self.now():%Y-%m-%dT%H:%M:%SZ}"
        return LogTable(HITS.columns, pl.DataFrame({"TimeGenerated": [when], "Id": [self._id]}))

    def address(self, text: str) -> Place | None:
        return None

    country = address


def world(objects: Any, row: str) -> World:
    answer = Answer(row)
    return World({"hits": HITS}, answer, objects, answer, answer.now)


def main(connection: str, container: str, row: str, call: str, seconds: str = "60") -> None:
    lease.SECONDS = int(seconds)
    objects = BlobObjects(Storage(connection=connection), container)
    how = signal.Signals[os.environ.get("STOP", "SIGKILL")]
    here = world(Stopping(objects, call, how), row)
    print(refresh(HITS, here, force=True).result.name)  # noqa: T201
    objects.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
