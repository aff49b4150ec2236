"""What an analyst talks about, as frozen values: indicator kinds, sightings, markings, outcomes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256


class Kind(StrEnum):
    """What an indicator is. The value is what ids and files carry, so it never changes.

    A new kind goes to the end: stored sightings keep the order of those that they know.
    """

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    CIDR = "cidr"
    DOMAIN = "domain"
    URL = "url"
    EMAIL = "email"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    CVE = "cve"
    ASN = "asn"
    CERTIFICATE = "certificate"  # the SHA-1 of one, which is not that of a file
    FILENAME = "filename"  # without its folder
    MUTEX = "mutex"
    PROCESS = "process"  # a command line
    REGISTRY = "registry"  # a key of it
    EMAIL_SUBJECT = "email-subject"  # of a message; who sent it is an `EMAIL`


class Tlp(StrEnum):
    """Traffic light protocol 2.0, from free to strict. A sharing rule, never a confidence."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


def indicator_id(kind: Kind, value: str) -> str:
    """The id of a canonical value: 32 hex digits that any client can compute.

    `printf 'domain\\0evil.example' | sha256sum | cut -c1-32` prints the same.
    """
    return sha256(f"{kind}\0{value}".encode()).hexdigest()[:32]


def partition_key(indicator: str) -> str:
    """The logical partition of an indicator id: 256 of them."""
    return indicator[:2]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One source says one thing about one indicator. All times are aware, in UTC."""

    kind: Kind
    value: str
    source: str
    confidence: int
    first_seen: datetime
    last_seen: datetime
    expires: datetime
    tags: tuple[str, ...] = ()
    threat: str | None = None
    reference: str | None = None
    tlp: Tlp = Tlp.CLEAR
    original: str | None = None

    @property
    def indicator(self) -> str:
        """The id of the indicator that this sighting is about."""
        return indicator_id(self.kind, self.value)


class Status(StrEnum):
    """How one run of one feed ended."""

    OK = "ok"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"
    QUARANTINED = "quarantined"
    QUOTA_WAIT = "quota_wait"
    SOURCE_DOWN = "source_down"
    BAD_PAYLOAD = "bad_payload"


class Origin(StrEnum):
    """Where a feed's rows came from. Rows of a sample give way to the first real fetch."""

    LIVE = "live"
    FILE = "file"
    SAMPLE = "sample"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of one feed, as `tidegate ingest --json` prints it.

    `rows` were in the payload; each is then kept, suppressed, rejected or a repeat of a kept one.
    `payloads` are the digests of its raw files, in order, under which they are archived. Of a
    `dry_run` the counts say what would have changed: nothing was written. `requests` were made of
    the source, retries not counted. `notes` tell what is odd and no fault: new columns, an old
    list.
    """

    feed: str
    status: Status
    rows: int = 0
    kept: int = 0
    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    suppressed: int = 0
    repeated: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None
    origin: Origin = Origin.LIVE
    payloads: tuple[str, ...] = ()
    dry_run: bool = False
    requests: int = 0
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a person should look: waiting for a quota is a state, not a failure."""
        return self.status in {Status.SOURCE_DOWN, Status.BAD_PAYLOAD, Status.QUARANTINED}


# --- cases ------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What the sandbox thinks. `INCONCLUSIVE` is an answer; a failed analysis is none."""

    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    CLEAN = "clean"
    INCONCLUSIVE = "inconclusive"


class Entity(StrEnum):
    """The kinds of evidence that can be detonated, as Defender spells them."""

    FILE = "File"
    PROCESS = "Process"
    URL = "Url"


@dataclass(frozen=True, slots=True)
class Device:
    """A machine that Defender knows."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: a file (digest and full path) or a URL (as the alert spells it)."""

    entity: Entity
    sha256: str | None = None
    path: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """What we use of a Defender alert."""

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
    """What the sandbox says about one sample."""

    sample: str
    verdict: Verdict
    analysed: datetime
    link: str
    threats: tuple[str, ...] = ()
    traits: tuple[Trait, ...] = ()
    techniques: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()


class State(StrEnum):
    """Where one artefact is on its way. The order is the way."""

    LOOKUP = "lookup"
    ACQUIRE = "acquire"
    FETCH = "fetch"
    SUBMIT = "submit"
    ANALYSING = "analysing"
    COLLECT = "collect"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file or URL of a case. `key` is the SHA-256 of the file, or of the canonical URL."""

    key: str
    entity: Entity
    target: str
    due: datetime
    since: datetime
    state: State = State.LOOKUP
    devices: tuple[Device, ...] = ()
    action: str | None = None
    submission: str | None = None
    sample: str | None = None
    reused: bool = False
    report: Report | None = None
    iocs: tuple[Ioc, ...] = ()
    dropped: int = 0
    troubles: tuple[str, ...] = ()

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
    DONE = "done"
    DONE_PARTIAL = "done_partial"
    SKIPPED = "skipped"
    FAILED = "failed"


ENDS = frozenset({Stage.DONE, Stage.DONE_PARTIAL, Stage.SKIPPED, Stage.FAILED})


@dataclass(frozen=True, slots=True)
class Case:
    """One alert on its way from evidence to verdict. Its id is the alert's id.

    `entered` tells when each stage began; `end` is the end it is heading for, once that is known.
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


class Do(StrEnum):
    """What an effect does. The value is part of ledger keys, so it never changes."""

    COMMENT_ALERT = "alert.comment"
    BLOCK_INDICATOR = "indicator.block"
    TAG_INCIDENT = "incident.tag"


@dataclass(frozen=True, slots=True)
class Effect:
    """One change that we want to make outside, as a value: to show, approve, apply once, undo."""

    do: Do
    target: str
    text: str = ""
    kind: Kind | None = None
    undo: str | None = None

    @property
    def key(self) -> str:
        """What makes it this effect within its case: same key, done once."""
        said = sha256(f"{self.kind or ''}\0{self.target}\0{self.text}".encode()).hexdigest()
        return f"{self.do}:{said[:24]}"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one feed, as it is remembered. `at` is the time by which its rows were judged."""

    id: str
    at: datetime
    outcome: Outcome
    since: datetime | None = None
    until: datetime | None = None
