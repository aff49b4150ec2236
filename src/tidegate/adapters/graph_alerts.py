"""Microsoft Graph security: alerts of the whole of Defender XDR, told as Defender's own.

Severities, states and sources are spelled as Defender for Endpoint spells them, so that whoever
reads an alert need not know where it was read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from pydantic import Field

from tidegate.adapters.defender import File, classified, file_evidence, url_evidence
from tidegate.adapters.graph import comment_body
from tidegate.adapters.theirs import Comment, Items, Said, Theirs, Time, read, readable, stamp
from tidegate.model import Alert, Device, Entity, Evidence
from tidegate.ports import BadPayload, Http

PAGE = 100
MOST_PAGES = 5_000
NOT_FOUND = 404
# Without it, Graph writes `unknownFutureValue` for what came into its enumerations later.
PREFER = {"prefer": "include-unknown-enum-members"}
SOURCES = {
    "microsoftDefenderForEndpoint": "WindowsDefenderAtp",
    "antivirus": "WindowsDefenderAv",
    "customTi": "CustomerTI",
}
SEVERITIES = {"unknown": "UnSpecified"}
# Members that Graph calls otherwise; all others differ in their first letter alone.
DETERMINATIONS = {
    "CompromisedUser": "compromisedAccount",
    "InsufficientData": "notEnoughDataToValidate",
    "Clean": "notMalicious",
    "ConfirmedUserActivity": "confirmedActivity",
}


class _Evidence(Theirs):
    kind: Said = Field("", alias="@odata.type")
    # of files and processes
    fileDetails: File | None = None  # noqa: N815 - as Graph spells it
    imageFile: File | None = None  # noqa: N815
    url: Said = ""
    ipAddress: Said = ""  # noqa: N815
    # of devices; a file names the one it is on
    mdeDeviceId: Said = ""  # noqa: N815
    deviceDnsName: Said = ""  # noqa: N815
    osPlatform: Said = ""  # noqa: N815
    rbacGroupName: Said = ""  # noqa: N815
    tags: Items[str] = ()

    def of(self, kind: str) -> bool:
        return self.kind.rpartition(".")[2] == f"{kind}Evidence"


class _Alert(Theirs):
    id: str
    incidentId: str | None = None  # noqa: N815
    title: str | None = None
    severity: Said = ""
    status: Said = ""
    classification: Said = ""
    category: Said = ""
    detectionSource: Said = ""  # noqa: N815
    threatFamilyName: Said = ""  # noqa: N815
    threatDisplayName: Said = ""  # noqa: N815
    createdDateTime: Time | None = None  # noqa: N815
    lastUpdateDateTime: Time  # noqa: N815
    evidence: Items[_Evidence] = ()
    comments: Items[Comment] = ()


class _Alerts(Theirs):
    value: tuple[object, ...]
    next: str | None = Field(None, alias="@odata.nextLink")


@dataclass(frozen=True)
class GraphAlerts:
    """`ports.Alerts`. `http` carries the token; `url` ends with the API's version."""

    http: Http
    url: str

    def get(self, alert: str) -> Alert | None:
        at = self._at(alert)
        answer = self.http.request("GET", at, headers=PREFER, expect=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else _alert(read(_Alert, answer))

    def since(self, updated: datetime) -> Iterator[Alert]:
        # Graph shows the newest first: the oldest is known when all of them are read.
        found = {(alert.id, alert.updated): alert for alert in self._pages(updated)}
        yield from sorted(found.values(), key=lambda alert: alert.updated)

    def comment(self, alert: str, text: str) -> None:
        at = f"{self._at(alert)}/comments"
        self.http.request("POST", at, json=comment_body(text), retry=False)

    def classify(self, alert: str, classification: str, determination: str) -> None:
        body = {
            "classification": _lower(classification),
            "determination": DETERMINATIONS.get(determination) or _lower(determination),
        }
        self.http.request("PATCH", self._at(alert), json=body)

    def begin(self, alert: str) -> None:
        self.http.request("PATCH", self._at(alert), json={"status": "inProgress"})

    def _pages(self, updated: datetime) -> Iterator[Alert]:
        at = f"{self.url}/security/alerts_v2"
        query = {"$filter": f"lastUpdateDateTime ge {stamp(updated)}", "$top": str(PAGE)}
        answer = self.http.request("GET", at, params=query, headers=PREFER)
        for _ in range(MOST_PAGES):
            page = read(_Alerts, answer)
            yield from map(_alert, readable(_Alert, page.value))
            if page.next is None:
                return
            answer = self.http.request("GET", self._followed(page.next), headers=PREFER)
        raise BadPayload(f"alerts: more than {MOST_PAGES:,} pages")

    def _followed(self, link: str) -> str:
        # The token goes along, and is for nobody but Graph.
        ours = urlsplit(self.url)
        if not link.startswith(f"{ours.scheme}://{ours.netloc}/"):
            raise BadPayload("alerts: the next page is said to be on another host")
        return link

    def _at(self, alert: str) -> str:
        return f"{self.url}/security/alerts_v2/{quote(alert, safe='')}"


def _alert(raw: _Alert) -> Alert:
    device = _device(raw)
    return Alert(
        id=raw.id,
        title=raw.title or "",
        severity=SEVERITIES.get(raw.severity) or _upper(raw.severity),
        status=_upper(raw.status),
        source=SOURCES.get(raw.detectionSource, raw.detectionSource),
        updated=raw.lastUpdateDateTime,
        incident=raw.incidentId,
        device=device,
        evidence=tuple(dict.fromkeys(item for item in map(_evidence, raw.evidence) if item)),
        comments=tuple(comment.comment or "" for comment in raw.comments),
        created=raw.createdDateTime,
        category=raw.category,
        group=device.group if device else "",
        family=raw.threatFamilyName or raw.threatDisplayName,
        classification=classified(_upper(raw.classification)),
        addresses=tuple(dict.fromkeys(one.ipAddress for one in raw.evidence if _is_address(one))),
    )


def _is_address(raw: _Evidence) -> bool:
    return raw.of("ip") and bool(raw.ipAddress)


def _device(raw: _Alert) -> Device | None:
    """Return the device on which the evidence is, or else the one that the alert names.

    None where these are several: what is done to a device must not be done to another.
    """
    named = {one.mdeDeviceId: one for one in reversed(raw.evidence) if one.of("device")}
    files = [one for one in raw.evidence if one.of("file") or one.of("process")]
    ids = {one.mdeDeviceId for one in files} - {""} or named.keys() - {""}
    if len(ids) != 1:
        return None
    (wanted,) = ids
    told = named.get(wanted) or _Evidence()
    return Device(wanted, told.deviceDnsName, told.osPlatform, told.rbacGroupName, told.tags)


def _evidence(raw: _Evidence) -> Evidence | None:
    if raw.of("file") and raw.fileDetails:
        return file_evidence(Entity.FILE, raw.fileDetails)
    if raw.of("process") and raw.imageFile:
        return file_evidence(Entity.PROCESS, raw.imageFile)
    return url_evidence(raw.url) if raw.of("url") else None


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
