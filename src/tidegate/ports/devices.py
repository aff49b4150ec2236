"""Devices, through Defender: live response, machine actions, and where files are."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tidegate.model import Device, Do


class Progress(StrEnum):
    """How far a machine action is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


LIVE_RESPONSE = "LiveResponse"
BUSY = "ActiveRequestAlreadyExists"
"""The code of `Refused` when the device, or the tenant, does the same already."""


@dataclass(frozen=True, slots=True)
class Action:
    """A machine action, of a `type` as Defender spells it.

    `comment` is the requestor's, by which we know our own again. `detail` says how it failed.
    """

    id: str
    progress: Progress
    comment: str = ""
    detail: str = ""
    type: str = LIVE_RESPONSE


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What Defender knows of a file: its digests, how many machines anywhere have it, who signed.

    `trusted` is whether the signature is valid.
    """

    sha1: str = ""
    sha256: str = ""
    everywhere: int | None = None
    signer: str = ""
    trusted: bool = False


class Devices(Protocol):
    """Machines and what is done on them. Raises `Refused` where Defender names a code."""

    def get(self, device: str) -> Device | None:
        """Return the device; None when Defender does not know it."""
        ...

    def holding(self, sha1: str) -> list[Device]:
        """Return the devices on which Defender saw the file; none when it does not know it."""
        ...

    def file(self, digest: str) -> FileFacts | None:
        """Return what is known of the file with this SHA-1 or SHA-256; None when nothing is."""
        ...

    def actions(self, device: str) -> list[Action]:
        """Return the device's machine actions, newest first, ended ones too."""
        ...

    def collect(self, device: str, path: str, comment: str) -> str:
        """Ask the device for a file; return the action's id."""
        ...

    def stage(self, device: str, script: str, arguments: str, path: str, comment: str) -> str:
        """Run a script of the library, then ask for the file that it made; return the action's id.

        Its results are numbered 0 (what the script printed) and 1 (the file).
        """
        ...

    def action(self, action: str) -> Action: ...

    def cancel(self, action: str, comment: str) -> None:
        """Cancel the action; one that has already ended is fine."""
        ...

    def fetch(self, action: str, index: int, to: Path, max_bytes: int) -> None:
        """Stream the result of a command into the file, as Defender packed it (gzip, usually)."""
        ...

    def upload_script(self, name: str, content: bytes) -> None:
        """Put a script into the library of live response, over one of the same name."""
        ...

    def respond(self, do: Do, device: str, text: str, comment: str) -> str:
        """Ask for a response; return the action's id.

        `text` is the kind of scan (Quick, Full), the kind of isolation (Full, Selective), or the
        SHA-1 of the file to quarantine. `Refused` with BUSY: it is under way already.
        """
        ...

    def tag(self, device: str, tag: str, *, add: bool) -> None:
        """Add or remove a tag; one that is so already is fine."""
        ...


class Hunting(Protocol):
    """Advanced hunting, as far as we need it."""

    def devices_with(self, sha256: str, most: int) -> list[Device]:
        """Return the devices on which the file was seen in the last 30 days, at most so many."""
        ...
