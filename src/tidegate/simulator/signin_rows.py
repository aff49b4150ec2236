"""Invented rows of SigninLogs: people at work, sprays, brute force, and addresses of no place."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from tidegate.simulator.places import City, city

HOURS = 36
SPRAY, FORCE = timedelta(minutes=40), timedelta(hours=3)
FIRST = "Ada Alan Amina Bea Chen Dana Elif Femi Grace Hugo Ines Ivan Jana Kofi Lena Mei Nils Omar"
LAST = "Adler Brandt Costa Diaz Eriksen Fischer Gupta Haddad Ito Jansen Kaya Lopez Moreau Nowak"
APPS = ["Azure Portal", "Office 365 Exchange Online", "Microsoft Teams", "Graph Explorer", "VPN"]
MODERN, LEGACY = ["Browser", "Mobile Apps and Desktop clients"], ["IMAP4", "Authenticated SMTP"]
RESULTS = {
    "0": "",
    "50126": "Invalid username or password or Invalid on-premise username or password.",
    "50053": "Account is locked because user tried to sign in too many times.",
    "50055": "Invalid password, entered expired password.",
    "50057": "User account is disabled.",
    "50058": "Session information is not sufficient for single-sign-on.",
    "50074": "User did not pass the MFA challenge.",
    "50076": "Due to a configuration change, you must use multi-factor authentication.",
    "53003": "Access has been blocked by Conditional Access policies.",
}
AT_WORK = {"0": 70, "50126": 12, "50074": 6, "50076": 5, "50055": 2, "53003": 2, "50058": 3}
ATTACK = {"50126": 72, "50053": 18, "50057": 4, "50055": 3, "53003": 2, "0": 1}
RISKS = {"none": 70, "low": 15, "medium": 10, "high": 5}
TENANT = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tried from where, when, and how it ended."""

    user: str
    address: str
    when: datetime
    result: str
    attack: bool


def attackers(rng: Random) -> list[str]:
    """Return the addresses that attack: of both documentation networks, and of IPv6."""
    four = [
        f"{net}.{rng.randrange(1, 255)}" for net in ("192.0.2", "198.51.100") for _ in range(70)
    ]
    six = [f"2001:db8:{rng.randrange(1, 4096):x}::{rng.randrange(1, 65536):x}" for _ in range(60)]
    return sorted({*four, *six})


def rows(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows; one in a hundred repeats a sign-in's Id.

    They end an hour after `hour`: whoever asks by ingestion time sees them arrive one by one.
    """
    now = hour + timedelta(hours=1)
    people = [f"{a}.{b}@example.com".lower() for a in FIRST.split() for b in LAST.split()]
    bad = attackers(rng)
    campaigns = _campaigns(rng, people, bad, now)
    last: dict[str, Any] | None = None
    for _ in range(count):
        if last is not None and rng.random() < 0.01:  # noqa: PLR2004 - a share
            last = _assessed_again(rng, last)
        else:
            last = _row(rng, rng.choices(campaigns, WEIGHTS)[0]())
        yield last


# People at work, sprays, brute force, strays, stolen passwords, and addresses inside the network.
WEIGHTS = [50, 22, 16, 7, 2, 3]


def _campaigns(
    rng: Random, people: list[str], bad: list[str], now: datetime
) -> list[Callable[[], Attempt]]:
    home = {user: f"203.0.113.{rng.randrange(1, 255)}" for user in people}
    # A spray: one address, many users, one burst. Brute force: one user, many addresses.
    sprays = [(address, moment(rng, now - SPRAY)) for address in rng.sample(bad, 12)]
    forced = [
        (user, rng.sample(bad, 25), moment(rng, now - FORCE)) for user in rng.sample(people, 8)
    ]

    def work() -> Attempt:
        user = rng.choice(people)
        when = by_day(rng, now, city(home[user]))
        return Attempt(user, home[user], when, drawn(rng, AT_WORK), attack=False)

    def spray() -> Attempt:
        address, start = rng.choice(sprays)
        return _attack(rng, rng.choice(people), address, start + SPRAY * rng.random())

    def force() -> Attempt:
        user, addresses, start = rng.choice(forced)
        return _attack(rng, user, rng.choice(addresses), start + FORCE * rng.random())

    def stray() -> Attempt:
        return _attack(rng, rng.choice(people), rng.choice(bad), moment(rng, now))

    def inside() -> Attempt:
        address = f"10.20.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        result = drawn(rng, AT_WORK)
        return Attempt(rng.choice(people), address, moment(rng, now), result, attack=False)

    return [work, spray, force, stray, partial(_stolen, rng, people, bad, now), inside]


def _stolen(rng: Random, people: list[str], bad: list[str], now: datetime) -> Attempt:
    """Return a success soon before or after the user's own, and far away: nobody is so fast."""
    return Attempt(rng.choice(people), rng.choice(bad), moment(rng, now), "0", attack=True)


def _attack(rng: Random, user: str, address: str, when: datetime) -> Attempt:
    return Attempt(user, address, when, drawn(rng, ATTACK), attack=True)


def drawn(rng: Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def moment(rng: Random, now: datetime) -> datetime:
    return now - timedelta(hours=HOURS) * rng.random()


def by_day(rng: Random, now: datetime, where: City | None) -> datetime:
    """Return a moment that is likelier by day, where the person works."""
    offset = where.longitude / 15 if where else 0.0
    while True:
        when = moment(rng, now)
        local = (when.hour + when.minute / 60 + offset) % 24
        if rng.random() < max(0.06, math.cos((local - 13) / 24 * math.tau)):
            return when


def _row(rng: Random, attempt: Attempt) -> dict[str, Any]:
    where = city(attempt.address)
    user = attempt.user.partition("@")[0].replace(".", " ").title()
    details = _location(rng, where)
    risk = drawn(rng, RISKS) if attempt.attack else "none"
    return {
        "TimeGenerated": text(attempt.when),
        "_TimeReceived": text(attempt.when + delay(rng)),
        "Id": str(uuid(rng)),
        "CorrelationId": str(uuid(rng)),
        "AADTenantId": TENANT,
        "ResultType": attempt.result,
        # Real rows say "None" here whatever the outcome.
        "ResultSignature": "None",
        "ResultDescription": RESULTS[attempt.result],
        "Identity": user,
        "UserPrincipalName": attempt.user,
        "UserId": str(UUID(int=sum(attempt.user.encode()), version=4)),
        "UserDisplayName": user,
        "AppDisplayName": rng.choice(APPS),
        "AppId": str(UUID(int=rng.randrange(5), version=4)),
        "ClientAppUsed": rng.choice(LEGACY if attempt.attack else MODERN),
        "IPAddress": attempt.address,
        "Location": details.get("countryOrRegion", ""),
        "LocationDetails": details,
        "DeviceDetail": {"operatingSystem": "Windows10", "browser": "Edge 140.0.0"},
        "Status": {"errorCode": int(attempt.result), "failureReason": RESULTS[attempt.result]},
        "ConditionalAccessStatus": "failure" if attempt.result == "53003" else "notApplied",
        "RiskState": "none" if risk == "none" else "atRisk",
        "RiskLevelDuringSignIn": risk,
        "RiskLevelAggregated": risk,
        "AutonomousSystemNumber": str(64496 + rng.randrange(16)),
        "UserAgent": "Mozilla/5.0",
    }


def _location(rng: Random, where: City | None) -> dict[str, Any]:
    """Return what Entra knows: mostly all, sometimes the country alone, sometimes nothing."""
    known = rng.random()
    if where is None or known < 0.1:  # noqa: PLR2004 - a share
        return {}
    if known < 0.3:  # noqa: PLR2004 - a share
        return {"countryOrRegion": where.country}
    point = {"latitude": where.latitude, "longitude": where.longitude}
    return {"city": where.name, "countryOrRegion": where.country, "geoCoordinates": point}


def _assessed_again(rng: Random, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row once more, received later, with what became of its risk meanwhile."""
    received = datetime.fromisoformat(row["_TimeReceived"]) + timedelta(minutes=5)
    risky = row["RiskLevelDuringSignIn"] != "none"
    found = {"RiskState": "remediated"} if risky else {}
    return {
        **row,
        "_TimeReceived": text(received),
        "RiskLevelAggregated": "none" if risky else rng.choice(["none", "low"]),
        **found,
    }


def delay(rng: Random) -> timedelta:
    # Most rows arrive within minutes; a few are hours late, as the cursor must survive.
    late = rng.random() < 0.005  # noqa: PLR2004 - a share
    return timedelta(seconds=rng.uniform(3600, 9000) if late else rng.expovariate(1 / 60))


def text(when: datetime) -> str:
    """Return a time as Log Analytics writes it."""
    return f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def uuid(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
