"""Microsoft Defender for Endpoint: alerts and live response. Indicators: `defender_indicators`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from tidegate.adapters.theirs import Items, Theirs, Time, read, stamp
from tidegate.model import Alert, Device, Entity, Evidence
from tidegate.ports import Action, BadPayload, Http, Progress, Response

PAGE = 1_000
BAD_REQUEST = 400
NOT_FOUND = 404
ENTITIES = {entity.value: entity for entity in Entity}
RUNNING = {"Pending", "InProgress"}
LIVE_RESPONSE = "LiveResponse"


# --- alerts -----------------------------------------------------------------------------------


class _Evidence(Theirs):
    entityType: str | None = None  # noqa: N815 - as Defender spells it
    sha256: str | None = None
    fileName: str | None = None  # noqa: N815
    filePath: str | None = None  # noqa: N815
    url: str | None = None


class _Comment(Theirs):
    comment: str | None = None


class _Alert(Theirs):
    id: str
    incidentId: str | None = None  # noqa: N815
    title: str | None = None
    severity: str | None = None
    status: str | None = None
    detectionSource: str | None = None  # noqa: N815
    lastUpdateTime: Time  # noqa: N815
    machineId: str | None = None  # noqa: N815
    computerDnsName: str | None = None  # noqa: N815
    evidence: Items[_Evidence] = ()
    comments: Items[_Comment] = ()


class _Alerts(Theirs):
    value: tuple[_Alert, ...]


@dataclass(frozen=True)
class DefenderAlerts:
    """`ports.Alerts`. `http` carries the token."""

    http: Http
    url: str

    def get(self, alert: str) -> Alert | None:
        answer = self.http.request("GET", self._at(alert), expect=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else _alert(read(_Alert, answer))

    def since(self, updated: datetime) -> Iterator[Alert]:
        # No nextLink is documented. An alert that changes while we page may move beyond the next
        # page; the overlap of the next poll catches it.
        for skip in range(0, 1_000_000, PAGE):
            query = {
                "$filter": f"lastUpdateTime ge {stamp(updated)}",
                "$expand": "evidence",
                "$top": str(PAGE),
                "$skip": str(skip),
            }
            page = read(_Alerts, self.http.request("GET", f"{self.url}/api/alerts", params=query))
            yield from sorted(map(_alert, page.value), key=lambda alert: alert.updated)
            if len(page.value) < PAGE:
                return

    def comment(self, alert: str, text: str) -> None:
        self.http.request("PATCH", self._at(alert), json={"comment": text}, retry=False)

    def _at(self, alert: str) -> str:
        return f"{self.url}/api/alerts/{quote(alert, safe='')}"


def _alert(raw: _Alert) -> Alert:
    return Alert(
        id=raw.id,
        title=raw.title or "",
        severity=raw.severity or "",
        status=raw.status or "",
        source=raw.detectionSource or "",
        updated=raw.lastUpdateTime,
        incident=raw.incidentId,
        device=Device(raw.machineId, raw.computerDnsName or "") if raw.machineId else None,
        evidence=tuple(item for item in map(_evidence, raw.evidence) if item),
        comments=tuple(comment.comment or "" for comment in raw.comments),
    )


def _evidence(raw: _Evidence) -> Evidence | None:
    entity = ENTITIES.get(raw.entityType or "")
    if entity is None:
        return None
    if entity is Entity.URL:
        return Evidence(entity, url=raw.url) if raw.url else None
    digest = (raw.sha256 or "").lower()
    # Old tenants write the word "none" where there is no hash.
    if digest in {"", "none"} or not raw.fileName:
        return None
    return Evidence(entity, sha256=digest, path=joined(raw.filePath or "", raw.fileName))


def joined(directory: str, name: str) -> str:
    """Return the full path: Defender's `filePath` is the directory, on any operating system."""
    if not directory:
        return name
    separator = "/" if directory.startswith("/") else "\\"
    return f"{directory.rstrip(separator)}{separator}{name}"


# --- live response ----------------------------------------------------------------------------


class _Command(Theirs):
    commandStatus: str | None = None  # noqa: N815
    errors: Items[str] = ()


class _Action(Theirs):
    id: str
    type: str | None = None
    status: str | None = None
    requestorComment: str | None = None  # noqa: N815
    commands: Items[_Command] = ()


class _Actions(Theirs):
    value: tuple[_Action, ...]


class _Machine(Theirs):
    id: str
    computerDnsName: str | None = None  # noqa: N815


class _Machines(Theirs):
    value: tuple[_Machine, ...]


class _Link(Theirs):
    value: str


class _Fault(Theirs):
    code: str | None = None
    message: str | None = None


class _Error(Theirs):
    error: _Fault


@dataclass(frozen=True)
class DefenderDevices:
    """`ports.Devices`. `http` carries the token; `plain` does not, for signed links."""

    http: Http
    plain: Http
    url: str

    def holding(self, sha256: str) -> list[Device]:
        answer = self._get(f"files/{sha256}/machines", expect=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return []
        machines = read(_Machines, answer).value
        return [Device(machine.id, machine.computerDnsName or "") for machine in machines]

    def actions(self, device: str) -> list[Action]:
        answer = self.http.request(
            "GET",
            f"{self.url}/api/machineactions",
            params={"$filter": f"machineId eq '{quoted(device)}'"},
        )
        # A scan or an isolation under way keeps nobody from a live response.
        found = read(_Actions, answer).value
        return [_action(action) for action in found if action.type == LIVE_RESPONSE]

    def collect(self, device: str, path: str, comment: str) -> str | None:
        get_file = {"type": "GetFile", "params": [{"key": "Path", "value": path}]}
        answer = self.http.request(
            "POST",
            f"{self.url}/api/machines/{quote(device, safe='')}/runliveresponse",
            json={"Comment": comment, "Commands": [get_file]},
            expect=(BAD_REQUEST,),
            retry=False,
        )
        if answer.status != BAD_REQUEST:
            return read(_Action, answer).id
        fault = read(_Error, answer).error
        if fault.code == "ActiveRequestAlreadyExists":
            return None
        raise BadPayload(f"live response: {fault.code}: {fault.message}")

    def action(self, action: str) -> Action:
        return _action(read(_Action, self._get(f"machineactions/{quote(action, safe='')}")))

    def cancel(self, action: str, comment: str) -> None:
        self.http.request(
            "POST",
            f"{self.url}/api/machineactions/{quote(action, safe='')}/cancel",
            json={"Comment": comment},
            expect=(BAD_REQUEST, NOT_FOUND),
            retry=False,
        )

    def fetch(self, action: str, max_bytes: int) -> bytes:
        # The link is asked for anew each time: it holds for 30 minutes only.
        link = self._get(
            f"machineactions/{quote(action, safe='')}/GetLiveResponseResultDownloadLink(index=0)"
        )
        return self.plain.request("GET", read(_Link, link).value, max_bytes=max_bytes).body

    def _get(self, path: str, expect: tuple[int, ...] = ()) -> Response:
        return self.http.request("GET", f"{self.url}/api/{path}", expect=expect)


def quoted(text: str) -> str:
    """Return the text as it stands between the quotes of an OData string."""
    return text.replace("'", "''")


def _action(raw: _Action) -> Action:
    broken = [command for command in raw.commands if command.commandStatus == "Failed"]
    if raw.status in RUNNING:
        progress = Progress.RUNNING
    elif raw.status == "Succeeded" and not broken:
        progress = Progress.SUCCEEDED
    else:
        progress = Progress.FAILED
    reasons = [reason for command in broken for reason in command.errors]
    return Action(
        raw.id, progress, raw.requestorComment or "", "; ".join(reasons) or raw.status or "unknown"
    )
