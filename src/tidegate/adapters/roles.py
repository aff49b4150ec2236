"""Which app roles a token carries, and what each missing one switches off."""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from tidegate.adapters.theirs import Items, Theirs
from tidegate.ports import BadPayload

LONGEST = 1 << 16  # characters; a header with more would be refused before anybody reads it
JWT = re.compile(r"[\w-]*\.([\w-]+)\.[\w-]*", re.ASCII)


class Api(StrEnum):
    """Whose roles they are: the names of the service principals in a tenant."""

    DEFENDER = "WindowsDefenderATP"
    GRAPH = "Microsoft Graph"


@dataclass(frozen=True, slots=True)
class Need:
    """An app role of one API, and what does not work without it."""

    role: str
    api: Api
    switches_off: str


# By what it is needed for, so that a tenant which does less asks for less.
NEEDED: dict[str, Need] = {
    "alerts": Need("Alert.Read.All", Api.DEFENDER, "alerts are not read: nothing is detonated"),
    "alert_updates": Need(
        "Alert.ReadWrite.All", Api.DEFENDER, "alerts get no comment, state or classification"
    ),
    "devices": Need(
        "Machine.Read.All", Api.DEFENDER, "devices and their actions are not seen: no collecting"
    ),
    "live_response": Need(
        "Machine.LiveResponse", Api.DEFENDER, "no files are collected from devices"
    ),
    "library": Need("Library.Manage", Api.DEFENDER, "files in quarantine are not collected"),
    "files": Need("File.Read.All", Api.DEFENDER, "on which other devices a file is is not known"),
    # The narrower role may not show what others made, and an import would overwrite it.
    "indicators": Need("Ti.ReadWrite.All", Api.DEFENDER, "no indicators are blocked or audited"),
    "packages": Need(
        "Machine.CollectForensics", Api.DEFENDER, "no investigation packages are collected"
    ),
    "scans": Need("Machine.Scan", Api.DEFENDER, "devices are not scanned"),
    "quarantine": Need("Machine.StopAndQuarantine", Api.DEFENDER, "files are not quarantined"),
    "restriction": Need(
        "Machine.RestrictExecution", Api.DEFENDER, "what devices may execute is not restricted"
    ),
    "isolation": Need("Machine.Isolate", Api.DEFENDER, "devices are not isolated"),
    "device_tags": Need("Machine.ReadWrite.All", Api.DEFENDER, "devices get no tags"),
    "incidents": Need(
        "SecurityIncident.ReadWrite.All", Api.GRAPH, "incidents get no tags and comments"
    ),
    "hunting": Need("ThreatHunting.Read.All", Api.GRAPH, "devices with a file are not hunted for"),
    "graph_alerts": Need(
        "SecurityAlert.ReadWrite.All", Api.GRAPH, "alerts of Graph are not read or commented on"
    ),
}
WIDER = {
    "Alert.Read.All": "Alert.ReadWrite.All",
    "Machine.Read.All": "Machine.ReadWrite.All",
}


class _Claims(Theirs):
    roles: Items[str] = ()


def roles_of(token: str) -> frozenset[str]:
    """Return the app roles that a token claims. Nobody verifies it: it is ours, for others to read.

    Raises BadPayload for what is no token that can be read, without showing it.
    """
    found = JWT.fullmatch(token) if len(token) <= LONGEST else None
    if found is None:
        raise BadPayload("not a token with readable claims")
    try:
        claims = urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
        return frozenset(_Claims.model_validate_json(claims).roles)
    except (binascii.Error, ValidationError):
        raise BadPayload("a token whose claims cannot be read") from None


def missing(roles: Collection[str], needed: Iterable[Need]) -> list[Need]:
    """Return what is needed and not among the roles, of one API; a wider role counts as well."""
    return [one for one in needed if one.role not in roles and WIDER.get(one.role) not in roles]
