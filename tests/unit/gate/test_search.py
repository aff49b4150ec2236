"""Search against the same thing said in plain Python, whatever is stored and asked."""

import ipaddress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.canonical import Rejected
from tidegate.gate import search as searching
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.matching import Filter, network
from tidegate.gate.paging import HOLDS, Mark, mark
from tidegate.gate.search import Order, Search, search
from tidegate.hygiene import Policy
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, unexpired, unique

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VALUES = [
    (Kind.IPV4, "192.0.2.7"),
    (Kind.IPV4, "192.0.2.130"),
    (Kind.IPV4, "192.0.20.7"),
    (Kind.IPV4, "198.51.100.9"),
    (Kind.CIDR, "192.0.2.0/25"),
    (Kind.CIDR, "192.0.0.0/16"),
    (Kind.CIDR, "2001:db8::/48"),
    (Kind.CIDR, "2001:db8:0:1::/64"),
    (Kind.IPV6, "2001:db8::1"),
    (Kind.IPV6, "2001:db8:0:1::1"),
    (Kind.IPV6, "2001:db8:1::1"),
    (Kind.DOMAIN, "evil.example"),
    (Kind.DOMAIN, "192.evil.example"),
    (Kind.URL, "http://192.0.2.7/EVIL"),
    (Kind.URL, "https://user@evil.example/x?y=1"),
    (Kind.SHA256, "ab" * 32),
]
NETWORKS = ["192.0.2.0/24", "192.0.2.7", "192.0.2.0/26", "0.0.0.0/0", "2001:db8::/47", "::/0"]
NETWORKS += ["2001:db8:0:1::/64", "2001:db8::1", "192.0.0.0/15", "10.0.0.0/8"]
TEXTS = ["evil", "EVIL", "192.0.2.7", "2001:DB8::1", "192[.]0[.]2[.]", "x", "mirai", "a.b", "ab"]
SOURCES = ["alpha", "beta", "gamma"]


@dataclass
class Memory:
    """What is remembered of feeds: nothing."""

    def state(self, _: str) -> FeedState:
        return FeedState()


@dataclass
class Rows:
    """`ports.Sightings`, as far as a search reads it."""

    found: list[Sighting]

    def live(self, now):
        return unexpired(frame(self.found).lazy(), now)

    def of(self, indicator):
        return [one for one in self.found if one.indicator == indicator]


def knowing(store) -> Knowledge:
    grades = {"alpha": "A", "beta": "C", "gamma": "D"}
    return Knowledge(store, Memory(), lambda: NOW, Policy(simulated=True), grades, frozenset())


hours = st.integers(-50, 100).map(lambda n: NOW + timedelta(hours=n))


@st.composite
def sightings(draw):
    kind, value = draw(st.sampled_from(VALUES))
    first = draw(hours)
    return Sighting(
        kind,
        value,
        draw(st.sampled_from(SOURCES)),
        draw(st.integers(0, 100)),
        first,
        first + timedelta(hours=draw(st.integers(0, 20))),
        draw(hours),
        tuple(draw(st.sets(st.sampled_from(["Mirai", "elf", "a.b"])))),
        draw(st.sampled_from([None, "Mirai", "evil"])),
        tlp=draw(st.sampled_from(list(Tlp))),
    )


stores = st.lists(sightings(), max_size=25, unique_by=lambda one: (one.kind, one.value, one.source))
maybe = {
    "text": st.sampled_from([None, *TEXTS]),
    "kinds": st.sampled_from([(), (Kind.IPV4,), (Kind.CIDR, Kind.URL)]),
    "sources": st.sampled_from([(), ("alpha",), ("beta", "nobody")]),
    "tag": st.sampled_from([None, "elf", "mirai"]),
    "threat": st.sampled_from([None, "MIRAI"]),
    "network": st.sampled_from([None, *NETWORKS]).map(lambda text: network(text) if text else None),
    "prefix": st.sampled_from([None, "192.", "hxxp://", "2001:db8:"]),
    "first_seen_after": st.sampled_from([None, NOW]),
    "last_seen_after": st.sampled_from([None, NOW + timedelta(hours=10)]),
}


def meant(one: Sighting, wanted: Filter) -> bool:
    """Say in plain Python whether a sighting is what is wanted."""
    said = [one.value, one.threat or "", *one.tags]
    spelled = (wanted.text or "").lower().replace("[.]", ".")
    holds = holding(one, spelled)
    return all(
        (
            one.expires > NOW,
            not wanted.text or holds or any(spelled in each.lower() for each in said),
            not wanted.kinds or one.kind in wanted.kinds,
            not wanted.sources or one.source in wanted.sources,
            not wanted.tag or wanted.tag in one.tags,
            not wanted.threat or (one.threat or "").lower() == wanted.threat.lower(),
            not wanted.network or inside(one, wanted.network),
            not wanted.prefix or one.value.startswith(wanted.prefix.replace("hxxp", "http")),
            not wanted.first_seen_after or one.first_seen > wanted.first_seen_after,
            not wanted.last_seen_after or one.last_seen > wanted.last_seen_after,
        )
    )


def holding(one: Sighting, text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return one.kind is Kind.CIDR and address in ipaddress.ip_network(one.value)


def inside(one: Sighting, wanted) -> bool:
    if one.kind not in {Kind.IPV4, Kind.IPV6, Kind.CIDR}:
        return False
    found = ipaddress.ip_network(one.value)
    return found.version == wanted.version and found.subnet_of(wanted)


def everything(asked: Search, known: Knowledge) -> list[dict]:
    """Return the items of all pages, each mark written and read again."""
    found = []
    while True:
        page = search(asked, known)
        assert len(page.items) <= asked.limit
        found += page.items.to_dicts()
        if page.after is None:
            return found
        asked = replace(asked, after=mark(str(page.after), NOW))


# One condition at a time, or all of them: many together hardly ever find anything.
filters = st.one_of(
    *(st.builds(Filter, **{name: values}) for name, values in maybe.items()),
    st.builds(Filter, **maybe),
)


@pytest.mark.slow
@given(
    stores,
    filters,
    st.sampled_from(list(Order)),
    st.integers(1, 5),
    st.sampled_from([0.0, 40.0]),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_search_finds_what_plain_python_finds(stored, wanted, order, limit, least):
    known = knowing(Rows(stored))
    found = everything(Search(wanted, least, order, limit), known)
    ids = {one.indicator: one for one in stored if meant(one, wanted)}
    told = {one: explain(ids[one].kind, ids[one].value, known) for one in ids}
    worthy = {one for one in ids if told[one].score >= least}
    assert [one["id"] for one in found] == sorted(worthy, key=rank(order, found))
    for item in found:
        live = [one for one in stored if one.indicator == item["id"] and one.expires > NOW]
        assert round(item["score"], 1) == told[item["id"]].score
        assert item["sources"] == sorted(one.source for one in live)
        assert item["tags"] == sorted({tag for one in live for tag in one.tags})
        assert item["tlp"] == max((one.tlp for one in live), key=list(Tlp).index)
        assert item["first_seen"] == min(one.first_seen for one in live)
        assert item["expires"] == max(one.expires for one in live)


def rank(order: Order, found: list[dict]):
    scores = {one["id"]: one["score"] for one in found}
    return (lambda one: one) if order is Order.ID else (lambda one: (-scores.get(one, 0), one))


ADDRESSES = ["192.0.2.7", "192[.]0[.]2[.]200", "192.1.0.0", "2001:db8::1", "2001:db8:0:1::"]
WANTED = [*(Filter(network=network(one)) for one in NETWORKS), *(Filter(one) for one in ADDRESSES)]


@pytest.mark.parametrize("wanted", WANTED)
def test_networks_hold_what_they_hold(wanted):
    end = NOW + timedelta(days=1)
    stored = [Sighting(kind, value, "alpha", 50, NOW, NOW, end) for kind, value in VALUES]
    expected = {one.value for one in stored if meant(one, wanted)}
    assert {one["value"] for one in everything(Search(wanted), knowing(Rows(stored)))} == expected


def test_pages_do_not_move_while_scores_decay(monkeypatch):
    found = [sight(f"h{n}.example", 50 + n % 7) for n in range(50)]
    now = [NOW]
    known = replace(knowing(Rows(found)), clock=lambda: now[0])
    asked, ids = Search(order=Order.SCORE, limit=7), list[str]()
    while True:
        page = search(asked, known)
        ids += page.items["id"].to_list()
        now[0] += timedelta(hours=1)
        if page.after is None:
            break
        asked = replace(asked, after=mark(str(page.after), now[0]))
    assert len(ids) == len(set(ids)) == 50


@pytest.mark.slow
def test_many_indicators_are_scored_in_parts(monkeypatch):
    monkeypatch.setattr(searching, "AT_ONCE", 7)
    found = [sight(f"h{n}.example", n % 90) for n in range(100)]
    known = knowing(Rows(found))
    for order in Order:
        items = everything(Search(least_score=20, order=order, limit=9), known)
        assert len(items) == sum(one.confidence >= 20 for one in found)
    scores = [one["score"] for one in items]
    assert scores == sorted(scores, reverse=True)


def test_a_store_of_segments_is_searched_too(tmp_path):
    store = SegmentStore(tmp_path)
    found = [sight(f"h{n}.example", 80, source) for n in range(30) for source in SOURCES]
    for source in SOURCES:
        rows = fingerprinted(unique(frame(f for f in found if f.source == source).select(*SCHEMA)))
        rows = rows.with_columns(written=NOW).cast({"written": STATE["written"]}).select(*STATE)
        store.commit(source, rows, rows)
    for order in Order:
        items = everything(Search(order=order, limit=8), knowing(store))
        assert len(items) == 30
        assert {tuple(one["sources"]) for one in items} == {tuple(SOURCES)}


def test_nothing_stored_is_nothing_found(tmp_path):
    for order in Order:
        page = search(Search(order=order), knowing(SegmentStore(tmp_path)))
        assert (len(page.items), page.after) == (0, None)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.FILENAME, "setup [1].exe", "SETUP [1]"),
        (Kind.FILENAME, "a.evil.exe", "evil[.]exe"),
        (Kind.MUTEX, "[::1] 1/99", "[::1] 1/99"),
        (Kind.MUTEX, "a[.]b", "a[.]b"),
        (Kind.PROCESS, "cmd /c 'x\\y' http://a.example/", "a[.]example"),
        (Kind.REGISTRY, "hkey_local_machine\\software\\run", "HKLM\\Software"),
        (Kind.REGISTRY, "hkey_users\\a[.]b", "HKU\\a[.]b"),
        (Kind.EMAIL_SUBJECT, "Your \u00dcberweisung", "your"),
    ],
)
def test_what_programs_name_is_found_by_its_text_and_shown(kind, value, text):
    until = NOW + timedelta(days=9)
    known = knowing(Rows([sight("x.y", 80), Sighting(kind, value, "alpha", 80, NOW, NOW, until)]))
    for wanted in (Filter(text=text), Filter(kinds=(kind,))):
        assert list(search(Search(wanted), known).items["value"]) == [value]
    assert not len(search(Search(Filter(network=network("::/0"))), known).items)
    told = explain(kind, value, known)
    assert (told.score, told.unclean, told.country) == (80, None, None)


def sight(value: str, confidence: int, source: str = "alpha") -> Sighting:
    end = NOW + timedelta(days=9)
    return Sighting(Kind.DOMAIN, value, source, confidence, NOW, NOW, end)


# --- marks ------------------------------------------------------------------------------------


@given(
    st.datetimes(NOW.replace(tzinfo=None) - HOLDS, NOW.replace(tzinfo=None)),
    st.integers(0, 16**32 - 1),
    st.floats(0, 100).map(lambda score: round(score, 6)),
)
def test_a_mark_is_read_as_it_was_written(at, number, score):
    written = Mark(at.replace(tzinfo=UTC), f"{number:032x}", score)
    assert mark(str(written), NOW) == written


@given(st.text(max_size=200))
def test_no_other_text_is_a_mark(text):
    with pytest.raises(Rejected):
        mark(text, NOW)


@given(st.integers(0, 70), st.characters(codec="ascii"))
def test_a_mark_that_was_touched_is_refused_or_another(at, letter):
    text = str(Mark(NOW, "0" * 32, 12.5))
    touched = text[:at] + letter + text[at + 1 :]
    try:
        found = mark(touched, NOW)
    except Rejected:
        return
    assert NOW - HOLDS <= found.at <= NOW
    assert len(found.id) == 32


@pytest.mark.parametrize("at", [NOW + timedelta(seconds=1), NOW - HOLDS - timedelta(seconds=1)])
def test_a_mark_of_another_day_is_refused(at):
    with pytest.raises(Rejected, match="too old"):
        mark(str(Mark(at, "0" * 32, 0.0)), NOW)
