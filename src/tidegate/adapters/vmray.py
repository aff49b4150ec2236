"""VMRay's REST API: what is known of a sample, submissions, reports."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from tidegate.adapters.theirs import Items, Theirs, Time
from tidegate.canonical import Shape
from tidegate.model import Entity, Found, Kind, Report, Trait, Verdict
from tidegate.ports import BadPayload, Http, Response, SourceDown, Submission

TAG = "Tidegate"
NONCE = "tidegate"  # our key in a submission's metadata
# What Windows forbids in names; VMRay replaces such a name by a random one.
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*\u200b-\u200f\u202a-\u202e]')
# A process's memory is no file: nobody will ever see its hash on a disk.
NO_FILE = "Memory Dump"
FINISHED = "finished"
UNAUTHORIZED = 401


class _Sample(Theirs):
    sample_id: str
    sample_verdict: str | None = None
    sample_webif_url: str | None = None
    sample_threat_names: Items[str] = ()
    sample_created: Time


class _Submission(Theirs):
    submission_id: str
    submission_sample_id: str
    submission_created: Time
    submission_finish_time: Time | None = None
    submission_finished: bool = False
    submission_has_errors: bool | None = None
    submission_status: str | None = None
    submission_submission_metadata: str | None = None


class _SubmitError(Theirs):
    error_msg: str | None = None


class _Submitted(Theirs):
    errors: Items[_SubmitError] = ()
    submissions: Items[_Submission] = ()


class _Hashes(Theirs):
    sha256_hash: str | None = None


class _Ioc(Theirs):
    verdict: str | None = None
    ip_address: str | None = None
    domain: str | None = None
    url: str | None = None
    hashes: Items[_Hashes] = ()
    categories: Items[str] = ()


class _Lists(Theirs):
    ips: Items[_Ioc] = ()
    domains: Items[_Ioc] = ()
    urls: Items[_Ioc] = ()
    files: Items[_Ioc] = ()


class _Iocs(Theirs):
    status: str = FINISHED
    iocs: _Lists = _Lists()


class _Vti(Theirs):
    operation: str | None = None
    score: int | None = None


class _Vtis(Theirs):
    status: str = FINISHED
    threat_indicators: Items[_Vti] = ()


class _Technique(Theirs):
    technique_id: str | None = None


class _Attack(Theirs):
    mitre_attack_techniques: Items[_Technique] = ()


SAMPLES = TypeAdapter(list[_Sample])
SUBMISSIONS = TypeAdapter(list[_Submission])
Read = TypeVar("Read")


@dataclass(frozen=True)
class VmraySandbox:
    """`ports.Sandbox`. Anything but a 200 with `[]` is never taken for "unknown"."""

    http: Http
    url: str
    key: SecretStr = field(repr=False)

    def submissions(self, entity: Entity, name: str) -> list[Submission]:
        rows = self._of_url(name) if entity is Entity.URL else self._of_file(name)
        return sorted(map(_submission, rows), key=lambda one: (one.created, one.id), reverse=True)

    def submit_file(self, name: str, data: bytes, nonce: str) -> str:
        file = (FORBIDDEN.sub("_", name) or "sample", data, "application/octet-stream")
        return self._submit(nonce, files={"sample_file": file})

    def submit_url(self, url: str, nonce: str) -> str:
        return self._submit(nonce, data={"sample_url": url})

    def submission(self, submission: str) -> Submission:
        return _submission(self._get(TypeAdapter(_Submission), f"submission/{submission}"))

    def report(self, sample: str) -> Report | None:
        iocs = self._get(TypeAdapter(_Iocs), f"sample/{sample}/iocs")
        vtis = self._get(TypeAdapter(_Vtis), f"sample/{sample}/vtis")
        if {iocs.status, vtis.status} != {FINISHED}:
            return None
        attack = self._get(TypeAdapter(_Attack), f"sample/{sample}/mitre_attack")
        return _report(self._get(TypeAdapter(_Sample), f"sample/{sample}"), iocs.iocs, vtis, attack)

    def _of_file(self, sha256: str) -> Iterator[_Submission]:
        for sample in self._get(SAMPLES, f"sample/sha256/{sha256}"):
            yield from self._get(SUBMISSIONS, f"submission/sample/{sample.sample_id}")

    def _of_url(self, url: str) -> list[_Submission]:
        quoted = url.replace("\\", "\\\\").replace('"', '\\"')
        return self._get(SUBMISSIONS, "submission/search", {"query": f'url=="{quoted}"'})

    def _submit(
        self,
        nonce: str,
        data: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes, str]] | None = None,
    ) -> str:
        options = {
            "shareable": "false",
            "tags": TAG,
            "submission_metadata": json.dumps({NONCE: nonce}),
        }
        answer = self.http.request(
            "POST",
            f"{self.url}/rest/sample/submit",
            headers=self._headers,
            data={**options, **(data or {})},
            files=files or {},
            expect=(UNAUTHORIZED,),
            retry=False,
        )
        done = _data(TypeAdapter(_Submitted), answer)
        if not done.submissions:
            reasons = "; ".join(error.error_msg or "?" for error in done.errors)
            raise BadPayload(f"VMRay took no submission: {reasons or 'no reason given'}")
        return done.submissions[0].submission_id

    def _get(
        self, model: TypeAdapter[Read], path: str, params: dict[str, str] | None = None
    ) -> Read:
        answer = self.http.request(
            "GET",
            f"{self.url}/rest/{path}",
            headers=self._headers,
            params=params or {},
            expect=(UNAUTHORIZED,),
        )
        return _data(model, answer)

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"api_key {self.key.get_secret_value()}"}


def _data(model: TypeAdapter[Read], answer: Response) -> Read:
    """Open the envelope. Some answers carry `data` without `result`, so `data` decides."""
    if answer.status == UNAUTHORIZED:
        # A key that was changed is mended by a person, not by giving up the case.
        raise SourceDown("VMRay refuses the API key")
    try:
        envelope: Any = json.loads(answer.body)
        return model.validate_python(envelope["data"])
    except (ValueError, TypeError, KeyError) as error:
        # A ValidationError prints its input, which no log should hold.
        found = error.title if isinstance(error, ValidationError) else type(error).__name__
        raise BadPayload(f"not an answer of VMRay: {found}") from None


def _submission(raw: _Submission) -> Submission:
    error = f"analysis ended with errors ({raw.submission_status or 'no status'})"
    return Submission(
        id=raw.submission_id,
        sample=raw.submission_sample_id,
        created=raw.submission_created,
        finished=raw.submission_finished,
        error=error if raw.submission_finished and raw.submission_has_errors else None,
        nonce=_nonce(raw.submission_submission_metadata or "{}"),
    )


def _nonce(metadata: str) -> str | None:
    # A JSON string inside JSON, written by whoever submitted: anything may be in it.
    try:
        found = json.loads(metadata)
    except ValueError:
        return None
    nonce = found.get(NONCE) if isinstance(found, dict) else None
    return nonce if isinstance(nonce, str) else None


def _report(sample: _Sample, iocs: _Lists, vtis: _Vtis, attack: _Attack) -> Report:
    traits = {Trait(vti.score or 0, vti.operation or "") for vti in vtis.threat_indicators}
    techniques = {one.technique_id or "" for one in attack.mitre_attack_techniques} - {""}
    return Report(
        sample=sample.sample_id,
        verdict=_verdict(sample.sample_verdict),
        analysed=sample.sample_created,
        link=sample.sample_webif_url or "",
        threats=tuple(sample.sample_threat_names),
        traits=tuple(sorted(traits, key=lambda trait: (-trait.score, trait.operation))),
        techniques=tuple(sorted(techniques)),
        found=tuple(_found(iocs)),
    )


def _found(lists: _Lists) -> Iterator[Found]:
    single: tuple[tuple[Literal["ip_address", "domain", "url"], str, tuple[_Ioc, ...]], ...] = (
        ("ip_address", Shape.ADDRESS, lists.ips),
        ("domain", Kind.DOMAIN, lists.domains),
        ("url", Kind.URL, lists.urls),
    )
    for key, shape, rows in single:
        for row in rows:
            yield Found(shape, getattr(row, key) or "", _verdict(row.verdict))
    for file in lists.files:
        if NO_FILE not in file.categories:
            for hashes in file.hashes:
                yield Found(Kind.SHA256, hashes.sha256_hash or "", _verdict(file.verdict))


def _verdict(text: str | None) -> Verdict:
    known = {verdict.value: verdict for verdict in Verdict}
    return known.get(text or "", Verdict.INCONCLUSIVE)
