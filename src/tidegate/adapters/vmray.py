"""VMRay as the sandbox: what it knows, what is submitted, what became of it."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from pydantic_core import from_json

from tidegate.adapters import vmray_report, vmray_submit
from tidegate.adapters.vmray_api import VmrayApi
from tidegate.adapters.vmray_submit import NONCE, Options, Webhook
from tidegate.adapters.vmray_wire import (
    ERRORS,
    Analysis,
    Sample,
    Submitted,
    System,
    Usage,
    said,
)
from tidegate.canonical import Rejected, canonical
from tidegate.model import Entity, Kind, Report, Verdict
from tidegate.ports import BadPayload, Clock, Http, Order, Quota, Refused, Secret, Submission

__all__ = ["Options", "VmraySandbox", "Webhook"]

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
MAX_BYTES = 200 << 20  # VMRay's own default
MOST_ROWS = 1_000
NEWEST = 100
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
LONGEST_NONCE = 200
LOCKED = "locked"
BAD = frozenset({Verdict.MALICIOUS, Verdict.SUSPICIOUS})
UNTOLD = frozenset({"403", "404"})  # not for this key, or not in this version


@dataclass
class VmraySandbox:
    """`ports.Sandbox`. Anything but a 200 with `[]` is never taken for "unknown"."""

    http: Http
    url: str
    key: Secret = field(repr=False)
    options: Options = field(default_factory=Options)
    clock: Clock = lambda: datetime.now(UTC)
    _system: System = field(default_factory=System, init=False, repr=False)
    _asked: datetime | None = field(default=None, init=False, repr=False)
    _unlocked: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        base = self.url.rstrip("/").removesuffix("/rest")  # as VMRay's own documentation has it
        self._api = VmrayApi(self.http, base, self.key)

    def submissions(self, entity: Entity, name: str) -> list[Submission]:
        """See `ports.Sandbox`."""
        rows = self._of_url(name) if entity is Entity.URL else self._of_file(name)
        found = {row.submission_id: _submission(row) for row in rows}
        return sorted(found.values(), key=_age, reverse=True)

    def newest(self) -> list[Submission]:
        """See `ports.Sandbox`."""
        rows = self._api.listed(Submitted, "submission", {"_order": "desc"}, MOST_ROWS)
        return [_submission(row) for row in rows]

    def submit_file(self, name: str, file: Path, order: Order) -> tuple[str, ...]:
        """See `ports.Sandbox`. Raises QuotaSpent when the licence is used up."""
        named = vmray_submit.file_name(name)
        sent = (vmray_submit.ascii_name(named), file, "application/octet-stream")
        form = self._form(order) | vmray_submit.file_fields(self.options, named)
        answer = self._api.post("sample/submit", data=form, files={"sample_file": sent})
        return vmray_submit.made(answer)

    def submit_url(self, url: str, order: Order) -> tuple[str, ...]:
        """See `ports.Sandbox`. Raises QuotaSpent when the licence is used up."""
        form = self._form(order) | {"sample_url": url}
        return vmray_submit.made(self._api.post("sample/submit", data=form))

    def submission(self, submission: str) -> Submission:
        """See `ports.Sandbox`. Of one that failed, the analyses are asked for the reason."""
        row = self._api.get(Submitted, f"submission/{quote(submission, safe='')}")
        return _submission(row, self._reasons(submission) if _failed(row) else "")

    def finished(self, after: str | None, limit: int) -> list[Submission]:
        """See `ports.Sandbox`."""
        if after is None:
            # Without `_last_id` it is no feed: what is under way stands in it as well.
            rows = sorted(self._ended({"_order": "desc"}, NEWEST), key=_end)
            return [_submission(row) for row in rows[-1:]]
        feed = {"_last_id": after, "_order": "asc"}
        return [_submission(row) for row in self._ended(feed, min(limit, MOST_ROWS))]

    def report(self, samples: tuple[str, ...]) -> Report | None:
        """See `ports.Sandbox`."""
        unlocked = [self._unlock(sample) for sample in samples if self.options.unlock]
        if any(unlocked):
            return None  # the findings of what was locked are put together now
        return vmray_report.gathered(self._api, samples, self.options.children)

    def verdict(self, samples: tuple[str, ...]) -> Verdict:
        """See `ports.Sandbox`."""
        read = (vmray_report.read_sample(self._api, sample) for sample in dict.fromkeys(samples))
        return vmray_report.worst(sample.verdict for sample in read)

    def quota(self) -> Quota | None:
        """See `ports.Sandbox`."""
        try:
            usage = self._api.get(Usage, "api_key/quota")
        except Refused as refused:
            if refused.code in UNTOLD:
                return None
            raise
        if usage.quota_limit is None or usage.used_quota is None or usage.quota_limit < 0:
            return None
        return Quota(usage.quota_limit, usage.used_quota)

    def max_bytes(self) -> int:
        """See `ports.Sandbox`."""
        return self._known().webif_max_upload_size or MAX_BYTES

    def _of_file(self, sha256: str) -> Iterator[Submitted]:
        for sample in self._api.listed(Sample, f"sample/sha256/{quote(sha256, safe='')}"):
            where = f"submission/sample/{quote(sample.sample_id, safe='')}"
            yield from self._api.listed(Submitted, where, {"_order": "desc"})

    def _of_url(self, url: str) -> Iterator[Submitted]:
        quoted = url.replace("\\", "\\\\").replace('"', '\\"')
        query = {"query": f'url=="{quoted}"'}
        for row in self._api.listed(Submitted, "submission/search", query):
            # To the search case is no difference; to a server it is.
            if _same(row.submission_original_url or "", url):
                yield row

    def _ended(self, params: dict[str, str], limit: int) -> list[Submitted]:
        rows = self._api.listed(Submitted, "submission", params, limit)
        return [row for row in rows if row.submission_finished]

    def _reasons(self, submission: str) -> str:
        try:
            where = f"analysis/submission/{quote(submission, safe='')}"
            analyses = self._api.listed(Analysis, where)
        except Refused:
            return ""
        return said([one.analysis_result_str or "" for one in analyses if one.failed])

    def _form(self, order: Order) -> dict[str, str]:
        return vmray_submit.fields(self.options, order, special=self._known().special_tags)

    def _known(self) -> System:
        """Return what the server tells of itself; of one that does not, the least is assumed."""
        now = self.clock()
        if self._asked is None or now - self._asked >= HOUR:
            try:
                self._system = self._api.get(System, "system_info")
            except BadPayload:
                self._system = System()
            self._asked = now
        return self._system

    def _unlock(self, sample: str) -> bool:
        """Ask for what is locked of the sample's reports, each once; say whether any was."""
        place = quote(sample, safe="")
        analyses = self._api.listed(Analysis, f"analysis/sample/{place}")
        locked = {one.analysis_id for one in analyses if one.analysis_lock_status == LOCKED}
        if locked <= self._unlocked:
            return False
        answer = self._api.post(f"sample/{place}/unlock_reports")
        self._unlocked |= locked
        if answer.status < ERRORS:
            return True
        log.warning("VMRay answered %d when asked to unlock reports", answer.status)
        return False


def _submission(row: Submitted, reasons: str = "") -> Submission:
    ended = row.submission_finished
    failed = _failed(row)
    digest = row.submission_sample_sha256 or ""
    why = reasons or f"VMRay says {said([row.submission_status or 'no more'])}"
    return Submission(
        id=row.submission_id,
        sample=row.submission_sample_id,
        created=row.submission_created,
        finished=ended,
        error=f"the analysis ended with errors: {why}" if failed else None,
        nonce=_nonce(row.submission_submission_metadata or "{}"),
        sha256=digest.lower() if SHA256.fullmatch(digest) else "",
        url=row.submission_original_url,
        verdict=row.verdict if ended and not failed else None,
        notes=tuple(_notes(row)) if ended and not failed else (),
    )


def _failed(row: Submitted) -> bool:
    """Say whether it ended without a result: what one machine found bad outweighs the others."""
    return row.submission_finished and bool(row.submission_has_errors) and row.verdict not in BAD


def _notes(row: Submitted) -> Iterator[str]:
    if row.submission_has_errors:
        yield "some of its analyses failed"
    if row.submission_has_recursive_errors:
        yield "some analyses of what it dropped failed"


def _age(one: Submission) -> tuple[datetime, int, str]:
    return one.created, len(one.id), one.id


def _end(row: Submitted) -> datetime:
    return row.submission_finish_time or row.submission_created


def _same(one: str, other: str) -> bool:
    try:
        return canonical(Kind.URL, one) == canonical(Kind.URL, other)
    except Rejected:
        return one == other


def _nonce(metadata: str) -> str | None:
    # A JSON string inside JSON, written by whoever submitted: anything may be in it.
    try:
        found = from_json(metadata)
    except ValueError:
        return None
    nonce = found.get(NONCE) if isinstance(found, dict) else None
    return nonce if isinstance(nonce, str) and len(nonce) <= LONGEST_NONCE else None
