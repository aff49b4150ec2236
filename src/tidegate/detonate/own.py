"""Alerts that our own indicators raised: to examine them would go in circles."""

from urllib.parse import urlsplit

from tidegate.canonical import Rejected, canonical
from tidegate.detonate.world import World
from tidegate.model import Alert, Kind
from tidegate.ports import APPLICATION, CUSTOM


def raised_by_us(alert: Alert, world: World) -> str | None:
    """Say so if all evidence of an alert of a custom indicator is what Tidegate enforces."""
    if alert.source.lower() not in CUSTOM or not alert.evidence:
        return None
    ours = {one.value for one in world.enforcement.current() if one.application == APPLICATION}
    shown = [_values(one.sha256, one.url) for one in alert.evidence]
    if all(values & ours for values in shown):
        return "the alert was raised by our own indicator"
    return None


def _values(sha256: str | None, url: str | None) -> set[str]:
    if url is None:
        return {sha256 or ""}
    try:
        value = canonical(Kind.URL, url)[1]
    except Rejected:
        return set()
    host = urlsplit(value).hostname or ""
    # An indicator of a domain covers all names below it.
    labels = host.split(".")
    return {value, *(".".join(labels[n:]) for n in range(len(labels)))}
