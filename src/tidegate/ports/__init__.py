"""What the use cases ask of the world, and the two errors that the world may answer with."""

from tidegate.ports.budgets import Budgets, Limit
from tidegate.ports.cache import Cache
from tidegate.ports.cases import Cases, Entry, Ledger, Message, Queue
from tidegate.ports.devices import (
    BUSY,
    LIVE_RESPONSE,
    Action,
    Devices,
    FileFacts,
    Hunting,
    Progress,
)
from tidegate.ports.enrichment import Advice, Allowance, Enricher
from tidegate.ports.faults import BadPayload, Clock, QuotaSpent, Refused, SourceDown
from tidegate.ports.http import Asked, Get, Http, Response
from tidegate.ports.logs import (
    Allocation,
    Allocations,
    Locator,
    LogSource,
    LogTable,
    Place,
    go_on,
)
from tidegate.ports.objects import Conflict, Objects, Stored
from tidegate.ports.sandbox import Order, Quota, Sandbox, Submission
from tidegate.ports.secrets import Secret
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
    APPLICATION,
    CUSTOM,
    Alerts,
    Enforced,
    Enforcement,
    Incidents,
    Placed,
)

__all__ = [
    "APPLICATION",
    "BUSY",
    "CUSTOM",
    "LIVE_RESPONSE",
    "Action",
    "Advice",
    "Alerts",
    "Allocation",
    "Allocations",
    "Allowance",
    "Asked",
    "BadPayload",
    "Budgets",
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
    "FileFacts",
    "Get",
    "Http",
    "Hunting",
    "Incidents",
    "Ledger",
    "Limit",
    "Locator",
    "LogSource",
    "LogTable",
    "Message",
    "Objects",
    "Order",
    "Place",
    "Placed",
    "Progress",
    "Queue",
    "Quota",
    "QuotaSpent",
    "Refused",
    "Response",
    "Runs",
    "Sandbox",
    "Secret",
    "Sightings",
    "SourceDown",
    "Stored",
    "Submission",
    "Suppressed",
    "Trouble",
    "Withheld",
    "go_on",
]
