"""What analysts say over HTTP."""

import pytest

from tidegate.ingest.run import Job, run

BAD = "http://bad.example/x"
HARMLESS = {"value": "hxxp://bad[.]example/x", "word": "harmless", "because": "ours", "by": "kim"}


@pytest.fixture
def asked(place):
    place.net.answers["https://one.example/"] = f"{BAD}\n".encode()
    assert run(Job(place.desk.feeds["openphish"]), place.world).kept == 1
    return place.client()


def looked_up(asked) -> dict:
    return asked.get(f"/api/indicators/{BAD}").json()


def test_a_mark_is_shown_until_it_is_taken_back(asked):
    before = looked_up(asked)
    answer = asked.post("/api/indicators/mark", json=HARMLESS)
    assert answer.status_code == 200
    assert answer.json() == {
        "kind": "url",
        "value": BAD,
        "defanged": "hxxp://bad[.]example/x",
        "score": 0.0,
        "never_enforced": "analyst: ours",
    }
    told = looked_up(asked)
    assert told["never_enforced"] == "analyst: ours"
    assert (told["marked"]["word"], told["marked"]["by"]) == ("harmless", "kim")
    assert [(one["source"], one["uncounted"]) for one in told["terms"]] == [
        ("openphish", "an analyst has spoken"),
        ("analyst", None),
    ]
    answer = asked.request("DELETE", "/api/indicators/mark", params={"value": BAD})
    assert (answer.status_code, answer.json()["score"]) == (200, before["score"])
    assert looked_up(asked) == before
    assert asked.request("DELETE", "/api/indicators/mark", params={"value": BAD}).status_code == 404


def test_to_mark_twice_is_to_mark_once(asked):
    both = [asked.post("/api/indicators/mark", json=HARMLESS).json() for _ in range(2)]
    assert both[0] == both[1]
    assert len(looked_up(asked)["sightings"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "junk"},
        {"word": "bad"},
        {"because": " "},
        {"because": "x" * 501},
        {"by": ""},
        {"days": 0},
        {"more": 1},
    ],
)
def test_what_is_no_mark_is_refused(asked, wrong):
    answer = asked.post("/api/indicators/mark", json=HARMLESS | wrong)
    assert answer.status_code == 400
    assert looked_up(asked)["marked"] is None


@pytest.mark.parametrize("headers", [{"x-stranger": "1"}, {"origin": "https://elsewhere.example"}])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_a_few_may_speak(asked, method, headers):
    more = {"json": HARMLESS} if method == "POST" else {"params": {"value": BAD}}
    answer = asked.request(method, "/api/indicators/mark", headers=headers, **more)
    assert answer.status_code == 403
    assert looked_up(asked)["marked"] is None
