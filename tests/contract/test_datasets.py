"""Every dataset folder keeps its contract. `REWRITE=1` writes expected.tsv anew."""

import gzip
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
ASKED = [pytest.param(one, id=one.name) for one in datasets().values() if one.source == "logs"]
each_asked = pytest.mark.parametrize("dataset", ASKED)


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
        store=Recorded(answer),
        run=lambda: RUN,
    )


def stored(dataset: Dataset, world: World) -> bytes:
    manifest = state.read(world.objects, dataset.name).state.manifest
    assert manifest is not None
    found = world.objects.get(state.folder(dataset.name) + manifest.file)
    assert found is not None
    return gzip.decompress(found.data)


def test_there_are_datasets():
    assert len(datasets()) >= 16
    assert {one.kind for one in datasets().values()} == {"events", "indicators", "actors"}


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
    assert set(rows["GeoPrecision"]) >= {"country" if dataset.kind == "actors" else "city", "none"}
    located = rows.filter(rows["GeoPrecision"] != "none")
    assert located.select("Latitude", "Longitude", "GeoSource").null_count().row(0) == (0, 0, 0)


@each_asked
def test_the_query_names_every_declared_column_as_a_whole_word(dataset: Dataset):
    code = re.sub(r"//.*", "", dataset.query)
    assert set(dataset.columns) <= set(re.findall(r"\w+", code))


@each_asked
def test_the_query_has_no_templating(dataset: Dataset):
    assert not re.search(r"\{[A-Za-z_]\w*\}|%s|\$\{", dataset.query)
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
    whole_answer = Recorded(recorded(dataset))
    refresh(dataset, replace(here, logs=whole_answer, store=whole_answer), force=True)
    whole = state.read(here.objects, dataset.name).state
    assert whole.watermark is not None
    refresh(dataset, here, force=True)
    assert state.read(here.objects, dataset.name).state.watermark == whole.watermark


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    write_tables(made, NOW, signins=2_000, indicators=600)
    return made


class Live:
    """Answers of the local engine, each asked for once."""

    def __init__(self, folder: Path) -> None:
        self._logs = LocalLogs(folder, lambda: NOW)
        self._answers = dict[str, LogTable]()

    def now(self) -> datetime:
        return NOW

    def query(self, kql: str, start: datetime, end: datetime, **_: object) -> LogTable:
        if kql not in self._answers:
            self._answers[kql] = self._logs.query(kql, start, end)
        return self._answers[kql]

    def of(self, dataset: Dataset) -> LogTable:
        """Return what a refresh of the whole window asked for."""
        return next(found for asked, found in self._answers.items() if dataset.query in asked)


@pytest.fixture(scope="module")
def live(tables: Path) -> Live:
    return Live(tables)


@each_asked
@pytest.mark.flow
def test_the_query_runs_here_and_answers_what_is_declared(
    dataset: Dataset, live: Live, tmp_path: Path
):
    here = replace(world(tmp_path, {}), logs=live)
    told = refresh(dataset, here)
    assert told.reason is None
    assert told.rows > 10
    answered = live.of(dataset).columns
    extras = {*GEO, dataset.gone}
    declared = {name: type_ for name, type_ in answered.items() if name not in extras}
    assert list(declared.items()) == list(dataset.columns.items())
    assert {name: answered[name] for name in GEO if name in answered}.items() <= GEO.items()
    assert list(table(recorded(dataset)).columns.items()) == list(answered.items())
    rows = tsv.decode(stored(dataset, here))
    assert rows.select(dataset.key or list(dataset.columns)).n_unique() == rows.height
    assert rows.select(dataset.time).null_count().item() == 0


@each
def test_a_dataset_offers_what_the_page_asks_for(dataset: Dataset):
    assert 3 <= len(dataset.facets) <= 8
    assert dataset.weight is not None or not isinstance(dataset.grain, timedelta)
