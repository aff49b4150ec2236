"""The past on the command line: backfill, gaps, --until, --dry-run, --enrich."""

import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tidegate.adapters.http import HttpClient
from tidegate.cli import app
from tidegate.ports import Response, SourceDown

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).replace(microsecond=0)
ROW = '"1","{at:%Y-%m-%d %H:%M:%S}","http://bad.example/a","online","","x","","https://u.example/1",""'


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIDEGATE_ABUSECH_KEY", "a-key")
    return tmp_path / "home"


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> None:
    """The web has URLhaus's full export, of one row that is two days old."""

    def download(self, url, to, *, headers, max_bytes) -> Response:
        with zipfile.ZipFile(to, "w") as archive:
            archive.writestr("csv.txt", ROW.format(at=TODAY - timedelta(days=2)) + "\n")
        return Response(200, {}, b"")

    monkeypatch.setattr(HttpClient, "download", download)


def tidegate(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(done: Result) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def span(*, start: int = 4, end: int = 1) -> list[str]:
    times = (TODAY - timedelta(days=days) for days in (start, end))
    first, last = (f"{time:%Y-%m-%dT%H:%M:%S}" for time in times)
    return ["--from", first, "--to", last]


@pytest.mark.usefixtures("export")
def test_a_backfill_says_how_far_it_came():
    done = tidegate("backfill", "urlhaus", *span(), "--json")
    assert done.exit_code == 0, done.output
    [told] = said(done)
    assert (told["status"], told["slices"], told["done"]) == ("ok", 3, 3)
    assert (told["rows"], told["kept"], told["new"]) == (1, 1, 1)
    runs = said(tidegate("runs", "urlhaus", "--json"))
    assert {run["outcome"]["origin"] for run in runs} == {"backfill"}
    assert len(runs) == 3
    assert "3 of 3" in tidegate("backfill", "urlhaus", *span()).output


@pytest.mark.usefixtures("export")
def test_a_dry_backfill_leaves_the_store_as_it_is():
    [told] = said(tidegate("backfill", "urlhaus", *span(), "--dry-run", "--json"))
    assert (told["new"], told["dry_run"]) == (1, True)
    assert said(tidegate("runs", "--json")) == []


def test_a_source_that_is_down_ends_with_1_and_says_how_to_go_on(monkeypatch):
    def down(*_: object, **__: object) -> Response:
        raise SourceDown("cannot be reached", retry_after=timedelta(hours=1))

    monkeypatch.setattr(HttpClient, "download", down)
    done = tidegate("backfill", "urlhaus", *span())
    assert done.exit_code == 1
    assert "0 of 3" in done.output
    assert "the same command goes on where this one stopped, not before" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ("spamhaus_drop", *span()),  # cannot go back
        ("nobody", *span()),
        ("urlhaus", *span(start=1, end=4)),
        ("urlhaus", *span(end=-1)),
        ("urlhaus", *span(), "--step", "soon"),
        ("urlhaus", *span(), "--step", "0d"),
        ("urlhaus", *span(start=300), "--step", "1m"),
        ("urlhaus", "--from", "yesterday", "--to", "today"),
        ("urlhaus",),
    ],
)
def test_wrong_use_ends_with_2(words):
    done = tidegate("backfill", *words)
    assert done.exit_code == 2, done.output


def test_since_is_before_until():
    words = ("--since", "2026-01-02", "--until", "2026-01-01")
    assert tidegate("ingest", "urlhaus", *words).exit_code == 2


def test_a_dry_run_of_a_file_stores_nothing(tmp_path):
    file = tmp_path / "urlhaus.csv"
    file.write_text(ROW.format(at=TODAY) + "\n")
    [told] = said(tidegate("ingest", "urlhaus", "--file", str(file), "--dry-run", "--json"))
    assert (told["new"], told["dry_run"], told["payloads"]) == (1, True, [])
    assert tidegate("lookup", "http://bad.example/a").exit_code == 1
    until = f"{TODAY - timedelta(days=1):%Y-%m-%d}"
    [told] = said(tidegate("ingest", "urlhaus", "--file", str(file), "--until", until, "--json"))
    assert told["rejected"] == {"after --until": 1}


def test_without_gaps_there_is_nothing_to_close():
    assert tidegate("gaps").stdout == "no gaps\n"
    assert said(tidegate("gaps", "openphish", "--json")) == []


def test_a_gap_is_listed_with_what_closes_it(home):
    from tidegate.adapters.local.database import connect  # noqa: PLC0415 - after the environment
    from tidegate.adapters.local.runs import RunTable  # noqa: PLC0415
    from tidegate.model import Outcome, Run, Status  # noqa: PLC0415

    database = connect(home / "tidegate.sqlite")
    for name in ("threatfox", "openphish"):
        at = TODAY - timedelta(days=5)
        RunTable(database).record(Run(name, at, Outcome(name, Status.OK)))
    database.close()
    found = {gap["feed"]: gap["command"] for gap in said(tidegate("gaps", "--json"))}
    start = f"{TODAY - timedelta(days=5):%Y-%m-%dT%H:%M:%S}"
    assert found["threatfox"].startswith(f"tidegate backfill threatfox --from {start} --to ")
    assert found["openphish"] is None
    assert "cannot be closed" in tidegate("gaps", "openphish").output


def test_others_are_asked_only_when_it_is_said(monkeypatch):
    asked = []

    def request(self, method, url, **_: object) -> Response:
        asked.append(url)
        return Response(404, {}, b"{}")

    monkeypatch.setattr(HttpClient, "request", request)
    tidegate("lookup", "192.0.2.7")
    assert not asked
    done = tidegate("lookup", "192.0.2.7", "--enrich", "--json")
    assert asked == ["https://api.greynoise.io/v3/community/192.0.2.7"]
    states = {one["by"]: one["state"] for one in said(done)[0]["enriched"]}
    assert states == {"greynoise": "unknown", "virustotal": "no_key"}
    shown = tidegate("lookup", "10.0.0.1", "--enrich")
    assert "not_asked" in shown.output
    assert "private" in shown.output
    assert len(asked) == 1
