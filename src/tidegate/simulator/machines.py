"""Defender's machines: what they are, and their tags."""

from fastapi import APIRouter, Depends

from tidegate.simulator.answers import known, shown
from tidegate.simulator.defender import Json
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

# What the tenant knows of a machine beside what clients see. `_live_response` is whether that is
# enabled for it, `_raw` whether it delivers files without gzip, `_quarantine` the names of the
# blobs that Defender put away there, `_portal` until when somebody works on it in the portal.
PRIVATE = {
    "_online": True,
    "_live_response": True,
    "_raw": False,
    "_quarantine": [],
    "_portal": 0.0,
    "_isolated": False,
    "_restricted": False,
}


def router(scene: Scene) -> APIRouter:
    """Return the routes of single machines; what is done on them has routes of its own."""
    routes = APIRouter(prefix="/api/machines", dependencies=[Depends(guard(scene, DEFENDER))])

    @routes.get("/{machine}")
    def get_machine(machine: str) -> Document:
        return shown(known(scene, "machines", machine))

    @routes.post("/{machine}/tags")
    def tag_machine(machine: str, body: Json) -> Document:
        tag, action = body.get("Value"), body.get("Action")
        if not tag or action not in {"Add", "Remove"}:
            raise fault(400, "InvalidRequestBody", "Request body is incorrect")
        with scene.memory.changing():
            document = known(scene, "machines", machine)
            tags = [one for one in document["machineTags"] if one != tag]
            document["machineTags"] = [*tags, tag] if action == "Add" else tags
            scene.memory.put("machines", machine, document)
            scene.record("device tag", f"{action} {tag}")
        return shown(document)

    return routes


def occupy(scene: Scene, machine: str, seconds: float) -> None:
    """Let somebody in the portal have a live response: it blocks ours, and no list shows it."""
    document = known(scene, "machines", machine)
    scene.memory.put("machines", machine, {**document, "_portal": scene.seconds + seconds})
