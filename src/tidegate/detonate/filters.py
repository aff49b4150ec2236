"""Which alerts are examined. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.model import Alert
from tidegate.ports import CUSTOM

OWN_TITLE = "Tidegate:"


@dataclass(frozen=True, slots=True)
class Filters:
    """What an alert must be. An empty set lets everything pass; nothing here heeds case.

    Patterns are regular expressions that are searched for. `groups` are device groups, `tags` those
    of the device. `custom_indicators` lets alerts pass that custom indicators of others raised.
    `hashes` and `urls` (patterns) are evidence that is never examined. An alert is left alone until
    it is `least_age` old, for evidence lags behind its alert.
    """

    statuses: frozenset[str] = frozenset({"new", "inprogress"})
    severities: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    titles: tuple[str, ...] = ()
    not_titles: tuple[str, ...] = ()
    custom_indicators: bool = False
    least_age: timedelta = timedelta(0)
    hashes: frozenset[str] = frozenset()
    urls: tuple[str, ...] = ()


def unwanted(alert: Alert, filters: Filters) -> str | None:
    """Say why the alert is not examined, from what a list of alerts tells; None if it is."""
    for what, given, wanted in (
        ("status", alert.status, filters.statuses),
        ("severity", alert.severity, filters.severities),
        ("source", alert.source, filters.sources),
        ("category", alert.category, filters.categories),
    ):
        if wanted and given.lower() not in wanted:
            return f"the alert's {what} is {given or 'unknown'}"
    return _by_indicator(alert, filters) or _by_title(alert.title, filters)


def misplaced(alert: Alert, filters: Filters) -> str | None:
    """Say why an alert of this device is not examined; None if it is."""
    device = alert.device
    group = (device.group if device else "") or alert.group
    if filters.groups and group.lower() not in filters.groups:
        return f"the device group is {group or 'unknown'}"
    tags = {tag.lower() for tag in device.tags} if device else set()
    if filters.tags and not tags & filters.tags:
        return "the device has none of the tags"
    return None


def too_young(alert: Alert, filters: Filters, now: datetime) -> timedelta | None:
    """Say how long to leave a young alert alone; None if it is old enough."""
    left = (alert.created or alert.updated) + filters.least_age - now
    return left if left > timedelta(0) else None


def _by_indicator(alert: Alert, filters: Filters) -> str | None:
    # Our own Audit indicators raise alerts, too: examining them would go in circles.
    if alert.source.lower() not in CUSTOM:
        return None
    if alert.title.startswith(OWN_TITLE):
        return "the alert was raised by our own indicator"
    return None if filters.custom_indicators else f"the alert's source is {alert.source}"


def _by_title(title: str, filters: Filters) -> str | None:
    if filters.titles and not _found(filters.titles, title):
        return "the alert's title is none of the wanted ones"
    return "the alert's title is left out" if _found(filters.not_titles, title) else None


def _found(patterns: tuple[str, ...], text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
