"""A command pays only for what it uses: what is imported, and what is started."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.settings import Settings
from tidegate.wiring import local

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
        assert house.detonate.enforcement.enforcement is house.gate.enforcement
        assert house.ingest.feeds is house.gate.knowledge.feeds
    assert house.tenant.defender.startswith("http://127.0.0.1:")


def test_feeds_are_kept_from_inner_addresses_and_the_tenant_is_not(tmp_path):
    with local(Settings(home=tmp_path)) as house:
        assert not house.ingest.http.allow_private
        assert house._http().allow_private
