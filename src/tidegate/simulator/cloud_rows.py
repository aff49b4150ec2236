"""Invented rows of Azure itself: what its WAFs blocked, and what people changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidegate.declare.tables import AZURE_DIAGNOSTICS
from tidegate.simulator.places import city
from tidegate.simulator.signin_rows import (
    TENANT,
    attackers,
    by_day,
    delay,
    drawn,
    moment,
    text,
    uuid,
)

BURST = timedelta(hours=2)
ATTACKS = {
    "942100": ["/login", "/api/orders"],
    "942430": ["/search"],
    "941100": ["/comments", "/profile"],
    "930120": ["/download"],
    "932100": ["/cgi-bin/status"],
    "944240": ["/api/orders"],
    "913100": ["/", "/robots.txt"],
}
HOSTS = ["shop.example.com", "portal.example.com", "api.example.com"]
OPERATIONS = [
    "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE",
    "MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE",
    "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE",
    "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
    "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE",
    "MICROSOFT.KEYVAULT/VAULTS/WRITE",
    "MICROSOFT.RESOURCES/DEPLOYMENTS/VALIDATE/ACTION",
]
STATES = {"Start": 30, "Accept": 10, "Success": 50, "Failure": 10}
ADMINS = ["ada.adler", "bea.brandt", "nils.lopez"]


def waf_log(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows of AzureDiagnostics, from both services, blocked or merely seen."""
    now = hour + timedelta(hours=1)
    waves = [(address, moment(rng, now - BURST)) for address in rng.sample(attackers(rng), 25)]
    for _ in range(count):
        address, start = rng.choice(waves)
        yield _request(rng, address, start + BURST * rng.random())


def _request(rng: Random, address: str, when: datetime) -> dict[str, Any]:
    rule = rng.choice(list(ATTACKS))
    path = f"{rng.choice(ATTACKS[rule])}?id={rng.randrange(1000)}"
    stopped = rng.random() < 0.7  # noqa: PLR2004 - a share
    said = rng.choice([_gateway, _front_door])(address, rule, stopped=stopped)
    return {
        **dict.fromkeys(AZURE_DIAGNOSTICS, ""),
        "TimeGenerated": text(when),
        "_TimeReceived": text(when + delay(rng)),
        "requestUri_s": path,
        "Message": "Simulated match of a rule",
        **said,
    }


def _gateway(address: str, rule: str, *, stopped: bool) -> dict[str, Any]:
    return {
        "ResourceProvider": "MICROSOFT.NETWORK",
        "Resource": "AGW-EXAMPLE",
        "Category": "ApplicationGatewayFirewallLog",
        "OperationName": "ApplicationGatewayFirewall",
        "action_s": "Blocked" if stopped else "Detected",
        "clientIp_s": address,
        "hostname_s": HOSTS[int(rule) % 2],
        "ruleId_s": rule,
    }


def _front_door(address: str, rule: str, *, stopped: bool) -> dict[str, Any]:
    return {
        "ResourceProvider": "MICROSOFT.CDN",
        "Resource": "AFD-EXAMPLE",
        "Category": "FrontDoorWebApplicationFirewallLog",
        "OperationName": "Microsoft.Cdn/Profiles/WebApplicationFirewallLog/Write",
        "action_s": "Block" if stopped else "Log",
        "clientIp_s": address,  # in truth clientIP_s, see `tables.py`
        "host_s": HOSTS[2],
        "ruleName_s": f"Microsoft_DefaultRuleSet-2.1-OWASP-{rule}",
        "policy_s": "wafexample",
    }


def activity(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows of AzureActivity: administrators by day, and one whom nobody expects."""
    now = hour + timedelta(hours=1)
    homes = {admin: f"203.0.113.{rng.randrange(1, 255)}" for admin in ADMINS}
    stranger = rng.choice(attackers(rng))
    for _ in range(count):
        admin = rng.choice(ADMINS)
        strange = rng.random() < 0.05  # noqa: PLR2004 - a share
        address = drawn(rng, {homes[admin]: 80, "10.20.0.7": 15, "": 5})
        when = moment(rng, now) if strange else by_day(rng, now, city(homes[admin]))
        yield _operation(rng, admin, stranger if strange else address, when)


def _operation(rng: Random, admin: str, address: str, when: datetime) -> dict[str, Any]:
    operation, group = rng.choice(OPERATIONS), f"RG-EXAMPLE-{rng.randrange(5)}"
    provider, _, resource = operation.partition("/")
    return {
        "TimeGenerated": text(when),
        "_TimeReceived": text(when + 3 * delay(rng)),
        "EventDataId": str(uuid(rng)),
        "CorrelationId": str(uuid(rng)),
        "OperationNameValue": operation,
        "CategoryValue": "Administrative",
        "ActivityStatusValue": drawn(rng, STATES),
        "ActivitySubstatusValue": "",
        "Level": "Informational",
        "Caller": f"{admin}@example.com",
        "CallerIpAddress": address,
        "SubscriptionId": TENANT,
        "ResourceGroup": group,
        "ResourceProviderValue": provider,
        "_ResourceId": f"/subscriptions/{TENANT}/resourcegroups/{group}/{resource}".lower(),
    }
