"""VirusTotal's API v3: how many engines call an address, a domain, a URL or a file what."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

from pydantic import Field, SecretStr

from tidegate.adapters.theirs import Items, Theirs, read
from tidegate.model import Kind
from tidegate.ports import Advice, Allowance, BadPayload, Http

URL = "https://www.virustotal.com"
NOT_FOUND = 404
PER_MINUTE = 4
MOST_BYTES = 8 << 20  # a report names the finding of each engine, and every certificate
MOST_LABELS = 20
LAST_DAY = 253_402_300_799  # of the year 9999, in seconds
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# Of the API, and of the page for people.
COLLECTIONS = {
    Kind.IPV4: ("ip_addresses", "ip-address"),
    Kind.IPV6: ("ip_addresses", "ip-address"),
    Kind.DOMAIN: ("domains", "domain"),
    Kind.URL: ("urls", "url"),
    Kind.MD5: ("files", "file"),
    Kind.SHA1: ("files", "file"),
    Kind.SHA256: ("files", "file"),
}

Text = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=10_000)]


class _Stats(Theirs):
    malicious: Count
    suspicious: Count = 0
    harmless: Count = 0
    undetected: Count = 0


class _Threat(Theirs):
    suggested_threat_label: Text | None = None


class _Attributes(Theirs):
    last_analysis_stats: _Stats
    last_analysis_date: Annotated[int, Field(ge=0, le=LAST_DAY)] | None = None
    popular_threat_classification: _Threat | None = None
    tags: Items[Text] = ()


class _Object(Theirs):
    id: Text
    attributes: _Attributes


class _Report(Theirs):
    data: _Object


@dataclass(frozen=True, slots=True)
class VirusTotal:
    """`ports.Enricher` on a key; the public one may not be used for business."""

    http: Http
    key: SecretStr | None
    daily: int
    url: str = URL

    name = "virustotal"
    kinds = frozenset(COLLECTIONS)

    @property
    def allowances(self) -> tuple[Allowance, ...]:
        """See `ports.Enricher`."""
        a_minute = Allowance(timedelta(minutes=1), PER_MINUTE)
        return (a_minute, Allowance(timedelta(days=1), self.daily))

    @property
    def missing(self) -> str | None:
        """See `ports.Enricher`."""
        return None if self.key else "TIDEGATE_VIRUSTOTAL_KEY"

    def ask(self, kind: Kind, value: str) -> Advice | None:
        """See `ports.Enricher`."""
        if self.key is None:
            raise AssertionError("asked without a key: `missing` says so")
        answer = self.http.request(
            "GET",
            f"{self.url}/api/v3/{COLLECTIONS[kind][0]}/{_id(kind, value)}",
            headers={"x-apikey": self.key.get_secret_value()},
            expect=(NOT_FOUND,),
            max_bytes=MOST_BYTES,
        )
        return None if answer.status == NOT_FOUND else _advice(kind, value, read(_Report, answer))


def _id(kind: Kind, value: str) -> str:
    if kind is not Kind.URL:
        return value
    return urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _advice(kind: Kind, value: str, report: _Report) -> Advice:
    said = report.data.attributes
    stats, threat = said.last_analysis_stats, said.popular_threat_classification
    label = threat.suggested_threat_label if threat else None
    analysed = said.last_analysis_date
    return Advice(
        says=_verdict(stats),
        link=f"https://www.virustotal.com/gui/{COLLECTIONS[kind][1]}/{_page(kind, value, report)}",
        counts=stats.model_dump(),
        labels=(*filter(None, [label]), *said.tags[:MOST_LABELS]),
        at=datetime.fromtimestamp(analysed, UTC) if analysed is not None else None,
    )


def _verdict(stats: _Stats) -> str:
    if stats.malicious:
        return "malicious"
    if stats.suspicious:
        return "suspicious"
    return "harmless" if stats.harmless else "undetected"


def _page(kind: Kind, value: str, report: _Report) -> str:
    """Return how the page for people names it: nothing of an answer goes into a link unchecked."""
    theirs = report.data.id
    if kind is Kind.URL:
        return theirs if SHA256.match(theirs) else sha256(value.encode()).hexdigest()
    if kind in {Kind.IPV4, Kind.IPV6, Kind.DOMAIN} and theirs != value:
        raise BadPayload("VirusTotal answered for another value")
    return value
