"""The life of a feed on the command line; a sixth CSV feed is a YAML file and a sample."""

import json
import os
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tidegate.adapters.http import HttpClient
from tidegate.cli import app
from tidegate.declare.feed import feeds

pytestmark = pytest.mark.slow

BUILT_IN = Path(__file__).parents[2] / "src" / "tidegate" / "feeds"
OTHERS = json.dumps(sorted(feeds()))
YAML = """
title: The sixth CSV feed
reference: https://sixth.example/
licence: CC0
every: 1h
url: https://sixth.example/list.csv
headers: {X-Key: $SIXTH_KEY}
format: csv
header: row
columns: [[seen, host, family]]
semantics: snapshot
keep: 7d
reliability: B
indicator: {kind: domain, value: host, first_seen: seen, threat: family, confidence: 70}
"""
HEAD = "seen,host,family\n"
SAMPLE = f"{HEAD}2026-11-20 05:00:00,a.evil.example,Emotet\n2026-11-20 05:00:00,b.localhost,x\n"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIDEGATE_FEEDS_FOLDER", str(tmp_path / "own"))
    monkeypatch.setenv("TIDEGATE_FEED_SECRETS", json.dumps({"SIXTH_KEY": "hunter2"}))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.fixture
def sixth(own: Path) -> Path:
    (own / "sixth").mkdir()
    (own / "sixth" / "feed.yaml").write_text(YAML)
    (own / "sixth" / "sample.csv").write_text(SAMPLE)
    return own / "sixth"


class Source(BaseHTTPRequestHandler):
    body, keys = "", list[str | None]()

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("X-Key"))
        data = self.body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch):
    """Serve `Source.body` as the sixth feed's address; the client may talk to loopback."""
    monkeypatch.setattr(
        "tidegate.adapters.http.HttpClient", partial(HttpClient, allow_private=True)
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    there = f"http://127.0.0.1:{server.server_port}/list.csv?token=hunter3"
    monkeypatch.setenv("TIDEGATE_FEED_URLS", json.dumps({"sixth": there}))
    Source.keys.clear()
    yield Source
    server.shutdown()
    server.server_close()


def tidegate(*words: str) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert "Traceback" not in done.output
    assert "hunter" not in done.output
    return done


def told(*words: str, code: int = 0) -> dict[str, Any]:
    done = tidegate(*words, "--json")
    assert (done.exit_code, done.stderr) == (code, "")
    [line] = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def listed(name: str) -> dict[str, Any]:
    lines = tidegate("feeds", "list", "--json").stdout.splitlines()
    [found] = [one for line in lines if (one := json.loads(line))["feed"] == name]
    return found


def test_a_sixth_csv_feed_is_a_yaml_file_and_a_sample(sixth, source):
    trial = told("feeds", "test", "sixth")
    assert (trial["origin"], trial["rows"], trial["kept"]) == ("sample", 2, 1)
    assert (trial["suppressed"], trial["refusal"]) == ({"reserved name": 1}, None)
    source.body = HEAD + "".join(
        f"2026-11-20 05:00:00,h{n}.evil.example,Emotet\n" for n in range(9)
    )
    assert told("ingest", "sixth")["kept"] == 9
    assert source.keys == ["hunter2"]
    known = told("lookup", "h3[.]evil[.]example")
    assert (known["sightings"][0]["source"], known["sightings"][0]["threat"]) == ("sixth", "Emotet")
    assert known["terms"][0]["reliability"] == 0.85
    assert told("ingest", "sixth")["status"] == "unchanged"


def test_trying_stores_nothing(sixth, source, own):
    source.body = HEAD + "2026-11-20 05:00:00,b.evil.example,x\n"
    trial = told("feeds", "test", "sixth", "--fetch")
    assert (trial["origin"], trial["kept"]) == ("live", 1)
    assert trial["examples"]["kept"] == [
        {"text": "b.evil.example", "means": "domain b.evil.example"}
    ]
    assert tidegate("lookup", "b.evil.example").exit_code == 1
    assert listed("sixth")["fetched"] is None
    assert tidegate("runs", "sixth", "--json").stdout == ""


def test_trying_shows_examples_of_each_sort(sixth, tmp_path):
    file = tmp_path / "list.csv"
    rows = ["a.example.net", "no host at all", "x.localhost", "short"]
    lines = [f"2026-11-20 05:00:00,{host},x" for host in rows[:3]] + ["2026-11-20 05:00:00,short"]
    file.write_text(HEAD + "\n".join(lines))
    trial = told("feeds", "test", "sixth", "--file", str(file), code=1)
    assert trial["refusal"] == "2 of 4 rows are no indicators"
    assert trial["examples"]["suppressed"] == [{"text": "x.localhost", "means": "reserved name"}]
    assert trial["examples"]["rejected"][-1] == {
        "text": "short",
        "means": "fewer cells than columns",
    }
    assert tidegate("feeds", "test", "sixth", "--file", str(file)).exit_code == 1


def test_a_built_in_feed_is_tried_by_its_sample():
    assert told("feeds", "test", "misp_circl")["kept"] > 0
    assert tidegate("feeds", "test", "urlhaus").exit_code == 0


def test_all_that_is_known_of_a_feed_but_its_keys(sixth, source):
    known = told("feeds", "show", "sixth")
    assert known["declaration"]["every"] == "1h"
    assert known["declaration"]["headers"] == {"X-Key": "$SIXTH_KEY"}
    assert known["address"].startswith("http://127.0.0.1:")
    assert known["address"].endswith("/list.csv?…")
    assert known["contract"]["shrink"] == 60
    assert known["needs"] == ["SIXTH_KEY of TIDEGATE_FEED_SECRETS"]
    source.body = HEAD + "2026-11-20 05:00:00,b.evil.example,x\n"
    tidegate("ingest", "sixth")
    again = told("feeds", "show", "sixth")
    assert (again["state"], len(again["runs"])) == ("good", 1)
    assert tidegate("feeds", "show", "sixth").exit_code == 0


# --- switches ---------------------------------------------------------------------------------


def test_a_disabled_feed_is_run_by_name_only(monkeypatch, sixth, source):
    monkeypatch.setenv("TIDEGATE_FEEDS_OFF", OTHERS)
    source.body = HEAD + "2026-11-20 05:00:00,b.evil.example,x\n"
    said = told("feeds", "disable", "sixth")
    assert (said["runs"], said["why"]) == (False, "disabled with `tidegate feeds disable`")
    assert tidegate("ingest", "--json").stdout == ""
    assert (listed("sixth")["state"], listed("sixth")["why"]) == ("off", said["why"])
    checks = map(json.loads, tidegate("doctor", "--json").stdout.splitlines())
    assert {"what": "feed sixth", "state": "missing", "effect": said["why"]} in checks
    assert told("ingest", "sixth")["status"] == "ok"
    assert told("feeds", "enable", "sixth")["runs"] is True
    assert told("ingest")["status"] == "unchanged"
    assert "sixth: runs" in tidegate("feeds", "enable", "sixth").stdout


def test_the_settings_word_stands(monkeypatch):
    monkeypatch.setenv("TIDEGATE_FEEDS_OFF", OTHERS)
    said = told("feeds", "enable", "urlhaus")
    assert (said["runs"], said["why"]) == (False, "switched off by feeds_off")


# --- quarantine -------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_a_person_drops_is_no_news_any_more(sixth, source):
    full = HEAD + "".join(f"2026-11-20 05:00:00,h{n}.evil.example,x\n" for n in range(200))
    source.body = full
    tidegate("ingest", "sixth")
    source.body = "".join(full.splitlines(keepends=True)[:4])
    assert told("ingest", "sixth", code=1)["status"] == "quarantined"
    assert listed("sixth")["state"] == "quarantined"
    assert told("feeds", "drop", "sixth")["feed"] == "sixth"
    assert listed("sixth")["state"] == "good"
    outcome = told("ingest", "sixth")
    assert (outcome["status"], outcome["notes"]) == (
        "unchanged",
        ["what a person dropped has come again"],
    )
    assert tidegate("lookup", "h150.evil.example").exit_code == 0
    assert tidegate("feeds", "drop", "sixth").exit_code == 1
    source.body = "".join(full.splitlines(keepends=True)[:5])
    assert told("ingest", "sixth", code=1)["status"] == "quarantined"
    assert told("feeds", "accept", "sixth")["withdrawn"] == 196
    assert told("ingest", "sixth")["status"] == "unchanged"


def test_nothing_in_quarantine_is_nothing_to_drop(sixth):
    done = tidegate("feeds", "drop", "sixth")
    assert done.exit_code == 1
    assert "not quarantined" in done.stderr


# --- mistakes ---------------------------------------------------------------------------------


def test_a_broken_feed_ends_its_commands_and_no_other(monkeypatch, own, sixth, source):
    monkeypatch.setenv("TIDEGATE_FEEDS_OFF", OTHERS)
    (own / "bad.yaml").write_text(YAML.replace("every: 1h", "evry: 1h").replace("B", "Z"))
    file = str(own / "bad.yaml")
    for command in ("ingest", "feeds show", "feeds test", "feeds disable", "feeds drop"):
        done = tidegate(*command.split(), "bad")
        lines = done.stderr.splitlines()
        assert done.exit_code == 2
        assert len(lines) == 3
        assert all(line.startswith(f"{file}: ") for line in lines)
    row = listed("bad")
    assert (row["state"], file in row["why"]) == ("broken", True)
    checks = [json.loads(line) for line in tidegate("doctor", "--json").stdout.splitlines()]
    [check] = [one for one in checks if one["what"] == "feed bad"]
    assert (check["state"], file in check["effect"]) == ("broken", True)
    source.body = HEAD + "2026-11-20 05:00:00,b.evil.example,x\n"
    everything = tidegate("ingest", "--json")
    assert everything.exit_code == 2
    assert json.loads(everything.stdout)["status"] == "ok"
    assert len(everything.stderr.splitlines()) == 3
    assert tidegate("lookup", "b.evil.example").exit_code == 0
    assert tidegate("feeds", "list").exit_code == 0


# --- new --------------------------------------------------------------------------------------


def new(name: str, *more: str) -> Result:
    return tidegate("feeds", "new", name, "--url", "https://new.example/list", *more)


def test_a_new_feed_is_guessed_from_a_sample_and_works(own, tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# c\n192.0.2.1\n192.0.2.2 # why\n")
    address = ("--url", "https://new.example/l")
    done = told("feeds", "new", "mine", *address, "--file", str(file))
    assert done["declaration"]["indicator"] == {"kind": "address", "value": "line"}
    assert (own / "mine" / "sample.txt").read_text().startswith("# c\n")
    assert told("feeds", "test", "mine")["kept"] == 2


def test_a_new_feed_may_be_described_by_words_alone():
    assert new("mine", "--format", "lines", "--kind", "url").exit_code == 0
    columns = ("--columns", "a,b", "--kind", "domain", "--value", "b")
    assert new("other", "--format", "csv", *columns, "--key", "X-Key=SIXTH_KEY").exit_code == 0
    assert told("feeds", "show", "other")["declaration"]["headers"] == {"X-Key": "$SIXTH_KEY"}
    assert new("our_misp", "--format", "code", "--like", "misp_circl").exit_code == 0


@pytest.mark.parametrize("key", [(), ("--key", "X-Key=SIXTH_KEY")], ids=["open", "with a key"])
def test_a_new_feed_fetches_when_it_is_told_to(monkeypatch, key):
    asked = []

    def download(_, url: str, to: Path, *, headers, max_bytes: int) -> None:
        asked.append((url, headers))
        to.write_text(SAMPLE)

    monkeypatch.setattr(HttpClient, "download", download)
    address = "https://new.example/l"
    done = told("feeds", "new", "mine", "--url", address, "--fetch", *key)
    assert done["declaration"]["columns"] == [["seen", "host", "family"]]
    assert asked == [(address, {"X-Key": "hunter2"} if key else {})]


def test_nothing_is_fetched_in_the_clear(source):
    done = tidegate("feeds", "new", "mine", "--url", "http://127.0.0.1:9/", "--fetch")
    assert (done.exit_code, "https" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--format", "lines"),
        ("--format", "nothing", "--kind", "url"),
        ("--format", "lines", "--kind", "nothing"),
        ("--format", "code", "--like", "nothing"),
        ("--format", "lines", "--kind", "url", "--every", "1s"),
        ("--format", "lines", "--kind", "url", "--file", "no-such-file"),
        ("--format", "lines", "--kind", "url", "--key", "X-Key=$NOTHING"),
        ("--format", "lines", "--kind", "url", "--fetch", "--key", "X-Key=NOTHING"),
    ],
)
def test_wrong_use_ends_with_2_and_writes_nothing(own, words):
    assert new("mine", *words).exit_code == 2
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("name", ["urlhaus", "vmray", "../x", "Big"])
def test_a_name_that_is_taken_or_none_is_refused(own, name):
    done = new(name, "--format", "lines", "--kind", "url")
    assert (done.exit_code, "name: " in done.stderr) == (2, True)
    assert list(own.iterdir()) == []


def test_nothing_is_overwritten(sixth):
    before = (sixth / "feed.yaml").read_text()
    assert new("sixth", "--format", "lines", "--kind", "url").exit_code == 2
    assert (sixth / "feed.yaml").read_text() == before


def test_without_a_folder_there_is_no_place(monkeypatch):
    monkeypatch.delenv("TIDEGATE_FEEDS_FOLDER")
    done = new("mine", "--format", "lines", "--kind", "url")
    assert (done.exit_code, "TIDEGATE_FEEDS_FOLDER" in done.stderr) == (2, True)


def test_a_sample_of_nothing_is_said(tmp_path):
    (tmp_path / "x.txt").write_text("nothing here\n")
    done = new("mine", "--file", str(tmp_path / "x.txt"))
    assert (done.exit_code, "indicator" in done.stderr) == (1, True)
