"""Look-up, search and bulk look-up over HTTP."""

import json
from urllib.parse import quote

import pytest

from tidegate.api import indicators
from tidegate.ingest.run import Job, run
from tidegate.model import indicator_id

ONE = "https://one.example/"
LISTED = (
    b"https://login.phish.example/office?user=1&x=2\nhttp://192.0.2.7:8080/a\n"
    b"http://[2001:db8::1]/b\n" + b"".join(b"http://h%d.example/\n" % n for n in range(100))
)


@pytest.fixture(scope="module")
def asked(read_only):
    """Ask of a place into which a feed brought a hundred and three URLs."""
    read_only.net.answers[ONE] = LISTED
    outcome = run(Job(read_only.desk.feeds["openphish"]), read_only.world)
    assert outcome.kept == 103
    return read_only.client()


# --- look-up ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("https://login.phish.example/office?user=1&x=2", "url", None),
        ("hxxps://login[.]phish[.]example/office?user=1&x=2", "url", LISTED.split(b"\n")[0]),
        ("http://192.0.2.7:8080/a", "url", None),
        ("http://[2001:DB8::1]/b", "url", b"http://[2001:db8::1]/b"),
    ],
)
def test_a_value_is_found_in_any_spelling(asked, text, kind, value):
    answer = asked.get(f"/api/indicators/{quote(text, safe='')}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["kind"], body["value"]) == (kind, value.decode() if value else text)
    assert body["defanged"].startswith("hxxp")
    assert body["score"] > 0
    assert [one["source"] for one in body["sightings"]] == ["openphish"]
    assert body["terms"][0]["weight"] > 0


@pytest.mark.parametrize(
    "text", ["192.0.2.9", "2001:db8::9", "ab" * 32, "a.example", "a@b.example"]
)
def test_what_nobody_reported_is_not_found(asked, text):
    answer = asked.get(f"/api/indicators/{quote(text, safe='')}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "nobody has reported it"


def test_what_nobody_reported_and_hygiene_refuses_says_why(asked):
    answer = asked.get("/api/indicators/10.0.0.1")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "nobody has reported it; never enforced: private"


@pytest.mark.parametrize(
    "junk", ["junk", "a b", "x" * 5_000, "x" * 9_000, "\x00", "\n", "%", "😀", "..", "http://"]
)
def test_junk_is_a_bad_request(asked, junk):
    answer = asked.get(f"/api/indicators/{quote(junk, safe='')}")
    assert answer.status_code in ({404} if junk == ".." else {400})


# --- search -----------------------------------------------------------------------------------


def pages(asked, query: str) -> list[list[dict]]:
    found, continuation = [], ""
    while True:
        answer = asked.get(f"/api/indicators?{query}{continuation}")
        assert answer.status_code == 200
        body = answer.json()
        found.append(body["items"])
        if body["continuation"] is None:
            return found
        continuation = f"&continuation={body['continuation']}"


@pytest.mark.parametrize("sort", ["id", "score"])
def test_pages_follow_one_another_without_gap_or_repeat(asked, sort):
    found = pages(asked, f"limit=40&sort={sort}")
    assert list(map(len, found)) == [40, 40, 23]
    ids = [one["id"] for page in found for one in page]
    assert len(set(ids)) == 103
    if sort == "id":
        assert ids == sorted(ids)


def test_an_item_tells_what_its_sightings_say_together(asked):
    [[found]] = pages(asked, "q=phish.example")
    assert found == {
        "id": indicator_id("url", found["value"]),
        "kind": "url",
        "value": "https://login.phish.example/office?user=1&x=2",
        "defanged": "hxxps://login[.]phish[.]example/office?user=1&x=2",
        "score": asked.get(f"/api/indicators/{quote(found['value'], safe='')}").json()["score"],
        "sources": ["openphish"],
        "threats": found["threats"],
        "tags": [],
        "first_seen": "2026-03-01T12:00:00Z",
        "last_seen": "2026-03-01T12:00:00Z",
        "expires": found["expires"],
        "tlp": "clear",
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=hxxp%3A%2F%2Fh1%5B.%5Dexample", 1),
        ("q=H1.EXAMPLE", 1),
        ("prefix=http%3A%2F%2F192.", 1),
        ("kind=url&kind=domain", 103),
        ("kind=domain", 0),
        ("source=blocklist_de", 0),
        ("source=blocklist_de&source=openphish", 103),
        ("tag=none", 0),
        ("network=192.0.2.0/24", 0),
        ("first_seen_after=2026-03-01T11:59:59Z", 103),
        ("last_seen_after=2026-03-01T12:00:00Z", 0),
        ("min_score=100", 0),
        ("min_score=1&sort=score", 103),
    ],
)
def test_filters_filter(asked, query, count):
    assert sum(map(len, pages(asked, f"limit=1000&{query}"))) == count


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "min_score=nan",
        "min_score=101",
        "kind=nothing",
        "network=10.0.0.0/33",
        "network=example",
        "q=",
        "q=" + "x" * 2_084,
        "sort=value",
        "Q=x",
        "tag=",
        "network=",
        "first_seen_after=5",
        "&".join(["source=x"] * 51),
        "continuation=x",
        "continuation=%00",
        "continuation=" + "A" * 129,
    ],
)
def test_wrong_filters_are_refused(asked, query):
    assert asked.get(f"/api/indicators?{query}").status_code == 400


# --- bulk -------------------------------------------------------------------------------------


def test_many_are_looked_up_at_once_in_their_order(asked):
    values = ["h2.example", "hxxp://h1[.]example/", "junk", "http://h1.example/", ""]
    answer = asked.post("/api/indicators/lookup", json={"values": values})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [one["text"] for one in items] == values
    assert [one["sources"] for one in items] == [None, ["openphish"], None, ["openphish"], None]
    assert [one["rejected"] is None for one in items] == [True, True, False, True, False]
    assert items[1]["id"] == items[3]["id"] == indicator_id("url", "http://h1.example/")


def test_no_values_have_no_answers(asked):
    assert asked.post("/api/indicators/lookup", json={"values": []}).json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"values": "a.example"}',
        b'{"values": [1]}',
        b'{"values": [null]}',
        b'{"values": ["a.example"], "more": 1}',
        b'{"values": ["\\ud800"]}',
        b'{"values": ["\xff"]}',
        b"[" * 100_000,
        json.dumps({"values": ["x" * 4_097]}).encode(),
        json.dumps({"values": ["x"] * 10_001}).encode(),
    ],
)
def test_a_wrong_body_is_a_bad_request(asked, body):
    assert asked.post("/api/indicators/lookup", content=body).status_code == 400


def test_too_large_a_body_is_not_read_to_its_end(asked, monkeypatch):
    monkeypatch.setattr(indicators, "MAX_BODY", 1_000)
    answer = asked.post("/api/indicators/lookup", content=b" " * 1_001)
    assert answer.status_code == 413
