"""The past can be made again, and a quarantined payload be let in."""

import pytest

from tidegate.declare.feed import Contract, Semantics, feeds
from tidegate.ingest.replay import accept, replay
from tidegate.model import Status
from tidegate.ports import BadPayload

LIST = feeds()["blocklist_de"].model_copy(
    update={"semantics": Semantics.SNAPSHOT, "contract": Contract(shrink=50)}
)


def addresses(*last: int) -> bytes:
    return b"".join(b"192.0.2.%d\n" % number for number in last)


def values(frame) -> list[str]:
    return sorted(frame["value"].to_list())


def test_a_feed_is_as_it_was_at_any_time(lab):
    lab.live(LIST, addresses(1, 2))
    first = lab.now
    lab.pass_(hours=6)
    lab.live(LIST, addresses(2, 3))
    lab.pass_(hours=6)
    assert values(replay(LIST, first, lab.world).state) == ["192.0.2.1", "192.0.2.2"]
    then = replay(LIST, lab.now, lab.world)
    assert then.state.equals(lab.world.sightings.state(LIST.name))
    assert then.runs == 2


def test_before_the_first_run_there_was_nothing(lab):
    lab.live(LIST, addresses(1))
    before = lab.now.replace(year=2020)
    assert replay(LIST, before, lab.world).state.is_empty()


def test_replaying_writes_nothing(lab):
    lab.live(LIST, addresses(1, 2))
    stored = lab.bytes(LIST)
    replay(LIST, lab.now, lab.world)
    assert lab.bytes(LIST) == stored


def test_a_payload_that_is_gone_is_said(lab):
    lab.live(LIST, addresses(1))
    [payload] = lab.world.runs.newest(LIST.name, 1)[0].outcome.payloads
    lab.world.objects.delete(f"payloads/{payload}.gz")
    with pytest.raises(BadPayload, match="no longer archived"):
        replay(LIST, lab.now, lab.world)


def test_what_was_quarantined_can_be_accepted(lab):
    lab.live(LIST, addresses(*range(1, 201)))
    lab.pass_(hours=6)
    assert lab.live(LIST, addresses(1, 2)).status is Status.QUARANTINED
    outcome = accept(LIST, lab.world)
    assert (outcome.status, outcome.withdrawn) == (Status.OK, 198)
    assert values(lab.world.sightings.state(LIST.name)) == ["192.0.2.1", "192.0.2.2"]


def test_there_is_nothing_to_accept_when_nothing_was_quarantined(lab):
    lab.live(LIST, addresses(1))
    with pytest.raises(BadPayload, match="not quarantined"):
        accept(LIST, lab.world)


def test_the_pages_of_one_fetch_are_replayed_together(lab):
    otx = feeds()["otx"]
    lab.live(otx, otx.sample())
    replayed = replay(otx, lab.now, lab.world).state
    assert replayed.equals(lab.world.sightings.state("otx"))
