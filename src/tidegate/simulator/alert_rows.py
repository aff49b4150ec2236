"""Invented alerts with the addresses that they name, and the incidents that they belong to."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidegate.simulator.places import city
from tidegate.simulator.signin_rows import attackers, delay, drawn, moment, text, uuid

UPDATED = timedelta(hours=2)
NAMES = {
    "Password spray": ("Microsoft Entra ID Protection", "CredentialAccess"),
    "Atypical travel": ("Microsoft Entra ID Protection", "InitialAccess"),
    "Connection to a command server": ("Microsoft Defender for Endpoint", "CommandAndControl"),
    "Suspicious key listing": ("Microsoft Defender for Cloud", "Exfiltration"),
    "Port scan from outside": ("Azure Sentinel", "Discovery"),
}
SEVERITIES = {"Informational": 10, "Low": 30, "Medium": 40, "High": 20}
STATES = {"New": 60, "InProgress": 20, "Resolved": 20}


def alerts(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows of SecurityAlert; some come again, with another state."""
    now, bad = hour + timedelta(hours=1), attackers(rng)
    left = count
    while left > 0:
        row = _alert(rng, bad, moment(rng, now))
        yield row
        left -= 1
        if left > 0 and rng.random() < 0.2:  # noqa: PLR2004 - a share
            yield _updated(row)
            left -= 1


def _alert(rng: Random, bad: list[str], when: datetime) -> dict[str, Any]:
    name = rng.choice(list(NAMES))
    product, tactic = NAMES[name]
    return {
        "TimeGenerated": text(when),
        "_TimeReceived": text(when + delay(rng)),
        "SystemAlertId": str(uuid(rng)),
        "AlertName": name,
        "DisplayName": name,
        "AlertSeverity": drawn(rng, SEVERITIES),
        "Description": f"Simulated: {name.lower()}.",
        "ProviderName": product,
        "VendorName": "Microsoft",
        "ProductName": product,
        "AlertType": name.replace(" ", ""),
        "StartTime": text(when - timedelta(minutes=30)),
        "EndTime": text(when),
        "Status": "New",
        "CompromisedEntity": f"pc{rng.randrange(60):03}.example.com",
        "Tactics": tactic,
        "Techniques": "",
        "Entities": json.dumps(_entities(rng, bad)),
    }


def _entities(rng: Random, bad: list[str]) -> list[dict[str, Any]]:
    """Return a host, and addresses: with a place, with the one of nowhere, or without any."""
    host = {"$id": "1", "Type": "host", "HostName": f"pc{rng.randrange(60):03}"}
    chosen = rng.sample(bad, rng.randrange(0, 4)) + ["10.20.0.9"] * (rng.random() < 0.2)  # noqa: PLR2004 - a share
    return [host, *(_address(rng, str(n), one) for n, one in enumerate(chosen, 2))]


def _address(rng: Random, number: str, address: str) -> dict[str, Any]:
    entity: dict[str, Any] = {"$id": number, "Type": "ip", "Address": address}
    where = city(address)
    if where is None or rng.random() < 0.3:  # noqa: PLR2004 - a share
        return entity
    point = (0.0, 0.0) if rng.random() < 0.1 else (where.latitude, where.longitude)  # noqa: PLR2004 - a share
    place = {"CountryCode": where.country, "Latitude": point[0], "Longitude": point[1]}
    return {**entity, "Location": place}


def _updated(row: dict[str, Any]) -> dict[str, Any]:
    received = datetime.fromisoformat(row["_TimeReceived"]) + UPDATED
    return {**row, "_TimeReceived": text(received), "Status": "Resolved"}


def incidents(
    rng: Random, alerted: list[dict[str, Any]], hour: datetime
) -> Iterator[dict[str, Any]]:
    """Yield rows of SecurityIncident: each bundles up to three alerts, and some are closed."""
    newest = {row["SystemAlertId"]: row for row in alerted}
    names = list(newest)
    for number, start in enumerate(range(0, len(names) - 3, 4), 1):
        chosen = names[start : start + rng.randrange(1, 4)]
        yield from _incident(rng, number, [newest[name] for name in chosen], hour)


def _incident(
    rng: Random, number: int, of: list[dict[str, Any]], hour: datetime
) -> Iterator[dict[str, Any]]:
    made = max(datetime.fromisoformat(row["TimeGenerated"]) for row in of)
    opened = {
        "TimeGenerated": text(made),
        "_TimeReceived": text(made + delay(rng)),
        "IncidentNumber": number,
        "Title": of[0]["AlertName"],
        "Severity": of[0]["AlertSeverity"],
        "Status": "New",
        "Classification": "",
        "Owner": {},
        "AlertIds": [row["SystemAlertId"] for row in of],
        "CreatedTime": text(made),
        "LastModifiedTime": text(made),
        "IncidentUrl": f"https://portal.example.com/incidents/{number}",
    }
    yield opened
    changed = made + timedelta(hours=1)
    if changed.timestamp() < hour.timestamp() and drawn(rng, STATES) == "Resolved":
        yield {
            **opened,
            "TimeGenerated": text(changed),
            "_TimeReceived": text(changed),
            "LastModifiedTime": text(changed),
            "Status": "Closed",
            "Classification": "TruePositive",
            "Owner": {"assignedTo": "Ada Adler"},
        }
