"""What is done about a case, as frozen values: effects, and responses on devices."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from tidegate.model.known import Kind


class Do(StrEnum):
    """What an effect does. The value is part of ledger keys, so it never changes."""

    BEGIN_ALERT = "alert.begin"
    COMMENT_ALERT = "alert.comment"
    BLOCK_INDICATOR = "indicator.block"
    REVOKE_INDICATOR = "indicator.delete"
    TAG_INCIDENT = "incident.tag"
    UNTAG_INCIDENT = "incident.untag"
    COMMENT_INCIDENT = "incident.comment"
    CLASSIFY_ALERT = "alert.classify"
    TAG_DEVICE = "device.tag"
    UNTAG_DEVICE = "device.untag"
    COLLECT_PACKAGE = "device.collect"
    SCAN_DEVICE = "device.scan"
    QUARANTINE_FILE = "file.quarantine"
    RESTRICT_DEVICE = "device.restrict"
    UNRESTRICT_DEVICE = "device.unrestrict"
    ISOLATE_DEVICE = "device.isolate"
    RELEASE_DEVICE = "device.release"


RESPONSES = frozenset(
    {
        Do.COLLECT_PACKAGE,
        Do.SCAN_DEVICE,
        Do.QUARANTINE_FILE,
        Do.RESTRICT_DEVICE,
        Do.UNRESTRICT_DEVICE,
        Do.ISOLATE_DEVICE,
        Do.RELEASE_DEVICE,
    }
)
"""What Defender does on a device, in its own time: a machine action."""


UNDOING = frozenset({Do.UNRESTRICT_DEVICE, Do.RELEASE_DEVICE})
"""Responses that take another one back."""

REFUSED = "refused: "
"""How the result of an effect begins that was refused, and the note that tells of it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One change that we want to make outside, as a value: to show, approve, apply once, undo.

    `about` names the target for people; it is no part of what makes the effect this one.
    """

    do: Do
    target: str
    text: str = ""
    kind: Kind | None = None
    undo: Do | None = None
    about: str = ""

    @property
    def key(self) -> str:
        """What makes it this effect within its case: same key, done once."""
        said = sha256(f"{self.kind or ''}\0{self.target}\0{self.text}".encode()).hexdigest()
        return f"{self.do}:{said[:24]}"


class Answer(StrEnum):
    """What the policy says to an effect: not at all, once a person approves, at once."""

    NONE = "none"
    ASK = "ask"
    DO = "do"


class Turn(StrEnum):
    """How far a response is. The order is the way; from `succeeded` on nothing more happens."""

    ASKED = "asked"
    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    NEEDLESS = "needless"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Response:
    """A response on a device, and how far it is. `action` is Defender's id of the machine action.

    `stopping` is one that is wanted no more and may be under way. `needless` is one whose device
    was so already: nothing was done, so nothing is undone. `asked` says that a person was to
    approve it.
    """

    effect: Effect
    turn: Turn
    since: datetime
    due: datetime
    asked: bool = False
    action: str | None = None
    detail: str = ""
    failures: int = 0

    @property
    def open(self) -> bool:
        """Whether it is ours to go on with."""
        return self.turn in {Turn.WAITING, Turn.RUNNING, Turn.STOPPING}
