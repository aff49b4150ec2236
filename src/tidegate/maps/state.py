"""What is remembered of a dataset: lock and commit record in one object.

The data files are immutable. Whoever replaces the state, under the lease and naming the ETag that
it read, has committed; nobody else has. Readers follow the state's manifest.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from tidegate.ports import Conflict, Objects, SourceDown
from tidegate.stored import document

FILE = re.compile(r"(?P<epoch>\d{1,12})-[0-9a-f-]{1,36}\.(tsv|delta)\.gz")
# How long a version can be read after it was replaced, and how exactly that is remembered.
KEPT, APART = timedelta(hours=1), timedelta(minutes=15)
# A run that began so long ago has died: nothing of ours lasts longer.
LONGEST = timedelta(hours=1)

Fault = Literal["down", "bad"]


class Record(BaseModel):
    """What is stored as JSON."""

    # Lenient about keys: an older release may read what a newer one wrote.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Step(Record):
    """A delta: the file that leads from version `before` to `version`. Sizes as in a manifest."""

    before: int
    version: int
    file: str
    rows: int
    removed: int
    bytes: int
    sha256: str


class Manifest(Record):
    """One immutable version of a dataset. Sizes and digest are of the uncompressed TSV."""

    version: int
    file: str
    rows: int
    located: int
    bytes: int
    sha256: str
    digest: str
    partial: bool
    warnings: list[str] = []
    steps: list[Step] = []


class Mark(Record):
    """That all versions before this one had been replaced by then."""

    version: int
    at: AwareDatetime


class State(Record):
    """`epoch` counts commits; `watermark` is the ingestion time up to which all was read.

    `run` is who committed last, `running` who took the lease last and has not ended, `began` when.
    `dwindled` says that the last full load brought suspiciously few rows.
    """

    epoch: int = 0
    watermark: AwareDatetime | None = None
    refreshed: AwareDatetime | None = None
    reconciled: AwareDatetime | None = None
    run: str = ""
    running: str | None = None
    began: AwareDatetime | None = None
    failed: AwareDatetime | None = None
    fault: Fault | None = None
    reason: str | None = None
    dwindled: str | None = None
    manifest: Manifest | None = None
    marks: list[Mark] = []

    def failing(self, run: str, now: datetime, fault: Fault, reason: str) -> "State":
        """Return the state after a failed run: the data stays, the reason is told."""
        told = {"run": run, "failed": now, "fault": fault, "reason": reason}
        return self.model_copy(update={**told, "running": None})

    def marked(self, now: datetime) -> "State":
        """Return the state with a mark of its version, so that older ones can be deleted in time.

        All marks but the newest that is old enough go; what is older says nothing more.
        """
        if self.manifest is None:
            return self
        marks = list(self.marks)
        if not marks or now - marks[-1].at >= APART:
            marks.append(Mark(version=self.manifest.version, at=now))
        ripe = [mark for mark in marks if now - mark.at >= KEPT]
        return self.model_copy(update={"marks": marks[max(len(ripe) - 1, 0) :]})

    def files(self) -> Iterator[str]:
        """Yield the files that readers are told of."""
        if self.manifest is not None:
            yield self.manifest.file
            yield from (step.file for step in self.manifest.steps)


STATE = TypeAdapter(State)


class Read(NamedTuple):
    """A state and the ETag that a commit must name; None when there is no object yet."""

    state: State
    etag: str | None


def under_way(state: State, now: datetime) -> bool:
    """Whether a run began and has not ended, as far as a store can tell of a process."""
    if state.running is None or state.began is None:
        return False
    return now - state.began < LONGEST


def name(dataset: str) -> str:
    return f"locks/{dataset}.state.json"


def folder(dataset: str) -> str:
    return f"datasets/{dataset}/"


def read(objects: Objects, dataset: str) -> Read:
    stored = objects.get(name(dataset))
    if stored is None:
        return Read(State(), None)
    return Read(document(STATE, stored.data, name(dataset)), stored.etag)


def create(objects: Objects, dataset: str, now: datetime) -> None:
    """Make sure that there is a state to lease."""
    if objects.get(name(dataset)) is not None:
        return
    try:
        objects.put(name(dataset), _json(State(began=now)), if_absent=True)
    except Conflict:
        return  # Somebody else made it, or holds it already: just as good.


def begin(objects: Objects, dataset: str, found: Read, run: str, now: datetime) -> str:
    """Write down that a run holds the lease since now; return the new ETag. Raises Conflict."""
    begun = found.state.model_copy(update={"running": run, "began": now})
    return objects.put(name(dataset), _json(begun), lease=run, if_match=found.etag)


def commit(objects: Objects, dataset: str, state: State, *, lease: str, etag: str | None) -> None:
    """Replace the state that was read as `etag`. Raises Conflict for a holder that lost out."""
    try:
        objects.put(name(dataset), _json(state), lease=lease, if_match=etag)
    except (Conflict, SourceDown):
        # The answer may have been lost; and a repeated write is refused for its own success.
        found = read(objects, dataset).state
        if (found.epoch, found.run) != (state.epoch, state.run):
            raise


def _json(state: State) -> bytes:
    return state.model_dump_json().encode()
