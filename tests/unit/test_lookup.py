"""What a look-up shows: context, relations, the source's own spelling; no password, no link."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tidegate.cli import app

SAMPLES = Path(__file__).parents[2] / "src" / "tidegate" / "feeds"
URL = "http://user:pa%40ss@203.0.113.9/x?a=1"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))


def tidegate(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def ingested(*names: str) -> None:
    for name in names:
        (sample,) = (SAMPLES / name).glob("sample.*")
        assert tidegate("ingest", name, "--file", str(sample)).exit_code == 0


def told(*words: str) -> dict:
    found: dict = json.loads(tidegate("lookup", *words, "--json").stdout)
    return found


@pytest.mark.slow
def test_relations_are_told_when_asked_for():
    ingested("malwarebazaar", "threatfox", "otx")
    sha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    assert "related" not in told(sha256)
    related = {one["name"]: one for one in told(sha256, "--related")["related"]}
    assert related["same pulse"]["total"] == 4
    assert {"kind", "value", "sources", "score"} == related["same pulse"]["found"][0].keys()


@pytest.mark.slow
def test_relations_are_shown_defanged():
    ingested("otx", "threatfox")
    shown = tidegate("lookup", "evil.example", "--related").stdout
    assert "beacon[.]evil[.]example" in shown
    assert "beacon.evil.example" not in shown
    assert "attack:T1566" in shown
    assert "green" in shown


def test_a_password_is_in_no_table_and_the_source_s_spelling_is():
    ingested("urlhaus_api")
    shown = tidegate("lookup", URL, "--related").stdout
    assert "pa%40ss" not in shown
    assert "user:***@203[.]0[.]113[.]9" in shown
    assert "spelled" in shown
    assert "#frag" in shown.replace("\n", "")
    assert told(URL)["sightings"][0]["original"] == f"{URL}#frag"


def test_a_value_that_nobody_reported_may_have_relations():
    ingested("threatfox")
    found = told("http://203.0.113.9/new", "--related")
    assert found["sightings"] == []
    assert [one["value"] for one in found["related"][0]["found"]] == ["203.0.113.9"]
