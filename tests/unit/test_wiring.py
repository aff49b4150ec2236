"""A command pays only for what it uses: what is imported, and what is started."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from pydantic import ValidationError

from tidegate.gate.feedback import hear
from tidegate.gate.learned import NAME, Learned
from tidegate.ports import SourceDown
from tidegate.settings import Settings
from tidegate.wiring import azure, local

pytestmark = pytest.mark.slow

HEAVY = ("fastapi", "starlette", "uvicorn", "duckdb", "duckdb_kql", "azure", "maxminddb")
TELL = f"; import json; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
SAMPLE = Path(__file__).parents[2] / "src" / "tidegate" / "feeds" / "urlhaus" / "sample.csv"


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """Run code in a fresh interpreter; return which heavy modules it has loaded."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))

    def run(code: str) -> list[str]:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", f"import sys; {code}{TELL}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
        return loaded

    return run


def command(*words: str) -> str:
    return f"from tidegate.cli import app; app({list(words)!r}, standalone_mode=False)"


def test_the_command_line_alone_loads_nothing_heavy(heavy):
    assert heavy("import tidegate.cli") == []


@pytest.mark.parametrize(
    "words", [("ingest", "urlhaus", "--file", str(SAMPLE)), ("feeds", "list"), ("doctor",)]
)
def test_commands_about_feeds_load_nothing_heavy(heavy, words):
    assert heavy(command(*words)) == []


def test_ingestion_starts_no_tenant(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert house.ingest.policy is house.policy
        assert "tenant" not in house.__dict__
    assert not (tmp_path / "tenant").exists()


def test_looking_up_starts_no_tenant(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert house.knowledge.policy is house.policy
        assert "tenant" not in house.__dict__
    assert not (tmp_path / "tenant").exists()


def test_one_machine_needs_no_cloud(heavy):
    every = "house.ingest, house.gate, house.detonate, house.maps"
    code = f"from tidegate.wiring import local\nwith local() as house: {every}\nimport sys"
    loaded = heavy(f"exec({code!r})")
    assert "azure" not in loaded
    assert "duckdb" in loaded


def test_parts_are_built_once_and_closed_with_the_house(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert house.detonate is house.detonate
        assert house.detonate.enforcement.enforcement is house.gate.targets[0].enforcement
        assert house.ingest.feeds is house.gate.knowledge.feeds
    assert house.tenant.defender.startswith("http://127.0.0.1:")


def test_feeds_are_kept_from_inner_addresses_and_the_tenant_is_not(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert not house.ingest.http.allow_private
        assert house._http().allow_private


# --- what the gate learns ---------------------------------------------------------------------

START = datetime(2026, 11, 20, tzinfo=UTC)
LOGS = "https://api.loganalytics.azure.com"
REAL = {
    "defender_url": "https://defender.example",
    "graph_url": "https://graph.example",
    "vmray_url": "https://vmray.example",
    "vmray_key": "x",
}


def test_the_gate_hears_the_simulated_tenant_and_its_logs(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert "ThreatIntelIndicators" in house.feedback.query
        assert house.feedback.logs is house.maps.logs
        told = hear(house.feedback)
    assert (told.alerts, told.retired, told.reason) == (0, 0, None)


def test_invented_logs_say_nothing_of_a_real_tenant(tmp_path):
    with local(Settings(home=tmp_path, **REAL)) as house:
        assert house.feedback.logs is None
    (tmp_path / "tables").mkdir()
    with local(Settings(home=tmp_path, tables=tmp_path / "tables", **REAL)) as house:
        assert house.feedback.logs is house.maps.logs


def test_a_workspace_is_asked_by_the_map_and_by_the_gate(tmp_path):
    given = Settings(home=tmp_path, workspace_id=UUID(int=7), **REAL)
    with local(given) as house:
        workspace = house.workspace
        assert (workspace.url, workspace.workspace) == (LOGS, str(UUID(int=7)))
        assert workspace.http.tokens.scope == f"{LOGS}/.default"
        assert house.feedback.logs is workspace
        assert house.maps.logs.logs is workspace
        assert not house.maps.synthetic
    assert not (tmp_path / "tables").exists()


def test_an_application_gets_its_tokens_for_the_workspace_as_for_the_tenant(tmp_path):
    entra = {"entra_url": "https://login.example/token", "client_id": "a", "client_secret": "b"}
    cloud = {"workspace_url": "https://api.loganalytics.us", "workspace_scope": "other/.default"}
    given = Settings(home=tmp_path, workspace_id=UUID(int=7), **REAL, **entra, **cloud)
    with local(given) as house:
        tokens = house.workspace.http.tokens
        assert (tokens.endpoint, tokens.scope) == ("https://login.example/token", "other/.default")
        assert house.workspace.url == "https://api.loganalytics.us"


def test_without_a_workspace_nothing_is_invented_on_azure(tmp_path):
    cosmos = {"cosmos_url": "https://c.example", "storage_url": "https://a.blob.example"}
    nobody = SimpleNamespace(get_token=None)
    with azure(Settings(home=tmp_path, **cosmos), credential=nobody) as house:
        assert not house.maps.synthetic
        with pytest.raises(SourceDown, match="TIDEGATE_WORKSPACE_ID"):
            house.maps.logs.now()
        with pytest.raises(SourceDown, match="TIDEGATE_WORKSPACE_ID"):
            house.maps.logs.query("SigninLogs", START, START)
    assert not (tmp_path / "tables").exists()


def test_logs_come_from_one_place(tmp_path):
    with pytest.raises(ValidationError, match="exclude each other"):
        Settings(workspace_id=UUID(int=7), tables=tmp_path)


def test_grades_of_the_settings_hold_for_feeds_and_not_for_analysts(tmp_path):
    given = {"urlhaus": "E", "analyst": "F", "nobody": "A"}
    with local(Settings(home=tmp_path, feed_grades=given)) as house:
        grades = house.knowledge.grades
    assert (grades["urlhaus"], grades["analyst"]) == ("E", "A")
    assert "nobody" not in grades
    with pytest.raises(ValidationError, match="feed_grades"):
        Settings(feed_grades={"urlhaus": "G"})


def test_what_was_learned_and_cannot_be_read_is_told_of_once(tmp_path, caplog):
    with local(Settings(home=tmp_path)) as house:
        house.objects.put(NAME, b"{")
        for _ in range(3):
            assert house.knowledge.learned() == Learned()
    assert [one for one in caplog.messages if NAME in one] == caplog.messages
    assert len(caplog.messages) == 1
