"""What the use cases ask of the world, and the two errors that the world may answer with."""

from tidegate.ports.cache import Cache
from tidegate.ports.cases import Cases, Entry, Ledger, Message, Queue
from tidegate.ports.enrichment import Advice, Allowance, Enricher
from tidegate.ports.faults import BadPayload, Clock, QuotaSpent, SourceDown
from tidegate.ports.http import Asked, Get, Http, Response
from tidegate.ports.logs import Allocation, Allocations, Locator, LogSource, LogTable, Place
from tidegate.ports.objects import Conflict, Objects, Stored
from tidegate.ports.sightings import (
    Feeds,
    FeedState,
    Runs,
    Sightings,
    Suppressed,
    Trouble,
    Withheld,
)
from tidegate.ports.tenant import (
    Action,
    Alerts,
    Devices,
    Enforced,
    Enforcement,
    Incidents,
    Placed,
    Progress,
    Sandbox,
    Submission,
)

__all__ = [
    "Action",
    "Advice",
    "Alerts",
    "Allocation",
    "Allocations",
    "Allowance",
    "Asked",
    "BadPayload",
    "Cache",
    "Cases",
    "Clock",
    "Conflict",
    "Devices",
    "Enforced",
    "Enforcement",
    "Enricher",
    "Entry",
    "FeedState",
    "Feeds",
    "Get",
    "Http",
    "Incidents",
    "Ledger",
    "Locator",
    "LogSource",
    "LogTable",
    "Message",
    "Objects",
    "Place",
    "Placed",
    "Progress",
    "Queue",
    "QuotaSpent",
    "Response",
    "Runs",
    "Sandbox",
    "Sightings",
    "SourceDown",
    "Stored",
    "Submission",
    "Suppressed",
    "Trouble",
    "Withheld",
]
