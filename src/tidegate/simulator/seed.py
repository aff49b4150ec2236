"""What happens in the simulated tenant: alerts on five devices, each with another outcome."""

from datetime import timedelta

from tidegate.simulator.estate import (
    DOWNLOADS,
    Happening,
    Machine,
    alert_id,
    device_id,
    know_file,
    of_file,
    of_url,
    put_file,
    put_machine,
    quarantine_file,
    raise_alert,
    see_file,
)
from tidegate.simulator.samples import (
    AGENT,
    BROKEN,
    DROPPER,
    KNOWN,
    LOADER,
    OTHERS,
    PAGE,
    QUARANTINED,
    REPLACED,
    REPLACEMENT,
    ROAMING,
    TOOL,
    digest,
    outcomes,
    sha1_of,
)
from tidegate.simulator.scene import Scene

__all__ = [
    "AGENT",
    "BROKEN",
    "DOWNLOADS",
    "DROPPER",
    "KNOWN",
    "LOADER",
    "OTHERS",
    "PAGE",
    "QUARANTINED",
    "REPLACED",
    "ROAMING",
    "TOOL",
    "alert_id",
    "device_id",
    "digest",
    "seed",
    "sha1_of",
]

PROGRAMS = "C:\\Program Files\\Agent"
MACHINES = [
    Machine("desk-1"),
    Machine("desk-2", os="Windows10", tags=("Finance",)),
    Machine("desk-3"),
    Machine("roaming-1", tags=("VIP",), online=False),
    Machine("server-1", os="WindowsServer2022", group="Servers", tags=("Production",)),
]
# Where which file lies.
FILES = [
    ("desk-1", "invoice.exe", LOADER),
    ("desk-1", "broken.exe", BROKEN),
    ("desk-2", "invoice.exe", LOADER),
    ("desk-2", "setup.exe", DROPPER),
    ("desk-3", "tool.exe", TOOL),
    ("desk-3", "notes.exe", ROAMING),
    ("roaming-1", "notes.exe", ROAMING),
    ("server-1", "update.exe", REPLACEMENT),
]
# Where else Defender saw which: those are gone from there by now.
SEEN = [
    ("server-1", REPLACED),
    ("desk-2", KNOWN),
    ("server-1", KNOWN),
    ("desk-3", QUARANTINED),
    ("desk-1", QUARANTINED),
    ("desk-1", AGENT),
]
NAMES = {
    "report.exe": KNOWN,
    "update.exe": REPLACED,
    "payload.exe": QUARANTINED,
    **{name: content for _, name, content in FILES if content not in {TOOL, REPLACEMENT}},
}
DOWNLOADED = "Suspicious file was downloaded"
ALERTS = [
    (55, Happening(DOWNLOADED, "desk-1", (of_file("invoice.exe", LOADER),))),
    (50, Happening(DOWNLOADED, "desk-2", (of_file("invoice.exe", LOADER),))),
    (45, Happening("A user opened a phishing page", "desk-2", (of_url(PAGE),))),
    (40, Happening("Unusual tool was started", "desk-3", (of_file("tool.exe", TOOL),))),
    (35, Happening("Credential theft activity", "desk-2", (of_file("report.exe", KNOWN),))),
    (30, Happening("Suspicious file was executed", "roaming-1", (of_file("notes.exe", ROAMING),))),
    (25, Happening("A service was tampered with", "server-1", (of_file("update.exe", REPLACED),))),
    (20, Happening("Suspicious script host", "desk-1", (of_file("broken.exe", BROKEN),))),
    (
        15,
        Happening(
            "'Simulated' malware was prevented",
            "desk-3",
            (of_file("payload.exe", QUARANTINED),),
            source="WindowsDefenderAv",
            category="Malware",
            threat="Trojan:Win32/Simulated.A",
            family="Simulated",
        ),
    ),
    (
        10,
        Happening(
            "A process behaved unusually",
            "desk-1",
            (of_file("agent.exe", AGENT, kind="Process", folder=PROGRAMS),),
        ),
    ),
]


def seed(scene: Scene) -> None:
    """Fill an empty tenant; one that remembers something is left as it is."""
    with scene.memory.changing():
        if scene.memory.last("alerts", 1):
            return
        for machine in MACHINES:
            put_machine(scene, machine)
        _files(scene)
        outcomes(scene)
        for number, (minutes, what) in enumerate(ALERTS, start=1):
            raise_alert(scene, number, scene.clock() - timedelta(minutes=minutes), what)


def _files(scene: Scene) -> None:
    for device, name, content in FILES:
        put_file(scene, device, name, content)
        see_file(scene, device, content)
    put_file(scene, "desk-1", "agent.exe", AGENT, PROGRAMS)
    for device, content in SEEN:
        see_file(scene, device, content)
    for content in (QUARANTINED, OTHERS):
        quarantine_file(scene, "desk-3", content)
    for name, content in NAMES.items():
        know_file(scene, name, content)
    know_file(scene, "tool.exe", TOOL, everywhere=48_000, signer="Example Software Ltd")
    know_file(scene, "agent.exe", AGENT, everywhere=910_000, signer="Example Agents Inc")
