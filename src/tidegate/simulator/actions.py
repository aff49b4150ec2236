"""Machine actions: asked for, listed, watched, cancelled; each type with its own refusals."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from fastapi import APIRouter, Depends, Response

from tidegate.simulator.answers import known, listed, shown
from tidegate.simulator.defender import Filter, Json, Skip, Top
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.filters import where
from tidegate.simulator.memory import NEWEST_FIRST, Document
from tidegate.simulator.on_device import carried_out
from tidegate.simulator.scene import Scene, fault

OPEN = "Pending"
FILTERABLE = ("id", "status", "machineId", "type", "requestor", "creationDateTimeUtc")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of machine action: what its body says, and of which form that is."""

    type: str
    says: str | None = None
    form: str = ""
    windows: bool = False
    # What the machine is when the action has succeeded, and asking again is refused.
    makes: str | None = None


KINDS = {
    "collectInvestigationPackage": Kind("CollectInvestigationPackage"),
    "runAntiVirusScan": Kind("RunAntiVirusScan", "ScanType", "Quick|Full"),
    "StopAndQuarantineFile": Kind("StopAndQuarantineFile", "Sha1", "[0-9a-fA-F]{40}", windows=True),
    "restrictCodeExecution": Kind("RestrictCodeExecution", windows=True, makes="_restricted"),
    "unrestrictCodeExecution": Kind("UnrestrictCodeExecution", windows=True),
    "isolate": Kind("Isolate", "IsolationType", "Full|Selective", makes="_isolated"),
    "unisolate": Kind("Unisolate"),
}


def router(scene: Scene) -> APIRouter:
    """Return the routes of machine actions, but for live response."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(guard(scene, DEFENDER))])
    for path, kind in KINDS.items():
        routes.post(f"/machines/{{machine}}/{path}", status_code=201)(_asking(scene, kind))
    _watching(routes, scene)
    return routes


# --- asking -----------------------------------------------------------------------------------


def _asking(scene: Scene, kind: Kind) -> Callable[[str, Json], Document]:
    def ask(machine: str, body: Json) -> Document:
        with scene.memory.changing():
            running = open_ones(scene, machine)
            device = known(scene, "machines", machine)  # as what has ended by now left it
            said = _said(kind, body)
            _refuse(kind, device, said, running)
            file = {"fileIdentifier": said, "fileIdentifierType": "Sha1"}
            made = begun(scene, device, kind.type, body["Comment"])
            if kind.says == "Sha1":
                made["relatedFileInfo"] = file
            else:
                made["scope"] = said
            scene.memory.put("actions", made["id"], made)
            scene.record("response", f"{kind.type} {device['computerDnsName']}")
        return shown(made)

    return ask


def _said(kind: Kind, body: Document) -> str | None:
    said = body.get(kind.says) if kind.says else None
    if not body.get("Comment") or (kind.says and not isinstance(said, str)):
        raise fault(400, "MissingRequiredParameter", "A required parameter is missing.")
    if kind.says and not re.fullmatch(kind.form, str(said)):
        code = "InvalidHashValue" if kind.says == "Sha1" else "InvalidInput"
        raise fault(400, code, f"The value of {kind.says} is not valid.")
    return said.lower() if said and kind.says == "Sha1" else said


def _refuse(kind: Kind, device: Document, said: str | None, running: list[Document]) -> None:
    # Synthetic, but for the status and the words that the documentation has for some types.
    if kind.windows and not device["osPlatform"].startswith("Windows"):
        raise fault(400, "OsPlatformNotSupported", "The action is not supported on this device.")
    if kind.makes and device[kind.makes]:
        raise fault(400, "ActiveRequestAlreadyExists", "The device is so already.")
    for one in running:
        file = (one["relatedFileInfo"] or {}).get("fileIdentifier")
        if one["type"] == kind.type and file in {None, said}:
            # Of packages only the 400 is documented, and no code.
            package = kind.type == "CollectInvestigationPackage"
            code = "BadRequest" if package else "ActiveRequestAlreadyExists"
            raise fault(400, code, "Action is already in progress.")


def begun(scene: Scene, device: Document, type_: str, comment: str) -> Document:
    """Return a new action; the caller puts it into the memory."""
    number = scene.memory.next_id("numbered actions")
    key = sha256(f"action {number}".encode()).hexdigest()
    action_id = f"{key[:8]}-{key[8:12]}-4{key[12:15]}-8{key[15:18]}-{key[18:30]}"
    scene.memory.put("numbered actions", str(number), {"id": action_id})
    return {
        "id": action_id,
        "type": type_,
        "title": None,
        "scope": None,
        "requestor": "Tidegate",
        "requestorComment": comment,
        "requestSource": "PublicApi",
        "status": OPEN,
        "machineId": device["id"],
        "computerDnsName": device["computerDnsName"],
        "creationDateTimeUtc": scene.stamp(),
        "lastUpdateDateTimeUtc": scene.stamp(),
        "cancellationRequestor": None,
        "cancellationComment": None,
        "cancellationDateTimeUtc": None,
        "externalID": None,
        "errorHResult": 0,
        "relatedFileInfo": None,
        "commands": [],
        "_since": scene.seconds,
    }


# --- watching ---------------------------------------------------------------------------------


def _watching(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/machineactions")
    def list_actions(filtered: Filter = None, top: Top = 10_000, skip: Skip = 0) -> Response:
        condition, values = where(filtered, {name: name for name in FILTERABLE})
        with scene.memory.changing():
            open_ones(scene)
            page = scene.memory.page("actions", condition, values, NEWEST_FIRST, top, skip)
        return listed(map(shown, page))

    @routes.get("/machineactions/{action}")
    def get_action(action: str) -> Document:
        with scene.memory.changing():
            return shown(_progressed(scene, known(scene, "actions", action)))

    @routes.post("/machineactions/{action}/cancel")
    def cancel_action(action: str, body: Json) -> Document:
        with scene.memory.changing():
            document = _progressed(scene, known(scene, "actions", action))
            if document["status"] != OPEN:
                raise fault(404, "ResourceNotFound", "The action has ended already.")
            document |= {
                "status": "Cancelled",
                "cancellationRequestor": "Tidegate",
                "cancellationComment": body.get("Comment"),
                "cancellationDateTimeUtc": scene.stamp(),
                "lastUpdateDateTimeUtc": scene.stamp(),
            }
            scene.memory.put("actions", action, document)
            scene.record("cancel", action)
        return shown(document)


def open_ones(scene: Scene, machine: str | None = None) -> list[Document]:
    """Return the actions that have not ended by now, of one machine or of all."""
    field, value = ("status", OPEN) if machine is None else ("machineId", machine)
    found = [_progressed(scene, one) for one in scene.memory.find("actions", field, value)]
    return [one for one in found if one["status"] == OPEN]


def _progressed(scene: Scene, action: Document) -> Document:
    """Return the action as it is by now; an offline device lets it wait for ever."""
    device = known(scene, "machines", action["machineId"])
    if action["status"] != OPEN or not device["_online"] or not scene.over(action["_since"]):
        return action
    ended = {**carried_out(scene, action, device), "lastUpdateDateTimeUtc": scene.stamp()}
    scene.memory.put("actions", ended["id"], ended)
    return ended
