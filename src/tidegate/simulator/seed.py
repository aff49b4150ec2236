"""What happens in the simulated tenant: alerts on five devices, each with another outcome.

The files are harmless text; what VMRay finds in them is told to it here.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from typing import Any

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene
from tidegate.simulator.vmray import stored_sample, stored_submission

LOADER = b"Tidegate sample: loader\n"
DROPPER = b"Tidegate sample: dropper\n"
TOOL = b"Tidegate sample: a tool that is clean\n"
KNOWN = b"Tidegate sample: known to the sandbox\n"
ROAMING = b"Tidegate sample: on a notebook that is away\n"
REPLACED = b"Tidegate sample: replaced before we came\n"
BROKEN = b"Tidegate sample: breaks the sandbox\n"
PAGE = "http://login.phish.example/office/signin.php"

DOWNLOADS = "C:\\Users\\alex\\Downloads"
DEVICES = {
    "desk-1": True,
    "desk-2": True,
    "desk-3": True,
    "roaming-1": False,
    "server-1": True,
}


def digest(data: bytes) -> str:
    """Return the SHA-256 by which evidence names a file."""
    return sha256(data).hexdigest()


def device_id(name: str) -> str:
    """Return the machine id of a device: 40 hex digits, as Defender has them."""
    return sha1(name.encode(), usedforsecurity=False).hexdigest()


def seed(scene: Scene) -> None:
    """Fill an empty tenant; one that remembers something is left as it is."""
    with scene.memory.changing():
        if scene.memory.all("alerts"):
            return
        _devices(scene)
        _outcomes(scene)
        for number, (minutes, make) in enumerate(ALERTS, start=1):
            _alert(scene, number, scene.clock() - timedelta(minutes=minutes), make())


# --- devices ----------------------------------------------------------------------------------


def _devices(scene: Scene) -> None:
    files: dict[str, list[tuple[str, bytes, bytes]]] = {
        "desk-1": [("invoice.exe", LOADER, LOADER), ("broken.exe", BROKEN, BROKEN)],
        "desk-2": [("invoice.exe", LOADER, LOADER), ("setup.exe", DROPPER, DROPPER)],
        "desk-3": [("tool.exe", TOOL, TOOL), ("notes.exe", ROAMING, ROAMING)],
        "roaming-1": [("notes.exe", ROAMING, ROAMING)],
        "server-1": [("update.exe", REPLACED, b"Tidegate sample: another file\n")],
    }
    for name, online in DEVICES.items():
        machine = device_id(name)
        for path, _, content in files[name]:
            scene.memory.put_blob(f"{machine}:{DOWNLOADS}\\{path}", content)
        document = {
            "id": machine,
            "computerDnsName": f"{name}.corp.example",
            "healthStatus": "Active" if online else "Inactive",
            "online": online,
            "seen": [digest(seen) for _, seen, _ in files[name]],
        }
        scene.memory.put("machines", machine, document)


# --- what VMRay will find ---------------------------------------------------------------------


def _outcomes(scene: Scene) -> None:
    for key, outcome in {
        digest(LOADER): _loader(),
        digest(DROPPER): _malicious("Dropper.Simulated", ips=["198.51.100.23"]),
        digest(KNOWN): _malicious("Stealer.Simulated", domains=["panel.stealer.example"]),
        digest(ROAMING): _malicious("Worm.Simulated", ips=["203.0.113.77"]),
        digest(BROKEN): {"error": True},
        PAGE: _malicious("Phishing.Simulated", urls=[PAGE], domains=["login.phish.example"]),
    }.items():
        scene.memory.put("outcomes", key, outcome)
    known = stored_sample(scene, KNOWN, "report.exe", None)
    stored_submission(scene, known, scene.clock() - timedelta(days=2), "{}")


def _malicious(threat: str, **lists: list[str]) -> Document:
    return {
        "verdict": "malicious",
        "threats": [threat],
        "vtis": [
            {"operation": "Connects to a remote host", "score": 3, "classifications": []},
            {"operation": "Known malicious reputation", "score": 5, "classifications": []},
        ],
        "techniques": ["T1071"],
        "iocs": _iocs(**lists),
    }


def _loader() -> Document:
    outcome = _malicious(
        "Loader.Simulated",
        ips=["203.0.113.10", "10.0.2.15", "2001:db8::bad:1"],
        domains=["c2.loader.example", "www[.]drop[.]loader[.]example", "localhost"],
        urls=["http://c2.loader.example/gate.php?id=1"],
    )
    lists = outcome["iocs"]
    lists["files"] = [
        _file(b"Tidegate sample: second stage\n", "Dropped File"),
        _file(b"Tidegate sample: a process's memory\n", "Memory Dump"),
    ]
    # A service that the sample merely asks for its own address.
    lists["domains"].append({**_ioc("domain", "address.lookup.example"), "verdict": "clean"})
    return outcome


def _iocs(**lists: list[str]) -> Document:
    keys = {"ips": "ip_address", "domains": "domain", "urls": "url"}
    return {name: [_ioc(keys[name], value) for value in lists[name]] for name in lists}


def _ioc(key: str, value: str) -> Document:
    kind = key.removesuffix("_address")
    return {key: value, "ioc": True, "ioc_type": kind, "verdict": "malicious", "version": 3}


def _file(content: bytes, category: str) -> Document:
    hashes = [{"sha256_hash": digest(content), "imp_hash": None}]
    row = {"hashes": hashes, "categories": [category], "filename": None, "ioc_type": "file"}
    return {**row, "ioc": True, "verdict": "malicious", "version": 3}


# --- alerts -----------------------------------------------------------------------------------

Make = Callable[[], tuple[str, str, list[Document]]]


def _of_file(title: str, device: str, name: str, content: bytes) -> Make:
    evidence = {
        "entityType": "File",
        "sha1": sha1(content, usedforsecurity=False).hexdigest(),
        "sha256": digest(content),
        "fileName": name,
        "filePath": DOWNLOADS,
        "detectionStatus": "Detected",
    }
    return lambda: (title, device, [evidence])


def _of_url(title: str, device: str, url: str) -> Make:
    return lambda: (title, device, [{"entityType": "Url", "url": url}])


ALERTS: list[tuple[int, Make]] = [
    (55, _of_file("Suspicious file was downloaded", "desk-1", "invoice.exe", LOADER)),
    (50, _of_file("Suspicious file was downloaded", "desk-2", "invoice.exe", LOADER)),
    (45, _of_url("A user opened a phishing page", "desk-2", PAGE)),
    (40, _of_file("Unusual tool was started", "desk-3", "tool.exe", TOOL)),
    (35, _of_file("Credential theft activity", "desk-2", "report.exe", KNOWN)),
    (30, _of_file("Suspicious file was executed", "roaming-1", "notes.exe", ROAMING)),
    (25, _of_file("A service was tampered with", "server-1", "update.exe", REPLACED)),
    (20, _of_file("Suspicious script host", "desk-1", "broken.exe", BROKEN)),
]

EVIDENCE = (
    "entityType",
    "evidenceCreationTime",
    "sha1",
    "sha256",
    "fileName",
    "filePath",
    "processId",
    "processCommandLine",
    "processCreationTime",
    "parentProcessId",
    "parentProcessCreationTime",
    "parentProcessFileName",
    "parentProcessFilePath",
    "ipAddress",
    "url",
    "registryKey",
    "registryHive",
    "registryValueType",
    "registryValue",
    "accountName",
    "domainName",
    "userSid",
    "aadUserId",
    "userPrincipalName",
    "detectionStatus",
)


def alert_id(number: int) -> str:
    """Return the id of the seeded alert of this number, from 1."""
    return f"da63890000000000000{number}_{number}"


def _alert(scene: Scene, number: int, at: datetime, made: tuple[str, str, list[Document]]) -> None:
    title, device, evidence = made
    stamp = f"{at:%Y-%m-%dT%H:%M:%S.%f}7Z"
    incident = 1000 + number
    user = {"entityType": "User", "accountName": "alex", "domainName": "CORP"}
    rows = [{**dict.fromkeys(EVIDENCE), **one} for one in (user, *evidence)]
    document: dict[str, Any] = {
        "id": alert_id(number),
        "incidentId": incident,
        "severity": "Medium",
        "status": "New",
        "classification": None,
        "determination": None,
        "detectionSource": "WindowsDefenderAtp",
        "category": "Execution",
        "title": title,
        "description": f"{title}.",
        **dict.fromkeys(("alertCreationTime", "firstEventTime", "lastEventTime"), stamp),
        "lastUpdateTime": stamp,
        "resolvedTime": None,
        "machineId": device_id(device),
        "computerDnsName": f"{device}.corp.example",
        "threatName": None,
        "comments": [],
        "evidence": [{**row, "evidenceCreationTime": stamp} for row in rows],
    }
    scene.memory.put("alerts", document["id"], document)
    _incident(scene, incident, title, stamp)


def _incident(scene: Scene, number: int, title: str, stamp: str) -> None:
    document = {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": str(number),
        "redirectIncidentId": None,
        "displayName": title,
        "createdDateTime": stamp,
        "lastUpdateDateTime": stamp,
        "status": "active",
        "severity": "medium",
        "customTags": ["Simulated"],
        "comments": [],
    }
    scene.memory.put("incidents", str(number), document)
