"""What detonation needs of the world, and what a deployment decides about it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from tidegate import ports
from tidegate.hygiene import Policy as Hygiene
from tidegate.model import Case, Entity


@dataclass(frozen=True, slots=True)
class Policy:
    """Which alerts are taken, how long we wait, what is done with a verdict."""

    hygiene: Hygiene = field(default_factory=Hygiene)

    statuses: frozenset[str] = frozenset({"New", "InProgress"})
    severities: frozenset[str] = frozenset(
        {"UnSpecified", "Informational", "Low", "Medium", "High"}
    )
    # Our own Audit indicators raise alerts of this source: examining them would go in circles.
    ignored_sources: frozenset[str] = frozenset({"CustomerTI"})
    entities: frozenset[Entity] = frozenset({Entity.FILE, Entity.URL})
    max_bytes: int = 100 << 20
    other_devices: int = 3

    alerts_every: timedelta = timedelta(minutes=1)
    look_back: timedelta = timedelta(days=1)
    overlap: timedelta = timedelta(minutes=15)
    evidence_waits: tuple[timedelta, ...] = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10))
    soonest: timedelta = timedelta(seconds=15)
    slowest: timedelta = timedelta(minutes=5)
    device_deadline: timedelta = timedelta(hours=24)
    analysis_deadline: timedelta = timedelta(hours=6)
    resubmit_after: timedelta = timedelta(days=7)

    # A step makes a few calls, each with its own time-out, and must end before its message is
    # shown to another worker.
    hidden: timedelta = timedelta(minutes=10)
    attempts: int = 20
    backoff: timedelta = timedelta(seconds=30)
    longest_backoff: timedelta = timedelta(minutes=15)

    file_action: str = "Block"
    network_action: str = "Block"
    indicator_life: timedelta = timedelta(days=30)


def hurried(policy: Policy) -> Policy:
    """Return the policy for a tenant whose devices and sandbox answer within a second or two."""
    blink = timedelta(milliseconds=200)
    return replace(
        policy,
        alerts_every=timedelta(seconds=2),
        evidence_waits=(blink, blink),
        soonest=blink,
        slowest=timedelta(seconds=1),
        device_deadline=timedelta(seconds=5),
        analysis_deadline=timedelta(seconds=60),
        hidden=timedelta(seconds=20),
        backoff=blink,
    )


@dataclass(frozen=True, slots=True)
class World:
    """All ports that detonation uses, and the clock."""

    alerts: ports.Alerts
    devices: ports.Devices
    sandbox: ports.Sandbox
    incidents: ports.Incidents
    enforcement: ports.Enforcement
    sightings: ports.Sightings
    objects: ports.Objects
    cases: ports.Cases
    queue: ports.Queue
    ledger: ports.Ledger
    clock: ports.Clock
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing to do now: come back after the delay. `case` is what changed, if anything did."""

    delay: timedelta
    case: Case | None = None


def pace(waited: timedelta, policy: Policy) -> timedelta:
    """Say how long to wait for something that we have waited for already: a quarter of that."""
    return min(max(waited / 4, policy.soonest), policy.slowest)
