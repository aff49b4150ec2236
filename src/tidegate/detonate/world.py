"""What detonation needs of the world, and what a deployment decides about it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from tidegate import ports
from tidegate.declare.responses import Responses
from tidegate.detonate.filters import Filters
from tidegate.hygiene import Policy as Hygiene
from tidegate.model import Case, Entity

# What people write into is seldom malware and often confidential.
DOCUMENTS = frozenset(
    {
        *("doc", "docx", "docm", "dot", "dotx", "rtf", "odt", "pdf", "txt", "md", "one", "pub"),
        *("xls", "xlsx", "xlsm", "xlsb", "csv", "ods", "ppt", "pptx", "pptm", "odp"),
        *("msg", "eml", "pst", "ost", "vsd", "vsdx", "mdb", "accdb", "kdbx"),
    }
)

SHARES = (("high", 1.0), ("medium", 0.9), ("low", 0.75))


@dataclass(frozen=True, slots=True)
class Policy:
    """Which alerts are taken, how long we wait, what is done with a verdict."""

    hygiene: Hygiene = field(default_factory=Hygiene)
    filters: Filters = field(default_factory=Filters)
    responses: Responses = field(default_factory=Responses)

    # Uploading a file shows it to a third party; its hash does not.
    entities: frozenset[Entity] = frozenset(Entity)
    documents: bool = False
    no_upload_groups: frozenset[str] = frozenset()
    quarantine: bool = True
    quarantine_hours: int = 72
    spread: bool = True
    max_bytes: int = 200 << 20
    most_artefacts: int = 20
    most_iocs: int = 500
    other_devices: int = 3
    live_responses: int = 25

    # What of the quota, or of the day's submissions, an alert's severity may use up.
    daily: int | None = None
    shares: tuple[tuple[str, float], ...] = SHARES
    least_share: float = 0.5

    alerts_every: timedelta = timedelta(minutes=1)
    finished_every: timedelta = timedelta(minutes=1)
    sweep_every: timedelta = timedelta(minutes=5)
    look_back: timedelta = timedelta(days=1)
    overlap: timedelta = timedelta(minutes=15)
    evidence_waits: tuple[timedelta, ...] = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 12))
    soonest: timedelta = timedelta(seconds=15)
    slowest: timedelta = timedelta(minutes=5)
    # Whoever waits for an analysis is woken by the list of finished ones, and whoever waits for
    # another case by that one. These are in case that nobody does.
    analysis_soonest: timedelta = timedelta(minutes=2)
    analysis_slowest: timedelta = timedelta(minutes=15)
    claim_soonest: timedelta = timedelta(minutes=10)
    claim_slowest: timedelta = timedelta(hours=1)
    slot_soonest: timedelta = timedelta(seconds=30)
    device_deadline: timedelta = timedelta(hours=24)
    analysis_deadline: timedelta = timedelta(hours=6)
    quota_deadline: timedelta = timedelta(hours=24)
    spread_deadline: timedelta = timedelta(minutes=10)
    response_deadline: timedelta = timedelta(hours=24)
    approval_life: timedelta = timedelta(days=7)
    resubmit_after: timedelta = timedelta(days=7)
    recheck_every: timedelta = timedelta(days=1)
    evidence_kept: timedelta = timedelta(days=3)

    # A step makes a few calls, each with its own time-out, and must end before its message is
    # shown to another worker. A turn is several steps that need not wait.
    hidden: timedelta = timedelta(minutes=10)
    turn: timedelta = timedelta(seconds=60)
    attempts: int = 20
    backoff: timedelta = timedelta(seconds=30)
    longest_backoff: timedelta = timedelta(minutes=15)

    file_action: str = "Block"
    network_action: str = "Block"
    indicator_life: timedelta = timedelta(days=30)
    indicator_cap: int = 15_000

    def wait_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row."""
        # The exponent is bounded, for a timedelta overflows.
        delay: timedelta = self.backoff * 2 ** min(max(failures - 1, 0), 10)
        return min(delay, self.longest_backoff)

    def share(self, severity: str) -> float:
        """Return which part of a quota an alert of this severity may use up."""
        return dict(self.shares).get(severity.lower(), self.least_share)


def hurried(policy: Policy) -> Policy:
    """Return the policy for a tenant whose devices and sandbox answer within a second or two."""
    blink = timedelta(milliseconds=200)
    return replace(
        policy,
        alerts_every=timedelta(seconds=2),
        finished_every=timedelta(seconds=1),
        evidence_waits=(blink, blink),
        soonest=blink,
        slowest=timedelta(seconds=1),
        analysis_soonest=blink,
        analysis_slowest=timedelta(seconds=1),
        claim_soonest=blink,
        claim_slowest=timedelta(seconds=1),
        slot_soonest=blink,
        device_deadline=timedelta(seconds=10),
        analysis_deadline=timedelta(seconds=60),
        response_deadline=timedelta(seconds=30),
        # Whoever waits for the slot of a worker that died must outlast its message.
        hidden=timedelta(seconds=3),
        backoff=blink,
    )


@dataclass(frozen=True, slots=True)
class World:
    """All ports that detonation uses, the clock, and a folder for files that may be lost."""

    alerts: ports.Alerts
    devices: ports.Devices
    hunting: ports.Hunting
    sandbox: ports.Sandbox
    incidents: ports.Incidents
    enforcement: ports.Enforcement
    sightings: ports.Sightings
    objects: ports.Objects
    cases: ports.Cases
    queue: ports.Queue
    rechecks: ports.Queue
    ledger: ports.Ledger
    budgets: ports.Budgets
    clock: ports.Clock
    scratch: Path
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing to do now: come back after the delay. `case` is what changed, if anything did."""

    delay: timedelta
    case: Case | None = None


def pace(waited: timedelta, policy: Policy) -> timedelta:
    """Say how long to wait for something that we have waited for already: a quarter of that."""
    return within(policy.soonest, waited / 4, policy.slowest)


def within(least: timedelta, wanted: timedelta, most: timedelta) -> timedelta:
    """Return what is wanted, but no less than the one and no more than the other."""
    return min(max(wanted, least), most)
