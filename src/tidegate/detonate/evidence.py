"""Which artefacts an alert holds. Pure."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from tidegate import hygiene
from tidegate.canonical import Rejected, canonical, refang
from tidegate.detonate.world import Policy
from tidegate.model import Alert, Artefact, Entity, Evidence, Kind

# Outlook writes every link into one of its own, with the real one as a parameter.
WRAPPED = (".safelinks.protection.outlook.com", ".safelinks.protection.office365.us")
WRAPS = 3
MOST_ROWS = 500  # of evidence: what is to be judged value by value


def fan_out(alert: Alert, policy: Policy, now: datetime) -> tuple[list[Artefact], list[str]]:
    """Return one artefact for each different file and URL, and notes on what is left out."""
    artefacts: dict[str, Artefact] = {}
    notes: list[str] = []
    for evidence in alert.evidence[:MOST_ROWS]:
        for found in _artefact(evidence, policy, now):
            if isinstance(found, str):
                notes.append(found)
            else:
                artefacts[found.key] = _merged(artefacts.get(found.key), found)
    kept = list(artefacts.values())[: policy.most_artefacts]
    if len(kept) < len(artefacts):
        notes.append(f"{len(artefacts) - len(kept)} more artefacts are left out")
    return kept, list(dict.fromkeys(notes))


def resolvable(alert: Alert) -> list[str]:
    """Return the SHA-1 digests of files whose SHA-256 the alert does not tell."""
    known = {one.sha1 for one in alert.evidence if one.sha256}
    found = [one.sha1 for one in alert.evidence if one.sha1 and not one.sha256]
    return [sha1 for sha1 in dict.fromkeys(found) if sha1 not in known]


def resolved(alert: Alert, digests: dict[str, str]) -> Alert:
    """Return the alert with the SHA-256 of files, by their SHA-1, where these or itself tell it."""
    told = {one.sha1: one.sha256 for one in alert.evidence if one.sha1 and one.sha256}
    known = digests | told
    evidence = tuple(
        replace(one, sha256=one.sha256 or known.get(one.sha1 or "")) for one in alert.evidence
    )
    return replace(alert, evidence=evidence)


def _merged(held: Artefact | None, found: Artefact) -> Artefact:
    """The same file may be told of several times, and only once with its place."""
    if held is None:
        return found
    target = held.target if held.placed or not found.target else found.target
    return replace(held, target=target, sha1=held.sha1 or found.sha1)


def _artefact(evidence: Evidence, policy: Policy, now: datetime) -> Iterator[Artefact | str]:
    if evidence.entity not in policy.entities:
        return
    if evidence.entity is Entity.URL:
        yield _url(evidence.url or "", policy, now)
    elif evidence.sha256:
        yield _file(evidence, policy, now)
    elif evidence.sha1:
        yield "a file is left out: Defender does not know its SHA-256"


def _file(evidence: Evidence, policy: Policy, now: datetime) -> Artefact | str:
    try:
        kind, value = canonical(Kind.SHA256, evidence.sha256 or "")
    except Rejected as why:
        return f"a file is left out: {why}"
    if kind is not Kind.SHA256:
        return "a file is left out: it has no SHA-256"
    if value in policy.filters.hashes:
        return f"file {value} is left out: allow-listed"
    if why_not := hygiene.reason(kind, value, policy.hygiene):
        return f"file {value} is left out: {why_not}"
    return Artefact(
        key=value,
        entity=Entity.FILE,
        target=evidence.path or "",
        due=now,
        since=now,
        sha1=evidence.sha1 or "",
    )


def _url(text: str, policy: Policy, now: datetime) -> Artefact | str:
    # The note does not repeat the URL: one that is no URL may be anything, a secret included.
    try:
        kind, value = canonical(Kind.URL, unwrapped(text))
    except Rejected as why:
        return f"a URL is left out: {why}"
    except ValueError:  # whose words repeat it
        return "a URL is left out: not a url"
    if why_not := _unfit(value, policy) or hygiene.reason(kind, value, policy.hygiene):
        return f"a URL is left out: {why_not}"
    key = sha256(value.encode()).hexdigest()
    return Artefact(key=key, entity=Entity.URL, target=value, due=now, since=now)


def unwrapped(text: str) -> str:
    """Return the URL inside one that Outlook's link protection made of it."""
    for _ in range(WRAPS):
        parts = urlsplit(refang(text))
        inner = parse_qs(parts.query).get("url", [""])[0]
        if not inner or not (parts.hostname or "").endswith(WRAPPED):
            break
        text = inner
    return text


def _unfit(value: str, policy: Policy) -> str | None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"}:
        return "neither http nor https"
    if parts.username is not None or parts.password is not None:
        return "it holds credentials"
    if "." not in (parts.hostname or "") and ":" not in (parts.hostname or ""):
        return "an intranet host"
    if any(re.search(pattern, value, re.IGNORECASE) for pattern in policy.filters.urls):
        return "excluded"
    return None
