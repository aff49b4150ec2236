"""What the gate remembers of each target: its state, and every run with all its changes.

A run is written down before anything is changed and again when it has ended, so that one which was
broken off is known by what it was about to do. The state is one small document; readers need no
more for the picture of the last days.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from tidegate.gate.plan import Change
from tidegate.model import Kind, Tlp
from tidegate.ports import APPLICATION, Conflict, Enforced, Objects
from tidegate.sightings import KINDS, TIME, TLPS
from tidegate.stored import document, table

HOUR = timedelta(hours=1)
KEPT = 400  # runs in the state: more than two days of one every ten minutes
REMEMBERED = timedelta(days=90)
STAMP = "%Y%m%dT%H%M%S%f"
DONE, PENDING = "done", "pending"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run on one line. `elective` changes count against the churn of the hour."""

    run: str
    at: datetime
    added: int = 0
    extended: int = 0
    replaced: int = 0
    removed: int = 0
    failed: int = 0
    elective: int = 0
    by: str | None = None
    reason: str | None = None  # why it broke off


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing is changed at the target until somebody says so."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A plan that waits for a person."""

    plan: str
    at: datetime
    adds: int
    removes: int
    why: str
    moves: int = 0  # all that changes for anybody


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a target since the last look; `pending` is a run that has not ended."""

    at: datetime | None = None
    limit: int = 0
    headroom: int = 0
    others: int = 0
    slots: int = 0
    chosen: int = 0
    postponed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    paused: Paused | None = None
    waiting: Waiting | None = None
    pending: str | None = None
    runs: tuple[Ran, ...] = ()  # newest first

    @property
    def last(self) -> Ran | None:
        """The last run that changed anything."""
        return self.runs[0] if self.runs else None

    def spent(self, now: datetime) -> int:
        """Return how many elective changes there were within the last hour."""
        return sum(run.elective for run in self.runs if now - run.at < HOUR)


DOCUMENT = TypeAdapter(State)
CHANGES: dict[str, Any] = {
    "do": pl.String(),
    "id": pl.String(),
    "ref": pl.String(),
    "kind": KINDS,
    "value": pl.String(),
    "why": pl.String(),
    "elective": pl.Boolean(),
    "outcome": pl.String(),
    "score": pl.Float64(),
    "threat": pl.String(),
    **{
        name: dtype
        for side in ("", "before_")
        for name, dtype in {
            f"{side}action": pl.String(),
            f"{side}expires": TIME,
            f"{side}title": pl.String(),
            f"{side}description": pl.String(),
            f"{side}severity": pl.String(),
            f"{side}alerts": pl.Boolean(),
            f"{side}groups": pl.List(pl.String()),
            f"{side}tags": pl.List(pl.String()),
            f"{side}first_seen": TIME,
            f"{side}tlp": TLPS,
        }.items()
    },
}
"""One row per change of a run.

`ref` is the target's own id; `outcome` is `pending`, `done`, or why it failed.
"""
SAID = ("action", "expires", "title", "description", "severity", "alerts", "first_seen")
SIDE = (*SAID, "groups", "tags", "tlp")


def state(objects: Objects, target: str) -> State:
    """Return what is remembered of a target."""
    stored = objects.get(_state(target))
    return State() if stored is None else document(DOCUMENT, stored.data, _state(target))


def remember(objects: Objects, target: str, after: State) -> None:
    """Replace what is remembered of a target."""
    kept = replace(after, runs=after.runs[:KEPT])
    objects.put(_state(target), DOCUMENT.dump_json(kept))


def prepare(objects: Objects, target: str) -> str:
    """Make sure that there is a state to lease; return its name."""
    name = f"gate/{target}/lock"
    if objects.get(name) is None:
        with suppress(Conflict):  # another process made it meanwhile
            objects.put(name, b"", if_absent=True)
    return name


def note(objects: Objects, target: str, reason: str) -> None:
    """Say why a target could not be looked at; whoever writes the state meanwhile knows better."""
    stored = objects.get(_state(target))
    before = State() if stored is None else document(DOCUMENT, stored.data, _state(target))
    if before.reason != reason:
        etag = stored.etag if stored else None
        data = DOCUMENT.dump_json(replace(before, reason=reason))
        with suppress(Conflict):
            objects.put(_state(target), data, if_match=etag, if_absent=stored is None)


def run_id(plan: str, now: datetime) -> str:
    """Return the id of a run: they sort by time."""
    return f"{now:{STAMP}}-{plan}"


def when(run: str) -> datetime:
    """Return when a run began."""
    return datetime.strptime(run.partition("-")[0], STAMP).replace(tzinfo=UTC)


def write(
    objects: Objects, target: str, run: str, changes: Sequence[Change], outcomes: Sequence[str]
) -> None:
    """Write down a run with what became of each change so far."""
    rows = [_row(one, said) for one, said in zip(changes, outcomes, strict=True)]
    file = BytesIO()
    pl.DataFrame(rows, schema=CHANGES).write_parquet(file, compression="zstd")
    objects.put(_run(target, run), file.getvalue())


def read(objects: Objects, target: str, run: str) -> pl.DataFrame | None:
    """Return the changes of a run, with the columns of `CHANGES`; None if there is no such run."""
    stored = objects.get(_run(target, run))
    return None if stored is None else table(stored.data, CHANGES, _run(target, run))


def runs(objects: Objects, target: str) -> Iterator[str]:
    """Yield the ids of all remembered runs, newest first."""
    prefix = _run(target, "").removesuffix(".parquet")
    names = sorted(objects.names(prefix), reverse=True)
    yield from (name.removeprefix(prefix).removesuffix(".parquet") for name in names)


def forget(objects: Objects, target: str, now: datetime) -> None:
    """Delete the runs that are too old to be of use."""
    oldest = f"{now - REMEMBERED:{STAMP}}"
    for run in runs(objects, target):
        if run < oldest:
            objects.delete(_run(target, run))


def _state(target: str) -> str:
    return f"gate/{target}/state.json"


def _run(target: str, run: str) -> str:
    return f"gate/{target}/runs/{run}.parquet"


def _row(change: Change, outcome: str) -> dict[str, Any]:
    one = asdict(change.enforced)
    before = asdict(change.before) if change.before else dict.fromkeys(SIDE)
    return {
        "do": change.do,
        "id": change.id,
        "ref": change.enforced.id,
        "kind": (change.enforced.kind or Kind.DOMAIN).value,
        "value": change.enforced.value,
        "why": change.why,
        "elective": change.elective,
        "outcome": outcome,
        "score": change.enforced.score,
        "threat": change.enforced.threat,
        **{name: _plain(one[name]) for name in SIDE},
        **{f"before_{name}": _plain(before[name]) for name in SIDE},
    }


def change(row: dict[str, Any]) -> Change:
    """Return a row of `CHANGES` as it was planned."""
    before = enforced(row, "before_") if row["before_action"] is not None else None
    return Change(row["do"], row["id"], enforced(row), row["why"], before, row["elective"])


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def enforced(row: dict[str, Any], side: str = "") -> Enforced:
    """Return what a row of `CHANGES` says the target was to hold; `before_`: held until then."""
    said = {name: row[side + name] for name in SAID}
    return Enforced(
        kind=Kind(row["kind"]),
        value=row["value"],
        id=row["ref"],
        application=APPLICATION,
        score=row["score"] or 0.0,
        threat=row["threat"],
        groups=tuple(row[side + "groups"] or ()),
        tags=tuple(row[side + "tags"] or ()),
        tlp=Tlp(row[side + "tlp"] or Tlp.CLEAR),  # runs of before did not tell
        **said,
    )
