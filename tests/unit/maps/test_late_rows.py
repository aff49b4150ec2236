"""Counts by window: many refreshes with late rows come to what one query of everything says."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.geo import Chain
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import datasets
from tidegate.maps import state, tsv
from tidegate.maps.refresh import Result, refresh
from tidegate.maps.world import World
from tidegate.ports import LogTable
from tidegate.simulator.places import place

pytestmark = pytest.mark.slow

END = datetime(2026, 11, 21, 4, 7, tzinfo=UTC)
SPRAY = datasets()["password_spray"]
# When a sign-in happened, and how many minutes later it was received.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 24),
        st.integers(0, 2_800),
        st.integers(0, 9),  # whose
        st.integers(0, 1),  # from where
        st.sampled_from(["50126", "50126", "50053", "0"]),
    ),
    min_size=40,
    max_size=120,
)


def text(when: datetime) -> str:
    return f"{when.replace(tzinfo=None).isoformat()}Z"


def signin(number: int, row: tuple[int, int, int, int, str]) -> dict[str, Any]:
    ago, late, user, address, result = row
    # Two bursts: else no five users ever meet in one window. No two rows at one time: none is last.
    happened = END - timedelta(minutes=ago % 2 * 1_500 + ago, seconds=number % 60)
    happened = happened.replace(microsecond=number)
    return {
        "TimeGenerated": text(happened),
        "_TimeReceived": text(happened + timedelta(minutes=late if number % 3 == 0 else late % 5)),
        "Id": str(number),
        "UserPrincipalName": f"user{user}@example.com",
        "IPAddress": f"198.51.100.{address * 8 + 1}",
        "ResultType": result,
        "LocationDetails": {"geoCoordinates": {"latitude": number / 10, "longitude": 1.0}},
    }


class Day:
    """A workspace in which rows are there once they were received, and a clock."""

    def __init__(self, folder: Path, rows: list[dict[str, Any]]) -> None:
        (folder / "tables").mkdir(parents=True)
        lines = "\n".join(map(json.dumps, rows))
        (folder / "tables" / "SigninLogs.ndjson").write_text(lines, "utf-8")
        self.time = END
        objects = FileObjects(folder, self.now)
        logs = LocalLogs(folder / "tables", self.now)
        self.world = World({SPRAY.name: SPRAY}, logs, objects, Chain(reserved=[place]), self.now)

    def now(self) -> datetime:
        return self.time

    def refreshed(self, at: datetime) -> pl.DataFrame:
        self.time = at
        assert refresh(SPRAY, self.world, force=True).result is Result.REFRESHED
        manifest = state.read(self.world.objects, SPRAY.name).state.manifest
        assert manifest is not None
        stored = self.world.objects.get(state.folder(SPRAY.name) + manifest.file)
        assert stored is not None
        return tsv.decode(gzip.decompress(stored.data))


@given(ROWS, st.lists(st.integers(1, 600), min_size=2, max_size=4))
@settings(max_examples=4, deadline=None)
def test_refreshes_with_late_rows_equal_one_full_query(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], gaps: list[int]
):
    signins = [signin(number, row) for number, row in enumerate(rows)]
    steps = Day(tmp_path_factory.mktemp("steps"), signins)
    *_, found = (steps.refreshed(END - timedelta(minutes=gap)) for gap in sorted(gaps)[::-1])
    whole = Day(tmp_path_factory.mktemp("whole"), signins).refreshed(steps.time)
    assert found.sort(found.columns).equals(whole.sort(whole.columns))


def test_a_row_two_days_late_makes_an_old_window_a_spray(tmp_path: Path):
    start = END - timedelta(days=2, hours=3)
    rows = [signin(n, (0, 0, n, 0, "50126")) for n in range(5)]
    for row in rows:
        row["TimeGenerated"] = row["_TimeReceived"] = text(start)
    rows[4]["_TimeReceived"] = text(END - timedelta(minutes=20))
    day = Day(tmp_path, rows)
    assert day.refreshed(END - timedelta(hours=1)).is_empty()
    found = day.refreshed(END)
    assert found.select("Users", "Attempts").row(0) == ("5", "5")


class Asked:
    """A log source that has nothing, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.starts: list[datetime] = []

    def now(self) -> datetime:
        return END

    def query(self, kql: str, start: datetime, end: datetime, **_: object) -> LogTable:
        self.starts.append(start)
        return LogTable({}, pl.DataFrame())


@pytest.mark.parametrize(
    ("name", "full", "again"),
    [
        ("password_spray", "2026-11-14T04:00:00Z", "2026-11-18T03:40:00Z"),
        ("signin_failures", "2026-11-18T04:05:00Z", "2026-11-18T04:05:00Z"),
        ("impossible_travel", "2026-11-14T04:05:00Z", "2026-11-14T04:05:00Z"),
    ],
)
def test_no_bin_is_asked_for_in_part(name: str, full: str, again: str, tmp_path: Path):
    """And what is compared as a whole is asked for as a whole each time."""
    logs, one = Asked(), datasets()[name]
    world = World({name: one}, logs, FileObjects(tmp_path, logs.now), Chain(), logs.now)
    for _ in range(2):
        refresh(one, world, force=True)
    assert [text(start) for start in logs.starts] == [full, again]
