"""A bulk look-up says of each text what a look-up of it alone says, and which networks hold it."""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.canonical import Rejected, guess
from tidegate.gate import bulk as module
from tidegate.gate.bulk import ANSWERS, bulk
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp, indicator_id
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unique

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
NETS = ["203.0.112.0/23", "203.0.113.0/24", "203.0.113.128/25", "198.51.0.0/16", "2001:db8::/32"]


class NoFeeds:
    def state(self, feed: str) -> FeedState:
        return FeedState()


def seen(kind: Kind, value: str, source: str, days: int = 3, tlp: Tlp = Tlp.CLEAR) -> Sighting:
    return Sighting(kind, value, source, 80, NOW, NOW, NOW + timedelta(days), ("a",), tlp=tlp)


def put(store: SegmentStore, source: str, *rows: Sighting) -> None:
    marked = fingerprinted(unique(frame(rows).select(*SCHEMA)))
    state = marked.with_columns(written=pl.lit(NOW).cast(STATE["written"])).select(*STATE)
    store.commit(source, state, state)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    store = SegmentStore(Path(tmp_path_factory.mktemp("sightings")))
    put(
        store,
        "one",
        *(seen(Kind.CIDR, net, "one") for net in NETS),
        seen(Kind.IPV4, "203.0.113.9", "one", tlp=Tlp.RED),
        seen(Kind.DOMAIN, "gone.example", "one", days=-1),
    )
    put(
        store,
        "two",
        seen(Kind.IPV4, "203.0.113.9", "two"),
        seen(Kind.URL, "http://203.0.113.200/x", "two"),
        seen(Kind.SHA256, "ab" * 32, "two"),
        seen(Kind.REGISTRY, "hkey_users\\a[.]b", "two"),
    )
    grades = {"one": "A", "two": "C"}
    policy = Policy(simulated=True)
    return Knowledge(store, NoFeeds(), lambda: NOW, policy, grades, frozenset())


def rows(known: Knowledge, *texts: str) -> list[dict]:
    found = bulk(texts, known)
    assert found.schema == pl.Schema(ANSWERS)
    return found.to_dicts()


def test_each_text_is_answered_in_order(known):
    texts = ["203[.]0.113.9", "nobody.example", "203.0.113.9", "not one!", "AB" * 32]
    answers = rows(known, *texts)
    assert [answer["text"] for answer in answers] == texts
    assert answers[0] | {"text": texts[2]} == answers[2]
    assert answers[0]["sources"] == ["one", "two"]
    assert answers[0]["tlp"] == "red"  # the strictest
    assert answers[1]["sources"] is None
    assert answers[1]["score"] is None
    assert answers[3]["rejected"]
    assert answers[3]["id"] is None
    assert answers[4]["value"] == "ab" * 32


def test_a_registry_key_is_told_from_its_hive(known):
    (answer,) = rows(known, "HKU\\A[.]b")
    assert (answer["kind"], answer["value"]) == ("registry", "hkey_users\\a[.]b")
    assert (answer["sources"], answer["networks"]) == (["two"], None)


def test_what_has_expired_is_not_reported(known):
    assert rows(known, "gone.example")[0]["sources"] is None


def test_what_hygiene_keeps_out_says_so(known):
    assert rows(known, "10.1.2.3")[0]["never_enforced"] == "private"


def test_networks_hold_addresses_networks_and_hosts_widest_first(known):
    held = {
        answer["text"]: answer["networks"]
        for answer in rows(
            known,
            "203.0.113.200",
            "http://203.0.113.200/x",
            "203.0.113.128/26",
            "203.0.113.0/24",
            "http://[2001:db8::1]/",
            "2001:db9::1",
            "203.0.113.9.example",
        )
    }
    inside = ["203.0.112.0/23", "203.0.113.0/24", "203.0.113.128/25"]
    assert held["203.0.113.200"] == inside
    assert held["http://203.0.113.200/x"] == inside
    assert held["203.0.113.128/26"] == inside
    assert held["203.0.113.0/24"] == inside[:1]
    assert held["http://[2001:db8::1]/"] == ["2001:db8::/32"]
    assert held["2001:db9::1"] is None
    assert held["203.0.113.9.example"] is None


def test_the_score_is_that_of_a_look_up(known):
    for text in ("203.0.113.9", "http://203.0.113.200/x", "203.0.113.0/24"):
        alone = explain(*guess(text), known)
        assert round(rows(known, text)[0]["score"], 1) == alone.score


def test_nothing_asked_is_nothing_answered(known):
    assert rows(known) == []


def test_parts_make_no_difference(known, monkeypatch):
    texts = [f"203.0.113.{i}" for i in range(20)] + ["junk", "evil.example"]
    whole = bulk(texts, known)
    monkeypatch.setattr(module, "PART", 3)
    assert bulk(texts, known).equals(whole)


OCTET = st.sampled_from([0, 9, 113, 128, 200, 203, 255])
ADDRESS = st.one_of(
    st.tuples(st.sampled_from(["203.0.112", "203.0.113", "198.51.100"]), OCTET).map(
        lambda pair: f"{pair[0]}.{pair[1]}"
    ),
    st.sampled_from(["2001:db8::1", "2001:db7:ffff::", "2001:db8:ffff:ffff::"]),
)
TEXT = st.one_of(ADDRESS, ADDRESS.map(lambda a: a.replace(".", "[.]")), st.text(max_size=12))


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXT, max_size=8))
def test_it_agrees_with_one_at_a_time(known, texts):
    for text, answer in zip(texts, rows(known, *texts), strict=True):
        if answer["rejected"]:
            with pytest.raises(Rejected, match=re.escape(answer["rejected"])):
                guess(text)
            continue
        kind, value = guess(text)
        assert (answer["kind"], answer["value"]) == (kind, value)
        assert answer["id"] == indicator_id(kind, value)
        assert (answer["sources"] or []) == [
            one.source for one in known.sightings.of(answer["id"]) if one.expires > NOW
        ]
        if kind in {Kind.IPV4, Kind.IPV6}:
            holding = [net for net in NETS if ip_address(value) in ip_network(net)]
            assert sorted(answer["networks"] or []) == sorted(holding)
