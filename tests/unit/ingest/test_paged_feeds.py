"""Sources with a cursor of their own: read to the end, and the next run begins there."""

from datetime import timedelta

import orjson
import pytest

from tidegate.declare.feed import feeds
from tidegate.ingest.run import Job, run
from tidegate.model import Status
from tidegate.ports import Response

TAXII, ANOMALI = feeds()["taxii"], feeds()["anomali"]
ADDED = "X-TAXII-Date-Added-Last".lower()


def indicator(number: int) -> dict:
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "pattern": f"[domain-name:value = 'h{number}.example']",
        "modified": "2026-11-19T09:00:00Z",
    }


def page(*numbers: int, added: str | None = None, **more) -> Response:
    body = orjson.dumps({"objects": [indicator(number) for number in numbers], **more})
    return Response(200, {ADDED: added} if added else {}, body)


class Scripted:
    """Answers in order, and remembers what was asked for."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}

    def request(self, method, url, *, headers, params) -> Response:
        self.asked.append((url, dict(params)))
        self.headers = dict(headers)
        return self.answers.pop(0)


def read(lab, feed, *answers: Response, **more):
    http = Scripted(*answers)
    object.__setattr__(lab.world, "http", http)
    return run(Job(feed, **more), lab.world), http


def test_taxii_follows_next_and_remembers_when_the_last_object_was_added(lab):
    first = page(1, 2, added="2026-11-19T10:00:00.000001Z", more=True, next="abc")
    last = page(3, added="2026-11-19T11:00:00.000001Z")
    outcome, http = read(lab, TAXII, first, last)
    assert (outcome.status, outcome.kept) == (Status.OK, 3)
    assert http.headers["Accept"] == "application/taxii+json;version=2.1"
    assert http.headers["Authorization"] == "x"
    begin = {"limit": "1000", "added_after": "2026-08-22T05:00:00.000000Z"}
    assert [asked for _, asked in http.asked] == [begin, {**begin, "next": "abc"}]
    lab.pass_(hours=1)
    outcome, http = read(lab, TAXII, page(4, added="2026-11-20T05:30:00Z"))
    assert http.asked[0][1]["added_after"] == "2026-11-19T11:00:00.000001Z"
    assert outcome.kept == 1
    assert len(lab.state(TAXII)) == 4


def test_taxii_without_next_goes_on_from_the_date(lab):
    first = page(1, added="2026-11-19T10:00:00Z", more=True)
    outcome, http = read(lab, TAXII, first, page(2, added="2026-11-19T11:00:00Z"))
    assert outcome.kept == 2
    assert http.asked[1][1]["added_after"] == "2026-11-19T10:00:00Z"


@pytest.mark.parametrize("more", [{"next": "same"}, {}])
def test_taxii_that_goes_round_is_a_bad_payload(lab, more):
    answers = [page(1, more=True, **more)] * 5
    outcome, http = read(lab, TAXII, *answers)
    assert outcome.status is Status.BAD_PAYLOAD
    assert len(http.asked) <= 3


def test_taxii_with_nothing_new_keeps_its_cursor(lab):
    read(lab, TAXII, page(1, added="2026-11-19T10:00:00Z"))
    lab.pass_(hours=1)
    outcome, _ = read(lab, TAXII, Response(200, {}, b"{}"))
    assert (outcome.status, outcome.rows, outcome.withdrawn) == (Status.OK, 0, 0)
    assert lab.world.feeds.state("taxii").cursor == "2026-11-19T10:00:00Z"
    assert len(lab.state(TAXII)) == 1


def test_since_goes_before_the_cursor(lab):
    read(lab, TAXII, page(1, added="2026-11-19T10:00:00Z"))
    lab.pass_(hours=1)
    _, http = read(lab, TAXII, page(2), since=lab.now - timedelta(days=3))
    assert http.asked[0][1]["added_after"] == "2026-11-17T06:00:00.000000Z"


def test_taxii_may_be_elsewhere(lab):
    lab.world.urls["taxii"] = "https://other.example/root/collections/1/objects/"
    _, http = read(lab, TAXII, page(1))
    assert http.asked[0][0] == "https://other.example/root/collections/1/objects/"


def intelligence(*numbers: int, status: str = "active") -> Response:
    common = {"type": "ip", "itype": "c2_ip", "confidence": 80, "status": status}
    objects = [
        {
            **common,
            "update_id": number,
            "value": f"192.0.2.{number % 256}",
            "modified_ts": "2026-11-19T09:00:00Z",
        }
        for number in numbers
    ]
    return Response(200, {}, orjson.dumps({"meta": {}, "objects": objects}))


def test_threatstream_goes_on_from_its_greatest_number(lab):
    outcome, http = read(lab, ANOMALI, intelligence(*range(1, 1_001)), intelligence(1_001))
    assert outcome.kept + outcome.repeated == 1_001
    assert http.asked[0][1]["modified_ts__gte"] == "2026-08-22T05:00:00"
    assert http.asked[1][1]["update_id__gt"] == "1000"
    lab.pass_(hours=1)
    outcome, http = read(lab, ANOMALI, intelligence(1_002, status="falsepos"))
    assert http.asked[0][1]["update_id__gt"] == "1001"
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 1)


def test_threatstream_that_goes_round_is_a_bad_payload(lab):
    same = intelligence(*range(1, 1_001))
    assert read(lab, ANOMALI, same, same)[0].status is Status.BAD_PAYLOAD


def test_a_page_of_nothing_but_other_kinds_is_no_fault(lab):
    rule = {**indicator(1), "pattern": "rule x", "pattern_type": "yara"}
    answer = Response(200, {ADDED: "2026-11-19T10:00:00Z"}, orjson.dumps({"objects": [rule]}))
    outcome, _ = read(lab, TAXII, answer)
    assert (outcome.status, outcome.rejected) == (Status.OK, {"unknown kind": 1})
    assert lab.world.feeds.state("taxii").cursor == "2026-11-19T10:00:00Z"
