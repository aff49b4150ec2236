"""Every dataset folder keeps its contract. `REWRITE=1` writes expected.tsv anew."""

import gzip
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tidegate.adapters.geo import Chain
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import GEO, Dataset, datasets
from tidegate.maps import state, tsv
from tidegate.maps.answer import table
from tidegate.maps.refresh import refresh
from tidegate.maps.result import Result
from tidegate.maps.world import World
from tidegate.ports import LogTable
from tidegate.simulator.places import place
from tidegate.simulator.tables import write_tables

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
RUN = "00000000-0000-4000-8000-000000000001"
ALL = [pytest.param(dataset, id=name) for name, dataset in datasets().items()]
each = pytest.mark.parametrize("dataset", ALL)


class Recorded:
    """A log source that answers what was recorded."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer

    def now(self) -> datetime:
        return NOW

    def query(self, kql: str, start: datetime, end: datetime, **_: object) -> LogTable:
        return table(self.answer)


def recorded(dataset: Dataset) -> dict[str, Any]:
    return json.loads((folder(dataset) / "rows.json").read_text(encoding="utf-8"))


def folder(dataset: Dataset) -> Path:
    return Path(str(files("tidegate.datasets"))) / dataset.name


def world(tmp_path: Path, answer: Mapping[str, Any]) -> World:
    return World(
        datasets(),
        Recorded(answer),
        FileObjects(tmp_path, lambda: NOW),
        Chain(reserved=[place]),
        lambda: NOW,
        run=lambda: RUN,
    )


def stored(dataset: Dataset, world: World) -> bytes:
    manifest = state.read(world.objects, dataset.name).state.manifest
    assert manifest is not None
    found = world.objects.get(state.folder(dataset.name) + manifest.file)
    assert found is not None
    return gzip.decompress(found.data)


def test_there_are_datasets():
    assert set(datasets()) >= {"signin_failures", "threat_indicators"}


@each
def test_the_recorded_answer_gives_the_expected_file(dataset: Dataset, tmp_path: Path):
    here = world(tmp_path, recorded(dataset))
    assert refresh(dataset, here).result is Result.REFRESHED
    expected = folder(dataset) / "expected.tsv"
    if os.environ.get("REWRITE"):
        expected.write_bytes(stored(dataset, here))
    assert stored(dataset, here) == expected.read_bytes()


@each
def test_every_line_has_every_column(dataset: Dataset):
    lines = (folder(dataset) / "expected.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0].split("\t") == [*dataset.columns, *GEO]
    assert {line.count("\t") for line in lines[:-1]} == {len(dataset.stored) - 1}
    assert len(lines) > 2
    assert lines[-1] == ""


@each
def test_the_recording_shows_located_and_unlocated_rows(dataset: Dataset):
    rows = tsv.decode((folder(dataset) / "expected.tsv").read_bytes())
    assert set(rows["GeoPrecision"]) >= {"city", "none"}
    located = rows.filter(rows["GeoPrecision"] != "none")
    assert located.select("Latitude", "Longitude", "GeoSource").null_count().row(0) == (0, 0, 0)


@each
def test_the_query_names_every_declared_column_as_a_whole_word(dataset: Dataset):
    code = re.sub(r"//.*", "", dataset.query)
    assert set(dataset.columns) <= set(re.findall(r"\w+", code))


@each
def test_the_query_has_no_templating(dataset: Dataset):
    assert not re.search(r"\{\w*\}|%s|\$\{", dataset.query)
    assert {"_cursor", "_cut"} <= set(re.findall(r"\w+", dataset.query))


@each
def test_a_second_refresh_is_throttled_and_a_forced_one_changes_nothing(
    dataset: Dataset, tmp_path: Path
):
    here = world(tmp_path, recorded(dataset))
    refresh(dataset, here)
    before = stored(dataset, here)
    assert refresh(dataset, here).result is Result.FRESH
    assert refresh(dataset, here, force=True).result is Result.REFRESHED
    assert stored(dataset, here) == before


EMPTY_ANSWERS = [{"tables": []}, "no rows"]


@each
@pytest.mark.parametrize("answer", EMPTY_ANSWERS, ids=["no table", "no rows"])
def test_an_empty_answer_gives_a_header(dataset: Dataset, answer: Any, tmp_path: Path):
    if answer == "no rows":
        answer = recorded(dataset)
        answer["tables"][0]["rows"] = []
    here = world(tmp_path, answer)
    assert refresh(dataset, here).result is Result.REFRESHED
    assert stored(dataset, here).decode() == "\t".join([*dataset.columns, *GEO]) + "\n"


@each
def test_a_partial_answer_never_moves_the_watermark(dataset: Dataset, tmp_path: Path):
    cut_short = {**recorded(dataset), "error": {"code": "PartialError", "message": "too large"}}
    here = world(tmp_path, cut_short)
    assert refresh(dataset, here).partial
    first = state.read(here.objects, dataset.name).state
    assert first.watermark is None
    assert first.manifest is not None
    assert first.manifest.partial
    refresh(dataset, replace(here, logs=Recorded(recorded(dataset))), force=True)
    whole = state.read(here.objects, dataset.name).state
    assert whole.watermark is not None
    refresh(dataset, here, force=True)
    assert state.read(here.objects, dataset.name).state.watermark == whole.watermark


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    write_tables(made, NOW, signins=2_000, indicators=600)
    return made


@each
def test_the_query_runs_here_and_answers_what_is_declared(
    dataset: Dataset, tables: Path, tmp_path: Path
):
    here = replace(world(tmp_path, {}), logs=LocalLogs(tables, lambda: NOW))
    bounds = "let _cursor = datetime(2026-11-01);\nlet _cut = datetime(2026-11-21T04:00:00Z);\n"
    answer = here.logs.query(bounds + dataset.query, NOW - dataset.window, NOW)
    extras = {*GEO, dataset.gone}
    declared = {name: type_ for name, type_ in answer.columns.items() if name not in extras}
    assert list(declared.items()) == list(dataset.columns.items())
    assert {name: answer.columns[name] for name in GEO if name in answer.columns}.items() <= (
        GEO.items()
    )
    assert refresh(dataset, here).rows > 100


@each
def test_the_recording_has_the_columns_that_the_query_answers(dataset: Dataset, tables: Path):
    bounds = "let _cursor = datetime(2026-11-01);\nlet _cut = datetime(2026-11-21T04:00:00Z);\n"
    logs = LocalLogs(tables, lambda: NOW)
    live = logs.query(bounds + dataset.query, NOW - dataset.window, NOW)
    assert list(table(recorded(dataset)).columns.items()) == list(live.columns.items())


@each
def test_the_whole_rows_of_the_local_run_are_one_per_key(
    dataset: Dataset, tables: Path, tmp_path: Path
):
    here = replace(world(tmp_path, {}), logs=LocalLogs(tables, lambda: NOW))
    refresh(dataset, here)
    rows = tsv.decode(stored(dataset, here))
    assert rows.select(dataset.key).n_unique() == rows.height
    assert rows.select(dataset.time).null_count().item() == 0
