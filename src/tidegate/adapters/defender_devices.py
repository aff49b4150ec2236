"""Microsoft Defender for Endpoint's devices: live response, responses, files, tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from tidegate.adapters.theirs import Items, Said, Theirs, Time, printable, read
from tidegate.model import Device, Do
from tidegate.ports import (
    BUSY,
    Action,
    BadPayload,
    FileFacts,
    Http,
    Progress,
    Refused,
    Response,
)

BAD_REQUEST, FORBIDDEN, NOT_FOUND = 400, 403, 404
# What Defender calls these where nobody says more.
REFUSALS = {BAD_REQUEST: "BadRequest", FORBIDDEN: "Forbidden", NOT_FOUND: "NotFound"}
ENDED = {"Succeeded", "Failed", "TimeOut", "Cancelled"}
NEWEST = 500
LONG_AGO = datetime.min.replace(tzinfo=UTC)
COLLECTING = "CollectInvestigationPackage"
# Where each response is asked for, and what its text is called there.
RESPONSES = {
    Do.COLLECT_PACKAGE: ("collectInvestigationPackage", None),
    Do.SCAN_DEVICE: ("runAntiVirusScan", "ScanType"),
    Do.QUARANTINE_FILE: ("StopAndQuarantineFile", "Sha1"),
    Do.RESTRICT_DEVICE: ("restrictCodeExecution", None),
    Do.UNRESTRICT_DEVICE: ("unrestrictCodeExecution", None),
    Do.ISOLATE_DEVICE: ("isolate", "IsolationType"),
    Do.RELEASE_DEVICE: ("unisolate", None),
}


class _Asked(Theirs):
    type: Said = ""


class _Command(Theirs):
    commandStatus: str | None = None  # noqa: N815 - as Defender spells it
    errors: Items[str] = ()
    command: _Asked = _Asked()


class _Action(Theirs):
    id: str
    type: str | None = None
    status: str | None = None
    requestorComment: str | None = None  # noqa: N815
    creationDateTimeUtc: Time | None = None  # noqa: N815
    errorHResult: int | None = None  # noqa: N815
    commands: Items[_Command] = ()


class _Actions(Theirs):
    value: tuple[_Action, ...]


class _Machine(Theirs):
    id: str
    computerDnsName: str | None = None  # noqa: N815
    osPlatform: Said = ""  # noqa: N815
    rbacGroupName: Said = ""  # noqa: N815
    machineTags: Items[str] = ()  # noqa: N815


class _Machines(Theirs):
    value: tuple[_Machine, ...]


class _File(Theirs):
    sha1: Said = ""
    sha256: Said = ""
    globalPrevalence: int | None = None  # noqa: N815
    signer: Said = ""
    isValidCertificate: bool | None = None  # noqa: N815


class _Link(Theirs):
    value: str


class _Fault(Theirs):
    code: Said = ""
    message: Said = ""
    target: Said = ""


class _Error(Theirs):
    error: _Fault


@dataclass(frozen=True)
class DefenderDevices:
    """`ports.Devices`. `http` carries the token; `plain` does not, for signed links."""

    http: Http
    plain: Http
    url: str

    # --- what is known ------------------------------------------------------------------------

    def get(self, device: str) -> Device | None:
        answer = self._get(f"machines/{_part(device)}", expect=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else _device(read(_Machine, answer))

    def holding(self, sha1: str) -> list[Device]:
        answer = self._get(f"files/{_part(sha1)}/machines", expect=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return []
        return [_device(machine) for machine in read(_Machines, answer).value]

    def file(self, digest: str) -> FileFacts | None:
        answer = self._get(f"files/{_part(digest)}", expect=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        found = read(_File, answer)
        return FileFacts(
            sha1=found.sha1.lower(),
            sha256=found.sha256.lower(),
            everywhere=found.globalPrevalence,
            signer=found.signer,
            trusted=found.isValidCertificate or False,
        )

    # --- actions ------------------------------------------------------------------------------

    def actions(self, device: str) -> list[Action]:
        # The newest are enough to know our own again by; a device may have thousands.
        query = {"$filter": f"machineId eq '{quoted(device)}'", "$top": str(NEWEST)}
        answer = self.http.request("GET", f"{self.url}/api/machineactions", params=query)
        found = read(_Actions, answer).value
        newest = sorted(found, key=lambda one: one.creationDateTimeUtc or LONG_AGO, reverse=True)
        return [_action(action) for action in newest]

    def action(self, action: str) -> Action:
        return _action(read(_Action, self._get(f"machineactions/{_part(action)}")))

    def cancel(self, action: str, comment: str) -> None:
        self.http.request(
            "POST",
            f"{self.url}/api/machineactions/{_part(action)}/cancel",
            json={"Comment": comment},
            expect=(BAD_REQUEST, NOT_FOUND),
            retry=False,
        )

    # --- live response ------------------------------------------------------------------------

    def collect(self, device: str, path: str, comment: str) -> str:
        return self._run(device, comment, _get_file(path))

    def stage(self, device: str, script: str, arguments: str, path: str, comment: str) -> str:
        params = [{"key": "ScriptName", "value": script}, {"key": "Args", "value": arguments}]
        run_script: dict[str, object] = {"type": "RunScript", "params": params}
        return self._run(device, comment, run_script, _get_file(path))

    def fetch(self, action: str, index: int, to: Path, max_bytes: int) -> None:
        try:
            self._download(action, index, to, max_bytes)
        except Refused as refused:
            if refused.code != str(FORBIDDEN):
                raise
            # A link holds for 30 minutes, which a slow download with its retries may outlast.
            self._download(action, index, to, max_bytes)

    def upload_script(self, name: str, content: bytes) -> None:
        answer = self.http.request(
            "POST",
            f"{self.url}/api/libraryfiles",
            files={"file": (name, content, "application/octet-stream")},
            data={
                "Description": "Tidegate: stages Defender's quarantine for analysis",
                "ParametersDescription": "run and hours",
                "HasParameters": "true",
                "OverrideIfExists": "true",
            },
            expect=REFUSALS,
            retry=False,
        )
        _unless_refused(answer, f"the script {name}")

    # --- responses ----------------------------------------------------------------------------

    def respond(self, do: Do, device: str, text: str, comment: str) -> str:
        path, name = RESPONSES[do]
        body = {"Comment": comment} | ({name: text} if name else {})
        try:
            return self._act(device, path, body)
        except Refused as refused:
            # For a package that is being collected, only the 400 is documented, and no code.
            if do is Do.COLLECT_PACKAGE and refused.code != BUSY and self._collecting(device):
                raise Refused(str(refused), BUSY) from refused
            raise

    def tag(self, device: str, tag: str, *, add: bool) -> None:
        answer = self._post(device, "tags", {"Value": tag, "Action": "Add" if add else "Remove"})
        if answer.status == BAD_REQUEST:
            found = self.get(device)
            if found is not None and (tag in found.tags) is add:
                return
        _unless_refused(answer, "the tag")

    # --- details ------------------------------------------------------------------------------

    def _run(self, device: str, comment: str, *commands: dict[str, object]) -> str:
        body = {"Comment": comment, "Commands": list(commands)}
        return self._act(device, "runliveresponse", body)

    def _act(self, device: str, path: str, body: Mapping[str, object]) -> str:
        answer = self._post(device, path, body)
        _unless_refused(answer, path)
        return read(_Action, answer).id

    def _post(self, device: str, path: str, body: object) -> Response:
        at = f"{self.url}/api/machines/{_part(device)}/{path}"
        return self.http.request("POST", at, json=body, expect=REFUSALS, retry=False)

    def _collecting(self, device: str) -> bool:
        return any(
            action.type == COLLECTING and action.progress is Progress.RUNNING
            for action in self.actions(device)
        )

    def _download(self, action: str, index: int, to: Path, max_bytes: int) -> None:
        named = f"GetLiveResponseResultDownloadLink(index={index:d})"
        link = read(_Link, self._get(f"machineactions/{_part(action)}/{named}")).value
        self.plain.download(link, to, max_bytes=max_bytes)

    def _get(self, path: str, expect: tuple[int, ...] = ()) -> Response:
        return self.http.request("GET", f"{self.url}/api/{path}", expect=expect)


def quoted(text: str) -> str:
    """Return the text as it stands between the quotes of an OData string."""
    return text.replace("'", "''")


def _part(text: str) -> str:
    return quote(text, safe="")


def _get_file(path: str) -> dict[str, object]:
    return {"type": "GetFile", "params": [{"key": "Path", "value": path}]}


def _device(raw: _Machine) -> Device:
    name = raw.computerDnsName or ""
    return Device(raw.id, name, raw.osPlatform, raw.rbacGroupName, raw.machineTags)


def _unless_refused(answer: Response, what: str) -> None:
    """Raise Refused where the answer is a refusal, with its code and Defender's words for it."""
    if answer.status not in REFUSALS:
        return
    try:
        fault = read(_Error, answer).error
    except BadPayload:  # a proxy's page, say
        fault = _Fault()
    code = printable(fault.code, 64) or REFUSALS[answer.status]
    said = f"Defender refused {what}: {code}: {printable(fault.message)!r}"
    # By the correlation id Microsoft's support finds the request.
    named = f" (correlation id {printable(fault.target, 64)!r})" if fault.target else ""
    raise Refused(said + named, code)


# --- how an action is -------------------------------------------------------------------------


def _action(raw: _Action) -> Action:
    kind = raw.type or ""
    return Action(raw.id, _progress(raw), raw.requestorComment or "", _detail(raw), kind)


def _progress(raw: _Action) -> Progress:
    if raw.status not in ENDED:
        return Progress.RUNNING
    # The action as a whole may have succeeded where a command of it did not.
    well = raw.status == "Succeeded" and not _broken(raw)
    return Progress.SUCCEEDED if well else Progress.FAILED


def _broken(raw: _Action) -> list[_Command]:
    return [command for command in raw.commands if command.commandStatus == "Failed"]


def _detail(raw: _Action) -> str:
    """Return what went wrong, command by command; where nothing did, the status."""
    said = [
        f"{command.command.type or 'a command'}: {'; '.join(command.errors) or 'failed'}"
        for command in _broken(raw)
    ]
    if not said and raw.errorHResult:
        said = [f"{raw.status or ''} (0x{raw.errorHResult & 0xFFFF_FFFF:08X})"]
    return printable(" | ".join(said) or raw.status or "unknown")
