"""The pages of one fetch are read together: what stands on one is true of them all."""

import itertools
from datetime import timedelta

import orjson
import pytest

from tidegate.declare.feed import feeds
from tidegate.ingest.backfill import Past, backfill
from tidegate.ingest.replay import replay
from tidegate.ingest.run import Job, run
from tidegate.model import Status, Tlp
from tidegate.ports import BadPayload, Response
from tidegate.stix import read as module
from tidegate.stix.read import context, rows

TAXII = feeds()["taxii"]
MARKING = "marking-definition--00000000-0000-4000-8000-000000000001"


def indicator(number: int = 1, **more) -> dict:
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "modified": "2026-11-19T09:00:00Z",
        "pattern": f"[domain-name:value = 'h{number}.example']",
        **more,
    }


ABOUT = [
    {"type": "malware", "id": "malware--1", "name": "Emotet"},
    {
        "type": "attack-pattern",
        "id": "attack-pattern--1",
        "external_references": [{"source_name": "mitre-attack", "external_id": "T1059.001"}],
    },
    {
        "type": "relationship",
        "id": "relationship--1",
        "relationship_type": "indicates",
        "source_ref": "indicator--1",
        "target_ref": "malware--1",
    },
    {
        "type": "relationship",
        "id": "relationship--2",
        "relationship_type": "indicates",
        "source_ref": "indicator--1",
        "target_ref": "attack-pattern--1",
    },
    {"type": "report", "id": "report--1", "object_refs": ["indicator--1"]},
    {
        "type": "marking-definition",
        "id": MARKING,
        "definition_type": "tlp",
        "definition": {"tlp": "red"},
    },
]
MARKED = indicator(object_marking_refs=[MARKING])


class Scripted:
    """Answers with these pages, in order."""

    def __init__(self, *pages: list[dict]) -> None:
        self.pages = list(pages)

    def request(self, method, url, *, headers, params) -> Response:
        page, number = self.pages.pop(0), len(self.pages)
        body = {"objects": page, "more": bool(number), "next": str(number)}
        added = {"x-taxii-date-added-last": "2026-11-19T10:00:00Z"}
        return Response(200, added, orjson.dumps(body))


def fetched(lab, *pages: list[dict]) -> list[dict]:
    object.__setattr__(lab.world, "http", Scripted(*pages))
    assert run(Job(TAXII), lab.world).status is Status.OK
    assert replay(TAXII, lab.now, lab.world).state.equals(lab.state(TAXII))
    return lab.state(TAXII).to_dicts()


@pytest.mark.parametrize("first", [True, False])
def test_what_stands_on_another_page_is_applied(lab, first):
    pages = [[MARKED], ABOUT] if first else [ABOUT, [MARKED]]
    [row] = fetched(lab, *pages)
    assert (row["threat"], row["tags"], row["tlp"]) == ("Emotet", ["attack:T1059.001"], Tlp.RED)
    assert row["reference"] == "report--1"


def test_each_object_on_a_page_of_its_own_says_the_same_as_all_on_one(lab):
    [alone] = rows(orjson.dumps({"objects": [MARKED, *ABOUT]}))
    for order in itertools.islice(itertools.permutations([MARKED, *ABOUT]), 0, None, 500):
        pages = [orjson.dumps({"objects": [one]}) for one in order]
        about = context(pages)
        assert [row for page in pages for row in rows(page, about)] == [alone]


def test_what_was_revoked_on_one_page_does_not_hold_by_another(lab):
    revoked = indicator(1, revoked=True, modified="2026-11-20T00:00:00Z")
    again = indicator(2, modified="2026-11-20T00:00:01Z")
    gone = indicator(2, revoked=True, modified="2026-11-20T00:00:00Z")
    found = fetched(lab, [indicator(1), gone], [revoked, again])
    assert [row["value"] for row in found] == ["h2.example"]


def test_a_port_in_a_pattern_becomes_a_tag(lab):
    pattern = "[ipv4-addr:value = '192.0.2.5' AND network-traffic:dst_port = 8443]"
    [row] = fetched(lab, [indicator(pattern=pattern, labels=["c2"])])
    assert (row["value"], row["tags"]) == ("192.0.2.5", ["c2", "port:8443"])


def test_of_too_much_context_only_markings_and_revocations_are_sure(monkeypatch):
    monkeypatch.setattr(module, "MOST", 20)
    crowd = [{"type": "malware", "id": f"malware--x{n}", "name": "x"} for n in range(30)]
    late = indicator(3, revoked=True, modified="2026-11-20T00:00:00Z")
    pages = [orjson.dumps({"objects": found}) for found in (crowd, [*ABOUT, late], [MARKED])]
    about = context(pages)
    [row] = rows(pages[2], about)
    assert (row["threat"], row["reference"], row["tlp"]) == (None, "indicator--1", Tlp.RED)
    assert rows(orjson.dumps({"objects": [indicator(3)]}), about) == []
    many = [{**ABOUT[-1], "id": f"marking-definition--{n}"} for n in range(30)]
    with pytest.raises(BadPayload, match="more than 20 markings"):
        context([orjson.dumps({"objects": many})])
    refs = {"type": "report", "id": "r", "object_refs": [f"indicator--{n}" for n in range(1_000)]}
    assert len(context([orjson.dumps({"objects": [refs]})]).reports) == 20


def test_a_backfill_reads_its_pages_together_too(lab):
    object.__setattr__(lab.world, "http", Scripted([MARKED], ABOUT))
    step = timedelta(hours=36)
    end = lab.now - timedelta(hours=12)
    done = backfill(Past(TAXII, end - step, end, step), lab.world)
    assert (done.status, done.kept) == (Status.OK, 1)
    [row] = lab.state(TAXII).to_dicts()
    assert (row["threat"], row["tlp"]) == ("Emotet", Tlp.RED)
