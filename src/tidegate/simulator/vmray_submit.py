"""Submitting to the simulated VMRay. That a submission succeeded was never recorded: synthetic."""

import base64
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene
from tidegate.simulator.vmray_answers import (
    flags,
    ok,
    refused,
    sample_of,
    submission_of,
)
from tidegate.simulator.vmray_store import outcome_of, stored_sample, stored_submission

VERSION = "2026.2.1"
SPECIAL_TAGS_SINCE = (2026, 2)
MAX_UPLOAD = 209_715_200
QUOTA = 1_000_000
MEMBERS = 100
NO_JOBS = "Submission failed: no jobs were created."
TAG = re.compile(r"[A-Za-z0-9_.!?;:+\-=/$@%^&)(#'`]{1,255}")
OLD_TAG = re.compile(r"[A-Za-z0-9_]{1,255}")
CHOICES = {
    "shareable": {"true", "false"},
    "analysis_caching": {"disabled", "enabled", "smart", "legacy"},
    "archive_action": {"sample", "compound_sample", "separate_samples"},
    "retention_period": {"0", "60", "120", "180", "360"},
    "analyzer_mode": {
        "reputation",
        "reputation_static",
        "reputation_static_dynamic",
        "static_dynamic",
        "static",
    },
}
FREE = {
    "sample_url",
    "sample_filename_b64enc",
    "tags",
    "comment",
    "max_jobs",
    "max_recursive_samples",
    "archive_password",
    "document_password",
    "user_config",
    "submission_metadata",
    "webhook_notification",
}
# Where a submission shows again what it was asked for.
ECHOED = {
    "comment": "submission_comment",
    "retention_period": "submission_retention_period",
    "analyzer_mode": "submission_analyzer_mode_analyzer_mode",
    "analysis_caching": "submission_analyzer_mode_analysis_caching",
    "archive_action": "submission_analyzer_mode_archive_action",
    "max_recursive_samples": "submission_analyzer_mode_max_recursive_samples",
}


def system(scene: Scene) -> Document:
    """Return what the server says of itself; a test may set any of it."""
    own = flags(scene, "system")
    version = str(own.get("version", VERSION))
    major, minor, revision = (int(number) for number in version.split("."))
    return {
        "api_items_per_request": 100,
        "max_api_items": 1000,
        "webif_base_url": "https://vmray.example",
        "webif_max_upload_size": MAX_UPLOAD,
        "webif_max_sample_size": MAX_UPLOAD,
        "version": version,
        "version_major": major,
        "version_minor": minor,
        "version_revision": revision,
        **own,
    }


def quota(scene: Scene) -> Document:
    """Return the licence's quota; a test may set `limit`. Synthetic but for the two names."""
    limit = flags(scene, "quota").get("limit", QUOTA)
    return {"quota_limit": limit, "used_quota": flags(scene, "used").get("count", 0)}


def routes_of(routes: APIRouter, scene: Scene) -> None:
    """Add the route."""

    @routes.post("/sample/submit")
    async def submit(request: Request) -> Document:
        async with request.form() as form:
            return _submit(scene, form)


def _submit(scene: Scene, form: FormData) -> Document:
    asked = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("sample_file")
    if (file is None) == ("sample_url" not in asked):
        raise refused(400, "Exactly one of sample_file and sample_url is needed")
    _check(scene, asked)
    with scene.memory.changing():
        made, errors = _made(scene, asked, file if isinstance(file, UploadFile) else None)
    samples = {one["submission_sample_id"] for one in made}
    held = [scene.memory.get("samples", str(number)) or {} for number in sorted(samples)]
    return ok(
        {
            "errors": errors,
            "jobs": [],
            "samples": [sample_of(scene, sample) for sample in held],
            "submissions": [submission_of(scene, one) for one in made],
        }
    )


def _made(
    scene: Scene, asked: Mapping[str, str], file: UploadFile | None
) -> tuple[list[Document], list[Document]]:
    made: list[Document] = []
    errors: list[Document] = []
    for sample in _samples(scene, asked, file):
        outcome = outcome_of(scene, sample)
        if why := _why_not(sample, outcome):
            errors.append({"error_msg": why, "submission_filename": sample["sample_filename"]})
            continue
        times = range(outcome.get("submissions", 1))
        made.extend(_submission(scene, sample, asked) for _ in times)
    return made, errors


def _submission(scene: Scene, sample: Document, asked: Mapping[str, str]) -> Document:
    _spend(scene)
    metadata = asked.get("submission_metadata", "{}")
    made = stored_submission(scene, sample, scene.clock(), metadata)
    made |= {shown: asked[name] for name, shown in ECHOED.items() if name in asked}
    made["submission_shareable"] = asked.get("shareable", "true") == "true"
    made["submission_tags"] = asked["tags"].split(",") if asked.get("tags") else []
    scene.memory.put("submissions", str(made["submission_id"]), made)
    scene.record("submit", sample["sample_url"] or sample["sample_sha256hash"])
    if told := asked.get("webhook_notification"):
        # Nobody is called: a test takes it from here, and calls when `at` is over.
        call = {"submission_id": made["submission_id"], "at": made["_ended"], **json.loads(told)}
        scene.record("webhook", json.dumps(call))
    return made


def _why_not(sample: Document, outcome: Document) -> str | None:
    if sample["sample_filesize"] == 0:
        return "The sample is empty."
    if outcome.get("no_jobs"):
        return NO_JOBS
    return outcome.get("refuse")


def _spend(scene: Scene) -> None:
    now = quota(scene)
    if now["used_quota"] >= now["quota_limit"]:
        raise refused(400, "The quota of this API key is exhausted.")
    scene.memory.put("vmray", "used", {"count": now["used_quota"] + 1})


# --- what is submitted ------------------------------------------------------------------------


def _samples(scene: Scene, asked: Mapping[str, str], file: UploadFile | None) -> Iterator[Document]:
    if file is None:
        yield stored_sample(scene, b"", None, asked["sample_url"])
        return
    data = file.file.read()
    if len(data) > system(scene)["webif_max_upload_size"]:
        raise refused(413, "Request Entity Too Large")
    name = _name(asked) or file.filename or "sample"
    for member, content in _members(name, data, asked):
        yield stored_sample(scene, content, member, None)


def _name(asked: Mapping[str, str]) -> str | None:
    try:
        encoded = asked.get("sample_filename_b64enc")
        return base64.b64decode(encoded, validate=True).decode() if encoded else None
    except ValueError:
        raise refused(400, "Invalid value for sample_filename_b64enc") from None


def _members(name: str, data: bytes, asked: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield each file of an archive that is to be taken apart, or the file itself."""
    whole = asked.get("archive_action") in {"sample", "compound_sample"}
    if whole or not name.lower().endswith(".zip") or not zipfile.is_zipfile(BytesIO(data)):
        yield name, data
        return
    password = asked.get("archive_password", "").encode() or None
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for member in archive.infolist()[:MEMBERS]:
            if not member.is_dir():
                yield member.filename, archive.read(member, password)


# --- what the form may say --------------------------------------------------------------------


def _check(scene: Scene, asked: Mapping[str, str]) -> None:
    for name, value in asked.items():
        if name not in FREE and value not in CHOICES.get(name, ()):
            raise refused(400, f"Invalid value for parameter {name}")
    for name in ("submission_metadata", "user_config", "webhook_notification"):
        if not isinstance(_json(asked.get(name, "{}")), dict):
            raise refused(400, f"Invalid value for parameter {name}")
    _check_tags(scene, asked.get("tags", ""))


def _check_tags(scene: Scene, tags: str) -> None:
    told = system(scene)
    special = (told["version_major"], told["version_minor"]) >= SPECIAL_TAGS_SINCE
    allowed = TAG if special else OLD_TAG
    if not all(allowed.fullmatch(tag) for tag in tags.split(",") if tag):
        raise refused(400, "Invalid tag")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
