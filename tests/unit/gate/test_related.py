"""What goes with an indicator: by its value, and by what its sources report together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.canonical import guess
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.related import Relation, related, relations_of
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, fingerprinted, frame

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHARES = {"bazaar": "file", "otx": "pulse", "misp": "event", "other_misp": "event"}
SHA256, SHA1, MD5 = "5f" * 32, "5f" * 20, "5f" * 16


def sighting(value: str, source: str = "alpha", at: datetime = NOW, **more) -> Sighting:
    kind, canonical = guess(value)
    return Sighting(kind, canonical, source, 80, at, at, NOW + DAY, **more)


def relations(value: str, *found: Sighting, most: int = 50) -> dict[str, Relation]:
    key = guess(value)
    own = [one for one in found if (one.kind, one.value) == key]
    told = relations_of(key, own, frame(found).lazy(), SHARES, most)
    assert len({one.name for one in told}) == len(told)
    return {one.name: one for one in told}


def values(value: str, *found: Sighting) -> dict[str, list[str]]:
    told = relations(value, *found)
    return {name: [one.value for one in each.found] for name, each in told.items()}


def test_the_hashes_of_one_file_go_together():
    page, other = "https://bazaar.example/1/", "https://bazaar.example/2/"
    found = [sighting(value, "bazaar", reference=page) for value in (SHA256, SHA1, MD5)]
    found += [sighting("ab" * 32, "bazaar", reference=other)]
    found += [sighting("ab" * 16, "elsewhere", reference=page)]
    assert values(SHA1, *found) == {"same file": [MD5, SHA256]}
    assert values("ab" * 32, *found) == {}


def test_a_pulse_and_an_event_are_relations_of_their_own():
    both = sighting("a.example", "otx", reference="p"), sighting("b.example", "otx", reference="p")
    event = sighting("a.example", "misp", reference="e"), sighting(MD5, "misp", reference="e")
    assert values("a.example", *both, *event) == {"same pulse": ["b.example"], "same event": [MD5]}


def test_the_events_of_two_sources_are_one_relation():
    found = [
        sighting(value, source, reference=f"event of {source}")
        for source, other in (("misp", "b.example"), ("other_misp", "c.example"))
        for value in ("a.example", other)
    ]
    assert values("a.example", *found) == {"same event": ["b.example", "c.example"]}


def test_what_nobody_declared_is_called_a_reference():
    pair = [sighting(value, reference="https://x.example/") for value in ("a.example", MD5)]
    assert values(MD5, *pair) == {"same reference": ["a.example"]}


def test_without_a_reference_nothing_goes_together():
    assert values(MD5, sighting(MD5), sighting(SHA1)) == {}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://user:pw@www.evil.example:8080/a", "www.evil.example"),
        ("http://192.0.2.5/a", "192.0.2.5"),
        ("http://[2001:db8::5]:81/a", "2001:db8::5"),
    ],
)
def test_a_url_leads_to_its_host_and_a_host_to_its_urls(url, host):
    assert values(url) == {"host": [host]}
    spelled = f"[{host}]" if ":" in host else host
    elsewhere = [sighting(f"http://evil.example/?to={spelled}"), sighting(f"http://{spelled}/")]
    found = values(host, sighting(url), *elsewhere, sighting(f"http://{spelled}/b"))["URL on it"]
    assert sorted(found) == sorted([url, f"http://{spelled}/", f"http://{spelled}/b"])


def test_a_host_that_is_no_indicator_is_no_relation():
    assert values("http://localhost/a") == {}


def test_a_mail_address_leads_to_its_domain():
    assert values("billing@evil.example") == {"host": ["evil.example"]}


def test_names_lead_up_to_what_was_registered_and_down_to_what_lies_below():
    found = [sighting(name) for name in ("a.evil.co.uk", "b.a.evil.co.uk", "notevil.co.uk")]
    assert values("a.evil.co.uk", *found) == {
        "registered domain": ["evil.co.uk"],
        "name below it": ["b.a.evil.co.uk"],
    }
    below = {"name below it": ["a.evil.co.uk", "b.a.evil.co.uk"]}
    assert values("evil.co.uk", *found) == below


def test_addresses_and_networks_lead_to_the_networks_around_them():
    names = ("192.0.2.0/24", "192.0.2.0/25", "192.0.0.0/8", "198.51.100.0/24", "2001:db8::/32")
    found = [sighting(name) for name in names]
    around = ["192.0.0.0/8", "192.0.2.0/24", "192.0.2.0/25"]
    assert values("192.0.2.5", *found) == {"network around it": around}
    assert values("192.0.2.0/25", *found) == {"network around it": around[:2]}
    assert values("192.0.0.0/8", *found) == {}
    assert values("2001:db8:1::/48", *found) == {"network around it": ["2001:db8::/32"]}


def test_the_newest_are_shown_and_all_are_counted():
    found = [
        sighting(f"{at}.evil.example", at=NOW - at * DAY, source=source)
        for at in range(9)
        for source in ("alpha", "beta")
    ]
    told = relations("evil.example", *found, most=3)["name below it"]
    assert told.total == 9
    assert [one.value for one in told.found] == [f"{at}.evil.example" for at in range(3)]


hosts = st.sampled_from(["evil.example", "a.evil.example", "192.0.2.5", "198.51.100.7"])
urls = st.builds("http://{}/{}".format, hosts, st.sampled_from("abc"))
any_value = hosts | urls | st.sampled_from(["192.0.2.0/24", MD5, SHA1])
reports = st.builds(
    sighting,
    any_value,
    st.sampled_from(["otx", "bazaar"]),
    reference=st.sampled_from([None, "p", "q"]),
)


def one_each(found: list[Sighting]) -> list[Sighting]:
    """A source says one thing about one indicator."""
    return list({(one.source, one.indicator): one for one in found}.values())


@settings(deadline=None, max_examples=60)
@given(st.lists(reports, max_size=12).map(one_each), any_value)
def test_relations_hold_both_ways(found, value):
    back = {"host": "URL on it", "URL on it": "host", "same pulse": "same pulse"}
    reported = {(one.kind, one.value) for one in found}
    for name, told in relations(value, *found).items():
        assert told.total == len(told.found)
        assert (*guess(value),) not in {(one.kind, one.value) for one in told.found}
        for other in told.found:
            if name in back and (other.kind, other.value) in reported and guess(value) in reported:
                assert guess(value)[1] in values(other.value, *found)[back[name]]


class Feeds:
    def state(self, _) -> FeedState:
        return FeedState()


def known(root, *found: Sighting) -> Knowledge:
    store = SegmentStore(root)
    for source in {one.source for one in found}:
        rows = frame(one for one in found if one.source == source).select(*SCHEMA)
        state = fingerprinted(rows.sort("id")).with_columns(written=NOW)
        store.commit(source, state, state)
    grades = {"alpha": "A", "otx": "C"}
    return Knowledge(
        store, Feeds(), lambda: NOW, Policy(), grades, frozenset(), shares={"otx": "pulse"}
    )


def test_each_comes_with_all_its_sources_and_its_score(tmp_path):
    page = "https://pulses.example/1"
    pulse = [sighting(value, "otx", reference=page) for value in ("a.example", "b.example")]
    gone = Sighting(Kind.DOMAIN, "c.example", "otx", 80, NOW, NOW, NOW - DAY, reference=page)
    store = known(tmp_path, *pulse, gone, sighting("b.example"))
    (told,) = related(explain(Kind.DOMAIN, "a.example", store), store)
    (other,) = told.found
    assert (told.name, told.total) == ("same pulse", 1)
    assert (other.value, other.sources) == ("b.example", ("alpha", "otx"))
    assert other.score == explain(Kind.DOMAIN, "b.example", store).score > 80


def test_what_nobody_reported_is_named_without_a_score(tmp_path):
    store = known(tmp_path, sighting("http://evil.example/a"))
    (told,) = related(explain(Kind.URL, "http://evil.example/a", store), store)
    assert (told.found[0].value, told.found[0].sources, told.found[0].score) == (
        "evil.example",
        (),
        0.0,
    )
