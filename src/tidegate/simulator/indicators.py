"""Defender's custom indicators, with its refusals: one by one, or inside an import's 200."""

import ipaddress
import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response

from tidegate.simulator.defender import Filter, Json, Skip, Top
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.filters import matches
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault, parsed, too_many

CAP = 15_000
BATCH = 500
IMPORTS_A_MINUTE = 30
REQUIRED = ("indicatorValue", "indicatorType", "action", "title", "description")
NETWORK = frozenset({"Allowed", "Audit", "Warn", "Block"})
FILE = NETWORK | {"BlockAndRemediate"}
ACTIONS = {
    "FileSha1": FILE,
    "FileSha256": FILE,
    "FileMd5": FILE,
    "IpAddress": NETWORK,
    "Url": NETWORK,
    "DomainName": NETWORK,
    "CertificateThumbprint": frozenset({"Allowed", "BlockAndRemediate"}),
}
SPELLING = {
    "FileSha1": ("InvalidHashValue", re.compile(r"[0-9a-f]{40}", re.IGNORECASE)),
    "FileSha256": ("InvalidHashValue", re.compile(r"[0-9a-f]{64}", re.IGNORECASE)),
    "FileMd5": ("InvalidHashValue", re.compile(r"[0-9a-f]{32}", re.IGNORECASE)),
    "DomainName": (
        "InvalidDomainName",
        re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z0-9-]{2,63}", re.IGNORECASE),
    ),
    "Url": ("InvalidUrl", re.compile(r"https?://[^\s/]+(/\S*)?", re.IGNORECASE)),
}
# The simulated tenant lives in documentation ranges, which Python counts as private.
DOCUMENTATION = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/api/indicators`."""
    routes = APIRouter(prefix="/api/indicators", dependencies=[Depends(guard(scene, DEFENDER))])
    _singly(routes, scene)
    _together(routes, scene)
    _import(routes, scene)
    return routes


def _singly(routes: APIRouter, scene: Scene) -> None:
    @routes.get("")
    def list_indicators(where: Filter = None, top: Top = 10_000, skip: Skip = 0) -> Document:
        found = [one for one in _active(scene) if matches(one, where)]
        return {"value": found[skip : skip + top]}

    @routes.post("")
    def submit_indicator(body: Json) -> Document:
        with scene.memory.changing():
            [result] = _put(scene, [body])
        if result["isFailed"]:
            raise fault(400, result["failureReason"].partition(":")[0], result["failureReason"])
        return scene.memory.get("indicators", result["id"]) or {}

    @routes.delete("/{indicator}", status_code=204)
    def delete_indicator(indicator: str) -> Response:
        if not scene.memory.delete("indicators", indicator):
            raise fault(404, "ResourceNotFound", "The indicator was not found.")
        scene.record("indicator deleted", indicator)
        return Response(status_code=204)


def _together(routes: APIRouter, scene: Scene) -> None:
    @routes.post("/BatchDelete", status_code=204)
    def delete_indicators(
        ids: Annotated[list[str], Body(alias="IndicatorIds", embed=True)],
    ) -> Response:
        if len(ids) > BATCH:
            raise fault(400, "MaximumBatchSizeExceeded", f"At most {BATCH} indicators.")
        with scene.memory.changing():
            for one in ids:
                scene.memory.delete("indicators", one)
            scene.record("indicators deleted", str(len(ids)))
        return Response(status_code=204)


def _import(routes: APIRouter, scene: Scene) -> None:
    @routes.post("/import")
    def import_indicators(
        wanted: Annotated[list[dict[str, Any]], Body(alias="Indicators", embed=True)],
    ) -> Document:
        if len(wanted) > BATCH:
            raise fault(400, "MaximumBatchSizeExceeded", f"At most {BATCH} indicators.")
        with scene.memory.changing():
            scene.throttle("import", IMPORTS_A_MINUTE, too_many)
            scene.record("import", str(len(wanted)))
            return {"value": _put(scene, wanted)}


def _active(scene: Scene) -> list[Document]:
    now = scene.clock()
    return [
        one
        for one in scene.memory.all("indicators")
        if not one["expirationTime"] or parsed(one["expirationTime"]) > now
    ]


def _put(scene: Scene, wanted: list[Document]) -> list[Document]:
    held = {(one["indicatorType"], one["indicatorValue"].lower()): one for one in _active(scene)}
    number = scene.memory.next_id("indicators")
    results = []
    for body in wanted:
        key = (body.get("indicatorType"), str(body.get("indicatorValue", "")).lower())
        why = _refusal(scene, body) or (
            "the tenant's limit is reached" if key not in held and len(held) >= CAP else None
        )
        if why:
            results.append(_result(None, body, why))
            continue
        one = _document(scene, str(number), body, held.get(key))
        number += key not in held
        held[key] = one
        scene.memory.put("indicators", one["id"], one)
        scene.record("indicator", str(one["indicatorValue"]))
        results.append(_result(one["id"], body, None))
    return results


def _result(number: str | None, body: Document, why: str | None) -> Document:
    value = body.get("indicatorValue")
    return {"id": number, "indicator": value, "isFailed": why is not None, "failureReason": why}


def _refusal(scene: Scene, body: Document) -> str | None:
    missing = [name for name in REQUIRED if not body.get(name)]
    if missing:
        return f"MissingRequiredParameter: {', '.join(missing)}"
    kind, action = body["indicatorType"], body["action"]
    if action not in ACTIONS.get(kind, ()):
        return f"InvalidInput: {action} is not available for {kind}"
    if action == "Audit" and not body.get("generateAlert"):
        return "InvalidInput: Audit needs generateAlert"
    if body.get("expirationTime") and parsed(body["expirationTime"]) <= scene.clock():
        return "InvalidInput: expirationTime is in the past"
    return _misspelled(kind, body["indicatorValue"])


def _misspelled(kind: str, value: str) -> str | None:
    if kind == "IpAddress":
        return _bad_address(value)
    code, pattern = SPELLING.get(kind, ("", re.compile(".*")))
    return None if pattern.fullmatch(value) else f"{code}: not a value of this type"


def _bad_address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "InvalidIpAddress: not an address"
    if any(address in network for network in DOCUMENTATION):
        return None
    return None if address.is_global else "InvalidIpAddress: private or reserved"


def _document(scene: Scene, number: str, body: Document, held: Document | None) -> Document:
    made = {
        "id": number,
        "application": body.get("application"),
        "source": "Tidegate",
        "sourceType": "AadApp",
        "createdBy": "Tidegate",
        "creationTimeDateTimeUtc": scene.stamp(),
    }
    kept = {key: held[key] for key in made} if held else made
    said = {
        key: body.get(key)
        for key in (*REQUIRED, "severity", "expirationTime", "recommendedActions", "rbacGroupNames")
    }
    alerts = bool(body.get("generateAlert"))
    return {**said, **kept, "generateAlert": alerts, "lastUpdateTime": scene.stamp()}
