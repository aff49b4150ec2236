"""Devices, files and alerts, put into a simulated tenant one by one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any

from tidegate.simulator.entra import TENANT
from tidegate.simulator.machines import PRIVATE
from tidegate.simulator.memory import Document
from tidegate.simulator.samples import digest, sha1_of
from tidegate.simulator.scene import Scene

DOWNLOADS = "C:\\Users\\alex\\Downloads"
GROUPS = {"UnassignedGroup": 0, "Workstations": 1, "Servers": 2}
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


# --- devices ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Machine:
    """A device as it is put into the tenant. Its id follows from its name."""

    name: str
    os: str = "Windows11"
    group: str = "Workstations"
    tags: tuple[str, ...] = ()
    online: bool = True


def device_id(name: str) -> str:
    """Return the machine id of a device: 40 hex digits, as Defender has them."""
    return sha1(name.encode(), usedforsecurity=False).hexdigest()


def put_machine(scene: Scene, machine: Machine) -> None:
    """Onboard the device."""
    document = {
        "id": device_id(machine.name),
        "computerDnsName": f"{machine.name}.corp.example",
        "firstSeen": scene.stamp(),
        "lastSeen": scene.stamp(),
        "osPlatform": machine.os,
        "osVersion": None,
        "osProcessor": "x64",
        "osArchitecture": "64-bit",
        "version": "24H2",
        "osBuild": 26_100,
        "lastIpAddress": "192.0.2.10",
        "lastExternalIpAddress": "198.51.100.10",
        "ipAddresses": [],
        "healthStatus": "Active" if machine.online else "Inactive",
        "onboardingStatus": "Onboarded",
        "rbacGroupId": GROUPS.get(machine.group, 0),
        "rbacGroupName": machine.group,
        "riskScore": "Medium",
        "exposureLevel": "Low",
        "deviceValue": "Normal",
        "isAadJoined": True,
        "aadDeviceId": None,
        "machineTags": list(machine.tags),
        **PRIVATE,
        "_online": machine.online,
    }
    scene.memory.put("machines", str(document["id"]), document)


# --- files ------------------------------------------------------------------------------------


def put_file(scene: Scene, device: str, name: str, content: bytes, folder: str = DOWNLOADS) -> None:
    """Let the file lie on the device."""
    machine = device_id(device)
    place = f"{machine}:{folder}\\{name}"
    scene.memory.put_blob(place, content)
    placed = {"name": place, "machine": machine, "sha1": sha1_of(content)}
    scene.memory.put("placed", place, placed)


def see_file(scene: Scene, device: str, content: bytes) -> None:
    """Let Defender have seen the file on the device, wherever it is now."""
    seen = {"machine": device_id(device), "sha1": sha1_of(content), "sha256": digest(content)}
    scene.memory.put("seen", f"{seen['machine']}:{seen['sha1']}", seen)


def quarantine_file(scene: Scene, device: str, content: bytes) -> None:
    """Let antivirus have put the file away on the device."""
    name, machine = f"quarantine:{sha1_of(content)}", device_id(device)
    scene.memory.put_blob(name, content)
    document = scene.memory.get("machines", machine) or {}
    kept = [*document["_quarantine"], name]
    scene.memory.put("machines", machine, {**document, "_quarantine": kept})


def know_file(
    scene: Scene, name: str, content: bytes, everywhere: int = 3, signer: str | None = None
) -> None:
    """Tell Defender about the file: how many machines anywhere have it, who signed it."""
    facts = {
        "sha1": sha1_of(content),
        "sha256": digest(content),
        "globalPrevalence": everywhere,
        "globalFirstObserved": scene.stamp(),
        "globalLastObserved": scene.stamp(),
        "size": len(content),
        "fileType": "PortableExecutable",
        "isPeFile": True,
        "filePublisher": signer,
        "fileProductName": None,
        "signer": signer,
        "issuer": "Example CA" if signer else None,
        "signerHash": sha1_of(signer.encode()) if signer else None,
        "isValidCertificate": bool(signer),
        "determinationType": "Unknown",
        "determinationValue": None,
        "_names": [name],
    }
    scene.memory.put("files", digest(content), facts)


# --- alerts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happening:
    """What an alert is about. `evidence` are its rows, as far as they say something."""

    title: str
    device: str
    evidence: tuple[Document, ...]
    source: str = "WindowsDefenderAtp"
    category: str = "Execution"
    severity: str = "Medium"
    threat: str | None = None
    family: str | None = None


def of_file(
    name: str, content: bytes, kind: str = "File", folder: str | None = DOWNLOADS
) -> Document:
    """Return evidence of a file, or of a process whose image that is."""
    return {
        "entityType": kind,
        "sha1": sha1_of(content),
        "sha256": digest(content),
        "fileName": name,
        "filePath": folder,
        "detectionStatus": "Detected",
    }


def of_url(url: str) -> Document:
    """Return evidence of a URL."""
    return {"entityType": "Url", "url": url}


def of_address(address: str) -> Document:
    """Return evidence of an address."""
    return {"entityType": "Ip", "ipAddress": address}


def alert_id(number: int) -> str:
    """Return the id of the alert of this number, from 1."""
    return f"da63890000000000000{number}_{number}"


def raise_alert(scene: Scene, number: int, at: datetime, what: Happening) -> None:
    """Raise an alert, and open an incident for it."""
    stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}7Z"
    machine = scene.memory.get("machines", device_id(what.device)) or {}
    user = {"entityType": "User", "accountName": "alex", "domainName": "CORP"}
    rows = [{**dict.fromkeys(EVIDENCE), **one} for one in (user, *what.evidence)]
    document: dict[str, Any] = {
        "id": alert_id(number),
        "incidentId": 1000 + number,
        "investigationId": None,
        "assignedTo": None,
        "severity": what.severity,
        "status": "New",
        "classification": None,
        "determination": None,
        "investigationState": "UnsupportedAlertType",
        "detectionSource": what.source,
        "detectorId": "00000000-0000-4000-8000-0000000000dd",
        "category": what.category,
        "threatFamilyName": what.family,
        "title": what.title,
        "description": f"{what.title}.",
        **dict.fromkeys(("alertCreationTime", "firstEventTime", "lastEventTime"), stamp),
        "lastUpdateTime": stamp,
        "resolvedTime": None,
        "machineId": machine["id"],
        "computerDnsName": machine["computerDnsName"],
        "rbacGroupName": machine["rbacGroupName"],
        "aadTenantId": TENANT,
        "threatName": what.threat,
        "mitreTechniques": ["T1204.002"],
        "relatedUser": {"userName": "alex", "domainName": "CORP"},
        "comments": [],
        "evidence": [{**row, "evidenceCreationTime": stamp} for row in rows],
    }
    scene.memory.put("alerts", document["id"], document)
    _open_incident(scene, 1000 + number, what.title, stamp)


def _open_incident(scene: Scene, number: int, title: str, stamp: str) -> None:
    document = {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": str(number),
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{number}?tid={TENANT}",
        "redirectIncidentId": None,
        "displayName": title,
        "tenantId": TENANT,
        "createdDateTime": stamp,
        "lastUpdateDateTime": stamp,
        "assignedTo": None,
        "classification": "unknown",
        "determination": "unknown",
        "status": "active",
        "severity": "medium",
        "customTags": ["Simulated"],
        "comments": [],
        "systemTags": [],
        "description": None,
    }
    scene.memory.put("incidents", str(number), document)
