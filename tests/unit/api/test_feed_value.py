"""What feeds are worth, over HTTP and on the command line."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tidegate.api import app as web
from tidegate.api import value as route
from tidegate.cli import app as command_line
from tidegate.declare.feed import feeds
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.value import World
from tidegate.hygiene import Policy

pytestmark = pytest.mark.slow

NAMES = ("cins", "emerging_threats")
LISTED = b"192.0.2.1\n192.0.2.2\n192.0.2.3\n"


@pytest.fixture
def client(lab, browse):
    known = {name: feeds()[name] for name in NAMES}
    sightings, clock = lab.world.sightings, lambda: lab.now
    knowledge = Knowledge(sightings, lab.world.feeds, clock, Policy(), {}, frozenset())
    world = World(knowledge, lab.world.runs, known)
    return browse(web.create([route.router(lambda: world)]))


def test_each_feed_is_judged_with_its_thresholds(lab, client):
    lab.live(feeds()["cins"], LISTED)
    answer = client.get("/api/feeds/value")
    assert answer.status_code == 200
    told = answer.json()
    assert [one["feed"] for one in told["feeds"]] == list(NAMES)
    assert told["feeds"][0]["contribution"]["indicators"] == 3
    assert told["feeds"][0]["advice"] == "early"
    assert told["thresholds"]["few_unique"] == 0.05
    assert len(told["feeds"][0]["history"]["volume"]) == told["drawn"]["points"]


def test_the_store_is_read_at_most_once_a_minute(lab, client):
    def indicators() -> int:
        return client.get("/api/feeds/value").json()["feeds"][0]["contribution"]["indicators"]

    assert indicators() == 0
    lab.live(feeds()["cins"], LISTED)
    lab.pass_(seconds=59)
    assert indicators() == 0
    lab.pass_(seconds=1)
    assert indicators() == 3


@pytest.fixture
def tidegate(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        file = tmp_path / name
        file.write_bytes(LISTED if name == "cins" else LISTED[:20])
        assert (
            CliRunner().invoke(command_line, ["ingest", name, "--file", str(file)]).exit_code == 0
        )
    return lambda *words: CliRunner().invoke(command_line, list(words))


def test_the_command_prints_a_line_for_each_feed(tidegate):
    told = tidegate("feeds", "value", "--json")
    assert told.exit_code == 0
    rows = {row["feed"]: row for row in map(json.loads, told.output.splitlines())}
    assert rows["cins"]["contribution"]["overlap"] == {"emerging_threats": 2}
    assert rows["cins"]["contribution"]["unique"] == 1
    assert rows["otx"]["contribution"]["indicators"] == 0
    assert "1 of 3 answers so far" in tidegate("feeds", "value").output


def test_one_feed_is_told_in_full(tidegate):
    told = tidegate("feeds", "value", "emerging_threats").output
    assert "What others have, too" in told
    assert "100 %" in told
    [row] = tidegate("feeds", "value", "cins", "--json").output.splitlines()
    assert json.loads(row)["feed"] == "cins"


def test_a_feed_that_is_not_there_is_wrong_use(tidegate):
    told = tidegate("feeds", "value", "nothing")
    assert told.exit_code == 2
    assert "no such feed: nothing" in told.output


def test_a_house_that_is_off_judges_nothing(lab, browse):
    knowledge = Knowledge(
        lab.world.sightings, lab.world.feeds, lambda: lab.now, Policy(), {}, frozenset()
    )
    world = replace(World(knowledge, lab.world.runs, {}))
    app = web.create([route.router(lambda: world)])
    assert browse(app).get("/api/feeds/value").json()["feeds"] == []
