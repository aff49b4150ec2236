"""A commit to the Cosmos store writes the difference, and a document says what its row says."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from threading import Thread

import polars as pl
import pytest
from cosmos_lab import DAY, START, many, put, seen, state
from cosmos_standin import Fault

from tidegate.adapters.azure.cosmos_documents import (
    INDICATORS,
    LONGEST_TTL,
    document_id,
    documents,
)
from tidegate.declare.feed import feeds
from tidegate.model import Kind, Origin, Sighting, Status
from tidegate.sightings import empty

pytestmark = pytest.mark.slow

# --- documents --------------------------------------------------------------------------------


def test_a_document_says_what_the_sighting_says(cosmos):
    one = seen("a.example", original="hxxp://a[.]example", reference=None)
    put(cosmos.store(), one)
    (document,) = cosmos.standin.documents().values()
    assert {name: value for name, value in document.items() if name[0] != "_"} == {
        "id": f"{one.indicator}~one",
        "partition_key": one.indicator[:2],
        "indicator": one.indicator,
        "source": "one",
        "kind": "domain",
        "value": "a.example",
        "original": "hxxp://a[.]example",
        "confidence": 80,
        "first_seen": "2026-11-17T05:00:00.000000Z",
        "last_seen": "2026-11-18T05:00:00.000000Z",
        "expires": "2026-12-02T05:00:00.000000Z",
        "tags": ["a", "é\u2028"],
        "threat": "t",
        "reference": None,
        "tlp": "amber",
        "ttl": 14 * 86400,
    }


@pytest.mark.parametrize(
    "value", ["http://x.example/a?b=c#d", "http://x.example/\\..\\é\t", "x" * 4000, " "]
)
def test_no_value_makes_an_id_that_is_refused(cosmos, value):
    store = cosmos.store()
    one = Sighting(Kind.URL, value, "one", 80, START, START, START + timedelta(days=1))
    put(store, one)
    assert store.of(one.indicator) == [one]


@pytest.mark.parametrize("source", ["a", "z" * 64, "blocklist_de", "team-1"])
def test_every_sources_name_makes_an_id(cosmos, source):
    put(cosmos.store(), seen("a.example", source), source=source)
    assert list(cosmos.standin.documents()) == [document_id(seen("a.example").indicator, source)]


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (timedelta(days=14), 14 * 86400),
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=59, microseconds=1), 60),
        (timedelta(), 1),
        (timedelta(days=-3), 1),
        (timedelta(days=36500), LONGEST_TTL),
    ],
)
def test_a_document_lives_as_long_as_its_sighting(left, ttl):
    row = state(seen("a.example", expires=START + left))
    (document,) = documents(row, "one", START)
    assert document["ttl"] == ttl


def test_the_stores_ttl_takes_what_expired_and_a_commit_needs_no_deletion(cosmos):
    store = cosmos.store()
    put(store, seen("a.example", days=1), seen("b.example"))
    cosmos.pass_(days=1)
    assert cosmos.values() == ["b.example"]
    assert store.of(seen("a.example").indicator) == []
    store.commit("one", state(seen("b.example")), empty())
    assert [request.operations for request in cosmos.standin.seen] == [1, 1, 1]  # two writes, of()


def test_the_container_is_what_the_adapter_asks_for():
    assert INDICATORS["partitionKey"]["paths"] == ["/partition_key"]
    assert INDICATORS["defaultTtl"] == timedelta(days=30).total_seconds()
    assert INDICATORS["indexingPolicy"]["includedPaths"] == [{"path": "/indicator/?"}]


# --- a commit writes the difference -----------------------------------------------------------


def test_only_what_changed_is_written_and_what_is_gone_deleted(cosmos):
    store = cosmos.store()
    rows = many(300)
    put(store, *rows)
    cosmos.standin.seen.clear()
    after = state(*rows[3:], seen("new.example"))
    store.commit("one", after, state(seen("new.example")))
    assert sum(request.operations for request in cosmos.standin.seen) == 4
    assert cosmos.values() == sorted(after["value"])
    assert store.state("one").equals(after)


def test_a_source_writes_and_deletes_only_its_own(cosmos):
    store = cosmos.store()
    both = [seen("a.example"), seen("a.example", "two", confidence=20)]
    put(store, both[0])
    put(store, both[1], source="two")
    put(store, seen("b.example"))
    assert store.of(both[0].indicator) == [both[1]]


def test_the_same_commit_again_changes_nothing(cosmos):
    store = cosmos.store()
    rows = many(50)
    put(store, *rows)
    before = {name: doc["value"] for name, doc in cosmos.standin.documents().items()}
    put(store, *rows)
    assert {name: doc["value"] for name, doc in cosmos.standin.documents().items()} == before


def test_a_look_up_is_in_the_order_of_sources(cosmos):
    store = cosmos.store()
    for source in ("b", "a", "c"):
        put(store, seen("a.example", source), source=source)
    assert [one.source for one in store.of(seen("a.example").indicator)] == ["a", "b", "c"]


def test_a_look_up_is_one_query_of_one_partition(cosmos):
    store = cosmos.store()
    put(store, *many(20))
    cosmos.standin.seen.clear()
    assert [one.value for one in store.of(seen("d3.example").indicator)] == ["d3.example"]
    assert [request.verb for request in cosmos.standin.seen] == ["query"]


def test_states_and_live_ask_cosmos_nothing(cosmos):
    store = cosmos.store()
    put(store, *many(5))
    cosmos.standin.seen.clear()
    with store.writing("one"):  # its lock lies among the states
        assert len(store.live(cosmos.now).collect()) == len(store.state("one")) == 5
    assert cosmos.standin.seen == []


def test_only_states_that_changed_are_copied_again(cosmos, monkeypatch):
    store = cosmos.store()
    put(store, *many(3))
    put(store, *many(2, source="two"), source="two")
    assert len(store.live(cosmos.now).collect()) == 5
    put(store, *many(1, source="two"), source="two")
    read, get = [], type(cosmos.objects).get

    def told(self, name: str):
        read.append(name)
        return get(self, name)

    monkeypatch.setattr(type(cosmos.objects), "get", told)
    for _ in range(2):
        assert len(store.live(cosmos.now).collect()) == 4
    assert read == ["states/two.parquet"]


def test_a_state_of_a_time_with_fewer_kinds_is_still_read(cosmos):
    store, data = cosmos.store(), BytesIO()
    before = state(*many(2))
    before.with_columns(pl.col("kind").cast(pl.Enum(["ipv4", "domain"]))).write_parquet(data)
    cosmos.objects.put("states/one.parquet", data.getvalue())
    assert store.state("one").equals(before)
    url = Sighting(Kind.URL, "http://a.example/", "one", 80, START, START, START + DAY)
    put(store, url, *many(1))
    assert sorted(store.live(START).collect()["kind"]) == ["domain", "url"]


@pytest.mark.parametrize("writers", [1, 4])
def test_no_more_batches_fly_at_once_than_there_are_writers(cosmos, writers):
    cosmos.standin.delay = 0.01
    store = cosmos.store(writers=writers)
    both = [Thread(target=put, args=(store, *many(40)), kwargs={"source": s}) for s in ("a", "b")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert cosmos.standin.most_at_once == writers


# --- the rest of the house --------------------------------------------------------------------


@pytest.fixture
def house(lab, cosmos):
    """Return the ingest of tests with its sightings in Cosmos."""
    cosmos.now = lab.now
    lab.world = replace(lab.world, sightings=cosmos.store())
    return lab


URLHAUS = feeds()["urlhaus"]


def test_a_feed_runs_from_its_list_to_documents_and_again_for_nothing(house, cosmos):
    sample = URLHAUS.folder / "sample.csv"
    first = house.live(URLHAUS, sample.read_bytes(), origin=Origin.SAMPLE)
    assert first.status is Status.OK
    assert len(cosmos.standin.documents()) == first.new > 0
    assert cosmos.cost("urlhaus").rows == first.new
    again = house.file(URLHAUS, sample, origin=Origin.SAMPLE)
    assert again.status is Status.UNCHANGED
    assert cosmos.cost("urlhaus").rows == first.new


def test_a_feed_waits_for_its_quota(house, cosmos):
    cosmos.standin.faults = [Fault(429, times=999, headers={"x-ms-retry-after-ms": "15"})]
    found = house.file(URLHAUS, URLHAUS.folder / "sample.csv", origin=Origin.SAMPLE)
    assert found.status is Status.QUOTA_WAIT
    assert house.memory(URLHAUS).not_before == house.now + timedelta(milliseconds=15)


LOCAL = """
import sys
from pathlib import Path
from tidegate.settings import Settings
from tidegate.wiring import local
with local(Settings(home=Path(sys.argv[1]))) as house:
    house.ingest, house.gate, house.detonate
print([name for name in sys.modules if name.partition(".")[0] == "azure"])
"""


def test_one_machine_loads_nothing_of_azure(tmp_path):
    command = [sys.executable, "-c", LOCAL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"
