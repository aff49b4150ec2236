"""The token endpoint of the simulated tenant, and who is let in with which token."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, HTTPException, Request

from tidegate.simulator.roles import AZURE_ROLES, DEFENDER_ROLES, GRAPH_ROLES, LOGS_ROLES, needed
from tidegate.simulator.scene import Scene, fault

CLIENT = "tidegate"
SECRET = "simulated"  # noqa: S105 - the secret of a tenant that guards nothing
TENANT = "00000000-0000-4000-8000-0000000000aa"
LIFE = 3_600
DEFENDER = "https://api.securitycenter.microsoft.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
AZURE = "https://management.azure.com/.default"
LOGS = "https://api.loganalytics.azure.com/.default"
AUDIENCES = {
    DEFENDER: DEFENDER_ROLES,
    GRAPH: GRAPH_ROLES,
    AZURE: AZURE_ROLES,
    LOGS: LOGS_ROLES,
}

Guard = Callable[..., None]


def router(scene: Scene) -> APIRouter:
    """Return the token endpoint, v2, client credentials only."""
    routes = APIRouter()

    @routes.post("/simulated/oauth2/v2.0/token")
    def token(
        grant_type: Annotated[str, Form()],
        client_id: Annotated[str, Form()],
        client_secret: Annotated[str, Form()],
        scope: Annotated[str, Form()],
    ) -> dict[str, Any]:
        if grant_type != "client_credentials" or scope not in AUDIENCES:
            raise HTTPException(400, {"error": "invalid_request"})
        if (client_id, client_secret) != (CLIENT, SECRET):
            raise HTTPException(401, {"error": "invalid_client"})
        until, roles = scene.seconds + LIFE, sorted(scene.roles & AUDIENCES[scope])
        issued = _token(scope.removesuffix("/.default"), roles, int(until))
        scene.memory.put("tokens", issued, {"scope": scope, "until": until, "roles": roles})
        scene.record("token", scope)
        return {"token_type": "Bearer", "expires_in": LIFE, "access_token": issued}

    return routes


def guard(scene: Scene, scope: str) -> Guard:
    """Return the dependency that lets in who has a token for this scope, and the route's role.

    The roles are those that the token was issued with, as in a real tenant: new ones come late.
    """

    def check(request: Request, authorization: Annotated[str, Header()] = "") -> None:
        held = scene.memory.get("tokens", authorization.removeprefix("Bearer "))
        if held is None or held["scope"] != scope or held["until"] <= scene.seconds:
            raise fault(401, "Unauthorized", "Access token is missing, expired or for others.")
        if needed(request.method, request.url.path).isdisjoint(held["roles"]):
            raise fault(403, "Forbidden", "The application lacks a required permission.")
        if scope == DEFENDER:
            scene.throttle_api(f"{request.method} {request.scope['route'].path}")

    return check


def _token(audience: str, roles: list[str], until: int) -> str:
    """Return what looks like a JWT; nobody could verify its signature."""
    payload = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": until - LIFE,
        "exp": until,
        "appid": CLIENT,
        "tid": TENANT,
        "roles": roles,
        "uti": secrets.token_urlsafe(16),
    }
    header = {"typ": "JWT", "alg": "RS256"}
    parts = [json.dumps(part).encode() for part in (header, payload)]
    return ".".join(_base64(part) for part in (*parts, secrets.token_bytes(32)))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
