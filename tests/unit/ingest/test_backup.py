"""A backup brings back what was known, and takes nothing away that nobody asked it to."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from tidegate import cli
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.ingest.backup import ABOUT, Restored, backup, restore
from tidegate.model import Kind, Sighting
from tidegate.ports import BadPayload, SourceDown
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def state(*values: str, days: int = 9) -> pl.DataFrame:
    rows = [Sighting(Kind.DOMAIN, one, "s", 70, NOW, NOW, NOW + days * DAY) for one in values]
    marked = fingerprinted(frame(rows).select(*SCHEMA))
    return marked.with_columns(written=pl.lit(NOW).cast(STATE["written"])).select(*STATE).sort("id")


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    made = SegmentStore(tmp_path / "sightings")
    for source, rows in {"one": state("a.example", "b.example"), "two": state("c.example")}.items():
        made.commit(source, rows, rows)
    return made


@pytest.fixture
def file(store: SegmentStore) -> BytesIO:
    to = BytesIO()
    assert backup(store, to, NOW) == {"one": 2, "two": 1}
    return to


def brought(file, store, *only: str, replace: bool = False, now: datetime = NOW) -> list[Restored]:
    return list(restore(file, store, now, only, replace=replace))


def test_an_empty_store_becomes_what_it_was(store, file, tmp_path):
    wiped = SegmentStore(tmp_path / "wiped")
    assert brought(file, wiped) == [Restored("one", 2), Restored("two", 1)]
    for source in ("one", "two"):
        assert_frame_equal(wiped.state(source), store.state(source))
    assert_frame_equal(wiped.live(NOW).collect(), store.live(NOW).collect())


def test_what_is_there_is_left_unless_somebody_says_so(store, file):
    later = state("z.example")
    store.commit("one", later, later)
    assert brought(file, store, "one") == [Restored("one", kept=1)]
    assert store.state("one")["value"].to_list() == ["z.example"]
    assert brought(file, store, "one", replace=True) == [Restored("one", 2)]
    assert set(store.state("one")["value"]) == {"a.example", "b.example"}


def test_only_what_is_asked_for_is_brought(file, tmp_path):
    wiped = SegmentStore(tmp_path / "wiped")
    assert brought(file, wiped, "two") == [Restored("two", 1)]
    assert list(wiped.versions()) == ["two"]


def test_what_has_expired_stays_away(file, tmp_path):
    wiped = SegmentStore(tmp_path / "wiped")
    assert brought(file, wiped, now=NOW + 10 * DAY) == [Restored("one"), Restored("two")]
    assert wiped.live(NOW).collect().is_empty()


def test_a_source_that_somebody_writes_is_not_touched(store, file):
    with store.writing("one"), pytest.raises(SourceDown, match="is being written"):
        brought(file, store, "one", replace=True)


def packed(about: object = None, **entries: bytes) -> BytesIO:
    to = BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        for name, data in entries.items():
            archive.writestr(f"sightings/{name}.parquet", data)
        if about is not None:
            archive.writestr(ABOUT, json.dumps(about))
    return to


def parquet(rows: pl.DataFrame) -> bytes:
    to = BytesIO()
    rows.write_parquet(to)
    return to.getvalue()


def bomb() -> BytesIO:
    to = BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, b" " * 1_000_000)
    return to


ODD = {
    "no archive": (BytesIO(b"Not a ZIP"), "no backup"),
    "nothing in it": (packed(), "backup.json is missing"),
    "another format": (packed({"format": 2, "rows": {}}), "format 2"),
    "no numbers": (packed({"format": 1}), "missing or odd"),
    "a list": (packed([1]), "missing or odd"),
    "a way out": (packed({"format": 1, "rows": {"../x": 1}}), "missing or odd"),
    "a source that is not there": (packed({"format": 1, "rows": {"s": 1}}), "s.parquet is missing"),
    "no table": (packed({"format": 1, "rows": {"s": 1}}, s=b"x"), "cannot be read"),
    "no columns": (
        packed({"format": 1, "rows": {"s": 1}}, s=parquet(pl.DataFrame({"id": ["a"]}))),
        "rows without id",
    ),
    "a bomb": (bomb(), "packed twice"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_is_no_backup_says_so_and_changes_nothing(what, tmp_path):
    file, why = ODD[what]
    empty = SegmentStore(tmp_path / "empty")
    with pytest.raises(BadPayload, match=why):
        brought(file, empty)
    assert not empty.versions()


def run(home: Path, *words: object) -> tuple[int, list[dict]]:
    env = {"TIDEGATE_HOME": str(home)}
    done = CliRunner().invoke(cli.app, [*map(str, words), "--json"], env=env)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_by_the_commands_an_analysts_word_comes_back(tmp_path):
    before, after, file = tmp_path / "before", tmp_path / "after", tmp_path / "all.zip"
    run(before, "mark", "evil.example", "malicious", "--because", "seen", "--by", "kim")
    assert run(before, "backup", file) == (0, [{"out": str(file), "sources": {"analyst": 1}}])
    assert file.stat().st_mode & 0o077 == 0
    assert run(after, "restore", file) == (0, [{"source": "analyst", "rows": 1, "kept": 0}])
    _, [found] = run(after, "explain", "evil.example")
    assert found["score"] == 100
    assert run(after, "restore", file)[1] == [{"source": "analyst", "rows": 0, "kept": 1}]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_file_that_cannot_be_opened_is_told(command, tmp_path):
    words = [command, str(tmp_path / "no" / "all.zip")]
    done = CliRunner().invoke(cli.app, words, env={"TIDEGATE_HOME": str(tmp_path)})
    assert done.exit_code == 1
    assert "No such file or directory" in " ".join(done.output.split())
