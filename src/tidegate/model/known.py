"""Indicators as frozen values: their kinds, sightings, markings, and what runs of feeds come to."""

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


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one feed, as it is remembered. `at` is the time by which its rows were judged."""

    id: str
    at: datetime
    outcome: Outcome
    since: datetime | None = None
    until: datetime | None = None
