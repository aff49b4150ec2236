"""Defender for Endpoint's alerts, and how its clients ask for lists."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response

from tidegate.simulator.answers import known, listed
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.filters import where
from tidegate.simulator.memory import OLDEST_FIRST, Document
from tidegate.simulator.scene import Scene, fault

Filter = Annotated[str | None, Query(alias="$filter")]
Top = Annotated[int, Query(alias="$top", ge=1, le=10_000)]
Skip = Annotated[int, Query(alias="$skip", ge=0)]
Json = Annotated[dict[str, Any], Body()]

FILTERABLE = (
    "alertCreationTime",
    "lastUpdateTime",
    "incidentId",
    "investigationId",
    "id",
    "assignedTo",
    "detectionSource",
    "lastEventTime",
    "status",
    "severity",
    "category",
)
STATUSES = frozenset({"New", "InProgress", "Resolved"})
CLASSIFICATIONS = frozenset({"TruePositive", "InformationalExpectedActivity", "FalsePositive"})
DETERMINATIONS = frozenset(
    {
        "MultiStagedAttack",
        "MaliciousUserActivity",
        "CompromisedUser",
        "Malware",
        "Phishing",
        "UnwantedSoftware",
        "SecurityTesting",
        "LineOfBusinessApplication",
        "ConfirmedActivity",
        "NotMalicious",
        "InsufficientData",
        "Other",
    }
)
ALLOWED = {
    "status": STATUSES,
    "classification": CLASSIFICATIONS,
    "determination": DETERMINATIONS,
}


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/api/alerts`."""
    routes = APIRouter(prefix="/api/alerts", dependencies=[Depends(guard(scene, DEFENDER))])

    @routes.get("")
    def list_alerts(
        filtered: Filter = None,
        top: Top = 10_000,
        skip: Skip = 0,
        expand: Annotated[str, Query(alias="$expand")] = "",
    ) -> Response:
        condition, values = where(filtered, {name: name for name in FILTERABLE})
        page = scene.memory.page("alerts", condition, values, OLDEST_FIRST, top, skip)
        if expand != "evidence":
            page = [{**alert, "evidence": []} for alert in page]
        return listed(page)

    @routes.get("/{alert}")
    def get_alert(alert: str) -> Document:
        return known(scene, "alerts", alert)

    @routes.patch("/{alert}")
    def update_alert(alert: str, body: Json) -> Document:
        with scene.memory.changing():
            return updated(scene, alert, body)

    return routes


def updated(scene: Scene, alert: str, body: Document) -> Document:
    """Update an alert and add the comment, as the body says."""
    _check(body)
    document = known(scene, "alerts", alert)
    document |= {key: value for key, value in body.items() if key != "comment"}
    if "comment" in body:
        said = {"comment": body["comment"], "createdBy": "Tidegate", "createdTime": scene.stamp()}
        document["comments"] = [*document["comments"], said]
        scene.record("alert comment", alert)
    if body.keys() - {"comment"}:
        scene.record("alert update", alert)
    document["lastUpdateTime"] = scene.stamp()
    if "status" in body:
        document["resolvedTime"] = scene.stamp() if body["status"] == "Resolved" else None
    scene.memory.put("alerts", alert, document)
    return document


def _check(body: Document) -> None:
    # Synthetic: the documentation has no example of a refused update.
    if body.keys() - {"comment", "assignedTo", *ALLOWED}:
        raise fault(400, "InvalidRequestBody", "Request body is incorrect")
    for key, allowed in ALLOWED.items():
        if key in body and body[key] not in allowed:
            raise fault(400, "InvalidInput", f"The value of {key} is not one of those allowed.")
