"""What may leave, by markings and by terms."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import feeds
from tidegate.model import Kind, Sighting, Tlp
from tidegate.sharing import Terms, secret, shareable
from tidegate.sightings import frame
from tidegate.stix.write import bundle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = list(Tlp)

sightings = st.lists(
    st.builds(
        Sighting,
        st.just(Kind.DOMAIN),
        st.sampled_from(["a.example", "b.example", "c.example"]),
        st.sampled_from(["open", "private", "other"]),
        st.just(80),
        st.just(NOW),
        st.just(NOW),
        st.just(NOW + timedelta(days=1)),
        tlp=st.sampled_from(Tlp),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(deadline=None)
@given(sightings, st.sampled_from(Tlp))
def test_what_leaves_is_marked_no_stricter_by_anybody_and_forbidden_by_nobody(found, up_to):
    limit = ORDER.index(up_to)
    strictest = {
        one.indicator: max(ORDER.index(o.tlp) for o in found if o.indicator == one.indicator)
        for one in found
    }
    shared = shareable(frame(found), up_to, Terms(private=frozenset({"private"})))
    expected = [
        (one.value, one.source)
        for one in found
        if strictest[one.indicator] <= limit and one.source != "private"
    ]
    assert list(shared.select("value", "source").iter_rows()) == expected
    too_strict = {key for key, place in strictest.items() if place > limit}
    assert set(secret(frame(found).lazy(), up_to)) == too_strict


def test_the_feeds_that_forbid_it_and_those_that_want_to_be_named():
    declared = feeds().values()
    assert {feed.name for feed in declared if not feed.redistribute} == {
        "abuseipdb",
        "anomali",
        "dshield",
        "firehol_level1",
        "openphish",
    }
    assert {feed.name for feed in declared if feed.attribution} == {
        "phishtank",
        "spamhaus_asn",
        "spamhaus_drop",
        "spamhaus_drop_v6",
    }


def test_the_declarations_are_obeyed_by_an_export():
    declared = feeds().values()
    terms = Terms(
        private=frozenset(feed.name for feed in declared if not feed.redistribute),
        attributions={feed.name: feed.attribution for feed in declared if feed.attribution},
    )
    until = NOW + timedelta(days=1)
    found = [
        Sighting(Kind.URL, "http://a.example/", "openphish", 80, NOW, NOW, until),
        Sighting(Kind.CIDR, "192.0.2.0/24", "spamhaus_drop", 95, NOW, NOW, until),
        Sighting(Kind.CIDR, "198.51.100.0/24", "dshield", 70, NOW, NOW, until),
    ]
    exported = json.loads(bundle(frame(found), terms=terms))["objects"]
    patterns = [one["pattern"] for one in exported if one["type"] == "indicator"]
    assert patterns == ["[ipv4-addr:value = '192.0.2.0/24']"]
    said = [one["definition"]["statement"] for one in exported if "definition" in one]
    assert said == ["(c) The Spamhaus Project SLU, https://www.spamhaus.org/drop/terms/"]
