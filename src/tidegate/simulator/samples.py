"""The files and the page of the simulated tenant, and what VMRay finds in them.

The files are harmless text.
"""

from datetime import timedelta
from hashlib import sha1, sha256

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene
from tidegate.simulator.vmray import stored_sample, stored_submission

LOADER = b"Tidegate sample: loader\n"
DROPPER = b"Tidegate sample: dropper\n"
TOOL = b"Tidegate sample: a tool that is clean\n"
KNOWN = b"Tidegate sample: known to the sandbox\n"
ROAMING = b"Tidegate sample: on a notebook that is away\n"
REPLACED = b"Tidegate sample: replaced before we came\n"
REPLACEMENT = b"Tidegate sample: another file\n"
BROKEN = b"Tidegate sample: breaks the sandbox\n"
QUARANTINED = b"Tidegate sample: taken away by antivirus\n"
OTHERS = b"Tidegate sample: in the same quarantine, and nobody's business\n"
AGENT = b"Tidegate sample: the image of a process, which is clean\n"
PAGE = "http://login.phish.example/office/signin.php"


def digest(data: bytes) -> str:
    """Return the SHA-256 by which evidence names a file."""
    return sha256(data).hexdigest()


def sha1_of(data: bytes) -> str:
    """Return the SHA-1 by which Defender names a file."""
    return sha1(data, usedforsecurity=False).hexdigest()


def outcomes(scene: Scene) -> None:
    """Tell VMRay what it will find, and let it know one of the files already."""
    for key, outcome in {
        digest(LOADER): _loader(),
        digest(DROPPER): _malicious("Dropper.Simulated", ips=["198.51.100.23"]),
        digest(KNOWN): _malicious("Stealer.Simulated", domains=["panel.stealer.example"]),
        digest(ROAMING): _malicious("Worm.Simulated", ips=["203.0.113.77"]),
        digest(BROKEN): {"error": True},
        digest(QUARANTINED): _malicious("Trojan.Simulated", domains=["c2.trojan.example"]),
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
