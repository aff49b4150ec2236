"""`tidegate search`: the same filters as over HTTP, for people and for scripts."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tidegate.cli import app
from tidegate.declare.feed import feeds
from tidegate.ingest.run import Job, run
from tidegate.model import Origin
from tidegate.settings import Settings
from tidegate.wiring import local

SAMPLE = Path(__file__).parents[2] / "src" / "tidegate" / "feeds" / "urlhaus" / "sample.csv"


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home into which URLhaus's sample was read."""
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    # The sample's own dates are long gone: it is read as if it had been written today.
    with local(Settings()) as house:
        assert run(Job(feeds()["urlhaus"], SAMPLE, Origin.SAMPLE), house.ingest).kept


def search(*words: str) -> Result:
    return CliRunner().invoke(app, ["search", *words])


def found(*words: str) -> dict[str, Any]:
    done = search("--json", *words)
    assert done.exit_code == 0, done.output
    page: dict[str, Any] = json.loads(done.stdout)
    return page


def test_pages_follow_one_another():
    everything = found()
    assert everything["continuation"] is None
    first = found("--limit", "1")
    second = found("--limit", "1", "--continuation", first["continuation"])
    assert [*first["items"], *second["items"]] == everything["items"][:2]


def test_filters_are_those_of_the_api():
    best = found("--sort", "score", "--limit", "1")["items"][0]
    assert found("--min-score", "100.0")["items"] == []
    assert found("--kind", "domain")["items"] == []
    assert found("--source", "urlhaus", "--prefix", best["value"][:20])["items"]
    assert found("--last-seen-after", "2999-01-01")["items"] == []
    assert found("--network", "192.0.2.0/24")["items"] == []
    assert best in found(best["value"].upper())["items"]


def test_people_read_it_defanged_and_learn_how_to_go_on():
    done = search("--limit", "1")
    assert done.exit_code == 0
    assert "hxxp" in done.stdout
    assert "http" not in done.stdout
    assert "--continuation" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--network", "nothing"),
        ("--continuation", "x"),
        ("--sort", "value"),
        ("--limit", "0"),
        ("--kind", "nothing"),
    ],
)
def test_wrong_use_is_told(words):
    assert search(*words).exit_code == 2


def test_searching_starts_no_tenant(tmp_path):
    found()
    assert not (tmp_path / "home" / "tenant").exists()
