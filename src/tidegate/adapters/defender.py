"""Microsoft Defender for Endpoint's alerts. Devices: `defender_devices`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from tidegate.adapters.theirs import Comment, Items, Said, Theirs, Time, read, readable, stamp
from tidegate.model import Alert, Device, Entity, Evidence
from tidegate.ports import Http

PAGE = 500
SHARED = 50
MOST = 1_000_000
NOT_FOUND = 404
ENTITIES = {entity.value: entity for entity in Entity}
SHA1, SHA256 = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")


class File(Theirs):
    """A file as evidence names it, here and in Graph: `filePath` is the directory."""

    sha1: Said = ""
    sha256: Said = ""
    fileName: Said = ""  # noqa: N815 - as Defender spells it
    filePath: Said = ""  # noqa: N815


class _Evidence(File):
    entityType: Said = ""  # noqa: N815
    url: Said = ""
    ipAddress: Said = ""  # noqa: N815


class _Alert(Theirs):
    id: str
    incidentId: str | None = None  # noqa: N815
    title: str | None = None
    severity: str | None = None
    status: str | None = None
    classification: Said = ""
    category: Said = ""
    detectionSource: str | None = None  # noqa: N815
    threatFamilyName: Said = ""  # noqa: N815
    threatName: Said = ""  # noqa: N815
    alertCreationTime: Time | None = None  # noqa: N815
    lastUpdateTime: Time  # noqa: N815
    machineId: str | None = None  # noqa: N815
    computerDnsName: str | None = None  # noqa: N815
    rbacGroupName: Said = ""  # noqa: N815
    evidence: Items[_Evidence] = ()
    alertFiles: Items[File] = ()  # noqa: N815 - of old tenants, which have no evidence
    comments: Items[Comment] = ()


class _Alerts(Theirs):
    value: tuple[object, ...]


@dataclass(frozen=True)
class DefenderAlerts:
    """`ports.Alerts`. `http` carries the token."""

    http: Http
    url: str

    def get(self, alert: str) -> Alert | None:
        answer = self.http.request("GET", self._at(alert), expect=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else _alert(read(_Alert, answer))

    def since(self, updated: datetime) -> Iterator[Alert]:
        # No nextLink and no order is documented. An alert that changes while we page may move to
        # the end, and those behind it one place up: so each page begins within the one before.
        seen: set[tuple[str, datetime]] = set()
        for skip in range(0, MOST, PAGE - SHARED):
            rows = self._page(updated, skip)
            page = map(_alert, readable(_Alert, rows))
            fresh = [alert for alert in page if (alert.id, alert.updated) not in seen]
            seen.update((alert.id, alert.updated) for alert in fresh)
            yield from sorted(fresh, key=lambda alert: alert.updated)
            if len(rows) < PAGE:
                return

    def comment(self, alert: str, text: str) -> None:
        self.http.request("PATCH", self._at(alert), json={"comment": text}, retry=False)

    def classify(self, alert: str, classification: str, determination: str) -> None:
        body = {"classification": classification, "determination": determination}
        self.http.request("PATCH", self._at(alert), json=body)

    def begin(self, alert: str) -> None:
        self.http.request("PATCH", self._at(alert), json={"status": "InProgress"})

    def _page(self, updated: datetime, skip: int) -> tuple[object, ...]:
        query = {
            "$filter": f"lastUpdateTime ge {stamp(updated)}",
            "$expand": "evidence",
            "$top": str(PAGE),
            "$skip": str(skip),
        }
        answer = self.http.request("GET", f"{self.url}/api/alerts", params=query)
        return read(_Alerts, answer).value

    def _at(self, alert: str) -> str:
        return f"{self.url}/api/alerts/{quote(alert, safe='')}"


def _alert(raw: _Alert) -> Alert:
    device = (raw.computerDnsName or "", "", raw.rbacGroupName)
    return Alert(
        id=raw.id,
        title=raw.title or "",
        severity=raw.severity or "",
        status=raw.status or "",
        source=raw.detectionSource or "",
        updated=raw.lastUpdateTime,
        incident=raw.incidentId,
        device=Device(raw.machineId, *device) if raw.machineId else None,
        evidence=tuple(_all_evidence(raw)),
        comments=tuple(comment.comment or "" for comment in raw.comments),
        created=raw.alertCreationTime,
        category=raw.category,
        group=raw.rbacGroupName,
        family=raw.threatFamilyName or raw.threatName,
        classification=classified(raw.classification),
        addresses=tuple(dict.fromkeys(one.ipAddress for one in raw.evidence if _is_address(one))),
    )


def _is_address(raw: _Evidence) -> bool:
    return raw.entityType == "Ip" and bool(raw.ipAddress)


def _all_evidence(raw: _Alert) -> Iterator[Evidence]:
    found = [_evidence(item) for item in raw.evidence]
    if not raw.evidence:
        found = [file_evidence(Entity.FILE, file) for file in raw.alertFiles]
    yield from dict.fromkeys(item for item in found if item)


def _evidence(raw: _Evidence) -> Evidence | None:
    entity = ENTITIES.get(raw.entityType)
    if entity is None:
        return None
    return url_evidence(raw.url) if entity is Entity.URL else file_evidence(entity, raw)


def url_evidence(url: str) -> Evidence | None:
    """Return the evidence; None when it names nothing."""
    return Evidence(Entity.URL, url=url) if url else None


def file_evidence(entity: Entity, file: File) -> Evidence | None:
    """Return the evidence; None without a digest that we can know the file by.

    Where it lies is known only with both its directory and its name; the name alone tells at least
    whether it is a document.
    """
    sha1, sha256 = _digest(SHA1, file.sha1), _digest(SHA256, file.sha256)
    if not sha1 and not sha256:
        return None
    placed = file.filePath and file.fileName
    path = joined(file.filePath, file.fileName) if placed else file.fileName
    return Evidence(entity, sha256=sha256, path=path or None, sha1=sha1)


def classified(text: str) -> str | None:
    """Return how an alert is classified; None while it is not."""
    return None if text.lower() in {"", "unknown"} else text


def joined(directory: str, name: str) -> str:
    """Return the full path: Defender's `filePath` is the directory, on any operating system."""
    separator = "/" if directory.startswith("/") else "\\"
    return f"{directory.rstrip(separator)}{separator}{name}"


def _digest(form: re.Pattern[str], text: str) -> str | None:
    found = text.strip().lower()
    return found if form.fullmatch(found) else None
