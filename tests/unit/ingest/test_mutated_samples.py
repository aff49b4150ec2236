"""Whatever happens to a payload on its way, a parser gives rows or says BadPayload."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.declare.feed import Feed, feeds
from tidegate.hygiene import Policy
from tidegate.ingest.normal import normal
from tidegate.ingest.parse import parse
from tidegate.ports import BadPayload

pytestmark = pytest.mark.slow

ALL = list(feeds().values())
NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
POLICY = Policy(simulated=True)
OTHER = [None, True, -1, 10**30, 1.5, "", "x", "2026-11-20", [], [1], [None], {}, {"a": None}, [[]]]
named = pytest.mark.parametrize("feed", [pytest.param(feed, id=feed.name) for feed in ALL])
documents = pytest.mark.parametrize(
    "feed", [pytest.param(f, id=f.name) for f in ALL if (f.sample() or b"").startswith(b"{\n")]
)
often = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def survives(feed: Feed, payload: bytes, folder: Path) -> None:
    path = folder / "payload"
    path.write_bytes(payload)
    try:
        found = normal(feed, parse(feed, path), POLICY, NOW)
    except BadPayload:
        return
    lost = found.repeated + sum(found.suppressed.values()) + sum(found.rejected.values())
    assert found.rows == len(found.sightings) + lost


@named
@often
@given(data=st.data())
def test_a_payload_that_is_cut_short(feed, tmp_path, data):
    whole = feed.sample()
    survives(feed, whole[: data.draw(st.integers(0, len(whole)))], tmp_path)


@named
@often
@given(data=st.data())
def test_a_payload_with_flipped_bits(feed, tmp_path, data):
    broken = bytearray(feed.sample())
    for at, bit in data.draw(
        st.lists(st.tuples(st.integers(0, len(broken) - 1), st.integers(0, 7)), max_size=8)
    ):
        broken[at] ^= 1 << bit
    survives(feed, bytes(broken), tmp_path)


def places(found: object, path: tuple = ()) -> list[tuple]:
    items = found.items() if isinstance(found, dict) else enumerate(found)
    inner = [(*path, key) for key, _ in items]
    deeper = [
        place
        for key, value in (found.items() if isinstance(found, dict) else enumerate(found))
        if isinstance(value, dict | list)
        for place in places(value, (*path, key))
    ]
    return inner + deeper


@documents
@often
@given(data=st.data())
def test_a_document_with_values_of_other_types(feed, tmp_path, data):
    found = orjson.loads(feed.sample())
    where = data.draw(st.sampled_from(places(found)))
    holder = found
    for key in where[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[where[-1]]
    else:
        value = data.draw(st.sampled_from(OTHER))
        holder[where[-1]] = str(value) if value == 10**30 else value
    survives(feed, orjson.dumps(found), tmp_path)
