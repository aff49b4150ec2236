"""Feeds over HTTP: how each is doing, and letting in what is in quarantine."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.api import probes
from tidegate.declare.feed import feeds
from tidegate.model import Origin, Outcome, Run, Status
from tidegate.ports import SourceDown

pytestmark = pytest.mark.slow

ONE = "https://one.example/"
MANY = b"".join(b"http://h%d.example/\n" % n for n in range(400))
FEW = b"http://h1.example/\n"


def shown(client, name: str) -> dict:
    [found] = [one for one in client.get("/api/feeds").json()["feeds"] if one["name"] == name]
    detail = client.get(f"/api/feeds/{name}").json()
    assert {key: detail[key] for key in found} == found
    return found


def test_a_feed_that_never_ran_is_stale_and_due_now(client, place):
    found = shown(client, "openphish")
    assert (found["health"], found["reason"], found["last"]) == ("stale", "never run", None)
    assert found["due"] == "2026-03-01T12:00:00Z"


def test_a_feed_that_is_off_says_why_and_is_never_due(client):
    found = shown(client, "spamhaus_drop")
    assert (found["health"], found["due"]) == ("off", None)
    assert "feeds_off" in found["reason"]


def test_a_feed_that_ran_is_well_until_it_misses_its_times(client, place):
    place.net.answers[ONE] = MANY
    client.post("/api/ingest?source=openphish")
    found = shown(client, "openphish")
    assert (found["health"], found["rows"]) == ("ok", 400)
    assert found["last"]["outcome"]["status"] == "ok"
    every = feeds()["openphish"].every
    assert found["due"] == (place.now + every).isoformat().replace("+00:00", "Z")
    place.now += 3 * every + timedelta(seconds=1)
    assert shown(client, "openphish")["health"] == "stale"


def test_a_feed_that_does_not_answer_is_down(client):
    client.post("/api/ingest?source=openphish")
    found = shown(client, "openphish")
    assert found["health"] == "down"
    assert "no network" in found["reason"]


def test_what_a_feed_needs_and_where_it_is_shows_no_key(client, place):
    text = client.get("/api/feeds").text
    assert ONE not in text


def test_quarantine_is_shown_and_let_in_by_who_may(client, place):
    place.net.answers[ONE] = MANY
    client.post("/api/ingest?source=openphish")
    place.now += timedelta(hours=12)
    place.net.answers[ONE] = FEW
    client.post("/api/ingest?source=openphish")
    assert shown(client, "openphish")["health"] == "quarantined"
    path = "/api/feeds/openphish/accept"
    assert client.post(path, headers={"X-Stranger": "1"}).status_code == 403
    assert client.get(path).status_code == 405
    answer = client.post(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert shown(client, "openphish")["health"] == "ok"
    assert client.post(path).status_code == 409


def test_letting_in_has_the_pace_of_runs(place):
    client = place.client(pace=1)
    codes = [client.post("/api/feeds/openphish/accept").status_code for _ in range(2)]
    assert codes == [409, 429]


def test_a_feed_shows_its_latest_runs(client, place):
    for _ in range(3):
        client.post("/api/ingest?source=openphish")
        place.now += timedelta(minutes=1)
    runs = client.get("/api/feeds/openphish?limit=2").json()["runs"]
    assert len(runs) == 2
    assert runs[0]["at"] > runs[1]["at"]


@pytest.mark.parametrize("path", ["feeds/nothing", "feeds/%2e%2e", "feeds/" + "x" * 64])
def test_an_unknown_feed_is_not_found(client, path):
    assert client.get(f"/api/{path}").status_code == 404


def test_a_feed_is_judged_by_its_regular_runs(client, place):
    place.net.answers[ONE] = MANY
    client.post("/api/ingest?source=openphish")
    regular = shown(client, "openphish")["last"]["id"]
    place.net.answers[ONE] = SourceDown("for once")
    client.post("/api/ingest?source=openphish&since=2026-01-01T00:00:00Z")
    client.post("/api/ingest?source=openphish&dry_run=true")
    bad = Outcome("openphish", Status.BAD_PAYLOAD, reason="a slice", origin=Origin.BACKFILL)
    for n in range(40):
        place.now += timedelta(seconds=1)
        place.world.runs.record(Run(f"slice{n}", place.now, bad))
    found = shown(client, "openphish")
    assert (found["health"], found["last"]["id"]) == ("ok", regular)


def test_what_was_told_of_a_feed_holds_until_a_run_says_otherwise(client, place):
    place.net.answers[ONE] = MANY
    client.post("/api/ingest?source=openphish")
    place.now += timedelta(hours=12)
    place.net.answers[ONE] = FEW
    client.post("/api/ingest?source=openphish")
    place.now += timedelta(minutes=1)
    place.net.answers[ONE] = SourceDown("for once")
    client.post("/api/ingest?source=openphish")  # tells nothing of the list
    assert shown(client, "openphish")["health"] == "quarantined"
    place.now += timedelta(minutes=1)
    place.net.answers[ONE] = MANY
    client.post("/api/ingest?source=openphish")
    assert shown(client, "openphish")["health"] == "ok"


def test_a_feed_that_cannot_be_read_is_listed_with_its_reason(place):
    place.desk = replace(place.desk, broken={"mine": ("mine.yaml: every: 1 fortnight",)})
    client = place.client()
    broken = client.get("/api/feeds").json()["broken"]
    reason = "mine.yaml: every: 1 fortnight"
    assert broken == [{"name": "mine", "health": "broken", "reason": reason}]
    answer = client.get("/api/feeds/mine")
    assert answer.status_code == 404
    assert "cannot be read" in answer.text
    [found] = [one for one in probes.ingest(place.desk) if one.what == "feed mine"]
    assert (found.state, found.detail) == (probes.State.DEGRADED, f"broken: {reason}")
