"""Microsoft Graph security: incidents, and comments as Graph takes them."""

from fastapi import APIRouter, Depends

from tidegate.simulator.defender import Json
from tidegate.simulator.entra import GRAPH, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

UPDATABLE = {"customTags", "status", "assignedTo", "classification", "determination"}
COMMENT = "microsoft.graph.security.alertComment"


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/v1.0/security/incidents`."""
    access = [Depends(guard(scene, GRAPH))]
    routes = APIRouter(prefix="/v1.0/security/incidents", dependencies=access)

    @routes.get("/{incident}")
    def get_incident(incident: str) -> Document:
        return _known(scene, incident)

    @routes.patch("/{incident}")
    def update_incident(incident: str, body: Json) -> Document:
        with scene.memory.changing():
            document = _known(scene, incident)
            document |= {key: body[key] for key in UPDATABLE & body.keys()}
            document["lastUpdateDateTime"] = scene.stamp()
            scene.memory.put("incidents", incident, document)
            scene.record("incident update", incident)
        return document

    @routes.post("/{incident}/comments")
    def comment_incident(incident: str, body: Json) -> Document:
        text = comment_of(body)
        with scene.memory.changing():
            document = _known(scene, incident)
            # As the documentation has it within an incident; in the list of comments, keys differ.
            said = {"comment": text, "createdBy": "Tidegate", "createdTime": scene.stamp()}
            comments = [*document["comments"], said]
            scene.memory.put("incidents", incident, {**document, "comments": comments})
            scene.record("incident comment", incident)
        return {"value": [as_graph_comment(one) for one in comments]}

    return routes


def comment_of(body: Document) -> str:
    """Return the text of a comment that somebody posts."""
    text = body.get("comment")
    if str(body.get("@odata.type", "")).lstrip("#") != COMMENT or not isinstance(text, str):
        raise fault(400, "BadRequest", "Not a comment.")
    return text


def as_graph_comment(comment: Document) -> Document:
    """Return a comment as Graph spells it."""
    return {
        "comment": comment["comment"],
        "createdByDisplayName": comment["createdBy"],
        "createdDateTime": comment["createdTime"],
    }


def _known(scene: Scene, incident: str) -> Document:
    found = scene.memory.get("incidents", incident)
    if found is None:
        raise fault(404, "NotFound", "The incident was not found.")
    return found
