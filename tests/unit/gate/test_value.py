"""What feeds are worth, from a real store and real runs."""

from dataclasses import replace

import pytest

from tidegate.adapters.azure.cosmos_budget import Cost, MemorySpending
from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.declare.feed import feeds
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.learned import Learned, Tally
from tidegate.gate.value import World, value
from tidegate.gate.worth import Advice
from tidegate.hygiene import Policy
from tidegate.model import Status
from tidegate.ports import SourceDown
from tidegate.warninglists import Warninglists, parse

pytestmark = pytest.mark.slow

CINS, ATTACKERS, IPSUM = "cins", "blocklist_de", "ipsum"
RESOLVERS = b'{"type": "cidr", "matching_attributes": ["ip-src"], "list": ["192.0.2.0/28"]}'
NAMES = (CINS, ATTACKERS, IPSUM)


def addresses(first: int, last: int, network: str = "192.0.2") -> bytes:
    return "".join(f"{network}.{n}\n" for n in range(first, last)).encode()


def counted(first: int, last: int) -> bytes:
    return "".join(f"192.0.2.{n}\t3\n" for n in range(first, last)).encode()


@pytest.fixture
def house(lab):
    lab.world = replace(lab.world, suppressed=WithheldFiles(lab.home / "suppressed"))
    return lab


@pytest.fixture
def world(house) -> World:
    known = {name: feeds()[name] for name in NAMES}
    knowledge = Knowledge(
        sightings=house.world.sightings,
        feeds=house.world.feeds,
        clock=lambda: house.now,
        policy=Policy(simulated=True),
        grades={name: feed.reliability for name, feed in known.items()},
        snapshots=frozenset(),
        groups={name: feed.group for name, feed in known.items() if feed.group},
        copies={name: frozenset(feed.copies) for name, feed in known.items()},
        suppressed=house.world.suppressed,
    )
    return World(knowledge, house.world.runs, known)


def found(world: World):
    return {one.feed: one for one in value(world).feeds}


def test_a_house_without_data_is_judged_without_a_word(world):
    told = found(world)
    assert sorted(told) == sorted(NAMES)
    assert {one.advice for one in told.values()} == {Advice.EARLY}
    assert all(one.contribution.unique_share is None for one in told.values())


def test_who_alone_has_what_and_who_was_first(house, world):
    house.live(feeds()[CINS], addresses(0, 100))
    house.pass_(hours=2)
    house.live(feeds()[ATTACKERS], addresses(80, 120))
    house.live(feeds()[IPSUM], counted(0, 130))
    told = found(world)
    one, two, copy = (told[name].contribution for name in NAMES)
    assert (one.indicators, one.unique, one.lost) == (100, 80, 0)
    assert (two.indicators, two.unique, two.lost) == (40, 20, 0)
    assert (copy.indicators, copy.unique, copy.lost) == (130, 10, 10)
    assert one.overlap == {ATTACKERS: 20, IPSUM: 100}
    assert (one.first_share, one.lead_seconds) == (1.0, 7200)
    assert two.first_share == 0
    assert one.unique_share == pytest.approx(0.8)


def test_what_has_expired_is_nobodys(house, world):
    house.live(feeds()[CINS], addresses(0, 100))
    assert found(world)[CINS].contribution.indicators == 100
    house.pass_(days=feeds()[CINS].keep.days + 1)
    assert found(world)[CINS].contribution.indicators == 0


def test_what_warninglists_name_counts_as_noise(house, world):
    policy = replace(house.world.policy, lists=Warninglists.of([parse("resolvers", RESOLVERS)]))
    house.world = replace(house.world, policy=policy)
    house.live(feeds()[CINS], addresses(0, 40) + b"127.0.0.1\n")
    noise = found(world)[CINS].noise
    assert (noise.suppressed, noise.harmless) == (17, 16)
    assert noise.harmless_share == pytest.approx(16 / 41)


def test_a_feed_that_says_nothing_new_is_dropped_and_its_twin_stays(house, world):
    for hour in range(3):
        house.live(feeds()[CINS], addresses(0, 100 + hour))
        house.live(feeds()[ATTACKERS], addresses(0, 100 + hour))
        house.pass_(hours=feeds()[CINS].every.total_seconds() / 3600)
    told = found(world)
    assert [told[name].advice for name in (ATTACKERS, CINS)] == [Advice.DROP, Advice.KEEP]
    assert told[ATTACKERS].because == "0 % unique, first in 0 % of what it shares"
    assert told[CINS].because == "100 % unique once blocklist_de is dropped"


def test_runs_say_how_a_feed_fares(house, world):
    feed = feeds()[CINS]
    house.live(feed, addresses(0, 100))
    house.pass_(days=1)
    house.live(feed, addresses(10, 110))
    house.pass_(days=1)
    house.live(feed, addresses(0, 100) + b"junk\n" * 100)
    house.pass_(days=1)
    house.live(feed, SourceDown("no network"))
    past = found(world)[CINS].history
    assert (past.runs, past.answers, past.failed, past.quarantined) == (4, 2, 2, 1)
    assert (past.status, past.reason) == (Status.SOURCE_DOWN, "no network")
    assert past.requests == 1
    assert [rows for rows in past.volume if rows is not None] == [100, 100]
    assert sum(past.refused) == 1


def test_a_feed_that_was_not_heard_of_is_late(house, world):
    feed = feeds()[CINS]
    house.live(feed, addresses(0, 100))
    house.now += 3 * feed.every
    assert not found(world)[CINS].late
    house.pass_(seconds=1)
    assert found(world)[CINS].late


def test_what_the_tenant_said_of_a_feed_is_told(world):
    learned = Learned(tallies={CINS: Tally(hits=9, confirmed=3, false_positives=1)})
    told = found(replace(world, knowledge=replace(world.knowledge, learned=lambda: learned)))
    one, other = told[CINS], told[IPSUM]
    assert (one.hits, one.false_positives, one.precision) == (9, 1, 0.75)
    assert (other.hits, other.false_positives, other.precision) == (0, 0, None)


def test_request_units_are_those_of_thirty_days(house, world):
    spending = MemorySpending()
    for days, units in ((0, 100.0), (29, 20.0), (30, 5.0)):
        day = (house.now.date()).fromordinal(house.now.date().toordinal() - days)
        spending.add(day.isoformat(), CINS, Cost(1, units, 1))

    def of(day: str) -> dict[str, float]:
        return {name: cost.units for name, cost in spending.of(day).items()}

    house.live(feeds()[CINS], addresses(0, 60))
    cost = found(replace(world, units=of))[CINS].cost
    assert cost.units == 120
    assert cost.units_per_unique == 2
