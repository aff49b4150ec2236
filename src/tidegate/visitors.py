"""Who comes to the map on Azure without a function key: signed-in people, readers, anybody."""

import os

from fastapi import Request

from tidegate.api.access import PRINCIPAL, Access, roles
from tidegate.api.guards import May
from tidegate.api.limits import caller
from tidegate.settings import Settings

OF_THE_MAP = {"read_map": "api/datasets/{*rest}", "ask_map": "api/refresh/{*rest}"}
"""The functions of the map for those who show no key: each route decides on whom it answers."""


def of_the_map() -> dict[str, str]:
    """Return those functions of the map that are there, by what the environment says."""
    signed_in, asked = _signed_in(), told("MAP_REFRESH_ANONYMOUS")
    there = {"read_map": signed_in or told("MAP_ANONYMOUS") or told("READERS")}
    there["ask_map"] = signed_in or (asked and told("MAP_ANONYMOUS"))
    return {name: route for name, route in OF_THE_MAP.items() if there[name]}


def told(setting: str) -> bool:
    """Whether the environment sets this to something."""
    said = os.environ.get(f"TIDEGATE_{setting}", "").strip().lower()
    return said not in {"", "{}", "0", "f", "false", "n", "no", "off"}


def _signed_in() -> bool:
    """Whether the platform signs people in, and takes away what callers say of themselves."""
    return os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"


def access(settings: Settings, keyholder: May) -> Access:
    """Return who may do what with the map: key holders all, others what settings say."""
    reader, refresher = settings.map_reader_role, settings.map_refresher_role
    anybody, refreshes = settings.map_anonymous, settings.map_refresh_anonymous

    def refresh(request: Request) -> bool:
        return keyholder(request) or refresher in _roles(request)

    def read(request: Request) -> bool:
        return anybody or refresh(request) or reader in _roles(request)

    return Access(
        read=read,
        refresh=lambda request: (anybody and refreshes) or refresh(request),
        force=refresh,
        readers=settings.readers,
        who=_who,
        public=anybody,
    )


def _roles(request: Request) -> frozenset[str]:
    return roles(request.headers.get(PRINCIPAL, "")) if _signed_in() else frozenset()


def _who(request: Request) -> str:
    # Behind a Static Web App all people have one address.
    signed_in = request.headers.get(f"{PRINCIPAL}-id") if _signed_in() else None
    return f"signed in: {signed_in[:128]}" if signed_in else caller(request)
