"""Feeds take turns side by side: a slow one holds nobody up, and none runs twice at once."""

import time
from collections import Counter
from threading import Event, Lock, Thread

import pytest

from tidegate.declare.feed import Feed, feeds
from tidegate.ingest.turns import Turns
from tidegate.model import Outcome, Status

SLOW, QUICK, OTHER = (feeds()[name] for name in ("openphish", "blocklist_de", "cins"))


class Town:
    """Feeds that run until they are let go."""

    def __init__(self) -> None:
        self.gates = {SLOW.name: Event()}
        self.begun = Counter[str]()
        self.now = Counter[str]()
        self.most = Counter[str]()
        self.lock = Lock()

    def turn(self, feed: Feed) -> Outcome | None:
        with self.lock:
            self.begun[feed.name] += 1
            self.now[feed.name] += 1
            self.most[feed.name] = max(self.most[feed.name], self.now[feed.name])
        assert self.gates.get(feed.name, self.open()).wait(10)
        with self.lock:
            self.now[feed.name] -= 1
        return Outcome(feed.name, Status.OK)

    @staticmethod
    def open() -> Event:
        gate = Event()
        gate.set()
        return gate


def gathered(turns: Turns, many: int) -> list[str]:
    found: list[str] = []
    deadline = time.monotonic() + 10
    while len(found) < many and time.monotonic() < deadline:
        found += [outcome.feed for outcome in turns.ended()]
        time.sleep(0.005)
    return found


def test_a_slow_feed_keeps_no_other_from_its_turns_and_has_one_alone():
    town = Town()
    with Turns(town.turn, 2) as turns:
        for _ in range(3):
            turns.give([SLOW, QUICK])
            assert gathered(turns, 1) == [QUICK.name]
        assert (town.begun[SLOW.name], town.begun[QUICK.name]) == (1, 3)
        town.gates[SLOW.name].set()
        assert gathered(turns, 1) == [SLOW.name]
        turns.give([SLOW])
        assert gathered(turns, 1) == [SLOW.name]
    assert max(town.most.values()) == 1


def test_at_its_end_what_runs_is_waited_for_and_nothing_more_begins():
    town = Town()
    turns = Turns(town.turn, 1)
    turns.give([SLOW, QUICK, OTHER])
    while not town.begun:
        time.sleep(0.005)
    ending = Thread(target=turns.__exit__)
    ending.start()
    ending.join(0.05)
    assert ending.is_alive()
    town.gates[SLOW.name].set()
    ending.join(10)
    assert town.begun == {SLOW.name: 1}
    assert town.now[SLOW.name] == 0


def test_a_bug_in_a_turn_is_raised():
    def turn(_: Feed) -> Outcome | None:
        raise ZeroDivisionError

    with Turns(turn, 1) as turns:
        turns.give([QUICK])
        with pytest.raises(ZeroDivisionError):
            gathered(turns, 1)


def test_a_feed_whose_turn_it_was_not_says_nothing_and_gets_another():
    asked: list[str] = []
    with Turns(lambda feed: asked.append(feed.name), 1) as turns:
        for many in (1, 2):
            turns.give([QUICK])
            while len(asked) < many or QUICK.name in turns._given:
                assert turns.ended() == []
    assert asked == [QUICK.name] * 2
