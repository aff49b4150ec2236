"""What there is, in figures."""

from datetime import timedelta

import pytest

from tidegate.declare.feed import feeds

pytestmark = pytest.mark.slow

ONE, TWO = "https://one.example/", "https://two.example/"
URLS = b"".join(b"http://h%d.example/\n" % n for n in range(100)) + b"http://127.0.0.1/x\n"
ADDRESSES = b"".join(b"192.0.2.%d\n" % n for n in range(1, 101))


def test_nothing_is_nothing(client):
    body = client.get("/api/stats").json()
    assert body["total"] == {"live": 0, "expired": 0, "suppressed": 0}
    assert (body["indicators"], body["sources"], body["days"]) == (0, {}, [])


def test_sightings_are_counted_by_source_and_kind_and_whether_they_hold(client, place):
    place.net.answers = {ONE: URLS, TWO: ADDRESSES}
    client.post("/api/ingest?source=openphish")
    place.now += feeds()["openphish"].keep + timedelta(minutes=1)
    client.post("/api/ingest?source=blocklist_de")
    body = client.get("/api/stats").json()
    assert body["sources"] == {
        "blocklist_de": {"live": 100, "expired": 0, "suppressed": 0},
        "openphish": {"live": 0, "expired": 100, "suppressed": 1},
    }
    assert body["kinds"]["url"] == {"live": 0, "expired": 100, "suppressed": 1}
    assert body["total"] == {"live": 100, "expired": 100, "suppressed": 1}
    assert body["indicators"] == 100
    assert body["last"]["openphish"]["status"] == "ok"


def test_runs_are_summed_by_day_newest_first(client, place):
    place.net.answers = {ONE: URLS}
    client.post("/api/ingest")
    place.now += timedelta(days=1)
    client.post("/api/ingest")
    newest, before = client.get("/api/stats").json()["days"]
    assert (newest["day"], newest["runs"], newest["failed"]) == ("2026-03-02", 2, 1)
    assert (before["day"], before["rows"], before["new"]) == ("2026-03-01", 101, 100)


def test_the_answer_is_held_for_a_moment(client, place):
    before = client.get("/api/stats").json()
    place.net.answers = {ONE: URLS}
    client.post("/api/ingest?source=openphish")
    assert client.get("/api/stats").json() == before
    place.now += timedelta(seconds=30)
    assert client.get("/api/stats").json()["indicators"] == 100
