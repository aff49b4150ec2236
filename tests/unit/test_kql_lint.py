"""Every query of ours before Microsoft's own analyser: names, types, results, and what it touches.

`npm ci --ignore-scripts` in `tests/kql` brings the analyser (`make test` does).
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tidegate.declare.dataset import GEO, Dataset, datasets
from tidegate.declare.policy import breaches
from tidegate.declare.sources import Source, dataset
from tidegate.declare.tables import TABLES

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parents[1] / "kql"
BOUNDS = "let _cursor = datetime(2026-01-01);\nlet _cut = datetime(2026-01-02);\n"
SOURCES = Path(str(files("tidegate")))
ASKED = {name: one for name, one in datasets().items() if one.source == "logs"}
OTHERS = [file for file in sorted(SOURCES.rglob("*.kql")) if file.name != "query.kql"]
OWN = Source(
    id="own",
    name="Own",
    output_filename="own.tsv",
    kql_query="SigninLogs | where TimeGenerated > ago({time_window})",
    columns=["TimeGenerated", "Id", "IPAddress", "LocationDetails"],
)

# What each must be told apart from: a query that is right but for one thing.
FAULTS = {
    "unknown column": ("SigninLogs | where IpAddress == ''", "KS142"),
    "unknown table": ("SigninLog | take 1", "KS204"),
    "unknown function": ("SigninLogs | extend x = nonsense(Id)", "KS211"),
    "type mismatch": ("SigninLogs | where TimeGenerated > 'x' + 1", "KS"),
    "syntax": ("SigninLogs | where Id == == 'x'", "KS"),
    "command": (".drop table SigninLogs", "command"),
    "command in the middle": ("SigninLogs | take 1\n.drop table SigninLogs", "command"),
    "externaldata": ("externaldata(x: string)['https://files.example/x.csv']", "externaldata"),
    "workspace": ("workspace('other').SigninLogs | take 1", "foreign: workspace"),
    "cluster": ("cluster('other').database('logs').SigninLogs", "foreign: cluster"),
    "union of others": ("union SigninLogs, app('other').requests", "foreign: app"),
    "plugin": ("SigninLogs | evaluate http_request('https://evil.example')", "plugin"),
}


def linted(queries: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Lint all queries in one call."""
    beside = Path(sys.executable).parent / "node"
    node = shutil.which("node") or (str(beside) if beside.exists() else None)
    if node is None or not (HERE / "node_modules").is_dir():
        pytest.skip("there is no Node, or no analyser (npm ci in tests/kql)")
    asked = {"tables": TABLES, "queries": [{"id": i, "text": q} for i, q in queries.items()]}
    done = subprocess.run(  # noqa: S603 - our own script
        [node, HERE / "lint.js"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return {each["id"]: each for each in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    """Return what is said of every query of ours, one of a user's, and each faulty one."""
    ours = {name: BOUNDS + one.query for name, one in ASKED.items()}
    others = {file.name: file.read_text("utf-8") for file in OTHERS}
    own = {"own": BOUNDS + dataset(OWN, "sources.yaml").query}
    return linted(ours | others | own | {name: BOUNDS + text for name, (text, _) in FAULTS.items()})


def columns(result: Mapping[str, Any], of: Dataset) -> Sequence[tuple[str, str]]:
    extras = {*GEO, of.gone}
    return [(name, type_) for name, type_ in result["columns"] if name not in extras]


def test_there_are_queries_beside_the_datasets(results: dict[str, dict[str, Any]]):
    assert "matches.kql" in results


@pytest.mark.parametrize("name", [*ASKED, *(file.name for file in OTHERS), "own"])
def test_nothing_is_wrong_with_a_query(name: str, results: dict[str, dict[str, Any]]):
    assert results[name]["faults"] == []


@pytest.mark.parametrize("name", ASKED)
def test_a_query_returns_what_its_dataset_declares(name: str, results: dict[str, dict[str, Any]]):
    of = ASKED[name]
    assert columns(results[name], of) == list(of.columns.items())
    extras = {n: type_ for n, type_ in results[name]["columns"] if n in {*GEO, of.gone}}
    assert extras.items() <= ({of.gone: "bool"} | GEO).items()


def test_a_source_returns_what_its_columns_are_called(results: dict[str, dict[str, Any]]):
    of = dataset(OWN, "sources.yaml")
    assert columns(results["own"], of) == list(of.columns.items())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, results: dict[str, dict[str, Any]]):
    assert any(said.startswith(FAULTS[fault][1]) for said in results[fault]["faults"])


def test_our_own_policy_agrees(results: dict[str, dict[str, Any]]):
    """Where there is no Node, `declare.policy` alone looks at what a user wrote."""
    for name in [*ASKED, *(file.name for file in OTHERS)]:
        text = ASKED[name].query if name in ASKED else (SOURCES / "gate" / name).read_text("utf-8")
        assert breaches(text) == []
    for text, said in FAULTS.values():
        assert bool(breaches(text)) == (not said.startswith("KS"))
