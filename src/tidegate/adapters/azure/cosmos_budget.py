"""What Cosmos costs: request units counted per run and source, and what a day may cost.

Units are counted as the service charges them, refused requests included. Renewals, rows that say
nothing new, stop before the day's units are spent; what is new stops when they are.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from threading import Lock
from typing import Any, Protocol

from tidegate.adapters.azure.revising import Said, revise, said
from tidegate.ports import Clock, Objects

log = logging.getLogger(__name__)

CHARGE = "x-ms-request-charge"


@dataclass(frozen=True, slots=True)
class Cost:
    """What was asked of Cosmos, what it charged, and how many rows that wrote or deleted."""

    requests: int = 0
    units: float = 0.0
    rows: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requests + other.requests, self.units + other.units, self.rows + other.rows
        )


class Spending(Protocol):
    """Remembers each day's costs by source, for all who write."""

    def of(self, day: str) -> Mapping[str, Cost]: ...

    def add(self, day: str, source: str, cost: Cost) -> None: ...


@dataclass
class MemorySpending:
    """`Spending` of one process."""

    _days: dict[str, dict[str, Cost]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, day: str) -> Mapping[str, Cost]:
        """See `Spending`."""
        with self._lock:
            return dict(self._days.get(day, {}))

    def add(self, day: str, source: str, cost: Cost) -> None:
        """See `Spending`."""
        with self._lock:
            costs = self._days.setdefault(day, {})
            costs[source] = costs.get(source, Cost()) + cost


@dataclass(frozen=True, slots=True)
class ObjectSpending:
    """`Spending` as one small object a day, which all instances write conditionally."""

    objects: Objects

    def of(self, day: str) -> Mapping[str, Cost]:
        """See `Spending`."""
        return {name: _cost(cost) for name, cost in said(self.objects, _name(day)).items()}

    def add(self, day: str, source: str, cost: Cost) -> None:
        """See `Spending`."""

        def added(costs: Said) -> Said:
            before = _cost(costs.get(source, {}))
            return costs | {source: asdict(before + cost)}

        revise(self.objects, _name(day), added)


def _cost(said: Mapping[str, Any]) -> Cost:
    return Cost(**{name: said[name] for name in Cost.__slots__ if name in said})


def _name(day: str) -> str:
    return f"spending/cosmos/{day}.json"


@dataclass(frozen=True, slots=True)
class Budget:
    """The request units of a day (UTC). `reserve`, a share, is kept from renewals."""

    units: float = math.inf
    reserve: float = 0.2


class Meter:
    """Counts what one run of one source costs. Safe for threads."""

    def __init__(self, budget: Budget, before: float) -> None:
        self._budget = budget
        self._before = before
        self._lock = Lock()
        self.cost = Cost()

    def charged(self, headers: Mapping[str, str]) -> None:
        """Count one answer."""
        self._add(Cost(requests=1, units=float(headers.get(CHARGE, 0))))

    def wrote(self, rows: int) -> None:
        """Count rows that are written or deleted."""
        self._add(Cost(rows=rows))

    @property
    def open(self) -> bool:
        """Whether what is new may still be written."""
        return self._before + self.cost.units < self._budget.units

    @property
    def open_to_renewals(self) -> bool:
        """Whether what says nothing new may still be written."""
        allowed = self._budget.units * (1 - self._budget.reserve)
        return self._before + self.cost.units < allowed

    def _add(self, cost: Cost) -> None:
        with self._lock:
            self.cost += cost


@dataclass(frozen=True, slots=True)
class Account:
    """A budget and the memory of what was spent of it.

    Runs at the same time see each other's units when they end: together they may overdraw a day by
    what one run each costs. `tell` is told each run's source and units, for whoever wants figures.
    """

    clock: Clock
    spending: Spending = field(default_factory=MemorySpending)
    budget: Budget = Budget()
    tell: Callable[[str, float], None] = lambda _source, _units: None

    @contextmanager
    def run(self, source: str) -> Iterator[Meter]:
        """Count one run of the source; what it cost is remembered however it ends."""
        day = self.clock().astimezone(UTC).date().isoformat()
        meter = Meter(self.budget, sum(cost.units for cost in self.spending.of(day).values()))
        try:
            yield meter
        finally:
            cost = meter.cost
            self.spending.add(day, source, cost)
            self.tell(source, cost.units)
            log.info(
                "cosmos %s: %d rows, %d requests, %.1f request units",
                source,
                cost.rows,
                cost.requests,
                cost.units,
            )

    def until_tomorrow(self) -> timedelta:
        """Return how long it is until there is a new budget."""
        now = self.clock().astimezone(UTC)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        return tomorrow - now
