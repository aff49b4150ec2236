"""The bill of a month: a line for each thing that is paid for, and when autoscale pays.

The tenant's own bills are not in it: Defender, VMRay, and Sentinel for what is uploaded there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.cost.prices import Price
from tidegate.cost.units import DAYS, SIGHTING_KB, units
from tidegate.cost.workload import Environment, Workload

HOURS = DAYS * 24
FLOOR = 0.1  # of its maximum is what autoscale charges in an idle hour
FREE_LOG_DAYS = 30

# Timers fire so often in a day, whether or not there is anything to do. A test counts them.
TIMERS = {
    "feeds": 96,
    "alerts": 1440,
    "finished": 1440,
    "sweep": 288,
    "gate": 96,
    "datasets": 288,
}
TURNS = 25  # of a case until its end
# Assumed seconds of an instance. The platform charges at least one for each execution.
TIMER, GATE, FETCH, TURN, REFRESH = 1.0, 20.0, 5.0, 2.0, 10.0
LOG_KB = 10.0  # assumed, of an execution: its request, its calls, its lines
BLOBS, QUEUED, SECRETS = 4, 6, 0.2  # assumed operations of an execution

Prices = Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill; `quantity` counts what `price` is for."""

    resource: str
    price: str
    quantity: float
    usd: float


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill, and how serverless and autoscale compare for its work."""

    environment: str
    units: float
    lines: tuple[Line, ...]
    serverless: float
    autoscale: float

    @property
    def usd(self) -> float:
        """The sum."""
        return sum(line.usd for line in self.lines)


def bill(work: Workload, place: Environment, prices: Prices, written: float | None = None) -> Bill:
    """Return the bill for so much work in such a place."""
    asked = units(work, written).total
    lines = (
        Line(resource, name, quantity, prices[name].of(quantity))
        for resource, name, quantity in _quantities(work, place, asked)
        if quantity
    )
    return Bill(
        environment=place.name,
        units=asked,
        lines=tuple(lines),
        serverless=prices["cosmos_serverless_units"].of(asked / 1e6),
        autoscale=prices["cosmos_autoscale_units"].of(_hundreds(place)),
    )


def break_even(maximum: int, busy: float, prices: Prices) -> float:
    """Return the request units of a month above which autoscale costs less, in one region."""
    place = Environment("", autoscale=maximum, busy=busy)
    autoscale = prices["cosmos_autoscale_units"].of(_hundreds(place))
    return autoscale / prices["cosmos_serverless_units"].usd * 1e6


def _hundreds(place: Environment, least: int = 1000) -> float:
    """Return the hundreds of RU/s times hours that autoscale charges, in all regions."""
    full = place.busy + (1 - place.busy) * FLOOR
    return (place.autoscale or least) / 100 * HOURS * full * place.regions


def _quantities(
    work: Workload, place: Environment, asked: float
) -> Iterator[tuple[str, str, float]]:
    times, seconds = _executions(work)
    logged = times * LOG_KB / 1e6
    if place.autoscale:
        yield "Cosmos DB", "cosmos_autoscale_units", _hundreds(place)
    else:
        yield "Cosmos DB", "cosmos_serverless_units", asked / 1e6
    yield "Cosmos DB", "cosmos_storage", work.indicators * SIGHTING_KB / 1e6 * place.regions
    yield "Functions", "functions_memory", seconds * place.memory
    yield "Functions", "functions_executions", times / 1e6
    yield "Log Analytics", "logs_ingested", logged
    yield "Log Analytics", "logs_kept", logged * max(0, place.log_days - FREE_LOG_DAYS) / DAYS
    yield "Alerts", "alert_rule", place.alert_rules
    yield "Storage", "blob_storage", _gigabytes(work)
    yield "Storage", "blob_writes", times * BLOBS / 1e4
    yield "Storage", "blob_reads", times * BLOBS / 1e4
    yield "Storage", "queue_operations", times * QUEUED / 1e4
    yield "Key Vault", "vault_operations", times * SECRETS / 1e4
    yield "Network", "private_endpoint", place.endpoints
    yield "Network", "dns_zone", place.zones
    yield "Static Web App", "static_site", int(place.standard_site)


def _executions(work: Workload) -> tuple[float, float]:
    """Return how many executions a month has, and how many seconds they take together."""
    fetches = work.feeds * 24 * 60 / work.every
    turns = work.alerts * TURNS
    idle = sum(TIMERS.values()) - TIMERS["gate"]
    times = idle + TIMERS["gate"] + fetches + turns + work.lookups
    seconds = idle * TIMER + TIMERS["gate"] * GATE + fetches * FETCH + turns * TURN
    return DAYS * times, DAYS * (seconds + work.lookups * TIMER + work.refreshes * REFRESH)


def _gigabytes(work: Workload) -> float:
    """Return what lies in blobs: payloads of the retention, packed, and the states of feeds."""
    state = work.indicators * SIGHTING_KB / 4
    payloads = work.indicators * work.changed * work.retention * SIGHTING_KB / 4
    return (state + payloads) / 1e6
