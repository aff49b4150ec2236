"""Runs of feeds over HTTP: asked for, followed, and what each feed came to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.ingest.schedule import Choice
from tidegate.ports import BadPayload

pytestmark = pytest.mark.slow

ONE = "https://one.example/"
LISTED = b"".join(b"http://h%d.example/\n" % n for n in range(100))


def test_a_quick_run_is_answered_at_once(client, place):
    place.net.answers[ONE] = LISTED
    answer = client.post("/api/ingest?source=openphish")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["state"], body["left"]) == ("done", [])
    [outcome] = body["feeds"]
    assert (outcome["feed"], outcome["status"], outcome["kept"]) == ("openphish", "ok", 100)
    assert client.get(f"/api/runs/{body['id']}").json() == body


def test_a_get_does_the_same_for_those_who_can_do_no_other(client, place):
    place.net.answers[ONE] = LISTED
    answer = client.get("/api/ingest?source=openphish")
    assert (answer.status_code, answer.json()["feeds"][0]["kept"]) == (200, 100)
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_name_what_runs_by_itself_is_run_and_some_failures_are_a_multi_status(
    client, place
):
    place.net.answers[ONE] = LISTED
    answer = client.post("/api/ingest")
    assert answer.status_code == 207
    assert {one["feed"]: one["status"] for one in answer.json()["feeds"]} == {
        "openphish": "ok",
        "blocklist_de": "source_down",
    }


@pytest.mark.parametrize("ask", ["get", "post"])
def test_what_a_person_switched_off_is_run_when_it_is_named_and_not_otherwise(place, ask):
    def choice() -> Choice:
        return Choice((), (), place.world.feeds.switched())

    place.desk = replace(place.desk, choice=choice)
    place.world.feeds.switch("blocklist_de", on=False)
    with place.working():
        client = place.client()
        unnamed = getattr(client, ask)("/api/ingest").json()["feeds"]
        assert [one["feed"] for one in unnamed] == ["openphish", "spamhaus_drop"]
        [named] = getattr(client, ask)("/api/ingest?source=blocklist_de").json()["feeds"]
        assert named["feed"] == "blocklist_de"


def test_nothing_but_failures_is_a_bad_gateway(client, place):
    place.net.answers[ONE] = BadPayload("junk")
    answer = client.post("/api/ingest?source=openphish&source=blocklist_de&source=openphish")
    assert answer.status_code == 502
    assert [one["status"] for one in answer.json()["feeds"]] == ["bad_payload", "source_down"]
    assert len(place.net.asked) == 2


def test_what_takes_longer_goes_on_and_is_followed(place):
    place.net.answers[ONE] = LISTED
    place.net.hold.clear()
    with place.working():
        client = place.client(quick=0.2)
        answer = client.post("/api/ingest?source=openphish&source=blocklist_de")
        assert answer.status_code == 202
        assert answer.headers["retry-after"] == "2"
        body = answer.json()
        assert answer.headers["location"] == f"/api/runs/{body['id']}"
        assert (body["state"], body["feeds"]) == ("running", [])
        assert body["left"] == ["openphish", "blocklist_de"]
        place.net.hold.set()
        while (body := client.get(answer.headers["location"]).json())["state"] != "done":
            pass
    assert [one["status"] for one in body["feeds"]] == ["ok", "source_down"]
    assert body["ended"] is not None


def test_a_request_that_nobody_works_on_is_queued(place):
    answer = place.client(quick=0).post("/api/ingest")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.json()["started"] is None


def test_who_waits_looks_seldom(place, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr("tidegate.api.ingest.time.sleep", pauses.append)
    answer = place.client(quick=1_000).post("/api/ingest?source=openphish")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert len(pauses) <= 12
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.05, 0.5)
    assert 4 <= sum(pauses) < 5


def test_a_dry_run_tells_and_writes_nothing(client, place):
    place.net.answers[ONE] = LISTED
    answer = client.post("/api/ingest?source=openphish&dry_run=true")
    [outcome] = answer.json()["feeds"]
    assert (outcome["dry_run"], outcome["new"]) == (True, 100)
    assert place.world.sightings.state("openphish").is_empty()
    assert client.get("/api/runs").json() == []


def test_times_are_read_in_utc_and_handed_on(client, place):
    place.net.answers[ONE] = LISTED
    answer = client.post(
        "/api/ingest?source=openphish&since=2026-02-01T00:00&until=2026-04-01T01:00%2B01:00"
    )
    body = answer.json()
    assert (body["since"], body["until"]) == ("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z")
    [run] = client.get("/api/runs?source=openphish").json()
    assert (run["since"], run["until"]) == (body["since"], body["until"])


@pytest.mark.parametrize(
    "query",
    [
        "since=5",
        "since=junk",
        "since=0001-01-01T00:00:00%2B14:00",
        "since=2026-02-01&until=2026-01-01",
        "since=2026-02-01&until=2026-02-01T00:00Z",
        "dry_run=maybe",
        "feed=openphish",
        "Source=openphish",
        "&".join(["source=openphish"] * 101),
    ],
)
def test_wrong_parameters_start_nothing(client, place, query):
    assert client.post(f"/api/ingest?{query}").status_code == 400
    assert place.net.asked == []


def test_an_unknown_feed_is_named_and_nothing_runs(client, place):
    answer = client.post("/api/ingest?source=openphish&source=nothing")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "no such feed: nothing"
    assert place.net.asked == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "header",
    [
        ("X-Stranger", "1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Referer", "https://evil.example/page"),
        ("Referer", "http://["),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
    ],
)
def test_no_stranger_and_no_other_page_starts_a_run(client, place, method, header):
    answer = client.request(method, "/api/ingest", headers=dict([header]))
    assert answer.status_code == 403
    assert place.net.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Referer": "http://127.0.0.1:8080/"},
        {"Origin": "http://127.0.0.1:8080"},
    ],
)
def test_our_own_page_and_a_typed_address_may(client, headers):
    assert client.get("/api/ingest?source=openphish", headers=headers).status_code == 502


def test_starting_runs_has_a_pace_of_its_own(place):
    client = place.client(quick=0, pace=2)
    codes = [client.post("/api/ingest?source=openphish").status_code for _ in range(3)]
    assert codes == [202, 202, 429]
    assert client.get("/api/runs").status_code == 200


# --- runs -------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_and_each_can_be_seen(client, place):
    place.net.answers[ONE] = LISTED
    client.post("/api/ingest?source=openphish")
    place.now += timedelta(hours=1)
    asked = client.post("/api/ingest?source=blocklist_de").json()
    runs = client.get("/api/runs").json()
    assert [one["outcome"]["feed"] for one in runs] == ["blocklist_de", "openphish"]
    assert runs[0]["id"] == f"{asked['id']}.blocklist_de"
    assert client.get(f"/api/runs/{runs[0]['id']}").json() == runs[0]
    assert client.get("/api/runs?source=openphish").json() == runs[1:]
    assert client.get("/api/runs?limit=1").json() == runs[:1]


@pytest.mark.parametrize("name", ["nothing", "20260301120000-0123456789ab", "..%2f..%2fx", "%00"])
def test_what_never_was_is_not_found(client, name):
    assert client.get(f"/api/runs/{name}").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x"])
def test_lists_are_bounded(client, query):
    assert client.get(f"/api/runs?{query}").status_code == 400
    assert client.get("/api/runs?source=nothing").status_code == 404
