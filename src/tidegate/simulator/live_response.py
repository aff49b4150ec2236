"""Live response: a few commands on one device, their results by signed link, and the library."""

import hmac
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile

from tidegate.simulator.actions import begun, open_ones
from tidegate.simulator.answers import known, listed, shown
from tidegate.simulator.defender import Json
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault, too_many

LINK_LIFE = 1_800
MAX_SCRIPT = 20 << 20
ORDER = ["PutFile", "RunScript", "GetFile"]
NEEDS = {"PutFile": {"FileName"}, "RunScript": {"ScriptName"}, "GetFile": {"Path"}}
SIGNING_KEY = b"simulated"
BUSY = ("ActiveRequestAlreadyExists", "Action is already in progress.")


def router(scene: Scene) -> APIRouter:
    """Return the routes of live response, and the signed downloads beside them."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(guard(scene, DEFENDER))])
    _run(routes, scene)
    _links(routes, scene)
    _library(routes, scene)
    both = APIRouter()
    both.include_router(routes)
    _downloads(both, scene)
    return both


def _run(routes: APIRouter, scene: Scene) -> None:
    @routes.post("/machines/{machine}/runliveresponse", status_code=201)
    def run_live_response(machine: str, body: Json) -> Document:
        with scene.memory.changing():
            limits = scene.limits
            scene.throttle("live response", limits.live_responses_a_minute, too_many)
            device = known(scene, "machines", machine)
            commands = _commands(body)
            _refuse(scene, device)
            action = begun(scene, device, "LiveResponse", body["Comment"])
            action["commands"] = commands
            scene.memory.put("actions", action["id"], action)
            scene.record("live response", body["Comment"])
        return shown(action)


def _refuse(scene: Scene, device: Document) -> None:
    if not device["_live_response"]:
        raise fault(403, "DisabledFeature", "Live response is disabled.")
    running = [one for one in open_ones(scene) if one["type"] == "LiveResponse"]
    ours = any(action["machineId"] == device["id"] for action in running)
    if ours or scene.seconds < device["_portal"]:
        raise fault(400, *BUSY)
    if len(running) >= scene.limits.live_responses_at_once:
        raise too_many(60)


def _commands(body: Document) -> list[Document]:
    wanted = body.get("Commands")
    if not isinstance(wanted, list) or not wanted or not body.get("Comment"):
        raise fault(400, "InvalidRequestBody", "Request body is incorrect")
    kinds = [one.get("type") for one in wanted]
    known_kinds = all(kind in ORDER for kind in kinds)
    if not known_kinds or kinds != sorted(kinds, key=ORDER.index):
        raise fault(400, "InvalidRequestBody", "Commands are PutFile, RunScript, GetFile.")
    return [_command(index, command) for index, command in enumerate(wanted)]


def _command(index: int, command: Document) -> Document:
    if not NEEDS[command["type"]] <= {one.get("key") for one in command.get("params", [])}:
        raise fault(400, "MissingRequiredParameter", "A parameter of a command is missing.")
    return {
        "index": index,
        "startTime": None,
        "endTime": None,
        "commandStatus": "Created",
        "errors": [],
        "command": command,
    }


# --- the library ------------------------------------------------------------------------------


def _library(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/libraryfiles")
    def list_scripts() -> Response:
        return listed(scene.memory.all("library"))

    @routes.post("/libraryfiles")
    def upload_script(
        file: Annotated[UploadFile, File()],
        description: Annotated[str, Form(alias="Description")] = "",
        parameters: Annotated[str, Form(alias="ParametersDescription")] = "",
        has_parameters: Annotated[bool, Form(alias="HasParameters")] = False,
        override: Annotated[bool, Form(alias="OverrideIfExists")] = False,
    ) -> Document:
        name, content = file.filename or "", file.file.read()
        if not name or len(content) > MAX_SCRIPT:
            raise fault(400, "InvalidInput", "The file has no name, or is too large.")
        if not override and scene.memory.get("library", name):
            raise fault(400, "BadRequest", "The file exists already.")
        made = {
            "fileName": name,
            "sha256": sha256(content).hexdigest(),
            "description": description,
            "creationTime": scene.stamp(),
            "lastUpdatedTime": scene.stamp(),
            "createdBy": "Tidegate",
            "hasParameters": has_parameters,
            "parametersDescription": parameters,
        }
        scene.memory.put("library", name, made)
        scene.record("library", name)
        return made


# --- results ----------------------------------------------------------------------------------


def _links(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/machineactions/{action}/GetLiveResponseResultDownloadLink(index={index})")
    def result_link(action: str, index: int, request: Request) -> Document:
        name = f"{known(scene, 'actions', action)['id']}-{index}"
        if scene.memory.blob(name) is None:
            raise fault(404, "ResourceNotFound", "There is no result.")
        expiry = str(int(scene.seconds) + LINK_LIFE)
        base = str(request.base_url).rstrip("/")
        context = f"{base}/api/$metadata#Edm.String"
        link = f"{base}/results/{name}?se={expiry}&sp=r&sig={_signed(name, expiry)}"
        return {"@odata.context": context, "value": link}


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
