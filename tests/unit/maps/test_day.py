"""After any number of increments a dataset holds what one query over everything would answer.

Rows come up to two days late or a day early, twice, changed, and marked as gone; answers come in no
order, and some of them cut short; the clock is wrong for a while; the nightly load is in between.
"""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory, mkdtemp

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import Dataset
from tidegate.maps import state, tsv
from tidegate.maps.refresh import refresh
from tidegate.maps.result import Result
from tidegate.maps.world import World
from tidegate.ports import LogTable, Place

SHARED = Path("/dev/shm")  # noqa: S108 - a folder of a random name in it
START = datetime(2026, 11, 21, 4, 0, 30, tzinfo=UTC)
LATE, EARLY = timedelta(days=2), timedelta(days=1)
BOUNDS = re.compile(r"let _cursor = datetime\((.+)\);\nlet _cut = datetime\((.+)\);")
HITS = Dataset.model_validate(
    {
        "name": "hits",
        "title": "Hits",
        "query": "Hits",
        "file": "hits.tsv",
        "refresh": "5m",
        "window": "3d",
        "overlap": "10m",
        "retention": "3d",
        "columns": {"TimeGenerated": "datetime", "Id": "string", "Note": "string"},
        "key": ["Id"],
        "locate": "Id",
        "label": "Id",
        "gone": "Gone",
        "ingested": "Ingested",
    }
)
TYPES = {**HITS.columns, "Gone": "bool", "Ingested": "datetime"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the log table, and when the workspace received it."""

    ingested: datetime
    time: datetime
    id: str
    note: str
    gone: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        times = [f"{at:%Y-%m-%dT%H:%M:%S.%f}0Z" for at in (self.time, self.ingested)]
        return (times[0], self.id, self.note, "true" if self.gone else "false", times[1])


@dataclass
class Logs:
    """A workspace that receives rows, and answers by the bounds of the query and the window."""

    chance: Random
    time: datetime = START
    wrong: timedelta = timedelta(0)
    ours: timedelta = timedelta(0)
    rows: list[Row] = field(default_factory=list)
    partial: bool = False

    def now(self) -> datetime:
        return self.time + self.wrong

    def clock(self) -> datetime:
        return self.time + self.ours

    def query(self, kql: str, start: datetime, end: datetime, **_: object) -> LogTable:
        match = BOUNDS.match(kql)
        assert match is not None
        cursor, cut = (datetime.fromisoformat(text) for text in match.groups())
        asked = [r for r in self.rows if cursor < r.ingested <= cut and start <= r.time < end]
        found = self.chance.sample(asked, len(asked) // 2 if self.partial else len(asked))
        schema = dict.fromkeys(TYPES, pl.String())
        cells = pl.DataFrame([row.cells for row in found], schema, orient="row")
        return LogTable(TYPES, cells, self.partial)

    def pass_(self, minutes: int, number: int) -> None:
        """Let rows come in meanwhile: new ones, repeated and changed ones, marks of ends."""
        begin, span = self.time, timedelta(minutes=minutes)
        self.time += span
        for at in sorted(self.chance.random() for _ in range(number)):
            self.rows.append(self._row(begin + at * span))

    def _row(self, at: datetime) -> Row:
        what = self.chance.random()
        if what < 0.6 or not self.rows:
            time = at - LATE * self.chance.random() ** 3
            early = what < 0.05
            return Row(at, at + EARLY * 0.99 if early else time, f"r{len(self.rows)}", "new")
        one = self.chance.choice(self.rows)
        # Who changes a row keeps its time, unless that is too old by now.
        kept = replace(one, ingested=at, time=max(one.time, at - LATE))
        return kept if what < 0.7 else replace(kept, note=f"at {at}", gone=what > 0.9)

    def address(self, text: str) -> Place | None:
        return None

    country = address


def world(logs: Logs, folder: Path) -> World:
    objects = FileObjects(folder, lambda: logs.time)
    return World({"hits": HITS}, logs, objects, logs, logs.clock)


def held(world: World) -> list[tuple[str, ...]]:
    manifest = state.read(world.objects, "hits").state.manifest
    assert manifest is not None
    stored = world.objects.get(f"datasets/hits/{manifest.file}")
    assert stored is not None
    return tsv.decode(gzip.decompress(stored.data)).select(*HITS.columns).rows()


def expected(logs: Logs) -> list[tuple[str, ...]]:
    """Return what the newest rows by receipt come to, without any of the product's code."""
    cut = (logs.now() - timedelta(minutes=2)).replace(second=0, microsecond=0)
    newest: dict[str, Row] = {}
    for row in sorted(logs.rows, key=lambda row: row.ingested):
        if row.ingested <= cut:
            newest[row.id] = row
    oldest = logs.now() - HITS.retention
    alive = [row for row in newest.values() if not row.gone and row.time >= oldest]
    return [row.cells[:3] for row in sorted(alive, key=lambda row: (row.time, row.id))]


def one_query(logs: Logs, folder: Path) -> list[tuple[str, ...]]:
    fresh = world(logs, folder)
    assert refresh(HITS, fresh).result is Result.REFRESHED
    return held(fresh)


def step(logs: Logs, here: World, minutes: int, received: int) -> None:
    logs.pass_(minutes, received)
    assert refresh(HITS, here).result is Result.REFRESHED


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder in memory where there is such a thing: no test cuts the power."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    with TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_day_of_increments_comes_to_what_one_query_answers(memory: Path):
    logs = Logs(Random(7))  # noqa: S311 - repeatable
    here = world(logs, memory / "here")
    full = set()
    for turn in range(25 * 12 + 4):
        logs.partial = turn % 11 == 5
        logs.wrong = logs.ours = timedelta(hours=3) if 6 <= turn < 10 else timedelta(0)
        step(logs, here, 5, 4)
        full.add(state.read(here.objects, "hits").state.reconciled)
    assert len(full) == 3  # the first, the one after the clock was put right, the nightly one
    assert len(held(here)) > 500
    assert held(here) == expected(logs)
    assert one_query(logs, memory / "there") == held(here)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32),
    st.lists(
        st.tuples(
            st.sampled_from([5, 5, 5, 7, 60, 1500]),
            st.integers(0, 9),
            st.booleans(),
            st.sampled_from([(0, 0), (0, 0), (-90, 0), (40, 0), (600, 0), (0, -90), (0, 600)]),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_so_does_any_other_time(memory: Path, seed: int, steps):
    logs = Logs(Random(seed))  # noqa: S311 - repeatable
    folder = Path(mkdtemp(dir=memory))
    here = world(logs, folder / "here")
    for minutes, received, partial, wrong in steps:
        logs.partial = partial
        logs.wrong, logs.ours = (timedelta(minutes=one) for one in wrong)
        logs.pass_(minutes, received)
        refresh(HITS, here)
    logs.partial, logs.wrong, logs.ours = False, timedelta(0), timedelta(0)
    step(logs, here, 5, 3)
    assert held(here) == expected(logs)
    assert one_query(logs, folder / "there") == held(here)
