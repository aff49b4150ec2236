"""VMRay's REST API: samples, submissions that take time, and what came out of them."""

import hmac
import re
from datetime import UTC, datetime
from hashlib import md5, sha1, sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Query, UploadFile

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene

CALLS_A_MINUTE = 3_000
VERSION = {"version": "2026.2.1", "version_major": 2026, "version_minor": 2, "version_revision": 1}
LIMITS = {"api_items_per_request": 100, "max_api_items": 1000, "webif_max_upload_size": 209_715_200}
URL_QUERY = re.compile(r'url\s*==\s*"((?:[^"\\]|\\.)*)"')
BENIGN: Document = {"verdict": "clean", "threats": [], "vtis": [], "techniques": [], "iocs": {}}


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/rest`."""
    routes = APIRouter(prefix="/rest", dependencies=[Depends(_guard(scene))])
    # Before the others: `/sample/{hash type}/{hash}` would take `/sample/{id}/iocs` as well.
    _findings(routes, scene)
    _samples(routes, scene)
    _submissions(routes, scene)
    _submit(routes, scene)

    @routes.get("/system_info")
    def system_info() -> Document:
        return ok({**VERSION, **LIMITS, "webif_base_url": "https://vmray.example"})

    return routes


def ok(data: object) -> Document:
    """Return VMRay's envelope."""
    return {"data": data, "result": "ok"}


def refused(status: int, message: str, **headers: str) -> HTTPException:
    """Return VMRay's error envelope."""
    return HTTPException(status, {"error_msg": message, "result": "error"}, headers)


def _guard(scene: Scene) -> Any:
    def throttled(seconds: int) -> HTTPException:
        said = f"Request was throttled. Expected available in {seconds} seconds."
        return refused(429, said, **{"Retry-After": str(seconds)})

    def check(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization, f"api_key {scene.api_key}"):
            raise refused(401, "Authentication required")
        scene.throttle("vmray", CALLS_A_MINUTE, throttled)

    return check


# --- samples ----------------------------------------------------------------------------------


def _samples(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/sample/{algorithm}/{digest}")
    def by_hash(algorithm: str, digest: str) -> Document:
        key = f"sample_{algorithm}hash"
        found = [s for s in scene.memory.all("samples") if s.get(key) == digest.lower()]
        return ok([_sample(scene, sample) for sample in found])

    @routes.get("/sample/{sample}")
    def get_sample(sample: str) -> Document:
        return ok(_sample(scene, _known(scene, "samples", sample)))


def _sample(scene: Scene, sample: Document) -> Document:
    done = any(
        _finished(scene, one)
        for one in scene.memory.all("submissions")
        if one["submission_sample_id"] == sample["sample_id"]
    )
    outcome = _outcome(scene, sample)
    return {
        **sample,
        "sample_verdict": outcome["verdict"] if done else None,
        "sample_severity": outcome["verdict"] if done else "unknown",
        "sample_threat_names": outcome["threats"] if done else [],
        "sample_child_sample_ids": [],
        "sample_webif_url": f"https://vmray.example/samples/{sample['sample_id']}",
    }


def _outcome(scene: Scene, sample: Document) -> Document:
    """Return what the tenant was told to find in it; whatever it was not told of is clean."""
    key = sample["sample_url"] or sample["sample_sha256hash"]
    return {**BENIGN, **(scene.memory.get("outcomes", key) or {})}


# --- findings ---------------------------------------------------------------------------------


def _findings(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/sample/{sample}/iocs")
    def iocs(sample: str) -> Document:
        found = _outcome(scene, _known(scene, "samples", sample))["iocs"]
        if not _put_together(scene, sample):
            return ok({"status": "waiting", "iocs": {}})
        names = ("domains", "files", "ips", "urls", "mutexes", "processes", "registry")
        return ok({"status": "finished", "iocs": {name: found.get(name, []) for name in names}})

    @routes.get("/sample/{sample}/vtis")
    def vtis(sample: str) -> Document:
        found = _outcome(scene, _known(scene, "samples", sample))["vtis"]
        rows = [{"id": n, "category": "Behaviour", **one} for n, one in enumerate(found)]
        return ok({"status": "finished", "threat_indicators": rows})

    @routes.get("/sample/{sample}/mitre_attack")
    def mitre_attack(sample: str) -> Document:
        found = _outcome(scene, _known(scene, "samples", sample))["techniques"]
        return ok({"mitre_attack_techniques": [{"technique_id": one} for one in found]})


def _put_together(scene: Scene, sample: str) -> bool:
    """Say whether the IOCs are complete: that takes half as long again as the analysis."""
    mine = [s for s in scene.memory.all("submissions") if str(s["submission_sample_id"]) == sample]
    return any(scene.over(one["_since"] + scene.delay.total_seconds() / 2) for one in mine)


# --- submissions ------------------------------------------------------------------------------


def _submissions(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/submission")
    def feed(
        last: Annotated[int, Query(alias="_last_id")] = 0,
        limit: Annotated[int, Query(alias="_limit", ge=1, le=1000)] = 100,
    ) -> Document:
        rows = [one for one in scene.memory.all("submissions") if _finished(scene, one)]
        later = [one for one in rows if one["submission_id"] > last]
        return ok([_submission(scene, one) for one in later[:limit]])

    @routes.get("/submission/search")
    def search(query: str) -> Document:
        found = URL_QUERY.fullmatch(query.strip())
        if found is None:
            raise refused(400, "Invalid query")
        url = re.sub(r"\\(.)", r"\1", found[1])
        rows = [s for s in scene.memory.all("submissions") if s["submission_original_url"] == url]
        return ok([_submission(scene, one) for one in rows])

    @routes.get("/submission/sample/{sample}")
    def of_sample(sample: int) -> Document:
        rows = [s for s in scene.memory.all("submissions") if s["submission_sample_id"] == sample]
        return ok([_submission(scene, one) for one in rows])

    @routes.get("/submission/{submission}")
    def get_submission(submission: str) -> Document:
        return ok(_submission(scene, _known(scene, "submissions", submission)))


def _submission(scene: Scene, submission: Document) -> Document:
    sample = _known(scene, "samples", str(submission["submission_sample_id"]))
    outcome = _outcome(scene, sample)
    done = _finished(scene, submission)
    broken = done and bool(outcome.get("error"))
    ended = submission["_since"] + scene.delay.total_seconds()
    shown = {key: value for key, value in submission.items() if not key.startswith("_")}
    return {
        **shown,
        "submission_finished": done,
        "submission_finish_time": _naive(datetime.fromtimestamp(ended, UTC)) if done else None,
        "submission_has_errors": broken if done else None,
        "submission_status": ("failed" if broken else "success") if done else "inwork",
        "submission_verdict": None if broken or not done else outcome["verdict"],
    }


def _finished(scene: Scene, submission: Document) -> bool:
    return scene.over(submission["_since"])


# --- submit -----------------------------------------------------------------------------------


def _submit(routes: APIRouter, scene: Scene) -> None:
    @routes.post("/sample/submit")
    def submit(
        sample_file: Annotated[UploadFile | None, File()] = None,
        sample_url: Annotated[str | None, Form()] = None,
        submission_metadata: Annotated[str, Form()] = "{}",
        tags: Annotated[str, Form()] = "",
        shareable: Annotated[str, Form()] = "true",
    ) -> Document:
        if (sample_file is None) == (sample_url is None):
            raise refused(400, "Exactly one of sample_file and sample_url is needed")
        data = sample_file.file.read() if sample_file else b""
        name = sample_file.filename if sample_file else None
        with scene.memory.changing():
            sample = stored_sample(scene, data, name, sample_url)
            made = stored_submission(scene, sample, scene.clock(), submission_metadata)
            made |= {"submission_shareable": shareable == "true", "submission_tags": [tags]}
            scene.memory.put("submissions", str(made["submission_id"]), made)
            scene.record("submit", sample_url or sample["sample_sha256hash"])
        submissions = [_submission(scene, made)]
        return ok({"errors": [], "jobs": [], "samples": [sample], "submissions": submissions})


def stored_sample(scene: Scene, data: bytes, name: str | None, url: str | None) -> Document:
    """Store a sample, or find the one that is the same."""
    subject = url.encode() if url else data
    digest = sha256(subject).hexdigest()
    for held in scene.memory.all("samples"):
        if held["sample_sha256hash"] == digest:
            return held
    sample = {
        "sample_id": scene.memory.next_id("samples"),
        "sample_filename": name,
        "sample_url": url,
        "sample_type": "URL" if url else "Windows Exe (x86-64)",
        "sample_filesize": len(subject),
        "sample_md5hash": md5(subject, usedforsecurity=False).hexdigest(),
        "sample_sha1hash": sha1(subject, usedforsecurity=False).hexdigest(),
        "sample_sha256hash": digest,
        "sample_created": _naive(scene.clock()),
    }
    scene.memory.put("samples", str(sample["sample_id"]), sample)
    return sample


def stored_submission(scene: Scene, sample: Document, at: datetime, metadata: str) -> Document:
    """Store a submission of the sample that was made at this time."""
    number = scene.memory.next_id("submissions")
    made = {
        "submission_id": number,
        "submission_sample_id": sample["sample_id"],
        "submission_sample_sha256": sample["sample_sha256hash"],
        "submission_filename": sample["sample_filename"],
        "submission_original_url": sample["sample_url"],
        "submission_created": _naive(at),
        "submission_submission_metadata": metadata,
        "submission_shareable": False,
        "submission_tags": [],
        "_since": at.timestamp(),
    }
    scene.memory.put("submissions", str(number), made)
    return made


def _naive(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _known(scene: Scene, table: str, key: str) -> Document:
    found = scene.memory.get(table, key)
    if found is None:
        raise refused(404, "Not found")
    return found
