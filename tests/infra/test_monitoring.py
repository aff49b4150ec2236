"""Monitoring is code: queries that can be asked, alerts that fire on what is really logged."""

import importlib
import importlib.util
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tidegate import functions, loop
from tidegate.adapters.azure.cosmos_budget import CHARGE, Account
from tidegate.adapters.azure.keyvault import VaultSecret
from tidegate.adapters.discreet import without_values
from tidegate.adapters.local import duckdb_kql
from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.roles import NEEDED
from tidegate.cost import ENVIRONMENTS
from tidegate.detonate import worker
from tidegate.gate.run import Gated
from tidegate.ingest import alerts, journal
from tidegate.maps.result import Refresh, Result
from tidegate.model import Outcome, Stage, Status
from tidegate.ports import SourceDown, Trouble
from tidegate.wiring.detonation import Detonating

sweeping = importlib.import_module("tidegate.detonate.sweep")  # its package names a function so
ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
KQL = ROOT / "tests" / "kql"
TABLES = yaml.safe_load((MONITORING / "tables.yaml").read_text("utf-8"))
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))
METRICS = yaml.safe_load((MONITORING / "metrics.yaml").read_text("utf-8"))
QUERIES = {file.stem: file.read_text("utf-8") for file in MONITORING.glob("queries/*.kql")}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = {"title", "query", "every", "window", "operator", "threshold", "severity", "runbook"}
SPANS = {"PT15M": 15, "PT30M": 30, "PT45M": 45, "PT1H": 60, "P1D": 1440}  # minutes, as Azure allows
PUBLISHED = {("Microsoft.DocumentDB/databaseAccounts", "NormalizedRUConsumption")}
FAULTS = {
    "column": ("AppTraces | where Mesage == ''", "KS142"),
    "table": ("traces | take 1", "KS204"),
    "type": ("AppRequests | where DurationMs startswith 'x'", "KS"),
    "workspace": ("workspace('other').AppTraces | take 1", "foreign: workspace"),
}


# --- declarations -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_whole(name):
    told = ALERTS[name]
    assert KEYS <= told.keys() <= KEYS | {"measure", "aggregate", "emitted"}
    assert ("measure" in told) == ("aggregate" in told)
    assert told["query"] in QUERIES
    assert told["every"] in SPANS
    assert SPANS[told["every"]] <= SPANS[told["window"]]
    assert told["operator"] in {"GreaterThan", "LessThan"}
    assert told["severity"] in range(4)
    assert told.get("aggregate") in {None, "Total", "Maximum"}


@pytest.mark.parametrize("name", METRICS)
def test_an_alert_on_a_metric_is_whole(name):
    """What Azure measures can be seen on Azure alone; the names are those of its documentation."""
    told = METRICS[name]
    assert told.keys() == KEYS - {"query"} | {"namespace", "metric", "aggregate"}
    assert (told["namespace"], told["metric"]) in PUBLISHED
    assert (told["every"], told["window"]) == ("PT5M", "PT15M")
    assert name not in ALERTS


@pytest.mark.parametrize("name", [*ALERTS, *METRICS])
def test_an_alert_names_a_heading_of_a_runbook(name):
    assert _heading_exists((ALERTS | METRICS)[name]["runbook"])


def test_a_heading_that_is_not_there_is_found():
    assert not _heading_exists("feeds.md#no-such-heading")


def _heading_exists(target: str) -> bool:
    page, _, wanted = target.partition("#")
    text = (ROOT / "docs" / "runbooks" / page).read_text("utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return wanted in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_every_query_is_shown_or_watched():
    shown = yaml.safe_load((MONITORING / "dashboards.yaml").read_text("utf-8"))
    used = {query for one in shown.values() for query, _ in one["panels"].values()}
    watched = {one["query"] for one in ALERTS.values()}
    assert used | watched == QUERIES.keys()


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("workbooks", MONITORING / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_deployed_is_what_the_files_say(generate):
    written = (ROOT / "infra/monitoring.json").read_text("utf-8")
    assert written == generate.deployed(), "run `make docs`"
    assert json.loads(written)["alerts"].keys() == ALERTS.keys()
    assert json.loads(written)["metrics"].keys() == METRICS.keys()


def test_bicep_deploys_every_workbook(generate):
    text = (ROOT / "bicep/modules/monitoring.bicep").read_text("utf-8")
    deployed = re.findall(
        r"name: '(\w+)', text: loadTextContent\('../../monitoring/workbooks/(\w+).json'\)", text
    )
    titles = json.loads(generate.deployed())["workbooks"]
    assert deployed == [(name, name) for name in sorted(titles)]


def test_workbooks_are_what_the_queries_say(generate):
    files = {file.name: file.read_text("utf-8") for file in MONITORING.glob("workbooks/*.json")}
    assert files == generate.workbooks(), "run `make docs`"


def test_the_bill_counts_the_alerts():
    assert {one.alert_rules for one in ENVIRONMENTS.values()} == {len(ALERTS)}
    assert {one["every"] for one in ALERTS.values()} == {"PT15M"}  # which the price is for


# --- Microsoft's own analyser -------------------------------------------------------------------


@pytest.fixture(scope="module")
def linted() -> dict[str, dict[str, Any]]:
    beside = Path(sys.executable).parent / "node"
    node = shutil.which("node") or (str(beside) if beside.exists() else None)
    if node is None or not (KQL / "node_modules").is_dir():
        pytest.skip("there is no Node, or no analyser (npm ci in tests/kql)")
    asked = QUERIES | {name: text for name, (text, _) in FAULTS.items()}
    queries = [{"id": name, "text": text} for name, text in asked.items()]
    done = subprocess.run(  # noqa: S603 - our own script
        [node, KQL / "lint.js"],
        input=json.dumps({"tables": TABLES, "queries": queries}),
        capture_output=True,
        text=True,
        check=True,
    )
    return {one["id"]: one for one in json.loads(done.stdout)}


@pytest.mark.slow
def test_nothing_is_wrong_with_a_query(linted):
    assert {name: linted[name]["faults"] for name in QUERIES if linted[name]["faults"]} == {}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault, linted):
    assert any(said.startswith(FAULTS[fault][1]) for said in linted[fault]["faults"])


@pytest.mark.slow
def test_every_measure_is_a_number_that_the_query_returns(linted):
    for told in filter(lambda one: "measure" in one, ALERTS.values()):
        columns = dict(linted[told["query"]]["columns"])
        assert columns[told["measure"]] in {"long", "real"}


# --- what the code logs, and what alerts make of it ---------------------------------------------


@dataclass
class Workspace:
    """A local table of what was logged, and the alerts on it."""

    folder: Path
    caplog: pytest.LogCaptureFixture

    def fires(self, name: str) -> bool:
        told = ALERTS[name]
        rows = self.answer(told["query"], timedelta(minutes=SPANS[told["window"]]))
        value = _measured(rows, told.get("measure"), told.get("aggregate"))
        over = value > told["threshold"]
        return value < told["threshold"] if told["operator"] == "LessThan" else over

    def answer(self, query: str, span: timedelta = timedelta(days=1)) -> list[dict[str, Any]]:
        self.put("AppTraces", [_trace(one) for one in self.caplog.records])
        logs = LocalLogs(self.folder, lambda: NOW)
        body = logs.response(QUERIES[query], NOW - span, NOW)
        (table,) = body["tables"]
        names = [column["name"] for column in table["columns"]]
        return [dict(zip(names, row, strict=True)) for row in table["rows"]]

    def put(self, table: str, rows: list[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / f"{table}.ndjson").write_text(text, encoding="utf-8")


def _trace(record: logging.LogRecord) -> dict[str, Any]:
    level = {logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3}[record.levelno]
    at = (NOW - timedelta(minutes=1)).isoformat()
    # Nothing is known: what an alert asks for must be left of a line even then.
    told = without_values(record.getMessage())
    return {"TimeGenerated": at, "Message": told, "SeverityLevel": level}


def _measured(rows: list[dict[str, Any]], measure: str | None, aggregate: str | None) -> float:
    if measure is None:
        return len(rows)
    values = [float(row[measure]) for row in rows]
    return sum(values) if aggregate == "Total" else max(values, default=0.0)


@pytest.fixture
def workspace(tmp_path, caplog, monkeypatch) -> Iterator[Workspace]:
    for name, columns in TABLES.items():
        monkeypatch.setitem(duckdb_kql.TABLES, name, columns)
    caplog.set_level(logging.INFO)
    return Workspace(tmp_path, caplog)


@dataclass
class Memory:
    """Of one feed's trouble."""

    known: Trouble = field(default_factory=Trouble)

    def trouble(self, feed: str) -> Trouble:
        return self.known

    def note(self, feed: str, trouble: Trouble) -> None:
        self.known = trouble


Patch = pytest.MonkeyPatch


def runs_fail(patch: Patch) -> None:
    for feed in ("urlhaus", "otx", "ipsum"):
        journal.ran(Outcome(feed, Status.SOURCE_DOWN, reason="500: no answer"))
        journal.ran(Outcome(feed, Status.QUARANTINED, reason="half of it is gone"))


def runs_succeed(patch: Patch) -> None:
    outcomes = [Outcome("urlhaus", Status.OK, kept=3), Outcome("otx", Status.OK, kept=4)]
    for one in outcomes:
        journal.ran(one)
    journal.total(outcomes)


def feed_goes_down(patch: Patch) -> None:
    alerts.alert("urlhaus", alerts.DOWN, 'it said "no"', Memory(), NOW)


def feed_is_well_again(patch: Patch) -> None:
    alerts.alert("urlhaus", alerts.GOOD, None, Memory(Trouble(state=alerts.DOWN)), NOW)


def feeds_timer(patch: Patch) -> None:
    patch.setattr(loop, "ingest_due", lambda _: None)
    functions.start_feeds(SimpleNamespace())


def datasets_timer(patch: Patch) -> None:
    patch.setattr(loop, "map_due", lambda _: None)
    functions.refresh_datasets(SimpleNamespace())


def swept(days: float) -> Callable[[Patch], None]:
    def sweep(patch: Patch) -> None:
        for name in ("_clear", "_purge"):
            patch.setattr(sweeping, name, lambda _: 0)
        patch.setattr(sweeping.slots, "expire_all", lambda _: 0)
        case = SimpleNamespace(id="1", opened=NOW - timedelta(days=days))
        cases = SimpleNamespace(unfinished=lambda _: [case])
        queue = SimpleNamespace(put=lambda _: None)
        sweeping.sweep(SimpleNamespace(clock=lambda: NOW, cases=cases, queue=queue))

    return sweep


def case_is_given_up(patch: Patch) -> None:
    case = SimpleNamespace(id="da1", stage=Stage.EXAMINE)
    patch.setattr(worker, "given_up", lambda *_: case)
    cases = SimpleNamespace(get=lambda _: case, save=lambda _: None)
    queue = SimpleNamespace(put=lambda _: None)
    worker.give_up("da1", "no attempt is left", SimpleNamespace(cases=cases, queue=queue))


def case_ends(patch: Patch) -> None:
    case = SimpleNamespace(id="da1", stage=Stage.DONE)
    worker._save(case, None, SimpleNamespace(cases=SimpleNamespace(save=lambda _: None)))


def alerts_unread(patch: Patch) -> None:
    def down(_: object) -> None:
        raise SourceDown("Defender answered 403")

    patch.setattr(functions.detonate, "poll", down)
    patch.setattr(functions.detonate, "work", lambda _: None)
    for _ in range(12):
        functions.read_alerts(SimpleNamespace(detonate=None, has_tenant=True))


def role_missing(patch: Patch) -> None:
    settings = SimpleNamespace(defender_url="https://defender.example")
    house = SimpleNamespace(settings=settings, missing_roles=lambda: [NEEDED["alerts"]])
    Detonating.tell_missing_roles(house)


def plan_waits(patch: Patch) -> None:
    for _ in range(3):
        loop.log_gate([Gated("defender", held_back="more than 500 changes at once")])


def gate_applies(patch: Patch) -> None:
    applied = SimpleNamespace(written=3, removed=1, failed=())
    loop.log_gate([Gated("defender", applied=applied)])


def refreshed(result: Result) -> Callable[[Patch], None]:
    def refresh(patch: Patch) -> None:
        patch.setattr(loop.runs, "take_over", lambda _: None)
        done = [Refresh("signin_failures", result, reason="the logs: 403")]
        patch.setattr(loop, "refresh_all", lambda _: done)
        for _ in range(6):
            loop.map_due(SimpleNamespace(maps=None))

    return refresh


def vault_down(patch: Patch) -> None:
    vault = SimpleNamespace(_warned=False)
    VaultSecret._warn(vault, SourceDown("secret of the vault: 403"), SimpleNamespace(read=NOW))


def nothing(patch: Patch) -> None:
    pass


# What happens when it shall fire, and what happens when it shall not.
HAPPENS: dict[str, tuple[Callable[[Patch], None], Callable[[Patch], None]]] = {
    "high_ingestion_failure_rate": (runs_fail, runs_succeed),
    "feed_in_trouble": (feed_goes_down, feed_is_well_again),
    "feeds_timer_not_running": (nothing, feeds_timer),
    "datasets_timer_not_running": (nothing, datasets_timer),
    "sweep_timer_not_running": (nothing, swept(1)),
    "case_is_stuck": (swept(3), swept(1)),
    "cases_are_given_up": (case_is_given_up, case_ends),
    "alerts_are_not_read": (alerts_unread, nothing),
    "role_is_missing": (role_missing, nothing),
    "plan_waits": (plan_waits, gate_applies),
    "map_is_stale": (refreshed(Result.DOWN), refreshed(Result.REFRESHED)),
    "vault_is_down": (vault_down, nothing),
}


def test_every_alert_on_our_lines_is_proven():
    ours = {name for name, told in ALERTS.items() if told.get("emitted") != "platform"}
    assert ours == HAPPENS.keys()


@pytest.mark.parametrize("name", HAPPENS)
def test_an_alert_fires_on_what_is_logged(name, workspace, monkeypatch):
    HAPPENS[name][0](monkeypatch)
    assert workspace.fires(name)


@pytest.mark.parametrize("name", HAPPENS)
def test_an_alert_is_silent_when_all_is_well(name, workspace, monkeypatch):
    HAPPENS[name][1](monkeypatch)
    assert not workspace.fires(name)


def test_a_reworded_line_is_noticed(workspace, monkeypatch):
    other = logging.getLogger("other")
    monkeypatch.setattr(journal.log, "error", lambda _, *said: other.error("Failed: %s, %s", *said))
    runs_fail(monkeypatch)
    assert not workspace.fires("high_ingestion_failure_rate")


@pytest.mark.parametrize(("failed", "fires"), [(1, False), (3, True)])
def test_a_tenth_of_failed_executions_fires(failed, fires, workspace):
    at = (NOW - timedelta(minutes=1)).isoformat()
    rows = [
        {"TimeGenerated": at, "AppRoleName": "ingest", "Success": n >= failed} for n in range(20)
    ]
    workspace.put("AppRequests", rows)
    assert workspace.fires("functions_fail") is fires


# --- what dashboards read -----------------------------------------------------------------------


def test_the_volume_is_what_was_kept(workspace, monkeypatch):
    runs_succeed(monkeypatch)
    (hour,) = workspace.answer("ingestion_volume")
    assert (hour["ingested"], hour["runs"]) == (7, 1)
    by_feed = {row["feed"]: row["kept"] for row in workspace.answer("ingestion_by_feed")}
    assert by_feed == {"urlhaus": 3, "otx": 4}


def test_request_units_are_what_the_service_charged(workspace):
    with Account(lambda: NOW).run("urlhaus") as meter:
        meter.wrote(2)
        meter.charged({CHARGE: "13.5"})
    (row,) = workspace.answer("cosmos_units")
    assert (row["source"], row["rows"], row["requests"], row["units"]) == ("urlhaus", 2, 1, 13.5)


def test_ends_of_cases_are_counted_by_stage(workspace, monkeypatch):
    case_ends(monkeypatch)
    (row,) = workspace.answer("cases_ended")
    assert (row["stage"], row["cases"]) == ("done", 1)


PLATFORM = ("AppRequests", "AppExceptions", "AppDependencies", "Usage")


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_runs_here(name, workspace):
    """With one empty row in each table that the platform fills: names and functions are known."""
    for table in PLATFORM:
        workspace.put(table, [{"TimeGenerated": NOW.isoformat()}])
    workspace.answer(name)
