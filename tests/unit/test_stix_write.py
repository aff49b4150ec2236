"""Sightings as STIX 2.1: the same ids everywhere, and what was written reads back as itself."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid5

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.canonical import Rejected, canonical
from tidegate.columns import canonicalise
from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.sharing import Terms
from tidegate.sightings import frame
from tidegate.stix import write
from tidegate.stix.read import rows

SEEN = datetime(2026, 11, 19, 8, 30, 0, 123_000, UTC)
VALUES = {
    Kind.IPV4: "192.0.2.5",
    Kind.IPV6: "2001:db8::5",
    Kind.CIDR: "198.51.100.0/25",
    Kind.DOMAIN: "evil.example",
    Kind.URL: "http://evil.example/a'b\"c",
    Kind.EMAIL: "o'neil@evil.example",
    Kind.MD5: "ab" * 16,
    Kind.SHA1: "ab" * 20,
    Kind.SHA256: "ab" * 32,
    Kind.ASN: "AS64500",
    Kind.CERTIFICATE: "cd" * 20,
    Kind.FILENAME: "o'neil [1].exe",
    Kind.MUTEX: "Local\\'x' OR [\"",
    Kind.PROCESS: "cmd /c \"C:\\a b\\x.exe\" 'y\\' \\\\host",
    Kind.REGISTRY: "hkey_local_machine\\software\\o'neil",
    Kind.EMAIL_SUBJECT: "It's due] AND [url:value = 'x'",
}


def sighting(kind=Kind.DOMAIN, value="evil.example", **more):
    return Sighting(kind, value, "alpha", 80, SEEN, SEEN, SEEN + timedelta(days=30), **more)


def written(*found: Sighting) -> list[dict]:
    return [json.loads(text) for text in write.objects(frame(found), up_to=Tlp.RED)]


def read_back(*found: Sighting) -> list[dict]:
    return rows(write.bundle(frame(found), up_to=Tlp.RED))


@pytest.mark.parametrize(("kind", "value"), [*VALUES.items(), (Kind.CIDR, "2001:db8::/32")])
def test_every_kind_reads_back_as_itself(kind, value):
    (row,) = read_back(sighting(kind, value))
    found = canonicalise(pl.Series([row["shape"]]), pl.Series([row["value"]]))
    assert found.row(0) == (kind.value, value, None)


def test_every_kind_but_vulnerabilities_can_be_written():
    assert VALUES.keys() | {Kind.CVE} == set(Kind)
    assert written(sighting(Kind.CVE, "CVE-2099-10001")) == []


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        (Kind.FILENAME, "a'b.exe", r"[file:name = 'a\'b.exe']"),
        (Kind.MUTEX, "Global\\X", r"[mutex:name = 'Global\\X']"),
        (Kind.PROCESS, "a \\'b", r"[process:command_line = 'a \\\'b']"),
        (Kind.REGISTRY, "hkey_users\\a", r"[windows-registry-key:key = 'hkey_users\\a']"),
        (Kind.EMAIL_SUBJECT, "It's due", r"[email-message:subject = 'It\'s due']"),
    ],
)
def test_what_programs_name_is_quoted(kind, value, pattern):
    (one,) = written(sighting(kind, value))
    assert one["pattern"] == pattern


def test_the_object_is_whole():
    (one,) = written(sighting(tags=("c2", "x"), reference="https://blog.example/", tlp=Tlp.AMBER))
    assert one == {
        "type": "indicator",
        "spec_version": "2.1",
        "id": one["id"],
        "created": "2026-11-19T08:30:00.123Z",
        "modified": "2026-11-19T08:30:00.123Z",
        "name": "evil.example",
        "indicator_types": ["malicious-activity"],
        "pattern": "[domain-name:value = 'evil.example']",
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": "2026-11-19T08:30:00.123Z",
        "valid_until": "2026-12-19T08:30:00.123Z",
        "confidence": 80,
        "object_marking_refs": ["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"],
        "labels": ["c2", "x"],
        "external_references": [{"source_name": "source", "url": "https://blog.example/"}],
    }


def test_what_is_absent_is_left_out():
    (one,) = written(sighting())
    assert not {"labels", "external_references"} & one.keys()
    assert None not in one.values()


def test_ids_are_version_5_over_our_own():
    found = indicator_id(Kind.DOMAIN, "evil.example")
    (one,) = written(sighting())
    assert one["id"] == write.indicator_id(found) == f"indicator--{uuid5(write.NAMESPACE, found)}"


def test_a_bundle_carries_the_markings_that_it_refers_to():
    both = frame([sighting(tlp=Tlp.RED), sighting(value="b.example")])
    found = json.loads(write.bundle(both, up_to=Tlp.RED))
    markings = {one["id"] for one in found["objects"] if one["type"] == "marking-definition"}
    named = {ref for one in found["objects"] for ref in one.get("object_marking_refs", [])}
    assert markings == named
    assert len(markings) == 2


@pytest.mark.parametrize("tlp", Tlp)
def test_markings_read_back(tlp):
    assert [row["tlp"] for row in read_back(sighting(tlp=tlp))] == [tlp]


def bundled(*found: Sighting, **more) -> list[dict]:
    return json.loads(write.bundle(frame(found), **more)).get("objects", [])


def names(objects: list[dict]) -> list[str]:
    return sorted(one["name"] for one in objects if one["type"] == "indicator")


@pytest.mark.parametrize("up_to", Tlp)
def test_nothing_stricter_than_asked_for_is_written(up_to):
    found = [sighting(value=f"{at}.example", tlp=tlp) for at, tlp in enumerate(Tlp)]
    allowed = [f"{at}.example" for at, tlp in enumerate(Tlp) if at <= list(Tlp).index(up_to)]
    assert names(bundled(*found, up_to=up_to)) == allowed
    assert len(write.objects(frame(found), up_to=up_to)) == len(allowed)


def test_others_get_no_more_than_green_unless_it_is_said():
    found = [sighting(value=f"{tlp.name.lower()}.example", tlp=tlp) for tlp in Tlp]
    shared = json.dumps(bundled(*found))
    assert "green.example" in shared
    assert not any(word in shared for word in ("amber.example", "amber_strict", "red.example"))
    assert len(write.objects(frame(found))) == 2


def test_the_strictest_word_of_any_source_holds():
    strict = replace(sighting(tlp=Tlp.AMBER), source="beta")
    assert bundled(sighting(), strict) == []
    (one,) = [o for o in bundled(sighting(), strict, up_to=Tlp.AMBER) if o["type"] == "indicator"]
    assert one["object_marking_refs"] == [write.MARKINGS[Tlp.AMBER]]


def test_the_words_of_a_source_that_forbids_it_are_not_passed_on():
    theirs = replace(sighting(threat="Theirs", tags=("theirs",)), source="beta")
    alone = replace(sighting(value="b.example"), source="beta")
    terms = Terms(private=frozenset({"beta"}))
    shared = bundled(sighting(threat="Ours"), theirs, alone, terms=terms)
    assert names(shared) == ["Ours"]
    assert "theirs" not in json.dumps(shared)


def test_a_private_source_still_says_how_strict_it_is():
    theirs = replace(sighting(tlp=Tlp.RED), source="beta")
    assert bundled(sighting(), theirs, terms=Terms(private=frozenset({"beta"}))) == []


def test_attributions_are_statements_that_their_indicators_refer_to():
    theirs = replace(sighting(value="b.example"), source="beta")
    shared = bundled(sighting(), theirs, terms=Terms(attributions={"beta": '(c) "Beta"'}))
    (statement,) = [one for one in shared if one.get("definition_type") == "statement"]
    assert statement["definition"] == {"statement": '(c) "Beta"'}
    refers = {
        one["name"]: statement["id"] in one["object_marking_refs"]
        for one in shared
        if one["type"] == "indicator"
    }
    assert refers == {"evil.example": False, "b.example": True}
    assert rows(json.dumps({"type": "bundle", "objects": shared}).encode())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(TEXT, max_size=3), TEXT, TEXT.map(lambda text: f"http://evil.example/{text}"))
def test_any_text_becomes_valid_json(tags, threat, url):
    try:
        kind, value = canonical(Kind.URL, url)
    except Rejected:
        return
    (one,) = written(sighting(kind, value, tags=tuple(tags), threat=threat))
    assert (one["name"], one.get("labels", [])) == (threat, tags)
    (row,) = read_back(sighting(kind, value))
    assert row["value"] == value
