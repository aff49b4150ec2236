"""What is remembered of a dataset: lock and commit record in one object.

The data files are immutable. Whoever replaces the state, under the lease and naming the ETag that
it read, has committed; nobody else has. Readers follow the state's manifest.
"""

import re
from datetime import datetime
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tidegate.ports import Conflict, Objects

FILE = re.compile(r"(?P<epoch>\d{1,12})-[0-9a-f-]{1,36}\.tsv\.gz")


class _Record(BaseModel):
    # Lenient about keys: an older release may read what a newer one wrote.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Manifest(_Record):
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


class State(_Record):
    """`epoch` counts commits; `watermark` is the ingestion time up to which all was read."""

    epoch: int = 0
    watermark: AwareDatetime | None = None
    refreshed: AwareDatetime | None = None
    reconciled: AwareDatetime | None = None
    failed: AwareDatetime | None = None
    reason: str | None = None
    manifest: Manifest | None = None

    def failing(self, now: datetime, reason: str) -> "State":
        """Return the state after a failed run: the data stays, the reason is told."""
        return self.model_copy(update={"failed": now, "reason": reason})


class Read(NamedTuple):
    """A state and the ETag that a commit must name; None when there is no object yet."""

    state: State
    etag: str | None


def name(dataset: str) -> str:
    return f"locks/{dataset}.state.json"


def folder(dataset: str) -> str:
    return f"datasets/{dataset}/"


def read(objects: Objects, dataset: str) -> Read:
    stored = objects.get(name(dataset))
    if stored is None:
        return Read(State(), None)
    return Read(State.model_validate_json(stored.data), stored.etag)


def create(objects: Objects, dataset: str) -> None:
    """Make sure that there is a state to lease."""
    if objects.get(name(dataset)) is not None:
        return
    try:
        objects.put(name(dataset), _json(State()), if_absent=True)
    except Conflict:
        return  # Somebody else made it, or holds it already: just as good.


def commit(objects: Objects, dataset: str, state: State, *, lease: str, etag: str | None) -> None:
    """Replace the state that was read as `etag`. Raises Conflict for a holder that lost out."""
    objects.put(name(dataset), _json(state), lease=lease, if_match=etag)


def _json(state: State) -> bytes:
    return state.model_dump_json().encode()
