"""Advanced hunting through Graph: of all of KQL, which devices had a file of this SHA-256."""

import re

from fastapi import APIRouter, Depends

from tidegate.simulator.answers import known
from tidegate.simulator.defender import Json
from tidegate.simulator.entra import GRAPH, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault, too_many

WANTED = re.compile(r'SHA256\s*==\s*"([0-9a-f]{64})"')
TAKE = re.compile(r"\|\s*take\s+(\d+)")


def router(scene: Scene) -> APIRouter:
    """Return the route of hunting queries."""
    access = [Depends(guard(scene, GRAPH))]
    routes = APIRouter(prefix="/v1.0/security", dependencies=access)

    @routes.post("/runHuntingQuery")
    def run(body: Json) -> Document:
        scene.throttle("hunting", scene.limits.hunts_a_minute, too_many)
        wanted = WANTED.search(str(body.get("Query", "")))
        if wanted is None:
            raise fault(400, "BadRequest", "The query is not one that is simulated.")
        take = TAKE.search(body["Query"])
        seen = scene.memory.find("seen", "sha256", wanted[1])
        rows = [_row(scene, one) for one in seen]
        return {
            "@odata.context": "$metadata#microsoft.graph.security.huntingQueryResults",
            "schema": [{"name": name, "type": "String"} for name in ("DeviceId", "DeviceName")],
            "results": rows[: int(take[1])] if take else rows,
        }

    return routes


def _row(scene: Scene, seen: Document) -> Document:
    machine = known(scene, "machines", seen["machine"])
    return {"DeviceId": machine["id"], "DeviceName": machine["computerDnsName"]}
