"""Sources that answer page by page, whatever their pages say: wrong types, no end, huge counts."""

from itertools import count

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import Feed, feeds
from tidegate.ingest import fetch
from tidegate.ingest.run import Job, run
from tidegate.model import Status
from tidegate.ports import BadPayload, QuotaSpent, Response, SourceDown

ALL = feeds()
PAGED = [feed for feed in ALL.values() if feed.code("pages")]
each = pytest.mark.parametrize("feed", [pytest.param(feed, id=feed.name) for feed in PAGED])
few = settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
many = settings(few, max_examples=150, derandomize=False, print_blob=True)
OTX = "https://otx.alienvault.com/api/v1/pulses/"
LATER = "x-taxii-date-added-last"
# The words by which pages lead on.
KEYS = ["next", "more", "results", "objects", "more_indicators", "id", "update_id", "timestamp"]
NUMBERS = [0, -1, 1, 2**31, 2**64 - 1, 10**18, 1e308, 0.5]
WORDS = [
    "",
    "x",
    "9" * 5_000,
    "-1",
    "\0",
    "../../",
    f"{OTX}x",
    f"{OTX}subscribed?page=",
    "file:///",
]
WORDS += [f"{OTX}subscribed?limit=50&page={'9' * 5_000}", f"{OTX}{'x' * 70_000}", f"{OTX}\n\x7f "]
WORDS += ["\u0661", f"{OTX}subscribed?limit=\u0662&page=\u0661", "http://[", f"{OTX}//[::1"]
scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.text(max_size=5)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
headers = st.dictionaries(st.just(LATER), st.sampled_from(["", "x", "9999", "\x00", "a" * 9_999]))


def sample_of(feed: Feed) -> dict:
    return orjson.loads(feed.sample())


@st.composite
def pages(draw, feed: Feed) -> Response | Exception:
    """An error, anything, or a page as it should be but for some of the words that lead on."""
    sort = draw(st.integers(0, 9))
    if sort == 0:
        return draw(st.sampled_from([SourceDown("504"), QuotaSpent("429"), BadPayload("404")]))
    if sort == 1:
        return Response(200, draw(headers), draw(st.binary(max_size=20)))
    if sort == 2:
        return Response(200, draw(headers), orjson.dumps(draw(anything)))
    found = sample_of(feed)
    places = [found, *(one for one in found.values() if isinstance(one, dict))]
    lists = [one for one in found.values() if isinstance(one, list)]
    places += [one for several in lists for one in several if isinstance(one, dict)]
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(places))[draw(st.sampled_from(KEYS))] = draw(anything)
    return Response(200, draw(headers), orjson.dumps(found))


class Scripted:
    """Gives these answers, then says that it is down."""

    def __init__(self, answers) -> None:
        self.answers, self.asked = iter(answers), 0

    def request(self, method, url, *, headers, params) -> Response:
        assert all(isinstance(text, str) for text in (url, *params, *params.values()))
        self.asked += 1
        answer = next(self.answers, SourceDown("gone"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def asked(lab, feed: Feed, answers):
    http = Scripted(answers)
    object.__setattr__(lab.world, "http", http)
    return run(Job(feed), lab.world), http


def goes_on(lab, feed: Feed, data) -> None:
    lab.pass_(days=1)
    before, memory = lab.bytes(feed), lab.memory(feed)
    outcome, http = asked(lab, feed, data.draw(st.lists(pages(feed), min_size=1, max_size=5)))
    assert outcome.status in Status
    assert outcome.requests == http.asked <= 30
    if outcome.failed or outcome.status is Status.QUOTA_WAIT:
        assert outcome.reason
        assert (lab.bytes(feed), lab.memory(feed)) == (before, memory)
    assert lab.world.runs.newest(feed.name, 1)[0].outcome == outcome
    cursor = lab.memory(feed).cursor
    assert cursor is None or isinstance(cursor, str)


@each
@few
@given(data=st.data())
def test_pages_of_any_kind_end_with_an_outcome(feed, lab, data):
    goes_on(lab, feed, data)


@pytest.mark.slow
@each
@many
@given(data=st.data())
def test_pages_of_any_kind_end_with_an_outcome_every_time(feed, lab, data):
    goes_on(lab, feed, data)


# --- no end -----------------------------------------------------------------------------------


def endless(feed: Feed):
    """Pages that always lead to another one, each of them new."""
    for number in count(1):
        found = sample_of(feed)
        if feed.name == "otx":
            found["results"] = [{**pulse, "more_indicators": False} for pulse in found["results"]]
            found["next"] = f"{OTX}subscribed?page={number}"
        if feed.name == "taxii":
            found |= {"more": True, "next": str(number)}
        if feed.name == "anomali":
            found["objects"] = [{**found["objects"][0], "update_id": number}]
        yield Response(200, {}, orjson.dumps(found))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["otx", "taxii", "anomali"])
def test_a_source_without_end_is_a_bad_payload(lab, name, monkeypatch):
    if name == "anomali":  # whose pages lead on as long as they are full
        monkeypatch.setitem(ALL[name].code("pages").__globals__, "PAGE", 1)
    outcome, http = asked(lab, ALL[name], endless(ALL[name]))
    assert (outcome.status, outcome.reason) == (Status.BAD_PAYLOAD, "more than 2000 pages")
    assert http.asked == 2_000
    assert not lab.bytes(ALL[name])


@pytest.mark.parametrize("limits", [{"ALL_PAGES": 3}, {"ALL_BYTES": 5_000}])
def test_all_pages_together_have_a_limit(lab, monkeypatch, limits):
    for name, limit in limits.items():
        monkeypatch.setattr(fetch, name, limit)
    outcome, http = asked(lab, ALL["otx"], endless(ALL["otx"]))
    assert outcome.status is Status.BAD_PAYLOAD
    assert outcome.reason.startswith("no end after")
    assert http.asked <= 4


def test_a_source_that_counts_more_than_there_is(lab):
    feed = ALL["otx"]
    found = {**sample_of(feed), "next": None, "count": 10**18}
    for pulse in found["results"]:
        pulse["more_indicators"] = False
    answer = Response(200, {}, orjson.dumps(found))
    outcome, _ = asked(lab, feed, [answer, answer])  # of pulses, and of events
    assert outcome.status is Status.OK


@pytest.mark.parametrize("limit", ["0", "-2", "9" * 5_000, "\u0662", "2", "1000"])
def test_otx_that_is_down_is_asked_for_ever_less_until_there_is_no_less(lab, limit):
    lead = {**sample_of(ALL["otx"]), "next": f"{OTX}subscribed?limit={limit}&page={'7' * 5_000}"}
    for pulse in lead["results"]:
        pulse["more_indicators"] = False
    again = {**lead, "next": f"{OTX}subscribed?limit={limit}"}
    for page in (lead, again):
        outcome, http = asked(lab, ALL["otx"], [Response(200, {}, orjson.dumps(page))])
        assert outcome.status is Status.SOURCE_DOWN
        assert http.asked <= 6
        lab.pass_(hours=1)
