"""Which artefacts an alert holds. Pure."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from tidegate import hygiene
from tidegate.canonical import Rejected, canonical
from tidegate.detonate.world import Policy
from tidegate.model import Alert, Artefact, Entity, Evidence, Kind


def unwanted(alert: Alert, policy: Policy) -> str | None:
    """Say why the alert is not examined; None if it is."""
    if alert.status not in policy.statuses:
        return f"the alert's status is {alert.status or 'unknown'}"
    if alert.source in policy.ignored_sources:
        return f"the alert's source is {alert.source}"
    if alert.severity not in policy.severities:
        return f"the alert's severity is {alert.severity or 'unknown'}"
    return None


def fan_out(alert: Alert, policy: Policy, now: datetime) -> tuple[list[Artefact], list[str]]:
    """Return one artefact for each different file and URL, and notes on what is left out."""
    artefacts: dict[str, Artefact] = {}
    notes: list[str] = []
    for evidence in alert.evidence:
        if evidence.entity in policy.entities:
            for found in _artefact(evidence, policy, now):
                if isinstance(found, str):
                    notes.append(found)
                else:
                    artefacts.setdefault(found.key, found)
    return list(artefacts.values()), list(dict.fromkeys(notes))


def _artefact(evidence: Evidence, policy: Policy, now: datetime) -> Iterator[Artefact | str]:
    if evidence.entity is Entity.URL:
        yield _url(evidence.url or "", policy, now)
    elif evidence.sha256 and evidence.path:
        yield _file(evidence.sha256, evidence.path, policy, now)


def _file(digest: str, path: str, policy: Policy, now: datetime) -> Artefact | str:
    try:
        kind, value = canonical(Kind.SHA256, digest)
    except Rejected as why:
        return f"a file is left out: {why}"
    if kind is not Kind.SHA256:
        return "a file is left out: it has no SHA-256"
    if why_not := hygiene.reason(kind, value, policy.hygiene):
        return f"file {value} is left out: {why_not}"
    return Artefact(key=value, entity=Entity.FILE, target=path, due=now, since=now)


def _url(text: str, policy: Policy, now: datetime) -> Artefact | str:
    # The note does not repeat the URL: one that is no URL may be anything, a secret included.
    try:
        kind, value = canonical(Kind.URL, text)
    except Rejected as why:
        return f"a URL is left out: {why}"
    if not value.startswith(("http://", "https://")):
        return "a URL is left out: neither http nor https"
    if why_not := hygiene.reason(kind, value, policy.hygiene):
        return f"a URL is left out: {why_not}"
    key = sha256(value.encode()).hexdigest()
    return Artefact(key=key, entity=Entity.URL, target=value, due=now, since=now)
