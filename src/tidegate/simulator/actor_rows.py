"""Invented threat actors, as STIX objects: the actors, where they are, and what joins the two."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidegate.simulator.places import CITIES
from tidegate.simulator.signin_rows import TENANT, text, uuid

SOURCE = "Example ISAC"
ADJECTIVES = "Amber Brisk Candid Dusky Eager Faint Gentle Hollow Idle Jolly Keen Lunar"
NOUNS = "Anvil Bellows Candle Drum Easel Funnel Goblet Hinge Inkwell Jug"
MOTIVATIONS = ["personal-gain", "ideology", "organizational-gain", "dominance", "notoriety"]


def objects(rng: Random, now: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield rows of ThreatIntelObjects: `count` actors, most of them with a country."""
    codes = sorted({city.country for city in CITIES})
    homes = {code: f"location--{uuid(rng)}" for code in codes}
    for code, place in homes.items():
        yield _row(rng, now, {"type": "location", "id": place, "country": code})
    for number in range(count):
        actor = _actor(rng, number)
        yield _row(rng, now, actor)
        if number % 10:  # of the others nobody says where they are
            # Few countries have many actors, as in every such list.
            code = codes[int(len(codes) * rng.random() ** 3)]
            yield _row(rng, now, _located(rng, actor["id"], homes[code]))


def _actor(rng: Random, number: int) -> dict[str, Any]:
    adjective, noun = rng.choice(ADJECTIVES.split()), rng.choice(NOUNS.split())
    return {
        "type": rng.choice(["threat-actor", "intrusion-set"]),
        "id": f"intrusion-set--{uuid(rng)}",
        "name": f'{adjective} {noun} "{number}"',
        "description": "Invented for this demonstration; there is no such group.",
        "aliases": [f"SIM-{number:03}", f"{noun} {adjective}"],
        "primary_motivation": rng.choice(MOTIVATIONS),
        "external_references": [
            {"source_name": "example", "url": f"https://intel.example/actors/{number}"},
            {"source_name": "a report on paper"},
        ],
    }


def _located(rng: Random, actor: str, place: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{uuid(rng)}",
        "relationship_type": rng.choice(["located-at", "originates-from"]),
        "source_ref": actor,
        "target_ref": place,
    }


def _row(rng: Random, now: datetime, data: dict[str, Any]) -> dict[str, Any]:
    made = now - timedelta(days=6) * rng.random()
    return {
        "TimeGenerated": text(made),
        "_TimeReceived": text(made + timedelta(seconds=rng.uniform(1, 120))),
        "WorkspaceId": TENANT,
        "AzureTenantId": TENANT,
        "Id": f"{b64encode(SOURCE.encode()).decode()}---{data['id']}",
        "StixType": data["type"],
        "Data": data,
        "Tags": "",
        "LastUpdateMethod": "Ingestion",
        "SourceSystem": SOURCE,
    }
