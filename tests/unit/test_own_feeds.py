"""One's own feeds: a YAML file each, no code, and a mistake in one is its own."""

import json
import os
from pathlib import Path

import pytest

from tidegate.declare.catalogue import catalogue
from tidegate.declare.draft import Draft, write
from tidegate.declare.feed import feeds
from tidegate.declare.strict import Mistakes
from tidegate.ingest.schedule import Choice
from tidegate.loop import enabled, ingest_due
from tidegate.ports import Response
from tidegate.settings import Settings
from tidegate.wiring import local

GOOD = """
title: A list
reference: https://list.example/about
licence: CC0
every: 1h
url: https://list.example/list.txt
format: lines
semantics: window
keep: 2d
reliability: C
indicator: {kind: address, value: line}
"""
MISP = GOOD.replace("format: lines", "format: code\nlike: misp_circl").replace(
    "indicator: {kind: address, value: line}", "headers: {Authorization: $MISP_KEY}"
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "own"
    found.mkdir()
    return found


def mistakes(folder: Path) -> list[str]:
    return catalogue(folder, {"vmray"}).mistakes


def test_a_file_and_a_folder_are_feeds_named_after_them(folder):
    (folder / "one.yaml").write_text(GOOD)
    (folder / "two").mkdir()
    (folder / "two" / "feed.yaml").write_text(GOOD)
    (folder / "two" / "sample.txt").write_bytes(b"192.0.2.1\n")
    (folder / "notes.txt").write_text("nothing of ours")
    found = catalogue(folder)
    assert found.broken == {}
    assert found.feeds.keys() - feeds().keys() == {"one", "two"}
    assert found.feeds["one"].sample() is None
    assert found.feeds["two"].sample() == b"192.0.2.1\n"
    assert found.feeds["one"].code("parse") is None


def test_no_folder_has_no_feeds(tmp_path):
    assert catalogue(None).feeds == catalogue(tmp_path / "none").feeds == feeds()


def test_code_is_that_of_a_built_in_feed(folder):
    (folder / "our_misp.yaml").write_text(MISP)
    feed = catalogue(folder).feeds["our_misp"]
    assert feed.code("pages") is feeds()["misp_circl"].code("pages")
    assert feed.setting_of("MISP_KEY") == "MISP_KEY of TIDEGATE_FEED_SECRETS"


@pytest.mark.parametrize(
    ("old", "new", "about"),
    [
        ("licence: CC0", "license: CC0", "license: "),
        ("kind: address", "kind: ip", "indicator.kind"),
        ("every: 1h", "every: 99999999999d", "every: "),
        ("keep: 2d", "keep: 0d", "keep: "),
        ("title: A list", "name: x\ntitle: A list", "name: is said"),
        ("title: A list", "home: /etc\ntitle: A list", "home: is said"),
        ("title: A list", "title: [", "line "),
        ("title: A list", "title: \x00", "no YAML"),
        ("https://list.example/list.txt", "https://l.example/?key=hunter2", "TIDEGATE_FEED_URLS"),
        ("https://list.example/list.txt", "https://[", "url: "),
        ("licence: CC0", "licence: CC0\nheaders: {Auth-Key: hunter2}", "Auth-Key is written down"),
        ("licence: CC0", 'licence: CC0\nheaders: {"A\\nB": $KEY}', "headers"),
        ("licence: CC0", "licence: CC0\ncontract: {shrink: 110}", "contract.shrink"),
        ("licence: CC0", "licence: CC0\ncontract: {least_rows: 9, most_rows: 8}", "least_rows"),
        ("format: lines", "format: code", "like"),
        ("format: lines", "format: lines\nlike: otx", "like"),
        ("value: line}", "value: line, threat: x}", "lines have nothing"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key_and_no_secret(folder, old, new, about):
    assert old in GOOD
    (folder / "bad.yaml").write_text(GOOD.replace(old, new))
    (folder / "good.yaml").write_text(GOOD)
    lines = mistakes(folder)
    assert all(line.startswith(f"{folder / 'bad.yaml'}: ") for line in lines)
    assert any(about in line for line in lines)
    assert "hunter2" not in "".join(lines)
    assert all(line.isprintable() for line in lines)
    assert "good" in catalogue(folder).feeds


@pytest.mark.parametrize("like", ["blocklist_de", "nothing", "../otx", "our_misp"])
def test_like_names_a_built_in_feed_with_code(folder, like):
    (folder / "our_misp.yaml").write_text(MISP.replace("misp_circl", like))
    [line] = mistakes(folder)
    assert "like" in line


def test_each_mistake_has_its_line(folder):
    (folder / "bad.yaml").write_text(GOOD.replace("every: 1h", "evry: 1h\nkep: 1d"))
    assert len(mistakes(folder)) == 3


@pytest.mark.parametrize("name", ["urlhaus", "vmray", "Big", "a b", "x" * 65])
def test_names_are_plain_and_not_taken(folder, name):
    (folder / f"{name}.yaml").write_text(GOOD)
    [line] = mistakes(folder)
    assert "name: " in line
    assert catalogue(folder, {"vmray"}).feeds == feeds()


def test_a_file_and_a_folder_of_one_name_are_one_too_many(folder):
    (folder / "one").mkdir()
    (folder / "one" / "feed.yaml").write_text(GOOD)
    (folder / "one.yaml").write_text(GOOD)
    assert len(mistakes(folder)) == 1
    assert "one" in catalogue(folder).feeds


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 2_000, b"a: 1\n" * 40_000])
def test_what_is_no_declaration_at_all_is_a_mistake(folder, data):
    (folder / "bad.yaml").write_bytes(data)
    assert len(mistakes(folder)) == 1


def test_a_file_that_cannot_be_read_is_a_mistake(folder):
    (folder / "bad.yaml").mkdir()
    assert len(mistakes(folder)) == 1


# --- keys -------------------------------------------------------------------------------------


def test_keys_come_from_one_variable_of_the_environment(monkeypatch):
    monkeypatch.setenv("TIDEGATE_FEED_SECRETS", json.dumps({"MISP_KEY": "hunter2"}))
    settings = Settings(otx_key="hunter3")
    assert settings.feed_keys == {"MISP_KEY": "hunter2", "OTX_KEY": "hunter3"}
    assert "hunter" not in repr(settings) + settings.model_dump_json()


def test_they_are_never_in_the_file():
    Path("tidegate.yaml").write_text("feed_secrets: {MISP_KEY: hunter2}\n")
    with pytest.raises(ValueError, match="feed_secrets is a secret") as wrong:
        Settings()
    assert "hunter" not in str(wrong.value)


# --- which run --------------------------------------------------------------------------------


def choice(*off: str, given: tuple[str, ...] = (), **switched: bool) -> Choice:
    return Choice(off, given, switched)


def test_settings_come_before_a_persons_word_and_that_before_the_declaration(folder):
    (folder / "one.yaml").write_text(GOOD)
    (folder / "two.yaml").write_text(GOOD + "enabled: false\n")
    known = catalogue(folder).feeds
    one, two, stix = known["one"], known["two"], known["stix"]
    assert choice().why_not(one) is None
    assert "disable" in (choice(one=False).why_not(one) or "")
    assert "feeds_off" in (choice("one", one=True).why_not(one) or "")
    assert "enabled: false" in (choice().why_not(two) or "")
    assert choice(two=True).why_not(two) is None
    assert "TIDEGATE_FEED_URLS" in (choice(stix=True).why_not(stix) or "")
    assert choice(given=("stix",)).why_not(stix) is None


def test_a_broken_file_stops_no_other_feed_and_is_told_once(folder, tmp_path, caplog):
    (folder / "good.yaml").write_text(GOOD)
    (folder / "bad.yaml").write_text("title: [")
    settings = Settings(home=tmp_path / "home", feeds_folder=folder, feeds_off=list(feeds()))
    for _ in range(2):  # a restart
        with local(settings) as house:
            assert [feed.name for feed in enabled(house)] == ["good"]
            house.memory.switch("good", on=False)
            assert ingest_due(house) == []
            house.memory.switch("good", on=True)
    told = [r.getMessage() for r in caplog.records if "state=broken" in r.getMessage()]
    assert len(told) == 1
    assert "feed=bad" in told[0]
    assert "bad.yaml" in told[0]


def test_a_switch_that_is_thrown_while_the_feed_runs_stays(lab):
    feed = feeds()["blocklist_de"]

    def disabled_meanwhile(*_):
        lab.world.feeds.switch(feed.name, on=False)
        return Response(200, {}, b"192.0.2.1\n")

    lab.http._next = disabled_meanwhile
    assert lab.live(feed, b"").kept == 1
    assert lab.world.feeds.switched() == {feed.name: False}


# --- writing one ------------------------------------------------------------------------------

FIELDS = {
    "title": "A list",
    "reference": "https://list.example/",
    "licence": "CC0: yes",
    "every": "6h",
    "url": "https://list.example/l.txt",
    "format": "lines",
    "semantics": "window",
    "keep": "7d",
    "reliability": "F",
    "indicator": {"kind": "address", "value": "line"},
}


def test_a_draft_becomes_a_folder_that_is_a_feed(folder):
    file = write(Draft("mine", FIELDS, b"192.0.2.1\n"), folder, feeds().keys())
    assert file == folder / "mine" / "feed.yaml"
    feed = catalogue(folder).feeds["mine"]
    assert (feed.licence, feed.sample()) == ("CC0: yes", b"192.0.2.1\n")


@pytest.mark.parametrize("name", ["mine", "one", "urlhaus", "../x", ""])
def test_a_draft_overwrites_nothing(folder, name):
    write(Draft("mine", FIELDS), folder, ())
    (folder / "one.yaml").write_text(GOOD)
    before = sorted(folder.rglob("*"))
    with pytest.raises(Mistakes, match="name: "):
        write(Draft(name, FIELDS), folder, feeds().keys())
    assert sorted(folder.rglob("*")) == before


def test_a_draft_that_is_no_declaration_leaves_nothing(folder):
    with pytest.raises(Mistakes) as wrong:
        write(Draft("mine", {**FIELDS, "every": "1s"}), folder, ())
    assert wrong.value.lines[0].startswith(f"{folder / 'mine' / 'feed.yaml'}: every: ")
    assert list(folder.iterdir()) == []
