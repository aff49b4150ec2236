"""Drills of the runbooks: the store is down for a while, or comes back as it was before."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import count

import pytest
from cosmos_standin import Fault

from tidegate.adapters.azure.cosmos_states import state_name
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.declare.feed import feeds
from tidegate.gate.mark import Word, mark, word
from tidegate.ingest.backup import backup, restore
from tidegate.model import Kind, Origin, Status

pytestmark = pytest.mark.slow

URLHAUS = feeds()["urlhaus"]
LIST = (URLHAUS.folder / "sample.csv").read_bytes()


@pytest.fixture
def house(lab, cosmos):
    """Return the ingest of tests with its sightings in Cosmos."""
    cosmos.now = lab.now
    lab.world = replace(lab.world, sightings=cosmos.store())
    return lab


def fetched(house):
    return house.live(URLHAUS, LIST, origin=Origin.SAMPLE)


def said(cosmos):
    """Return what the documents say, without what the service adds."""
    found = cosmos.standin.documents().items()
    return {name: {k: v for k, v in one.items() if k[0] != "_"} for name, one in found}


def forget(house, cosmos):
    """Do what the runbook does after a restore: remove the feed's state, and its memory."""
    cosmos.objects.delete(state_name(URLHAUS.name))
    database = connect(house.home / f"memory-{next(NUMBERS)}.sqlite")
    house.world = replace(house.world, feeds=FeedTable(database))
    return database


NUMBERS = count()


def test_a_store_that_is_down_for_a_while_costs_nothing_but_time(house, cosmos):
    cosmos.standin.faults = [Fault(503, times=10_000)]
    assert [fetched(house).status for _ in range(3)] == [Status.SOURCE_DOWN] * 3
    assert not cosmos.standin.documents()
    cosmos.standin.faults = []
    after = fetched(house)
    assert after.status is Status.OK
    assert len(said(cosmos)) == after.new > 0


def test_a_store_that_came_back_empty_is_not_filled_by_itself(house, cosmos):
    fetched(house)
    cosmos.standin.containers["indicators"].parts.clear()
    assert fetched(house).status is Status.UNCHANGED
    assert not cosmos.standin.documents()


@pytest.mark.parametrize("kept", [0, 3])
def test_a_store_that_came_back_older_is_filled_by_the_runbook(kept, house, cosmos):
    fetched(house)
    before = said(cosmos)
    _restore(cosmos, kept)
    assert len(said(cosmos)) == kept
    database = forget(house, cosmos)
    fetched(house)
    database.close()
    assert said(cosmos) == before


@pytest.mark.parametrize("kept", [0, 3])
def test_all_of_it_comes_back_from_what_the_blobs_remember(kept, house, cosmos):
    """An analyst's word, too, which nobody would say again: wiped, exported, imported, compared."""
    store, now = cosmos.store(), house.now
    said_so = Word.MALICIOUS, "seen here", "kim", now, timedelta(days=90)
    mark([word(Kind.DOMAIN, "evil.example", *said_so)], store, now)
    fetched(house)
    before, file = said(cosmos), BytesIO()
    _restore(cosmos, kept)
    rows = backup(cosmos.store(), file, now)
    assert rows.keys() == {"analyst", URLHAUS.name}
    for source in rows:
        cosmos.objects.delete(state_name(source))
    wiped = cosmos.store()
    assert not wiped.versions()
    brought = list(restore(file, wiped, now, (), replace=False))
    assert {one.source: one.rows for one in brought} == rows
    assert said(cosmos) == before


def _restore(cosmos, kept: int) -> None:
    """Leave so many documents, as a restore to an earlier time does."""
    parts = cosmos.standin.containers["indicators"].parts
    names = [(key, name) for key, part in parts.items() for name in part]
    for key, name in names[kept:]:
        del parts[key][name]
