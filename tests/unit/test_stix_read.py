"""Bundles of STIX 2.0 and 2.1, and pages of TAXII."""

import orjson
import pytest

from tidegate.model import Tlp
from tidegate.ports import BadPayload
from tidegate.stix.read import MARKINGS, rows
from tidegate.stix.write import MARKINGS as WRITTEN


def indicator(number: int = 1, **more) -> dict:
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "modified": "2026-11-19T09:00:00Z",
        "pattern": "[domain-name:value = 'a.example']",
        **more,
    }


def read(*objects: dict) -> list[dict]:
    return rows(orjson.dumps({"type": "bundle", "objects": objects}))


def one(*objects: dict) -> dict:
    (row,) = read(*objects)
    return row


def test_the_times_of_an_indicator():
    row = one(indicator(valid_from="2026-11-01T00:00:00Z", valid_until="2027-01-01T00:00:00Z"))
    assert row["first_seen"] == "2026-11-01T00:00:00Z"
    assert row["last_seen"] == "2026-11-19T09:00:00Z"
    assert row["expires"] == "2027-01-01T00:00:00Z"


def test_what_is_revoked_is_over_since_it_was_touched():
    row = one(indicator(revoked=True, valid_until="2027-01-01T00:00:00Z"))
    assert row["expires"] == "2026-11-19T09:00:00Z"


def test_an_older_version_does_not_undo_a_revocation():
    old, new = indicator(), indicator(revoked=True, modified="2026-11-20T00:00:00Z")
    assert one(old, new) == one(new, old)
    assert one(old, new)["expires"] == "2026-11-20T00:00:00Z"


def test_the_strictest_marking_counts():
    white = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
    amber = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
    refs = {"object_marking_refs": [amber, white, "marking-definition--unknown"]}
    assert one(indicator(**refs))["tlp"] == Tlp.AMBER
    assert one(indicator())["tlp"] is None


@pytest.mark.parametrize(
    "definition",
    [
        {"definition_type": "tlp", "definition": {"tlp": "red"}},
        {"name": "TLP:RED"},
        {"name": "TLP:RED", "extensions": {}, "definition": None},
    ],
)
def test_a_marking_may_come_with_the_bundle(definition):
    marking = {"type": "marking-definition", "id": "marking-definition--1", **definition}
    row = one(marking, indicator(object_marking_refs=["marking-definition--1"]))
    assert row["tlp"] == Tlp.RED


def test_a_bundle_cannot_loosen_a_known_marking():
    red = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
    marking = {"type": "marking-definition", "id": red, "name": "TLP:CLEAR"}
    assert one(marking, indicator(object_marking_refs=[red]))["tlp"] == Tlp.RED


def test_what_we_write_we_know():
    assert all(MARKINGS[marking] is tlp for tlp, marking in WRITTEN.items())


def test_labels_types_malware_and_reference():
    row = one(
        {"type": "malware", "id": "malware--1", "name": "Vidar"},
        {
            "type": "relationship",
            "id": "relationship--1",
            "relationship_type": "indicates",
            "source_ref": "indicator--1",
            "target_ref": "malware--1",
        },
        indicator(
            labels=["a,b"],
            indicator_types=["malicious-activity", "unknown"],
            external_references=[{"source_name": "x"}, {"url": "https://blog.example/"}],
        ),
    )
    assert (row["tags"], row["threat"]) == ("malicious-activity,a b", "Vidar")
    assert row["reference"] == "https://blog.example/"


def test_an_indicator_without_a_pattern_is_counted():
    row = one({"type": "indicator", "id": "indicator--1", "modified": "2026-11-19T09:00:00Z"})
    assert row["shape"] is None


@pytest.mark.parametrize(
    "empty", [b"{}", b'{"more":false}', b'{"type":"bundle"}', b'{"objects":[]}']
)
def test_nothing_new_is_legal(empty):
    assert rows(empty) == []


@pytest.mark.parametrize(
    "junk",
    [b"", b"[]", b"null", b'{"title":"Unauthorized"}', b'{"objects":{}}', b'{"objects":[1]}',
     b'{"objects":[{"id":"x"}]}', b'{"objects":[{"type":"indicator"}]}'],
)  # fmt: skip
def test_what_is_neither_is_refused(junk):
    with pytest.raises(BadPayload):
        rows(junk)
