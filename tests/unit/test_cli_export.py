"""`tidegate export`: files of what is published, each written whole or left alone."""

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tidegate.adapters.local.files import FileObjects
from tidegate.cli import app
from tidegate.gate.published import publish
from tidegate.wiring.state import now

sys.path.insert(0, str(Path(__file__).parent / "gate"))

from published_rows import DAY, row, wanted


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def published(home: Path, *names: str) -> None:
    rows = [row(name, expires=now() + DAY) for name in names]
    publish(wanted(*rows), now(), FileObjects(home / "objects", now))


def export(*words: str) -> Result:
    return CliRunner().invoke(app, ["export", *words])


@pytest.mark.parametrize("words", [("stix",), ("csv",), ("list", "plain-domain")], ids=" ".join)
def test_without_a_file_it_is_printed(home, words):
    published(home, "a.example")
    done = export(*words)
    assert done.exit_code == 0
    assert "a.example" in done.stdout


@pytest.mark.parametrize("words", [("stix",), ("csv",), ("list", "plain-domain")], ids=" ".join)
def test_a_file_is_written_once_and_the_outcome_says_so(home, tmp_path, words):
    published(home, "a.example")
    out = tmp_path / "out"
    outcomes = [json.loads(export(*words, "--out", str(out), "--json").stdout) for _ in range(2)]
    assert [each["written"] for each in outcomes] == [True, False]
    assert outcomes[0]["bytes"] == out.stat().st_size
    assert "a.example" in out.read_text()
    assert sorted(tmp_path.iterdir()) == [home, out]


def test_a_folder_that_cannot_be_is_named(home, tmp_path):
    (tmp_path / "file").write_text("")
    done = export("misp", "--out", str(tmp_path / "file" / "feed"))
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "Not a directory" in done.stderr


def test_the_outcome_of_a_list_counts(home, tmp_path):
    published(home, "a.example", "b.example")
    done = export(
        "list", "cisco-dns", "--out", str(tmp_path / "out"), "--json", "--min-score", "90"
    )
    assert json.loads(done.stdout)["count"] == 0
    assert json.loads(export("list", "cisco-dns", "--out", "o", "--json").stdout)["count"] == 2


def test_a_misp_feed_is_a_folder_in_which_only_what_changed_is_written(home, tmp_path):
    published(home, "a.example")
    out = tmp_path / "feed"
    assert json.loads(export("misp", "--out", str(out), "--json").stdout)["written"] == 3
    assert json.loads(export("misp", "--out", str(out), "--json").stdout)["written"] == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert {f"{one}.json" for one in manifest} | {"manifest.json", "hashes.csv"} == {
        path.name for path in out.iterdir()
    }


@pytest.mark.parametrize("words", [("stix",), ("csv",), ("list", "plain-domain")], ids=" ".join)
def test_of_nothing_there_is_something_empty(words):
    done = export(*words)
    assert done.exit_code == 0
    assert "example" not in done.stdout


@pytest.mark.parametrize(
    "words", [("list", "nothing"), ("misp",), ("stix", "--json"), ("list",)], ids=" ".join
)
def test_wrong_use_ends_with_2(words):
    assert export(*words).exit_code == 2


def test_what_cannot_be_written_fails(home, tmp_path):
    published(home, "a.example")
    done = export("csv", "--out", str(tmp_path / "no such folder" / "out"))
    assert done.exit_code == 1
