"""Invented rows of firewalls, VPNs and devices: scans, sweeps, logons, and daily traffic."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidegate.declare.tables import COMMON_SECURITY_LOG, DEVICE_NETWORK_EVENTS
from tidegate.simulator.places import city
from tidegate.simulator.signin_rows import attackers, by_day, delay, drawn, moment, text

PORTS = [22, 23, 80, 443, 445, 1433, 3389, 5900, 8080, 8443]
BURST = timedelta(minutes=25)
# Vendor, product, and the words in which each refuses and allows.
FIREWALLS = [
    ("Palo Alto Networks", "PAN-OS", ["deny", "drop", "reset-both"], ["allow"]),
    ("Fortinet", "Fortigate", ["deny", "blocked"], ["accept", "client-rst"]),
    ("Cisco", "ASA", ["Deny"], ["Built"]),
    ("Check Point", "VPN-1 & FireWall-1", ["Drop", "Reject"], ["Accept"]),
]
USERS = ["ada.adler", "chen.costa", "femi.fischer", "grace.gupta", "jana.ito", "omar.nowak"]
BROWSERS = [
    "chrome.exe",
    "msedge.exe",
    "Teams.exe",
    "OneDrive.exe",
    "powershell.exe",
    "svchost.exe",
]
KINDS = {"scan": 34, "sweep": 26, "stray": 20, "outbound": 8, "marked": 4, "vpn": 8}


def security_log(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows of CommonSecurityLog."""
    now = hour + timedelta(hours=1)
    bad = attackers(rng)
    bursts = [(rng.choice(bad), moment(rng, now - BURST)) for _ in range(60)]
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "scan": lambda: _scan(rng, *rng.choice(bursts[:20])),
        "sweep": lambda: _sweep(rng, *rng.choice(bursts[20:])),
        "stray": lambda: _denied(rng, rng.choice(bad), moment(rng, now), rng.choice(PORTS)),
        "outbound": lambda: _outbound(rng, rng.choice(bad), moment(rng, now)),
        "marked": lambda: _marked(rng, rng.choice(bad), moment(rng, now)),
        "vpn": lambda: _logon(rng, now, bad),
    }
    return (made[drawn(rng, KINDS)]() for _ in range(count))


def _row(rng: Random, when: datetime, said: dict[str, Any]) -> dict[str, Any]:
    """Return a whole row: what is said, and what every row has."""
    empty = {name: "" if type_ == "string" else None for name, type_ in COMMON_SECURITY_LOG.items()}
    times = {"TimeGenerated": text(when), "_TimeReceived": text(when + delay(rng))}
    return {**empty, **times, **said}


def _vendor(rng: Random, *, refuses: bool) -> dict[str, Any]:
    number = rng.randrange(len(FIREWALLS))
    vendor, product, refused, allowed = FIREWALLS[number]
    action = rng.choice(refused if refuses else allowed)
    return {
        "DeviceVendor": vendor,
        "DeviceProduct": product,
        "DeviceAction": action,
        "DeviceName": f"fw{number + 1}.example.com",
    }


def _flow(rng: Random, source: str, destination: str, port: int) -> dict[str, Any]:
    return {
        "Activity": "TRAFFIC",
        "LogSeverity": "3",
        "Protocol": "TCP",
        "SourceIP": source,
        "SourcePort": rng.randrange(1024, 65536),
        "DestinationIP": destination,
        "DestinationPort": port,
        "SentBytes": rng.randrange(40, 4_000),
        "ReceivedBytes": 0,
    }


def _denied(rng: Random, source: str, when: datetime, port: int) -> dict[str, Any]:
    own = f"203.0.113.{rng.randrange(1, 255)}"
    said = _vendor(rng, refuses=True) | _flow(rng, source, own, port)
    return _row(rng, when, {**said, "CommunicationDirection": "Inbound"})


def _scan(rng: Random, source: str, start: datetime) -> dict[str, Any]:
    row = _denied(rng, source, start + BURST * rng.random(), rng.randrange(1, 2048))
    return {**row, "DestinationIP": f"203.0.113.{rng.randrange(1, 4)}"}


def _sweep(rng: Random, source: str, start: datetime) -> dict[str, Any]:
    return _denied(rng, source, start + BURST * rng.random(), 3389)


def _outbound(rng: Random, address: str, when: datetime) -> dict[str, Any]:
    inside = f"10.20.{rng.randrange(8)}.{rng.randrange(1, 255)}"
    said = _vendor(rng, refuses=rng.random() < 0.7) | _flow(rng, inside, address, 443)  # noqa: PLR2004 - a share
    return _row(rng, when, {**said, "CommunicationDirection": "Outbound"})


def _marked(rng: Random, address: str, when: datetime) -> dict[str, Any]:
    """Return a row that Sentinel itself matched, with the place that it adds."""
    where = city(address)
    place = (
        {}
        if where is None
        else {
            "MaliciousIPCountry": where.country,
            "MaliciousIPLatitude": where.latitude,
            "MaliciousIPLongitude": where.longitude,
        }
    )
    threat = {
        "MaliciousIP": address,
        "IndicatorThreatType": rng.choice(["Botnet", "C2", "Proxy"]),
        "ThreatSeverity": rng.randrange(1, 6),
        "ThreatConfidence": str(rng.randrange(40, 101)),
    }
    return {**_outbound(rng, address, when), **threat, **place}


def _logon(rng: Random, now: datetime, bad: list[str]) -> dict[str, Any]:
    user = rng.choice(USERS)
    good = rng.random() < 0.8  # noqa: PLR2004 - a share
    address = f"203.0.113.{rng.randrange(1, 255)}" if good else rng.choice(bad)
    when = by_day(rng, now, city(address))
    said = rng.choice([_global_protect, _fortigate, _asa])(user, address, good=good)
    return _row(rng, when, {"DeviceName": "vpn.example.com", **said})


def _global_protect(user: str, address: str, *, good: bool) -> dict[str, Any]:
    return {
        "DeviceVendor": "Palo Alto Networks",
        "DeviceProduct": "PAN-OS",
        "DeviceEventClassID": "globalprotect",
        "Activity": "gateway-connected" if good else "gateway-auth",
        "EventOutcome": "success" if good else "failure",
        "SourceUserName": user,
        "SourceIP": address,
    }


def _fortigate(user: str, address: str, *, good: bool) -> dict[str, Any]:
    return {
        "DeviceVendor": "Fortinet",
        "DeviceProduct": "Fortigate",
        "Activity": "event:vpn",
        "DeviceAction": "tunnel-up" if good else "ssl-login-fail",
        "DestinationUserName": user,
        "AdditionalExtensions": f"FTNTFGTtunneltype=ssl-tunnel;FTNTFGTremip={address}",
    }


def _asa(user: str, address: str, *, good: bool) -> dict[str, Any]:
    started = f"Group <staff> User <{user}> IP <{address}> AnyConnect parent session started."
    refused = f"Group <staff> User <{user}> IP <{address}> Authentication: rejected"
    return {
        "DeviceVendor": "Cisco",
        "DeviceProduct": "ASA",
        "DeviceEventClassID": "113039" if good else "716039",
        "Message": started if good else refused,
    }


def device_events(rng: Random, hour: datetime, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows of DeviceNetworkEvents: browsing by day, beacons all day, and inside."""
    now = hour + timedelta(hours=1)
    beacons = rng.sample(attackers(rng), 12)
    for report in range(count):
        device = rng.randrange(60)
        beacon = rng.random() < 0.1  # noqa: PLR2004 - a share
        remote = rng.choice(beacons) if beacon else _visited(rng)
        when = moment(rng, now) if beacon else by_day(rng, now, city(remote))
        yield _event(rng, device, remote, when, report)


def _visited(rng: Random) -> str:
    shown = {
        "site": f"198.51.100.{rng.randrange(1, 255)}",
        "six": f"2001:db8:{rng.randrange(1, 64):x}::{rng.randrange(1, 32):x}",
        "inside": f"10.20.{rng.randrange(8)}.{rng.randrange(1, 255)}",
    }
    return shown[drawn(rng, {"site": 70, "six": 20, "inside": 10})]


def _event(rng: Random, device: int, remote: str, when: datetime, report: int) -> dict[str, Any]:
    actions = {"ConnectionSuccess": 88, "ConnectionFailed": 9, "InboundConnectionAccepted": 3}
    said = {
        "TimeGenerated": text(when),
        "_TimeReceived": text(when + delay(rng)),
        "Timestamp": text(when),
        "DeviceId": f"{device:040x}",
        "DeviceName": f"pc{device:03}.example.com",
        "ActionType": drawn(rng, actions),
        "RemoteIP": remote,
        "RemoteIPType": "Private" if remote.startswith("10.") else "Public",
        "RemotePort": rng.choice([443, 443, 443, 80, 8443]),
        "RemoteUrl": f"www{rng.randrange(20)}.example",
        "LocalIP": f"10.20.1.{device + 1}",
        "LocalPort": rng.randrange(49152, 65536),
        "Protocol": "Tcp",
        "InitiatingProcessFileName": rng.choice(BROWSERS),
        "InitiatingProcessSHA256": f"{device % 6:064x}",
        "InitiatingProcessAccountName": rng.choice(USERS),
        "ReportId": report,
    }
    return {name: said[name] for name in DEVICE_NETWORK_EVENTS}
