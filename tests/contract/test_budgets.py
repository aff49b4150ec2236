"""What every implementation of `Budgets` must do: every limit holds in every stretch."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.azure.budgets import ObjectBudgets
from tidegate.adapters.local.budgets import SqliteBudgets
from tidegate.adapters.local.database import connect
from tidegate.adapters.local.files import FileObjects
from tidegate.ports import Budgets, Limit, Objects

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

NOW = datetime(2026, 11, 20, 5, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
slow = pytest.mark.slow


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Clients:
    """Two clients of the same budgets, as two processes have them, and their clock."""

    one: Budgets
    two: Budgets
    clock: Clock


@contextmanager
def sqlite(path: Path) -> Iterator[Clients]:
    clock, both = Clock(), [connect(path) for _ in range(2)]
    yield Clients(*(SqliteBudgets(one, clock) for one in both), clock)
    for one in both:
        one.close()


@contextmanager
def objects(kept: "AbstractContextManager[Objects]") -> Iterator[Clients]:
    clock = Clock()
    with kept as found:
        yield Clients(ObjectBudgets(found, clock), ObjectBudgets(found, clock), clock)


Make = Callable[[], "AbstractContextManager[Clients]"]


@pytest.fixture(params=["sqlite", "objects", pytest.param("blobs", marks=slow)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make budgets of which nothing was spent."""
    turn = count()
    if request.param == "sqlite":
        return lambda: sqlite(tmp_path / f"{next(turn)}.sqlite")
    if request.param == "objects":
        return lambda: objects(nullcontext(FileObjects(tmp_path / f"{next(turn)}", lambda: NOW)))
    from azurite_lab import container  # noqa: PLC0415 - local stores need no SDK

    return lambda: objects(container())


@pytest.fixture
def clients(make: Make) -> Iterator[Clients]:
    with make() as made:
        yield made


@pytest.fixture
def budgets(clients: Clients) -> Budgets:
    return clients.one


@pytest.fixture
def clock(clients: Clients) -> Clock:
    return clients.clock


def taken(budgets: Budgets, limits: Sequence[Limit], tries: int) -> int:
    """Try so many times; return how many were let through."""
    return [budgets.spend("one", limits) for _ in range(tries)].count(None)


def test_so_many_are_let_through_and_the_next_is_told_when(budgets, clock):
    limits = [Limit(HOUR, 3)]
    assert taken(budgets, limits, 3) == 3
    wait = budgets.spend("one", limits)
    assert HOUR <= wait <= HOUR * 13 / 12
    clock.now += wait - SECOND
    assert budgets.spend("one", limits) <= SECOND
    clock.now += SECOND
    assert taken(budgets, limits, 5) == 3


def test_a_stretch_begins_anywhere(budgets, clock):
    limits = [Limit(HOUR, 2)]
    budgets.spend("one", limits)
    clock.now += HOUR / 2
    budgets.spend("one", limits)
    wait = budgets.spend("one", limits)
    assert HOUR / 2 <= wait <= HOUR * 7 / 12
    clock.now += wait
    assert taken(budgets, limits, 2) == 1


def test_of_two_limits_both_hold(budgets, clock):
    limits = [Limit(HOUR, 2), Limit(DAY, 3)]
    assert taken(budgets, limits, 5) == 2
    clock.now += 2 * HOUR
    assert taken(budgets, limits, 5) == 1
    wait = budgets.spend("one", limits)
    assert 22 * HOUR <= wait <= 24 * HOUR
    clock.now += wait
    assert budgets.spend("one", limits) is None


def test_what_is_refused_by_one_limit_counts_in_none(budgets, clock):
    limits = [Limit(HOUR, 1), Limit(DAY, 2)]
    assert taken(budgets, limits, 50) == 1
    assert (budgets.spent("one", HOUR), budgets.spent("one", DAY)) == (1, 1)
    clock.now += 2 * HOUR
    assert taken(budgets, limits, 50) == 1


@pytest.mark.parametrize("others", [[], [Limit(SECOND, 9)], [Limit(SECOND, 0)]])
def test_nothing_at_all_never_lets_one_through(budgets, clock, others):
    limits = [*others, Limit(HOUR, 0)]
    for _ in range(3):
        assert budgets.spend("one", limits) == HOUR
        clock.now += HOUR
    assert budgets.spent("one", HOUR) == 0


def test_a_limit_that_was_lowered_holds_at_once(budgets, clock):
    assert taken(budgets, [Limit(HOUR, 5)], 2) == 2
    clock.now += HOUR / 2
    assert taken(budgets, [Limit(HOUR, 5)], 2) == 2
    wait = budgets.spend("one", [Limit(HOUR, 1)])
    assert HOUR <= wait <= HOUR * 13 / 12  # until the last of them is gone
    clock.now += wait
    assert budgets.spend("one", [Limit(HOUR, 1)]) is None


def test_without_limits_everything_is_let_through(budgets):
    assert taken(budgets, [], 20) == 20


def test_every_name_has_its_own_budget(budgets):
    limits = [Limit(HOUR, 1)]
    names = ["one", "two", "One", "o-n_e", "1", "x" * 100]
    assert [budgets.spend(name, limits) for name in names] == [None] * len(names)
    assert all(budgets.spend(name, limits) for name in names)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "a b", "é", "a\n", "x" * 101])
def test_what_cannot_name_a_budget_is_refused(budgets, name):
    with pytest.raises(ValueError, match="cannot name a budget"):
        budgets.spend(name, [Limit(HOUR, 1)])


def test_what_was_spent_is_told_to_all(clients, clock):
    limits = [Limit(HOUR, 9), Limit(DAY, 99)]
    assert clients.two.spent("one", HOUR) == 0
    assert taken(clients.one, limits, 4) == 4
    clock.now += 2 * HOUR
    assert taken(clients.one, limits, 2) == 2
    for client in (clients.one, clients.two):
        assert (client.spent("one", HOUR), client.spent("one", DAY)) == (2, 6)
    clock.now += 2 * DAY
    assert (clients.two.spent("one", HOUR), clients.two.spent("one", DAY)) == (0, 0)


@pytest.mark.parametrize("every", [SECOND, HOUR / 3, 2 * HOUR, DAY, 9 * DAY])
def test_what_was_spent_may_be_asked_of_any_stretch(budgets, clock, every):
    assert taken(budgets, [Limit(HOUR, 9), Limit(DAY, 99)], 4) == 4
    assert budgets.spent("one", every) == 4
    clock.now += 99 * DAY
    assert budgets.spent("one", every) == 0


def test_what_was_spent_long_ago_is_not_told_of_a_shorter_stretch(budgets, clock):
    limits = [Limit(DAY, 99)]
    assert taken(budgets, limits, 4) == 4
    clock.now += 6 * HOUR
    assert taken(budgets, limits, 1) == 1
    assert (budgets.spent("one", HOUR), budgets.spent("one", DAY)) == (1, 5)


def test_whoever_keeps_to_another_limit_spends_of_the_same_budget(clients, clock):
    assert taken(clients.one, [Limit(DAY, 3)], 1) == 1
    for _ in range(2):
        clock.now += 2 * HOUR
        assert taken(clients.two, [Limit(HOUR, 1)], 5) == 1
    assert taken(clients.one, [Limit(DAY, 3)], 5) == 0


def test_a_new_limit_counts_what_is_known(budgets, clock):
    assert taken(budgets, [Limit(DAY, 9)], 3) == 3
    clock.now += HOUR / 2
    limits = [Limit(HOUR, 3)]
    wait = budgets.spend("one", limits)
    assert HOUR / 2 <= wait <= HOUR * 13 / 12 + DAY / 12
    clock.now += wait
    assert budgets.spend("one", limits) is None


def test_two_clients_at_once_never_take_more_than_the_limit(clients):
    limits = [Limit(HOUR, 10), Limit(DAY, 11)]
    both = [clients.one, clients.two]
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda mine: mine.spend("one", limits), both * 12))
    assert waits.count(None) == 10
    assert clients.one.spent("one", HOUR) == 10


def test_a_clock_that_is_behind_lets_no_more_through(clients, clock):
    limits = [Limit(HOUR, 2)]
    assert taken(clients.one, limits, 2) == 2
    clock.now -= HOUR / 2
    wait = clients.two.spend("one", limits)
    assert wait >= HOUR * 3 / 2
    clock.now += wait
    assert clients.two.spend("one", limits) is None


# --- against a plain list of times ----------------------------------------------------------------

LENGTHS = st.sampled_from([timedelta(microseconds=7), SECOND, 100 * SECOND, HOUR])
LIMITS = st.lists(st.builds(Limit, LENGTHS, st.integers(0, 5)), min_size=1, max_size=3)
MOMENTS = st.one_of(
    st.just(timedelta()),
    st.sampled_from([SECOND, 100 * SECOND, HOUR / 12, HOUR, timedelta(microseconds=1)]),
    st.timedeltas(timedelta(), 2 * HOUR),
)


@slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limits=LIMITS, moments=st.lists(MOMENTS, max_size=40))
def test_no_stretch_holds_more_than_its_limit_and_whoever_waits_is_let_through(
    make: Make, limits: list[Limit], moments: list[timedelta]
):
    times: list[datetime] = []
    with make() as clients:
        for number, moment in enumerate(moments):
            clients.clock.now += moment
            budgets = (clients.one, clients.two)[number % 2]
            attempt(budgets, limits, clients.clock, times)
    for limit in limits:
        # A stretch that has too many has one in which they come first and last.
        stretches = zip(times, times[limit.most :], strict=False)
        assert all(last - first >= limit.every for first, last in stretches)


def attempt(budgets: Budgets, limits: list[Limit], clock: Clock, times: list[datetime]) -> None:
    """Spend one; where that is refused, wait as told and spend it then, if that can ever be."""
    wait = budgets.spend("one", limits)
    if wait is not None:
        assert wait > timedelta()
        # It is refused for a reason, but for what a slice holds that is not in the stretch.
        assert any(full(limit, clock.now, times) for limit in limits)
        if any(limit.most == 0 for limit in limits):
            assert wait >= max(limit.every for limit in limits if limit.most == 0)
            return
        clock.now += wait
        assert budgets.spend("one", limits) is None
    times.append(clock.now)
    longest = max(limit.every for limit in limits)
    within = [time for time in times if time > clock.now - longest]
    assert len(within) <= budgets.spent("one", longest)


def full(limit: Limit, now: datetime, times: list[datetime]) -> bool:
    """Tell whether so many were taken in this stretch and a slice before it."""
    slice_ = max(limit.every / 12, timedelta(microseconds=1))
    return len([time for time in times if time > now - limit.every - slice_]) >= limit.most
