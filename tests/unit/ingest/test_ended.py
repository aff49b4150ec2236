"""What a source takes back by reference goes with all that it said; nothing else does."""

from typing import Any

import orjson
import pytest

from tidegate.declare.feed import feeds
from tidegate.feeds.misp_circl import parse as circl
from tidegate.feeds.otx import parse as otx
from tidegate.ingest.replay import accept, replay
from tidegate.ingest.run import Job, run
from tidegate.model import Origin, Status
from tidegate.ports import BadPayload, Response

OTX, MISP = feeds()["otx"], feeds()["misp"]
API = "https://otx.alienvault.com/api/v1/pulses"
UUID = "5a2b1f00-0d5c-4e0a-9d2e-4f1a950d21{:02x}"


class Killed(BaseException):
    """The process dies."""


class Server:
    """Answers each path with JSON; what is not there is empty."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def request(self, method, url, *, headers, params) -> Response:
        self.asked.append((url, dict(params)))
        nothing = {"results": [], "next": None}
        return Response(200, {}, orjson.dumps(self.answers.get(url, nothing)))


@pytest.fixture
def server(lab) -> Server:
    made = Server()
    object.__setattr__(lab.world, "http", made)
    lab.world.secrets["OTX_KEY"] = "x"
    lab.world.urls["misp"] = "https://misp.example/feed/"
    return made


def pulse(number: int, *values: str) -> dict[str, Any]:
    indicators = [
        {"type": "domain", "indicator": value, "created": "2026-11-18T00:00:00"} for value in values
    ]
    return {"id": f"p{number}", "modified": "2026-11-19T00:00:00", "indicators": indicators}


def event(action: str, number: int, hour: int = 1, kind: str = "pulse") -> dict[str, Any]:
    """As OTX writes it."""
    return {
        "id": 4_000_000 + hour,
        "action": action,
        "object_type": kind,
        "object_id": f"p{number}",
        "created": f"2026-11-20T{hour:02}:31:09.263000",
    }


def results(*found: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    return {"count": len(found), "next": after, "previous": None, "results": list(found)}


def values(lab, feed=OTX) -> list[str]:
    return sorted(lab.state(feed)["value"])


def three_pulses(lab, server: Server) -> None:
    pulses = [pulse(n, f"a{n}.example", f"b{n}.example") for n in (1, 2, 3)]
    server.answers[f"{API}/subscribed"] = results(*pulses)
    assert run(Job(OTX), lab.world).kept == 6
    server.answers[f"{API}/subscribed"] = results()
    lab.pass_(hours=1)


def test_a_deleted_pulse_goes_with_its_indicators(lab, server):
    three_pulses(lab, server)
    server.answers[f"{API}/events"] = results(
        event("delete", 1), event("subscribe", 2), event("delete", 3, kind="user")
    )
    outcome = run(Job(OTX), lab.world)
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 2)
    assert values(lab) == ["a2.example", "a3.example", "b2.example", "b3.example"]
    [asked] = [params for url, params in server.asked[2:] if url.endswith("/events")]
    assert asked == {"limit": "50", "since": "2026-11-20T04:00:00"}  # an hour's overlap
    assert replay(OTX, lab.now, lab.world).state.equals(lab.state(OTX))
    lab.pass_(hours=1)
    assert run(Job(OTX), lab.world).withdrawn == 0


def test_events_have_pages_and_the_last_word_on_a_pulse_counts(lab, server):
    three_pulses(lab, server)
    after = f"{API}/events?limit=50&page=2"
    server.answers[f"{API}/events"] = results(
        event("subscribe", 1, hour=3), event("unsubscribe", 1, hour=2), after=after
    )
    server.answers[after] = results(event("unsubscribe", 3))
    assert run(Job(OTX), lab.world).withdrawn == 2
    assert values(lab) == ["a1.example", "a2.example", "b1.example", "b2.example"]


def test_what_the_same_fetch_says_holds(lab, server):
    three_pulses(lab, server)
    server.answers[f"{API}/events"] = results(event("delete", 1))
    server.answers[f"{API}/subscribed"] = results(pulse(4, "a1.example"), pulse(1, "b1.example"))
    assert run(Job(OTX), lab.world).withdrawn == 0
    assert len(values(lab)) == 6


def test_without_events_there_is_no_page_of_them():
    assert otx.gone(orjson.dumps(results(pulse(1, "a.example")))) == set()
    page = orjson.dumps(results(event("delete", 7)))
    assert otx.parse(page) == []
    assert otx.gone(page) == {"https://otx.alienvault.com/pulse/p7"}


@pytest.mark.parametrize("after", [False, True])
def test_killed_around_the_commit_it_is_withdrawn_all_the_same(lab, server, monkeypatch, after):
    three_pulses(lab, server)
    server.answers[f"{API}/events"] = results(event("delete", 1))
    store = type(lab.world.sightings)
    really = store.commit

    def deadly(*args):
        if after:
            really(*args)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", deadly)
        with pytest.raises(Killed):
            run(Job(OTX), lab.world)
    assert run(Job(OTX), lab.world).status is Status.OK
    assert len(values(lab)) == 4


def misp_event(number: int, *names: str, **more: Any) -> dict[str, Any]:
    stamp = str(1795084800 + number)
    attributes = [
        {"type": "domain", "value": name, "to_ids": True, "timestamp": stamp} for name in names
    ]
    uuid = UUID.format(number)
    return {"Event": {"uuid": uuid, "timestamp": stamp, "Attribute": attributes, **more}}


def publish(server: Server, *events: dict[str, Any]) -> None:
    base, manifest = "https://misp.example/feed/", {}
    for one in events:
        about = one["Event"]
        manifest[about["uuid"]] = {"timestamp": about["timestamp"], "info": "x", "Tag": []}
        server.answers[f"{base}{about['uuid']}.json"] = one
    server.answers[f"{base}manifest.json"] = manifest


def test_an_event_that_is_no_longer_in_the_manifest_goes(lab, server):
    one, two = misp_event(1, "a.example"), misp_event(2, "b.example", "c.example")
    publish(server, one, two)
    assert run(Job(MISP), lab.world).kept == 3
    lab.pass_(hours=1)
    assert run(Job(MISP), lab.world).status is Status.UNCHANGED
    lab.pass_(hours=1)
    publish(server, two)
    outcome = run(Job(MISP), lab.world)
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 1)
    assert values(lab, MISP) == ["b.example", "c.example"]
    assert replay(MISP, lab.now, lab.world).state.equals(lab.state(MISP))
    lab.pass_(hours=1)
    assert run(Job(MISP), lab.world).status is Status.UNCHANGED


def test_a_deleted_event_goes(lab, server):
    two = misp_event(2, "b.example")
    publish(server, misp_event(1, "a.example"), two)
    run(Job(MISP), lab.world)
    lab.pass_(hours=1)
    gone = misp_event(1, deleted=True)
    gone["Event"]["timestamp"] = "1795084900"
    publish(server, gone, two)
    assert run(Job(MISP), lab.world).withdrawn == 1
    assert values(lab, MISP) == ["b.example"]


def test_a_manifest_that_lost_most_of_its_events_is_for_a_person(lab, server):
    many = [misp_event(n, *(f"h{n}-{m}.example" for m in range(20))) for n in range(10)]
    publish(server, *many)
    assert run(Job(MISP), lab.world).kept == 200
    lab.pass_(hours=1)
    publish(server, *many[:2])
    outcome = run(Job(MISP), lab.world)
    assert (outcome.status, outcome.reason) == (
        Status.QUARANTINED,
        "takes back 160 of 200 indicators",
    )
    assert len(values(lab, MISP)) == 200
    accepted = accept(MISP, lab.world)
    assert (accepted.status, accepted.withdrawn) == (Status.OK, 160)


def test_a_file_of_one_event_says_nothing_of_others(lab, server, tmp_path):
    publish(server, misp_event(1, "a.example"))
    run(Job(MISP), lab.world)
    file = tmp_path / "event.json"
    file.write_bytes(orjson.dumps(misp_event(2, "b.example")))
    assert run(Job(MISP, file, Origin.FILE), lab.world).withdrawn == 0
    assert values(lab, MISP) == ["a.example", "b.example"]


def test_references_are_those_of_the_rows():
    page = orjson.dumps({UUID.format(1): {"timestamp": "1"}})
    assert circl.parse(page) == []
    assert circl.standing(page) == {f"{circl.BASE}{UUID.format(1)}.json"}
    assert circl.standing(orjson.dumps(misp_event(1, "a.example"))) is None


@pytest.mark.parametrize("junk", [{"error": "x"}, {"a" * 8: {"timestamp": "x"}}, {"a" * 8: []}])
def test_junk_is_no_manifest(junk):
    with pytest.raises(BadPayload):
        circl.parse(orjson.dumps(junk))
