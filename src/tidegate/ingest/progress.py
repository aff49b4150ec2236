"""How far a backfill is, and what it was answered: kept beside the store until it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

import orjson
from pydantic import TypeAdapter

from tidegate.model import Outcome
from tidegate.ports import Get, Objects, Response
from tidegate.stored import document


@dataclass(frozen=True, slots=True)
class Progress:
    """How many slices are done, in order, and what became of their rows.

    `begun` tells this attempt at a stretch of the past from one that was finished before.
    """

    begun: datetime
    done: int = 0
    rows: int = 0
    kept: int = 0
    new: int = 0
    changed: int = 0
    suppressed: int = 0
    expired: int = 0

    def plus(self, one: Outcome) -> "Progress":
        """Return the progress after one more slice."""
        return replace(
            self,
            done=self.done + 1,
            rows=self.rows + one.rows,
            kept=self.kept + one.kept,
            new=self.new + one.new,
            changed=self.changed + one.changed,
            suppressed=self.suppressed + one.suppressed,
            expired=self.expired + one.rejected.get("expired", 0),
        )


PROGRESS = TypeAdapter(Progress)


@dataclass(frozen=True, slots=True)
class Notebook:
    """The objects of one backfill, below one name."""

    objects: Objects
    name: str

    def read(self, now: datetime) -> Progress:
        """Return how far the backfill is; one that is new begins now."""
        stored = self.objects.get(self._progress)
        return document(PROGRESS, stored.data, self._progress) if stored else Progress(now)

    def write(self, progress: Progress) -> None:
        """Remember how far the backfill is."""
        self.objects.put(self._progress, PROGRESS.dump_json(progress))

    def forget(self) -> None:
        """Delete all of it: the answers first, for the progress says that they may go."""
        for name in list(self.objects.names(f"{self.name}/asked/")):
            self.objects.delete(name)
        self.objects.delete(self._progress)

    def remembering(self, get: Get) -> Get:
        """Return a `get` that asks nothing twice, in whichever process."""

        def answered(url: str, params: Mapping[str, str]) -> Response:
            asked = orjson.dumps([url, sorted(params.items())])
            name = f"{self.name}/asked/{sha256(asked).hexdigest()}"
            if stored := self.objects.get(name):
                return _unpacked(stored.data)
            answer = get(url, params)
            self.objects.put(name, _packed(answer))
            return answer

        return answered

    @property
    def _progress(self) -> str:
        return f"{self.name}/progress.json"


def _packed(answer: Response) -> bytes:
    # Headers of the source's own, for cursors; the others may hold a session's secrets.
    headers = {name: text for name, text in answer.headers.items() if name.startswith("x-taxii-")}
    return orjson.dumps([answer.status, headers]) + b"\n" + answer.body


def _unpacked(data: bytes) -> Response:
    head, _, body = data.partition(b"\n")
    status, headers = orjson.loads(head)
    return Response(status, headers, body)


def place(feed: str, start: datetime, end: datetime, seconds: int) -> str:
    """Return the name below which a backfill keeps its objects: the same command, the same name."""
    first, last = (f"{time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}" for time in (start, end))
    return f"backfills/{feed}/{first}-{last}-{seconds}"
