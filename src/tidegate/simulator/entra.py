"""The token endpoint of the simulated tenant, and who is let in with which token."""

import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, HTTPException

from tidegate.simulator.scene import Scene, fault

CLIENT = "tidegate"
SECRET = "simulated"  # noqa: S105 - the secret of a tenant that guards nothing
LIFE = 3_600
DEFENDER = "https://api.securitycenter.microsoft.com/.default"
GRAPH = "https://graph.microsoft.com/.default"

Guard = Callable[[str], None]


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
        if grant_type != "client_credentials" or scope not in {DEFENDER, GRAPH}:
            raise HTTPException(400, {"error": "invalid_request"})
        if (client_id, client_secret) != (CLIENT, SECRET):
            raise HTTPException(401, {"error": "invalid_client"})
        issued = secrets.token_urlsafe(24)
        until = scene.seconds + LIFE
        scene.memory.put("tokens", issued, {"scope": scope, "until": until})
        scene.record("token", scope)
        return {"token_type": "Bearer", "expires_in": LIFE, "access_token": issued}

    return routes


def guard(scene: Scene, scope: str) -> Guard:
    """Return the dependency that lets in who has a token for this scope."""

    def check(authorization: Annotated[str, Header()] = "") -> None:
        held = scene.memory.get("tokens", authorization.removeprefix("Bearer "))
        if held is None or held["scope"] != scope or held["until"] <= scene.seconds:
            raise fault(401, "Unauthorized", "Access token is missing, expired or for others.")

    return check
