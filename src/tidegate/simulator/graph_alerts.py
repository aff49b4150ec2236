"""Graph's alerts: those of Defender in Graph's shape, after the documentation's example."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from tidegate.simulator.answers import known, listed
from tidegate.simulator.defender import ALLOWED, Filter, Json, Skip, Top, updated
from tidegate.simulator.entra import GRAPH, TENANT, guard
from tidegate.simulator.filters import where
from tidegate.simulator.graph import as_graph_comment, comment_of
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

PAGE = 100
NEWEST_FIRST = "julianday(json_extract(body, '$.lastUpdateTime')) DESC, number DESC"
FILTERABLE = {"lastUpdateDateTime": "lastUpdateTime", "createdDateTime": "alertCreationTime"}
SOURCES = {
    "WindowsDefenderAtp": "microsoftDefenderForEndpoint",
    "WindowsDefenderAv": "antivirus",
    "CustomerTI": "customTi",
}
# How Graph calls what Defender calls otherwise; all else differs in its first letter alone.
DETERMINATIONS = {
    "compromisedAccount": "CompromisedUser",
    "notEnoughDataToValidate": "InsufficientData",
}
SAME = ("id", "detectorId", "title", "description", "category", "assignedTo", "mitreTechniques")


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/v1.0/security/alerts_v2`."""
    access = [Depends(guard(scene, GRAPH))]
    routes = APIRouter(prefix="/v1.0/security/alerts_v2", dependencies=access)
    _reading(routes, scene)
    _writing(routes, scene)
    return routes


def _reading(routes: APIRouter, scene: Scene) -> None:
    @routes.get("")
    def list_alerts(
        request: Request, filtered: Filter = None, top: Top = PAGE, skip: Skip = 0
    ) -> Response:
        condition, values = where(filtered, FILTERABLE)
        found = scene.memory.page("alerts", condition, values, NEWEST_FIRST, top + 1, skip)
        page = [_as_graph(scene, alert) for alert in found[:top]]
        if len(found) <= top:
            return listed(page)
        link = request.url.include_query_params(**{"$skip": skip + top})
        return listed(page, **{"@odata.nextLink": str(link)})

    @routes.get("/{alert}")
    def get_alert(alert: str) -> Document:
        return _as_graph(scene, known(scene, "alerts", alert))


def _writing(routes: APIRouter, scene: Scene) -> None:
    @routes.patch("/{alert}")
    def update_alert(alert: str, body: Json) -> Document:
        given = {key: _upper(v) if key in ALLOWED else v for key, v in body.items()}
        with scene.memory.changing():
            return _as_graph(scene, updated(scene, alert, given))

    @routes.post("/{alert}/comments")
    def comment_alert(alert: str, body: Json) -> Document:
        with scene.memory.changing():
            document = updated(scene, alert, {"comment": comment_of(body)})
        return {"value": [as_graph_comment(one) for one in document["comments"]]}


def _upper(text: str) -> str:
    if text[:1].isupper():
        raise fault(400, "BadRequest", "Enum members begin with a small letter.")
    return DETERMINATIONS.get(text) or text[:1].upper() + text[1:]


def _lower(text: str | None) -> str:
    graphs = {ours: theirs for theirs, ours in DETERMINATIONS.items()}
    return graphs.get(text or "") or (text[:1].lower() + text[1:] if text else "unknown")


def _as_graph(scene: Scene, alert: Document) -> Document:
    base, source = "https://security.microsoft.com", alert["detectionSource"]
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        **{key: alert[key] for key in SAME},
        "providerAlertId": alert["id"],
        "incidentId": str(alert["incidentId"]),
        **{
            key: _lower(alert[key])
            for key in ("status", "severity", "classification", "determination")
        },
        "serviceSource": "microsoftDefenderForEndpoint",
        "detectionSource": SOURCES.get(source) or _lower(source),
        "tenantId": TENANT,
        "recommendedActions": "",
        "alertWebUrl": f"{base}/alerts/{alert['id']}?tid={TENANT}",
        "incidentWebUrl": f"{base}/incidents/{alert['incidentId']}?tid={TENANT}",
        "actorDisplayName": None,
        "threatDisplayName": alert["threatName"],
        "threatFamilyName": alert["threatFamilyName"],
        "createdDateTime": alert["alertCreationTime"],
        "lastUpdateDateTime": alert["lastUpdateTime"],
        "resolvedDateTime": alert["resolvedTime"],
        "firstActivityDateTime": alert["firstEventTime"],
        "lastActivityDateTime": alert["lastEventTime"],
        "comments": [as_graph_comment(one) for one in alert["comments"]],
        "evidence": [_device(scene, alert), *map(_evidence, _shown(alert))],
        "systemTags": [],
    }


# --- evidence ---------------------------------------------------------------------------------


def _shown(alert: Document) -> list[Document]:
    return [{**row, "_device": alert["machineId"]} for row in alert["evidence"]]


def _device(scene: Scene, alert: Document) -> Document:
    machine = known(scene, "machines", alert["machineId"])
    return {
        **_base("deviceEvidence", alert["alertCreationTime"]),
        "firstSeenDateTime": machine["firstSeen"],
        "mdeDeviceId": machine["id"],
        "azureAdDeviceId": machine["aadDeviceId"],
        "deviceDnsName": machine["computerDnsName"],
        "osPlatform": machine["osPlatform"],
        "osBuild": machine["osBuild"],
        "version": machine["version"],
        "healthStatus": _lower(machine["healthStatus"]),
        "riskScore": _lower(machine["riskScore"]),
        "rbacGroupId": machine["rbacGroupId"],
        "rbacGroupName": machine["rbacGroupName"],
        "onboardingStatus": _lower(machine["onboardingStatus"]),
        "defenderAvStatus": "unknown",
        "ipInterfaces": [machine["lastIpAddress"]],
        "loggedOnUsers": [],
        "vmMetadata": None,
        "detailedRoles": ["Main device"],
        "tags": machine["machineTags"],
    }


def _evidence(row: Document) -> Document:
    kind, at = row["entityType"], row["evidenceCreationTime"]
    if kind == "Url":
        return {**_base("urlEvidence", at), "url": row["url"]}
    if kind == "Ip":
        return {**_base("ipEvidence", at), "ipAddress": row["ipAddress"]}
    if kind == "User":
        account = {"accountName": row["accountName"], "domainName": row["domainName"]}
        return {**_base("userEvidence", at), "userAccount": account}
    detected = {"detectionStatus": _lower(row["detectionStatus"]), "mdeDeviceId": row["_device"]}
    if kind == "File":
        return {**_base("fileEvidence", at), **detected, "fileDetails": _file(row)}
    return {
        **_base("processEvidence", at),
        **detected,
        "processId": row["processId"],
        "parentProcessId": row["parentProcessId"],
        "processCommandLine": row["processCommandLine"],
        "processCreationDateTime": row["processCreationTime"],
        "parentProcessCreationDateTime": row["parentProcessCreationTime"],
        "imageFile": _file(row),
        "parentProcessImageFile": None,
        "userAccount": None,
    }


def _base(kind: str, at: str) -> dict[str, Any]:
    return {
        "@odata.type": f"#microsoft.graph.security.{kind}",
        "createdDateTime": at,
        "verdict": "unknown",
        "remediationStatus": "none",
        "remediationStatusDetails": None,
        "roles": [],
        "detailedRoles": [],
        "tags": [],
    }


def _file(row: Document) -> Document:
    named = {key: row[key] for key in ("sha1", "sha256", "fileName", "filePath")}
    return {**named, "fileSize": None, "filePublisher": None, "signer": None, "issuer": None}
