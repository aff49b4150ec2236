"""Microsoft Graph security: incidents."""

from typing import Any

from fastapi import APIRouter, Depends

from tidegate.simulator.defender import Json
from tidegate.simulator.entra import GRAPH, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

UPDATABLE = {"customTags", "status", "assignedTo", "classification", "determination"}
COMMENT = "microsoft.graph.security.alertComment"


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/v1.0/security`."""
    access = [Depends(guard(scene, GRAPH))]
    routes = APIRouter(prefix="/v1.0/security", dependencies=access)

    @routes.get("/incidents/{incident}")
    def get_incident(incident: str) -> Document:
        return _known(scene, incident)

    @routes.patch("/incidents/{incident}")
    def update_incident(incident: str, body: Json) -> Document:
        with scene.memory.changing():
            document = _known(scene, incident)
            # `customTags` replaces the list, as it does in Graph.
            document |= {key: body[key] for key in UPDATABLE & body.keys()}
            document["lastUpdateDateTime"] = scene.stamp()
            scene.memory.put("incidents", incident, document)
            scene.record("incident update", incident)
        return document

    @routes.post("/incidents/{incident}/comments", status_code=201)
    def comment_incident(incident: str, body: Json) -> dict[str, Any]:
        if body.get("@odata.type", "").lstrip("#") != COMMENT or not body.get("comment"):
            raise fault(400, "BadRequest", "Not a comment.")
        with scene.memory.changing():
            document = _known(scene, incident)
            said = {"comment": body["comment"], "createdBy": "Tidegate"}
            comments = [*document["comments"], {**said, "createdTime": scene.stamp()}]
            scene.memory.put("incidents", incident, {**document, "comments": comments})
            scene.record("incident comment", incident)
        return {"value": comments}

    return routes


def _known(scene: Scene, incident: str) -> Document:
    found = scene.memory.get("incidents", incident)
    if found is None:
        raise fault(404, "NotFound", "The incident was not found.")
    return found
