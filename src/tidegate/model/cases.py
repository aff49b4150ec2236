"""Alerts, their evidence and their cases, as frozen values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.model.effects import Answer, Effect, Response
from tidegate.model.known import Kind


class Verdict(StrEnum):
    """What the sandbox thinks. `INCONCLUSIVE` is an answer; a failed analysis is none."""

    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    CLEAN = "clean"
    INCONCLUSIVE = "inconclusive"


# What could not be judged is no reason to call a case clean.
WORST_FIRST = (Verdict.MALICIOUS, Verdict.SUSPICIOUS, Verdict.INCONCLUSIVE, Verdict.CLEAN)


class Entity(StrEnum):
    """The kinds of evidence that can be detonated, as Defender spells them."""

    FILE = "File"
    PROCESS = "Process"
    URL = "Url"


CLIENTS = ("windows1", "windows7", "windows8", "macos", "ios", "android")


@dataclass(frozen=True, slots=True)
class Device:
    """A machine that Defender knows: its operating system, device group and tags, where told."""

    id: str
    name: str = ""
    os: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()

    @property
    def server(self) -> bool:
        """Whether it is a server, by Defender's name of its system: all but what people work on."""
        return not self.os.lower().startswith(CLIENTS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: a file (digests and full path) or a URL (as the alert spells it).

    The image of a process is a file. `path` is the name alone where the alert does not say where it
    lies, and None where it does not say that either.
    """

    entity: Entity
    sha256: str | None = None
    path: str | None = None
    url: str | None = None
    sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """What we use of a Defender alert. `group` is the device group, `family` that of the threat.

    `addresses` are those among its evidence, as the alert spells them: nothing to detonate.
    """

    id: str
    title: str
    severity: str
    status: str
    source: str
    updated: datetime
    incident: str | None = None
    device: Device | None = None
    evidence: tuple[Evidence, ...] = ()
    comments: tuple[str, ...] = ()
    created: datetime | None = None
    category: str = ""
    group: str = ""
    family: str = ""
    classification: str | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An indicator as the sandbox spells it; `shape` is a `Kind` or a `canonical.Shape`."""

    shape: str
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Ioc:
    """An indicator of a report: canonical, and past the hygiene rules."""

    kind: Kind
    value: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing the sample did (VMRay: a VTI), scored 1 to 5."""

    score: int
    operation: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the sandbox says about one submission: its samples, and what those dropped.

    `children` is how many dropped samples were read, `cut` says that there were more.
    """

    sample: str
    verdict: Verdict
    analysed: datetime
    link: str
    threats: tuple[str, ...] = ()
    traits: tuple[Trait, ...] = ()
    techniques: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    classifications: tuple[str, ...] = ()
    children: int = 0
    cut: bool = False


class State(StrEnum):
    """Where one artefact is on its way. The order is the way."""

    LOOKUP = "lookup"
    ACQUIRE = "acquire"
    FETCH = "fetch"
    SUBMIT = "submit"
    ANALYSING = "analysing"
    COLLECT = "collect"
    SPREAD = "spread"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to a file's bytes: from its place on a device, or out of Defender's quarantine."""

    device: Device
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """Where else a file is: our devices that have it, and how many machines anywhere do."""

    devices: tuple[Device, ...] = ()
    seen: int = 0
    everywhere: int | None = None
    signer: str = ""


COMMON = 10_000  # machines, by Defender's count of all that it knows


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file or URL of a case. `key` is the SHA-256 of the file, or of the canonical URL.

    `attempts` are the ways to its bytes that are left, the one under way first. `had` is the
    verdict that held before the sandbox changed its mind.
    """

    key: str
    entity: Entity
    target: str
    due: datetime
    since: datetime
    state: State = State.LOOKUP
    attempts: tuple[Attempt, ...] = ()
    action: str | None = None
    submissions: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    reused: bool = False
    report: Report | None = None
    iocs: tuple[Ioc, ...] = ()
    dropped: int = 0
    troubles: tuple[str, ...] = ()
    sha1: str = ""
    spread: Spread | None = None
    had: Verdict | None = None
    failures: int = 0

    @property
    def scope(self) -> str:
        """The ledger's scope of all that is known of this artefact, whichever case asks."""
        return f"{self.entity.lower()}-{self.key}"

    @property
    def placed(self) -> bool:
        """Whether we know where the file lies: a name alone is no place."""
        return "/" in self.target or "\\" in self.target

    @property
    def common(self) -> bool:
        """Whether it is signed software that very many machines have: never blocked as a whole."""
        spread = self.spread
        return spread is not None and bool(spread.signer) and (spread.everywhere or 0) >= COMMON

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {State.COMPLETE, State.FAILED}

    @property
    def verdict(self) -> Verdict | None:
        """The sandbox's verdict; None while there is none, and for good when it failed."""
        return self.report.verdict if self.report and self.state is State.COMPLETE else None


class Stage(StrEnum):
    """Where a case is on its way. The order is the way; the last four are ends."""

    RECEIVED = "received"
    EXAMINE = "examine"
    RECORD = "record"
    WRITEBACK = "writeback"
    CLEANUP = "cleanup"
    RESPOND = "respond"
    DONE = "done"
    DONE_PARTIAL = "done_partial"
    SKIPPED = "skipped"
    FAILED = "failed"


ENDS = frozenset({Stage.DONE, Stage.DONE_PARTIAL, Stage.SKIPPED, Stage.FAILED})


@dataclass(frozen=True, slots=True)
class Case:
    """One alert on its way from evidence to verdict. Its id is the alert's id.

    `entered` tells when each stage began; `end` is the end it is heading for, once that is known.
    `answers` is what the policy said to each action by name; `revoked` are effects to be undone.
    `version` is the store's: a case is saved only over the version that was read.
    """

    id: str
    opened: datetime
    stage: Stage = Stage.RECEIVED
    end: Stage = Stage.DONE
    reason: str | None = None
    alert: Alert | None = None
    artefacts: tuple[Artefact, ...] = ()
    notes: tuple[str, ...] = ()
    entered: tuple[tuple[Stage, datetime], ...] = ()
    waits: int = 0
    version: int = 0
    answers: tuple[tuple[str, Answer], ...] = ()
    responses: tuple[Response, ...] = ()
    revoked: tuple[Effect, ...] = ()

    @property
    def runs(self) -> int:
        """How often it has begun: what is begun again is asked for again."""
        return sum(stage is Stage.RECEIVED for stage, _ in self.entered)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of all artefacts; None while there is none."""
        verdicts = {artefact.verdict for artefact in self.artefacts}
        return next((verdict for verdict in WORST_FIRST if verdict in verdicts), None)

    @property
    def affected(self) -> tuple[Device, ...]:
        """The devices that something malicious was seen on: the alert's own, then the others."""
        bad = [one for one in self.artefacts if one.verdict is Verdict.MALICIOUS]
        own = [self.alert.device] if bad and self.alert and self.alert.device else []
        files = [one.spread for one in bad if one.spread and not one.common]
        found = [*own, *(device for spread in files for device in spread.devices)]
        return tuple({device.id: device for device in found}.values())
