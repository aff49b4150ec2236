"""What was learned of sources: who copies whom, and how often they were right in the tenant.

One small object. `learn` writes who copies whom, `feedback` the tallies; whoever scores reads both.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    StringConstraints,
    TypeAdapter,
)

from tidegate.ports import BadPayload, Conflict, Objects, SourceDown
from tidegate.stored import document

NAME = "gate/learned.json"
TRIES = 5

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Tally(_Strict):
    """How a source fared: hits of what it named, and how many of those people judged which way."""

    hits: NonNegativeInt = 0
    confirmed: NonNegativeInt = 0
    false_positives: NonNegativeInt = 0


class Learned(_Strict):
    """What is known of sources from experience.

    `derived` is when `groups` and `copies` were last told from what lists have in common.
    """

    derived: AwareDatetime | None = None
    groups: tuple[tuple[Name, ...], ...] = ()
    copies: dict[Name, tuple[Name, ...]] = {}
    tallies: dict[Name, Tally] = {}

    def tally(self, source: str) -> Tally:
        """Return how a source fared."""
        return self.tallies.get(source, Tally())


LEARNED = TypeAdapter(Learned)


def recall(objects: Objects) -> Learned:
    """Return what was learned. Raises BadPayload where that cannot be read."""
    stored = objects.get(NAME)
    return Learned() if stored is None else _read(stored.data)


def _read(data: bytes) -> Learned:
    return document(LEARNED, data, NAME)


def relearn(objects: Objects, edit: Callable[[Learned], Learned]) -> Learned:
    """Put what `edit` makes of what was learned in its place; what cannot be read is as none."""
    for _ in range(TRIES):
        stored = objects.get(NAME)
        try:
            before = Learned() if stored is None else _read(stored.data)
        except BadPayload:
            before = Learned()
        after = edit(before)
        etag = stored.etag if stored else None
        try:
            objects.put(NAME, after.model_dump_json().encode(), if_match=etag, if_absent=not etag)
        except Conflict:
            continue
        return after
    raise SourceDown(f"{NAME} is being written by others")
