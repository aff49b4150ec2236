"""Defender for Endpoint, as far as the detonation needs it: alerts, files, live response."""

import gzip
import hmac
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.filters import matches
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault, too_many

LIVE_RESPONSES_A_MINUTE = 10
LIVE_RESPONSES_AT_ONCE = 25
LINK_LIFE = 1_800
OPEN = {"Pending", "InProgress"}
UPDATABLE = {"status", "assignedTo", "classification", "determination"}
SIGNING_KEY = b"simulated"

Filter = Annotated[str | None, Query(alias="$filter")]
Top = Annotated[int, Query(alias="$top", ge=1, le=10_000)]
Skip = Annotated[int, Query(alias="$skip", ge=0)]
Json = Annotated[dict[str, Any], Body()]


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/api`, and the signed downloads beside them."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(guard(scene, DEFENDER))])
    _alerts(routes, scene)
    _machines(routes, scene)
    _actions(routes, scene)
    _links(routes, scene)
    both = APIRouter()
    both.include_router(routes)
    _downloads(both, scene)
    return both


# --- alerts -----------------------------------------------------------------------------------


def _alerts(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/alerts")
    def list_alerts(
        where: Filter = None,
        top: Top = 10_000,
        skip: Skip = 0,
        expand: Annotated[str, Query(alias="$expand")] = "",
    ) -> Document:
        found = [alert for alert in scene.memory.all("alerts") if matches(alert, where)]
        page = found[skip : skip + top]
        if expand != "evidence":
            page = [{**alert, "evidence": []} for alert in page]
        return {"value": page}

    @routes.get("/alerts/{alert}")
    def get_alert(alert: str) -> Document:
        return _known(scene, "alerts", alert)

    @routes.patch("/alerts/{alert}")
    def update_alert(alert: str, body: Json) -> Document:
        with scene.memory.changing():
            document = _known(scene, "alerts", alert)
            document |= {key: body[key] for key in UPDATABLE & body.keys()}
            if "comment" in body:
                comment = {
                    "comment": body["comment"],
                    "createdBy": "Tidegate",
                    "createdTime": scene.stamp(),
                }
                document["comments"] = [*document["comments"], comment]
                scene.record("alert comment", alert)
            document["lastUpdateTime"] = scene.stamp()
            scene.memory.put("alerts", alert, document)
        return document


# --- machines ---------------------------------------------------------------------------------


def _machines(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/files/{digest}/machines")
    def machines_of_file(digest: str) -> Document:
        seen = [m for m in scene.memory.all("machines") if digest in m["seen"]]
        if not seen:
            raise fault(404, "ResourceNotFound", f"File {digest} was not found.")
        shown = ("id", "computerDnsName", "healthStatus")
        return {"value": [{key: machine[key] for key in shown} for machine in seen]}

    @routes.post("/machines/{machine}/runliveresponse", status_code=201)
    def run_live_response(machine: str, body: Json) -> Document:
        with scene.memory.changing():
            scene.throttle("live response", LIVE_RESPONSES_A_MINUTE, too_many)
            device = _known(scene, "machines", machine)
            running = [a for a in _settled(scene) if a["status"] in OPEN]
            if any(action["machineId"] == machine for action in running):
                raise fault(400, "ActiveRequestAlreadyExists", "Action is already in progress.")
            if len(running) >= LIVE_RESPONSES_AT_ONCE:
                raise too_many(60)
            action = _new_action(scene, device, body)
            scene.memory.put("actions", action["id"], action)
            scene.record("live response", body.get("Comment", ""))
        return _shown(action)


def _new_action(scene: Scene, device: Document, body: Document) -> Document:
    commands = body.get("Commands")
    if not isinstance(commands, list) or not commands or not body.get("Comment"):
        raise fault(400, "InvalidRequestBody", "Request body is incorrect")
    number = scene.memory.next_id("numbered actions")
    key = sha256(f"action {number}".encode()).hexdigest()
    action_id = f"{key[:8]}-{key[8:12]}-4{key[12:15]}-8{key[15:18]}-{key[18:30]}"
    scene.memory.put("numbered actions", str(number), {"id": action_id})
    return {
        "id": action_id,
        "type": "LiveResponse",
        "requestor": "Tidegate",
        "requestorComment": body["Comment"],
        "status": "Pending",
        "machineId": device["id"],
        "computerDnsName": device["computerDnsName"],
        "creationDateTimeUtc": scene.stamp(),
        "lastUpdateDateTimeUtc": scene.stamp(),
        "errorHResult": 0,
        "commands": [_command(index, command) for index, command in enumerate(commands)],
        "_since": scene.seconds,
    }


def _command(index: int, command: Document) -> Document:
    return {
        "index": index,
        "startTime": None,
        "endTime": None,
        "commandStatus": "Created",
        "errors": [],
        "command": command,
    }


# --- machine actions --------------------------------------------------------------------------


def _actions(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/machineactions")
    def list_actions(where: Filter = None, top: Top = 10_000, skip: Skip = 0) -> Document:
        with scene.memory.changing():
            found = [action for action in _settled(scene) if matches(action, where)]
        return {"value": [_shown(action) for action in reversed(found)][skip : skip + top]}

    @routes.get("/machineactions/{action}")
    def get_action(action: str) -> Document:
        with scene.memory.changing():
            return _shown(_progressed(scene, _known(scene, "actions", action)))

    @routes.post("/machineactions/{action}/cancel")
    def cancel_action(action: str) -> Document:
        with scene.memory.changing():
            document = _progressed(scene, _known(scene, "actions", action))
            if document["status"] not in OPEN:
                raise fault(404, "ResourceNotFound", "The action has ended already.")
            document |= {"status": "Cancelled", "cancellationDateTimeUtc": scene.stamp()}
            scene.memory.put("actions", action, document)
            scene.record("cancel", action)
        return _shown(document)


def _links(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/machineactions/{action}/GetLiveResponseResultDownloadLink(index={index})")
    def result_link(action: str, index: int, request: Request) -> Document:
        name = f"{_known(scene, 'actions', action)['id']}-{index}"
        if scene.memory.blob(name) is None:
            raise fault(404, "ResourceNotFound", "There is no result.")
        expiry = str(int(scene.seconds) + LINK_LIFE)
        base = str(request.base_url).rstrip("/")
        return {"value": f"{base}/results/{name}?se={expiry}&sp=r&sig={_signed(name, expiry)}"}


def _settled(scene: Scene) -> list[Document]:
    return [_progressed(scene, action) for action in scene.memory.all("actions")]


def _progressed(scene: Scene, action: Document) -> Document:
    """Return the action as it is by now; an offline device lets it wait for ever."""
    device = _known(scene, "machines", action["machineId"])
    due = action["status"] in OPEN and device["online"] and scene.over(action["_since"])
    if due:
        commands = [_carried_out(scene, action, device, c) for c in action["commands"]]
        action = {**action, "status": "Succeeded", "commands": commands}
        action["lastUpdateDateTimeUtc"] = scene.stamp()
        scene.memory.put("actions", action["id"], action)
    return action


def _carried_out(scene: Scene, action: Document, device: Document, command: Document) -> Document:
    paths = [p["value"] for p in command["command"]["params"] if p["key"] == "Path"]
    content = scene.memory.blob(f"{device['id']}:{paths[0]}") if paths else None
    ended = {**command, "startTime": scene.stamp(), "endTime": scene.stamp()}
    if content is None:
        # The action as a whole succeeds: only the command tells.
        return {**ended, "commandStatus": "Failed", "errors": ["The file was not found."]}
    scene.memory.put_blob(f"{action['id']}-{command['index']}", gzip.compress(content, mtime=0))
    return {**ended, "commandStatus": "Completed"}


def _shown(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}


def _known(scene: Scene, table: str, key: str) -> Document:
    found = scene.memory.get(table, key)
    if found is None:
        raise fault(404, "ResourceNotFound", f"{table}: {key} was not found.")
    return found


# --- signed downloads -------------------------------------------------------------------------


def _downloads(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/results/{name}")
    def download(name: str, request: Request, se: str = "", sig: str = "") -> Response:
        if "authorization" in request.headers:
            raise fault(400, "InvalidAuthenticationInfo", "A signed link takes no token.")
        if not hmac.compare_digest(sig, _signed(name, se)) or float(se) < scene.seconds:
            raise fault(403, "AuthenticationFailed", "The signature is wrong or has expired.")
        data = scene.memory.blob(name)
        if data is None:
            raise fault(404, "BlobNotFound", "The result was not found.")
        return Response(data, media_type="application/octet-stream")


def _signed(name: str, expiry: str) -> str:
    return hmac.new(SIGNING_KEY, f"{name}\n{expiry}".encode(), sha256).hexdigest()
