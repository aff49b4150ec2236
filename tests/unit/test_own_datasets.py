"""One's own datasets: a folder each, or entries of sources.yaml; a mistake in one is its own."""

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate.adapters.geo import Chain
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.local.files import FileObjects
from tidegate.declare.dataset import datasets
from tidegate.declare.layers import layers
from tidegate.declare.policy import breaches
from tidegate.maps import state, tsv
from tidegate.maps.refresh import refresh
from tidegate.maps.world import World
from tidegate.settings import Settings

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
DECLARED = """
title: My logons
file: my-logons.tsv
refresh: 15m
window: 1d
overlap: 10m
retention: 7d
columns: {TimeGenerated: datetime, Who: string, IPAddress: string}
locate: IPAddress
label: Who
"""
QUERY = "Own | where ingestion_time() > _cursor | project TimeGenerated, Who, IPAddress"
SOURCE: dict[str, Any] = {
    "id": "my_source",
    "name": "My source",
    "enabled": True,
    "refresh_interval_seconds": 300,
    "query_time_window_hours": 24,
    "incremental": True,
    "incremental_overlap_minutes": 10,
    "output_filename": "my-source.tsv",
    "kql_query": "Own\n| where TimeGenerated > ago({time_window})\n// the end\n",
    "columns": ["TimeGenerated", "Who", "IPAddress", "Latitude", "Longitude"],
}


def own(
    folder: Path, name: str = "my_logons", declared: str = DECLARED, query: str = QUERY
) -> Path:
    (folder / name).mkdir()
    (folder / name / "dataset.yaml").write_text(declared, "utf-8")
    (folder / name / "query.kql").write_text(query, "utf-8")
    return folder


def listed(folder: Path, *sources: Any) -> Path:
    (folder / "sources.yaml").write_text(yaml.safe_dump({"sources": list(sources)}), "utf-8")
    return folder


def test_without_a_folder_there_are_the_built_in_ones(tmp_path: Path):
    assert layers(None).datasets == datasets() == layers(tmp_path / "nothing").datasets


def test_a_folder_and_a_list_add_datasets(tmp_path: Path):
    found = layers(listed(own(tmp_path), SOURCE, {**SOURCE, "id": "off", "enabled": False}))
    assert found.broken == {}
    assert found.datasets.keys() - datasets().keys() == {"my_logons", "my_source"}


def test_the_examples_of_the_manual_are_right(tmp_path: Path):
    manual = (Path(__file__).parents[2] / "docs/howto/add-a-dataset.md").read_text("utf-8")
    declared, sources = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    (query,) = re.findall(r"```kusto\n(.*?)```", manual, re.DOTALL)
    own(tmp_path, "office_downloads", declared, query)
    (tmp_path / "sources.yaml").write_text(sources, "utf-8")
    found = layers(tmp_path)
    assert found.broken == {}
    assert {"office_downloads", "legacy_logons"} <= found.datasets.keys()


def test_a_mistake_is_its_own_and_says_where(tmp_path: Path):
    own(tmp_path, "typo", DECLARED.replace("title", "titel"))
    own(tmp_path, "signin_failures")
    own(tmp_path, "reaches_out", query="workspace('other').Own")
    own(tmp_path, "bad-name")
    listed(own(tmp_path), SOURCE, {**SOURCE, "id": "short", "columns": []}, "nothing", SOURCE)
    found = layers(tmp_path)
    assert {"my_logons", "my_source"} <= found.datasets.keys()
    lines = {name: lines[0].removeprefix(f"{tmp_path}/") for name, lines in found.broken.items()}
    assert lines.keys() == {
        "typo",
        "signin_failures",
        "reaches_out",
        "bad-name",
        "short",
        "source 3",
        "my_source",
    }
    assert lines["typo"].startswith("typo/dataset.yaml: title: ")
    assert lines["signin_failures"].endswith("name: signin_failures is taken")
    assert lines["reaches_out"] == "reaches_out/query.kql: line 1: workspace() is not allowed"
    assert lines["short"].startswith("sources.yaml: short: columns: ")
    assert lines["my_source"].endswith("name: my_source is taken")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"kql_query": "externaldata(x: string)['https://x.example']"},
            "kql_query: line 1: extern",
        ),
        ({"columns": ["Who", "IPAddress"]}, "time: no time; name one of the columns"),
        ({"columns": ["TimeGenerated", "Who"]}, "locate: no column is known"),
        ({"output_filename": "../../etc/passwd"}, "file: "),
        ({"refresh_interval_seconds": 0}, "refresh_interval_seconds: "),
        ({"facets": ["Nobody"]}, "facets: not among the columns"),
        ({"querry": "x"}, "querry: no such key"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(change: dict[str, Any], said: str, tmp_path: Path):
    (line, *_) = layers(listed(tmp_path, SOURCE | change)).broken["my_source"]
    assert said.split(": ", maxsplit=1)[-1] in line


def test_a_file_that_is_no_list_of_sources_is_said(tmp_path: Path):
    for text in ("sources: 7", "sources: []\nmore: 1", "{", "- 1", "\0"):
        (tmp_path / "sources.yaml").write_text(text, "utf-8")
        found = layers(tmp_path)
        assert found.datasets == datasets()
        assert found.broken.keys() == {"sources.yaml"}


def test_the_window_is_replaced_as_a_token_and_braces_stay(tmp_path: Path):
    query = "Own | where x == '{not}' and TimeGenerated > ago({time_window}) | where y has '{'"
    found = layers(
        listed(
            tmp_path,
            SOURCE | {"kql_query": query},
            SOURCE | {"id": "whole", "kql_query": query, "incremental": False},
        )
    ).datasets
    assert found["my_source"].query.startswith(query.replace("{time_window}", "(now() - _cursor)"))
    assert found["whole"].query.startswith(query.replace("{time_window}", "24h"))
    assert (found["my_source"].grain, found["whole"].grain) == ("row", "whole")
    assert found["my_source"].overlap == timedelta(minutes=10)


def world(tmp_path: Path, folder: Path, *rows: str) -> World:
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "Own.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    known = layers(folder).datasets
    objects = FileObjects(tmp_path / "state", lambda: NOW)
    return World(known, LocalLogs(tables, lambda: NOW), objects, Chain(), lambda: NOW)


@pytest.mark.parametrize("incremental", [True, False])
def test_a_source_is_refreshed_without_code(incremental: bool, tmp_path: Path):
    folder = listed(tmp_path, SOURCE | {"incremental": incremental})
    here = world(
        tmp_path,
        folder,
        "TimeGenerated\tWho\tIPAddress\tLatitude\tLongitude",
        "2026-11-21T03:00:00Z\tada\t10.0.0.1\t1.5\t2.5",
        "2026-11-21T02:00:00Z\tben\t10.0.0.2\t\t",
        "2026-11-18T02:00:00Z\told\t10.0.0.3\t\t",
    )
    told = refresh(here.datasets["my_source"], here)
    assert (told.reason, told.rows) == (None, 2)


def test_a_folder_of_ones_own_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDEGATE_DATASETS_FOLDER", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_SITES", "Berlin=52.52,13.40; São Paulo = -23.55 , -46.63")
    found = Settings()
    assert found.datasets_folder == tmp_path
    assert [(one.name, one.latitude) for one in found.sites] == [
        ("Berlin", 52.52),
        ("São Paulo", -23.55),
    ]


@pytest.mark.parametrize("text", ["Berlin", "Berlin=91,0", "=1,2", "A=1;B=2", "A=nan,0", "A=1,2,3"])
def test_what_is_no_site_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDEGATE_SITES", text)
    with pytest.raises(ValueError, match="sites"):
        Settings()


@pytest.mark.parametrize(
    "kql",
    [
        ".drop table T",
        "T | take 1\n  .show tables",
        "T // x\n.show tables",
        "#connect cluster('x')",
        "externaldata(x:string)[h'https://x.example']",
        "T | union (ExternalData (x:string) ['x'])",
        "workspace('x').T",
        "workspace // a comment\n ('x').T",
        "['workspace']('x').T",
        "union T, cluster(\"x\").database('y').T",
        'app ("x").requests',
        "arg('').Resources",
        "resource('/subscriptions/x').T",
        "external_table('x')",
        "T | evaluate http_request('https://x.example')",
        "T | evaluate hint.distribution = per_node python(typeof(*), 'x')",
        "T | evaluate sql_request('x', 'y')",
        "set notruncation; T",
        "T | take 1; set notruncation",
        "alias database d = cluster('x').database('y'); T",
        "T | where x == 'it does not end",
        'T | where x == "a\\" | evaluate python()',
        "T\0",
        "stored_query_result('x')",
    ],
)
def test_what_reaches_out_is_refused(kql: str):
    assert breaches(kql)


@pytest.mark.parametrize(
    "kql",
    [
        "T | where Url has 'workspace(' // externaldata(x) in a comment",
        "T | where x == \"evaluate python\" and y == @'c:\\' and z == 'it\\'s'",
        "T | extend app = 1, database = 'x', cluster = app | project workspace = app",
        "T | evaluate bag_unpack(Data) | evaluate hint.distribution = per_node narrow()",
        "let set_ = dynamic(['.show']); T | where x in (set_)",
        "T | where x == ```\n.show tables\n```",
        "T | where n > .5 and Data.database == 1",
        "T | where x == '\\\\' | where y == ''",
    ],
)
def test_what_only_looks_like_it_is_not(kql: str):
    assert breaches(kql) == []


ACTORS = """
- id: known_actors
  name: Known actors
  output_filename: known-actors.tsv
  incremental: false
  query_time_window_hours: 876000
  kql_query: |
    Own
    | extend TimeGenerated = datetime(2026-11-01), Aliases = ['Other names']
  columns: [TimeGenerated, Name, Location, Motivation, Aliases]
  key_columns: [Name, Location]
  kind: actors
  facets: [Country, Motivation]
"""


def test_actors_are_placed_by_what_people_call_countries(tmp_path: Path):
    (tmp_path / "sources.yaml").write_text(
        "sources:" + ACTORS.replace("\n", "\n  ").replace("876000", "24000"), "utf-8"
    )
    here = world(
        tmp_path,
        tmp_path,
        "Name\tLocation\tMotivation\tOther names",
        'A "quoted" one\tSouth Korea\tx\t"B", C',
        "D\tTürkiye\u00a0\tx\t",
        "D2\tT\u00a0rkiye\tx\t",
        "E\tTurkey\tx\t",
        "F\tRussia\tx\t",
        "G\tKorea\u00a0(South)\tx\t",
        "I\tPrivate sector\tx\t",
    )
    told = refresh(here.datasets["known_actors"], here)
    assert (told.reason, told.rows) == (None, 7)
    manifest = state.read(here.objects, "known_actors").state.manifest
    assert manifest is not None
    stored = here.objects.get(f"datasets/known_actors/{manifest.file}")
    assert stored is not None
    rows = tsv.decode(gzip.decompress(stored.data)).sort("Name")
    assert rows["Name"][0] == 'A "quoted" one'
    assert rows["Country"].to_list() == ["KR", "TR", "TR", "TR", "RU", "KR", None]
    assert rows["GeoPrecision"].to_list() == [*["country"] * 6, "none"]


def test_a_long_list_of_actors_is_placed(tmp_path: Path, stored: Callable[[str], Path]):
    """One that people really use, quotes, commas and all."""
    file = stored("../sentinel/activity-maps/threat-actors.tsv")
    if not file.is_file():
        pytest.skip("there is no such list beside the project")
    kept = file.read_text("utf-8-sig").splitlines()
    (tmp_path / "sources.yaml").write_text(
        "sources:" + ACTORS.replace("\n", "\n  ").replace("876000", "24000"), "utf-8"
    )
    here = world(tmp_path, tmp_path, *kept)
    told = refresh(here.datasets["known_actors"], here)
    manifest = state.read(here.objects, "known_actors").state.manifest
    assert manifest is not None
    assert told.reason is None
    assert manifest.located > 0.98 * told.rows > 400
