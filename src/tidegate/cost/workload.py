"""What Tidegate is asked to do in a month, and on what."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Workload:
    """A month's work. Rates are by the day."""

    feeds: int = 12
    indicators: int = 100_000  # sightings that live at the same time
    changed: float = 0.05  # the part of them that is new or changed each day
    alerts: int = 20
    refreshes: int = 1034  # of datasets of the map, each as often as it is declared
    lookups: int = 500
    retention: int = 30  # days that a sighting lives after it was last listed
    every: int = 55  # minutes between two fetches of a feed, over those that are declared


@dataclass(frozen=True, slots=True)
class Environment:
    """What is deployed. `busy` is the part of all hours in which autoscale reaches its maximum."""

    name: str
    autoscale: int = 0  # RU/s at most; 0 = serverless
    busy: float = 1.0
    regions: int = 1
    memory: float = 2.0  # GB of an instance
    log_days: int = 30
    alert_rules: int = 0
    endpoints: int = 0
    zones: int = 0
    standard_site: bool = False


# What is deployed in each. A test counts it.
DEPLOYED = Environment("", alert_rules=13, endpoints=7, zones=7, standard_site=True)
ENVIRONMENTS = {
    one.name: one
    for one in (
        replace(DEPLOYED, name="dev"),
        replace(DEPLOYED, name="staging"),
        replace(DEPLOYED, name="prod", autoscale=1000, regions=2, log_days=90),
    )
}
WORKLOADS = {
    "dev": Workload(feeds=3, indicators=20_000, alerts=2, lookups=50),
    "staging": Workload(),
    "prod": Workload(feeds=25, indicators=1_000_000, alerts=200, lookups=20_000),
}
