"""Changes travel in batches within the service's limits, and no trouble writes half of one."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import polars as pl
import pytest
from cosmos_lab import START, many, of_partition, seen, state
from cosmos_standin import Fault
from hypothesis import given
from hypothesis import strategies as st
from rerouted import Identity

from tidegate.adapters.azure.cosmos_batches import MOST_BYTES, MOST_OPERATIONS, Batch, batches
from tidegate.adapters.azure.cosmos_client import TRIES, _each_charge
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

pytestmark = pytest.mark.slow

NOTHING = pl.Series("id", [], dtype=pl.String)
SOON = {"x-ms-retry-after-ms": "5"}


def packed(rows: pl.DataFrame, gone: pl.Series = NOTHING) -> list[Batch]:
    return list(batches(rows, gone, "one", START))


def only(*rows) -> Batch:
    """Return the one batch that these rows make."""
    (batch,) = packed(state(*rows))
    return batch


# --- packing ----------------------------------------------------------------------------------


@given(
    partitions=st.lists(st.sampled_from(["00", "7f", "ff"]), max_size=400),
    deleted=st.integers(0, 150),
)
def test_every_change_is_in_one_batch_of_its_partition_within_the_limits(partitions, deleted):
    ids = [f"{partition}{n:030x}" for n, partition in enumerate(partitions)]
    whole = state(*many(len(ids))).with_columns(pl.Series("id", ids, dtype=pl.String))
    gone, kept = whole["id"].head(deleted), whole.slice(deleted)
    found = packed(kept, gone)
    assert Counter(one for batch in found for one in batch.indicators) == Counter(ids)
    for batch in found:
        assert {one[:2] for one in batch.indicators} == {batch.partition}
        assert len(batch.operations) <= MOST_OPERATIONS
    deletions = {op.indicator for batch in found for op in batch.operations if op.document is None}
    assert deletions == set(gone)


def test_batches_are_full_and_take_turns_between_partitions():
    found = packed(state(*of_partition("00", 150), *of_partition("01", 120)))
    assert [(one.partition, len(one.operations)) for one in found] == [
        ("00", 100),
        ("01", 100),
        ("00", 50),
        ("01", 20),
    ]


def test_large_documents_make_smaller_batches_that_the_service_takes(cosmos):
    text = "é" * 20_000 + '"\\\n' * 1000
    rows = state(*of_partition("00", 100)).with_columns(threat=pl.lit(text))
    found = packed(rows)
    assert 2 < len(found) < 5
    for batch in found:
        cosmos.indicators().write(batch)
    assert len(cosmos.standin.documents()) == 100
    assert all(request.bytes < MOST_BYTES for request in cosmos.standin.seen)


def test_a_sighting_that_no_document_holds_is_named():
    with pytest.raises(BadPayload, match=r"domain big\.example: 2,0\d\d,\d\d\d bytes"):
        packed(state(seen("big.example", threat="x" * 2_000_000)))


def test_the_service_refuses_more_than_a_hundred(cosmos):
    operations = [op for part in packed(state(*of_partition("00", 101))) for op in part.operations]
    with pytest.raises(BadPayload, match="more operations in a batch"):
        cosmos.indicators().write(Batch(tuple(operations)))
    assert cosmos.values() == []


# --- all or nothing ---------------------------------------------------------------------------


def test_a_batch_that_fails_in_the_middle_writes_nothing(cosmos):
    cosmos.standin.faults = [Fault(400, operation=5)]
    with pytest.raises(BadPayload, match="400"):
        cosmos.indicators().write(only(*of_partition("00", 10)))
    assert cosmos.values() == []


def test_a_deletion_of_what_is_gone_costs_the_batch_nothing_but_requests(cosmos):
    rows = of_partition("00", 6)
    writer = cosmos.indicators()
    writer.write(only(*rows[:2]))
    gone = state(*rows[:4])["id"]  # two are there, two never were
    (batch,) = packed(state(*rows[4:]), gone)
    writer.write(batch)
    assert cosmos.values() == sorted(row.value for row in rows[4:])
    operations = [request.operations for request in cosmos.standin.seen]
    assert operations == [2, 6, 2, 1, 1, 1, 1]


def test_an_upsert_that_finds_nothing_is_no_success(cosmos):
    cosmos.standin.faults = [Fault(404, operation=0)]
    with pytest.raises(BadPayload, match="404"):
        cosmos.indicators().write(only(seen("a.example")))


def test_a_container_that_is_not_there_is_said(cosmos):
    writer = cosmos.indicators()
    writer.cosmos.database = "other"
    with pytest.raises(BadPayload, match="404"):
        writer.write(only(seen("a.example")))


# --- what is tried again ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 449])
def test_what_the_sdk_never_repeats_is_repeated(cosmos, status):
    cosmos.standin.faults = [Fault(status, times=2)]
    cosmos.indicators().write(only(seen("a.example")))
    assert cosmos.values() == ["a.example"]
    assert len(cosmos.standin.seen) == 3
    assert len(cosmos.slept) == 2
    assert 0 < cosmos.slept[0] < 0.2


@pytest.mark.parametrize("status", [408, 449])
def test_it_is_not_repeated_for_ever(cosmos, status):
    cosmos.standin.faults = [Fault(status, times=99)]
    with pytest.raises(SourceDown, match=str(status)):
        cosmos.indicators().write(only(seen("a.example")))
    assert len(cosmos.standin.seen) == TRIES


def test_an_answer_that_was_lost_is_no_second_document(cosmos):
    rows = of_partition("00", 3)
    writer = cosmos.indicators()
    writer.write(only(*rows))
    cosmos.standin.faults = [Fault(408, after=True)]
    (batch,) = packed(state(rows[0]), state(*rows[1:])["id"])
    writer.write(batch)
    assert cosmos.values() == [rows[0].value]


def test_a_throttled_operation_of_a_batch_is_waited_for_as_long_as_told(cosmos):
    cosmos.standin.faults = [Fault(429, operation=1, headers={"x-ms-retry-after-ms": "7000"})]
    cosmos.indicators().write(only(*of_partition("00", 2)))
    assert len(cosmos.values()) == 2
    assert cosmos.slept == [7.0]


def test_a_short_429_is_the_sdks_business(cosmos):
    cosmos.standin.faults = [Fault(429, times=9, headers=SOON)]
    cosmos.indicators().write(only(seen("a.example")))
    assert cosmos.values() == ["a.example"]
    assert cosmos.slept == []


def test_a_storm_of_429_is_a_quota_that_says_when(cosmos):
    cosmos.standin.faults = [Fault(429, times=99, headers=SOON)]
    with pytest.raises(QuotaSpent) as raised:
        cosmos.indicators().write(only(seen("a.example")))
    assert raised.value.retry_after == timedelta(milliseconds=5)
    assert len(cosmos.standin.seen) == 10


def test_a_429_that_does_not_say_when_means_a_minute(cosmos):
    cosmos.standin.faults = [Fault(429, times=99)]
    with pytest.raises(QuotaSpent) as raised:
        cosmos.indicators().write(only(seen("a.example")))
    assert raised.value.retry_after == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadPayload), (413, BadPayload), (503, SourceDown)],
)
def test_the_rest_is_down_or_bad(cosmos, status, error):
    cosmos.standin.faults = [Fault(status, times=99)]
    with pytest.raises(error, match=f"Cosmos DB: {status}"):
        cosmos.indicators().write(only(seen("a.example")))
    assert cosmos.values() == []


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_denied_waits_until_a_person_helps(cosmos, status):
    cosmos.standin.faults = [Fault(status, times=99)]
    for work in (lambda one: one.write(only(seen("a.example"))), lambda one: one.of("00" * 16)):
        with pytest.raises(SourceDown, match=f"Cosmos DB: {status} access denied: "):
            work(cosmos.indicators())
    assert cosmos.values() == []


def test_nobody_there_is_down(cosmos):
    writer = cosmos.indicators()
    writer.cosmos.transport.hosts = {".documents.azure.com": "http://127.0.0.1:1"}
    with pytest.raises(SourceDown, match="Cosmos DB: "):
        writer.of("00" * 16)


def test_only_answers_about_documents_are_charged():
    counted: list[str] = []
    hook = _each_charge(lambda headers: counted.append(headers["url"]))
    account = "https://acct.documents.azure.com/"
    for url in (account, f"{account}dbs/d/colls/c/", f"{account}dbs/d/colls/c/docs/"):
        request, answer = SimpleNamespace(url=url), SimpleNamespace(headers={"url": url})
        hook(SimpleNamespace(http_request=request, http_response=answer))
    assert counted == [f"{account}dbs/d/colls/c/docs/"]


# --- who we are -------------------------------------------------------------------------------


def test_an_identity_is_asked_for_a_token_of_the_account(cosmos):
    identity = Identity()
    writer = cosmos.indicators(identity)
    writer.write(only(seen("a.example")))
    assert len(writer.of(seen("a.example").indicator)) == 1
    assert set(identity.scopes) == {"https://acct.documents.azure.com/.default"}


def test_a_wrong_key_is_mended_by_a_person_and_is_not_shown(cosmos):
    wrong = "c2VjcmV0IGtleQ=="
    writer = cosmos.indicators(wrong)
    with pytest.raises(SourceDown, match="401 access denied") as raised:
        writer.of("00" * 16)
    assert wrong not in str(raised.value) + repr(writer)
