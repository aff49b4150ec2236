"""The command line: its codes, its JSON, and that nothing hostile reaches the terminal."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from tidegate import show
from tidegate.cli import app
from tidegate.declare.feed import feeds
from tidegate.gate.explain import Explained, Marked
from tidegate.gate.mark import Word
from tidegate.gate.plan import Change, Plan
from tidegate.gate.run import Applied
from tidegate.model import Case, Kind, Outcome, Sighting, Status
from tidegate.ports import Enforced, FeedState

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src" / "tidegate" / "feeds"
URLHAUS = str(SAMPLES / "urlhaus" / "sample.csv")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tidegate(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def objects(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def commands(at: Any = None, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    at = at or typer.main.get_command(app)
    for name, inner in at.commands.items():
        if hasattr(inner, "commands"):
            yield from commands(inner, *path, name)
        else:
            yield (*path, name), inner


COMMANDS = dict(commands())


# --- every command ----------------------------------------------------------------------------


def test_these_are_the_commands():
    assert {" ".join(path) for path in COMMANDS} == {
        "up",
        "ingest",
        "backfill",
        "gaps",
        "feeds list",
        "feeds new",
        "feeds show",
        "feeds test",
        "feeds enable",
        "feeds disable",
        "feeds accept",
        "feeds drop",
        "feeds value",
        "runs",
        "replay",
        "warninglists",
        "explain",
        "mark",
        "unmark",
        "detonate",
        "cases list",
        "cases show",
        "cases approve",
        "cases reject",
        "cases undo",
        "cost",
        "gate plan",
        "gate apply",
        "gate status",
        "gate undo",
        "gate resume",
        "export stix",
        "export csv",
        "export misp",
        "export list",
        "refresh",
        "datasets",
        "lookup",
        "check",
        "search",
        "backup",
        "restore",
        "doctor",
        "smoke",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_json_and_says_what_it_does(path):
    command = COMMANDS[path]
    assert "--json" in [text for one in command.params for text in one.opts]
    assert (command.help or "").strip().endswith(".")
    options = [one for one in command.params if one.param_type_name == "option"]
    assert [one.name for one in options if not getattr(one, "help", None)] == []
    shown = tidegate(*path, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout


@pytest.mark.parametrize("words", [(), ("nothing",), ("gate",), ("doctor", "--nothing")])
def test_wrong_use_ends_with_2(words):
    assert tidegate(*words).exit_code == 2


@pytest.mark.slow
def test_as_a_process(tmp_path):
    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "tidegate", *words],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    good = run("ingest", "urlhaus", "--file", URLHAUS, "--json")
    assert (good.returncode, good.stderr, len(good.stdout.splitlines())) == (0, "", 1)
    assert run("lookup", "b.example").returncode == 1
    wrong = run("doctor", TIDEGATE_PORT="hunter2")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("port: ")
    assert "hunter2" not in wrong.stderr


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TIDEGATE_PORT", "x", "port: "),
        ("TIDEGATE_PROT", "1", "TIDEGATE_PROT"),
        ("TIDEGATE_FEEDS_OFF", "otx", "feeds_off"),
        ("TIDEGATE_CLIENT_SECRET", "hunter2", "missing: defender_url"),
    ],
)
def test_wrong_settings_end_with_2_and_are_named(monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    for words in (("doctor",), ("ingest", "urlhaus"), ("feeds", "list"), ("lookup", "a.example")):
        done = tidegate(*words)
        assert done.exit_code == 2
        assert told in done.stderr
        assert "hunter2" not in done.output
        assert "Traceback" not in done.output


@pytest.mark.parametrize("text", ["prot: 1", "- a", "a: [", "port: x"])
def test_a_wrong_file_ends_with_2(text):
    Path("tidegate.yaml").write_text(text)
    assert tidegate("doctor").exit_code == 2


# --- ingest -----------------------------------------------------------------------------------

KEYS = {
    "feed",
    "status",
    "rows",
    "kept",
    "new",
    "changed",
    "suppressed",
    "rejected",
    "seconds",
    "reason",
}


def test_a_run_prints_one_object():
    done = tidegate("ingest", "urlhaus", "--file", URLHAUS, "--json")
    assert done.exit_code == 0
    [outcome] = objects(done)
    assert outcome.keys() >= KEYS
    assert (outcome["feed"], outcome["status"], outcome["reason"]) == ("urlhaus", "ok", None)
    assert outcome["kept"] == outcome["new"] > 0
    again = objects(tidegate("ingest", "urlhaus", "--file", URLHAUS, "--json"))
    assert (again[0]["status"], again[0]["new"]) == ("unchanged", 0)


def test_every_feed_prints_its_object(monkeypatch):
    there = json.dumps(dict.fromkeys(feeds(), "http://127.0.0.1:9/"))
    monkeypatch.setenv("TIDEGATE_FEED_URLS", there)
    done = tidegate("ingest", "feodo", "openphish", "--json")
    assert done.exit_code == 1
    assert [one["feed"] for one in objects(done)] == ["feodo", "openphish"]
    assert {one["status"] for one in objects(done)} <= {"source_down", "bad_payload"}
    assert all(one.keys() >= KEYS and one["reason"] for one in objects(done))


def test_a_table_is_for_people():
    done = tidegate("ingest", "urlhaus", "--file", URLHAUS)
    assert done.exit_code == 0
    assert "urlhaus" in done.stdout
    assert "http://" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("urlhaus", "nothing"),
        ("urlhaus", "otx", "--file", URLHAUS),
        ("--file", URLHAUS),
        ("urlhaus", "--file", "no-such-file"),
        ("urlhaus", "--file", "."),
        ("urlhaus", "--since", "yesterday"),
    ],
)
def test_wrong_use_of_ingest_ends_with_2_and_runs_nothing(home, words):
    done = tidegate("ingest", *words, "--json")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert not home.exists()


def test_junk_fails_and_says_why(tmp_path):
    (tmp_path / "junk").write_text("<html>502</html>")
    done = tidegate("ingest", "urlhaus", "--file", str(tmp_path / "junk"), "--json")
    assert done.exit_code == 1
    assert objects(done)[0]["status"] in {"bad_payload", "quarantined"}
    assert objects(done)[0]["reason"]


def test_feeds_that_are_off_are_run_by_name_only(monkeypatch):
    monkeypatch.setenv("TIDEGATE_FEEDS_OFF", json.dumps(list(feeds())))
    assert tidegate("ingest", "--json").stdout == ""
    assert tidegate("ingest", "urlhaus", "--file", URLHAUS).exit_code == 0


def test_all_feeds_are_listed():
    listed = objects(tidegate("feeds", "list", "--json"))
    assert [one["feed"] for one in listed] == list(feeds())
    assert {one["fetched"] for one in listed} == {None}


# --- lookup -----------------------------------------------------------------------------------


def known() -> str:
    tidegate("ingest", "feodo", "--file", str(SAMPLES / "feodo" / "sample.csv"))
    from tidegate.settings import Settings  # noqa: PLC0415 - after the environment is set
    from tidegate.wiring import local  # noqa: PLC0415

    with local(Settings()) as house:
        rows = house.sightings.state("feodo")
    value: str = rows["value"][0]
    return value


def test_a_known_value_is_explained():
    value = known()
    done = tidegate("lookup", value, "--json")
    assert done.exit_code == 0
    [told] = objects(done)
    assert (told["value"], told["sightings"][0]["source"]) == (value, "feodo")
    shown = tidegate("lookup", value.replace(".", "[.]"))
    assert shown.exit_code == 0
    assert value.replace(".", "[.]") in shown.stdout
    assert value not in shown.stdout


def test_an_unknown_value_ends_with_1():
    done = tidegate("lookup", "b.example")
    assert done.exit_code == 1
    assert "nobody has reported it" in done.stdout


@pytest.mark.parametrize("junk", ["junk", "", " ", "\x1b[31mred", "[red]x[/red]"])
def test_junk_is_wrong_use_and_shown_harmlessly(junk):
    done = tidegate("lookup", junk)
    assert done.exit_code == 2
    assert "\x1b" not in done.output
    assert junk.replace("\x1b", "·") in done.stderr


def test_a_mark_decides_until_it_is_taken_back():
    value = known()
    args = ("--because", "our own scanner", "--by", "kim", "--for", "30")
    assert tidegate("mark", value, "harmless", *args).exit_code == 0
    [told] = objects(tidegate("explain", value, "--json"))
    assert (told["score"], told["unclean"]) == (0.0, "analyst: our own scanner")
    assert told["marked"]["by"] == "kim"
    shown = tidegate("explain", value).stdout
    assert "kim calls it harmless until" in shown
    assert "an analyst has spoken" in shown
    assert value not in shown
    [said] = objects(tidegate("mark", value, "malicious", "--because", "seen", "--json"))
    assert (said["score"], said["marked"]["word"]) == (100.0, "malicious")
    assert tidegate("unmark", value).exit_code == 0
    done = tidegate("unmark", value)
    assert (done.exit_code, "no analyst has spoken" in done.stderr) == (1, True)
    assert objects(tidegate("explain", value, "--json"))[0]["marked"] is None


@pytest.mark.parametrize(
    "words",
    [("mark", "junk", "harmless", "--because", "x"), ("mark", "a.example", "bad"), ("unmark", "?")],
)
def test_what_is_no_mark_is_wrong_use(words):
    assert tidegate(*words).exit_code == 2


def test_a_mark_needs_a_reason():
    assert tidegate("mark", "a.example", "harmless").exit_code == 2
    assert tidegate("mark", "a.example", "harmless", "--because", " ").exit_code == 2


def test_explaining_what_nobody_reported_ends_with_1():
    assert tidegate("explain", "b.example").exit_code == 1


# --- gate -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_applying_asks_first():
    known()
    assert json.loads(tidegate("gate", "plan", "--json").stdout)["changes"]
    refused = tidegate("gate", "apply", typed="n\n")
    assert refused.exit_code == 1
    assert "Apply " in refused.stderr
    assert "http://127.0.0.1" in refused.stderr
    changes = json.loads(tidegate("gate", "plan", "--json").stdout)["changes"]
    assert {change["do"] for change in changes} == {"add"}

    applied = tidegate("gate", "apply", "--json", typed="y\n")
    assert applied.exit_code == 0
    assert json.loads(applied.stdout.splitlines()[-1])["written"] == len(changes)
    again = tidegate("gate", "apply", "--yes")
    assert again.exit_code == 0
    assert "written 0" in again.stdout


@pytest.mark.slow
def test_the_record_has_a_name_and_a_reason(monkeypatch):
    monkeypatch.setenv("LOGNAME", "kim")
    known()
    assert tidegate("gate", "undo", "--because", " ", "--yes").exit_code == 2
    tidegate("gate", "apply", "--yes", "--by", " ")
    tidegate("gate", "undo", "--because", "too early", "--yes")
    defender = objects(tidegate("gate", "status", "--json"))[0]["targets"][0]
    paused = defender["paused"]
    assert (defender["last"]["by"], paused["by"], paused["why"]) == ("kim", "kim", "too early")


def test_the_bound_of_churn_is_shown(monkeypatch):
    for name in ("DEFENDER_URL", "GRAPH_URL", "ENTRA_URL", "VMRAY_URL"):
        monkeypatch.setenv(f"TIDEGATE_{name}", "http://127.0.0.1:9")  # nobody is asked
    for name in ("CLIENT_ID", "CLIENT_SECRET", "VMRAY_KEY"):
        monkeypatch.setenv(f"TIDEGATE_{name}", "x")
    monkeypatch.setenv("TIDEGATE_GATE_CHURN", "1234")
    assert "at most 1,234 changes an hour" in tidegate("gate", "status").stdout


@pytest.mark.slow
def test_what_is_called_harmless_leaves_the_lists_with_the_target():
    known()
    tidegate("gate", "apply", "--yes")
    listed = tidegate("export", "list", "plain-address").stdout.splitlines()
    assert listed
    tidegate("mark", listed[0], "harmless", "--because", "ours")
    tidegate("gate", "apply", "--yes")
    assert tidegate("export", "list", "plain-address").stdout.splitlines() == listed[1:]


@pytest.mark.slow
def test_a_script_that_cannot_answer_changes_nothing():
    known()
    assert tidegate("gate", "apply").exit_code == 1
    assert json.loads(tidegate("gate", "plan", "--json").stdout)["kept"] == 0


@pytest.mark.slow
def test_the_state_is_told_as_json_with_all_targets():
    known()
    [before] = objects(tidegate("gate", "status", "--json"))
    tidegate("gate", "apply", "--yes")
    [after] = objects(tidegate("gate", "status", "--json"))
    for told in (before, after):
        assert [one["name"] for one in told["targets"]] == ["defender", "sentinel"]
    [defender, _] = after["targets"]
    assert before["targets"][0]["held"] == 0
    assert defender["held"] == defender["last"]["added"] > 0
    assert sum(hour["added"] for hour in defender["churn"]) == defender["held"]


# --- refresh and detonate ---------------------------------------------------------------------


@pytest.mark.slow
def test_datasets_say_how_fresh_they_are():
    before = [json.loads(line) for line in tidegate("datasets", "--json").stdout.splitlines()]
    assert {one["version"] for one in before} == {None}
    name = before[0]["name"]
    assert tidegate("refresh", name, "--full").exit_code == 0
    first, *others = map(json.loads, tidegate("datasets", "--json").stdout.splitlines())
    assert (first["name"], first["version"], first["why"]) == (name, 1, None)
    assert {one["version"] for one in others} == {None}
    shown = tidegate("datasets").stdout
    assert "never" in shown
    assert "0 min" in shown


@pytest.mark.slow
def test_wrong_names_end_with_2():
    assert tidegate("refresh", "nothing").exit_code == 2
    assert tidegate("detonate", "no alert id!").exit_code == 2


# --- what a terminal is shown -----------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07[red]bold[/red]\r\x9b31m\u202e"
HARMLESS = "·]0;owned·[red]bold[/red]··31m·"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    terminal = Console(file=text, width=400, force_terminal=True, color_system=None)
    for module in (
        "tidegate.show",
        "tidegate.show.ingest",
        "tidegate.show.cells",
        "tidegate.show.gate",
    ):
        monkeypatch.setattr(f"{module}.out", terminal)
    return text


def hostile_sighting() -> Sighting:
    return Sighting(
        Kind.URL, HOSTILE, HOSTILE, 1, NOW, NOW, NOW + timedelta(1), (HOSTILE,), HOSTILE
    )


def print_outcome() -> None:
    show.outcomes([Outcome("f", Status.BAD_PAYLOAD, rejected={HOSTILE: 1}, reason=HOSTILE)])


def print_case() -> None:
    show.cases([Case(HOSTILE, NOW, reason=HOSTILE)])


def print_plan() -> None:
    enforced = Enforced(Kind.DOMAIN, HOSTILE, HOSTILE)
    show.plan(Plan("x", (Change("add", "1", enforced, HOSTILE),), 0, 1, 1, {HOSTILE: 1}))


def print_applied() -> None:
    show.applied(Applied(0, 0, {HOSTILE: HOSTILE}))


def print_explained() -> None:
    one = [{**dict.fromkeys(show.TERMS, 1.0), "source": HOSTILE, "uncounted": HOSTILE}]
    found = [hostile_sighting()]
    said = Marked(Word.HARMLESS, HOSTILE, HOSTILE, NOW, NOW)
    told = Explained("id", Kind.URL, HOSTILE, 1.0, HOSTILE, one, found, [], [], marked=said)
    show.explained(told)


@pytest.mark.parametrize(
    "printed", [print_outcome, print_case, print_plan, print_applied, print_explained]
)
def test_hostile_text_is_shown_harmlessly(screen, printed):
    printed()
    shown = screen.getvalue()
    assert HARMLESS in shown
    for control in ("\x1b]", "\x07", "\r", "\x9b", "\u202e"):
        assert control not in shown


def test_a_feeds_record_is_flat():
    one = show.feed(feeds()["otx"], FeedState(fetched=NOW))
    assert one["needs"] == ["TIDEGATE_OTX_KEY"]
    assert one["fetched"] == NOW


# --- doctor -----------------------------------------------------------------------------------


def test_doctor_says_how_things_are(monkeypatch, tmp_path):
    done = tidegate("doctor", "--json")
    assert done.exit_code == 0
    assert all(one.keys() == {"what", "state", "effect"} for one in objects(done))
    assert "simulated" in tidegate("doctor").stdout
    monkeypatch.setenv("TIDEGATE_PAGE", str(tmp_path / "nothing"))
    assert tidegate("doctor").exit_code == 1
