"""How the simulated VMRay words its answers: envelopes, pages, and the documents in them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import uuid4

from fastapi import HTTPException

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene
from tidegate.simulator.vmray_store import (
    analysed,
    children_of,
    ended,
    naive,
    outcome_of,
    put_together,
)

SITE = "https://vmray.example"
PAGE = 100  # as recorded: `api_items_per_request`
MOST = 10_000
SCORES = {"malicious": 100, "suspicious": 60, "clean": 0}
SEVERITY = {"malicious": "malicious", "suspicious": "suspicious", "clean": "not_suspicious"}
FAILED = "An error occurred during the analysis."
# What an entry of each list has of its own, besides its value.
LISTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "domains": ("domain", ("original_domains", "ip_addresses", "protocols", "countries")),
    "email_addresses": ("email_address", ("recipients",)),
    "emails": ("email", ("recipients",)),
    "filenames": ("filename", ("operations",)),
    "files": ("file", ("categories", "filenames", "operations", "hashes", "vtis")),
    "ips": ("ip", ("domains", "protocols")),
    "mutexes": ("mutex", ("operations", "parent_processes")),
    "processes": ("process", ("image_names", "parent_processes", "process_names")),
    "registry": ("registry", ("operations", "reg_key_value_types", "parent_processes")),
    "urls": ("url", ("original_urls", "categories", "methods", "ip_addresses")),
}


def ok(data: object) -> Document:
    """Return VMRay's envelope."""
    return {"data": data, "result": "ok"}


def refused(status: int, message: str, **headers: str) -> HTTPException:
    """Return VMRay's error envelope."""
    return HTTPException(status, {"error_msg": message, "result": "error"}, headers)


def known(scene: Scene, table: str, key: str) -> Document:
    """Return the document, or a 404."""
    found = scene.memory.get(table, key)
    if found is None:
        raise refused(404, "Not found")
    return found


def flags(scene: Scene, name: str) -> Document:
    """Return what a test has set, by putting it into the table `vmray` under this name."""
    return scene.memory.get("vmray", name) or {}


def page(scene: Scene, view: str, rows: Iterable[Document]) -> Document:
    """Return the first page; the rest lies behind a continuation id, which opens it once.

    Synthetic in all but the two names: nothing was recorded.
    """
    ids = [row["submission_id"] for row in islice(rows, MOST)]
    return _page(scene, view, ids)


def continued(scene: Scene, continuation: str) -> Document:
    """Return the next page, and forget how it was reached."""
    rest = known(scene, "continuations", continuation)
    scene.memory.delete("continuations", continuation)
    return _page(scene, rest["view"], rest["ids"])


def _page(scene: Scene, view: str, ids: list[int]) -> Document:
    rows = [known(scene, "submissions", str(number)) for number in ids[:PAGE]]
    answer = ok([VIEWS[view](scene, row) for row in rows])
    if rest := ids[PAGE:]:
        answer["continuation_id"] = uuid4().hex
        scene.memory.put("continuations", answer["continuation_id"], {"view": view, "ids": rest})
    return answer


# --- documents --------------------------------------------------------------------------------


def sample_of(scene: Scene, sample: Document) -> Document:
    """Return the sample as VMRay shows it now."""
    outcome = outcome_of(scene, sample)
    done = analysed(scene, sample) and not outcome.get("error")
    verdict = outcome["verdict"] if done else None
    names = {"threat_names": outcome["threats"], "classifications": outcome["classifications"]}
    return {
        **_shown(sample),
        **{f"sample_{name}": values if done else [] for name, values in names.items()},
        "sample_verdict": verdict,
        "sample_verdict_reason_code": None,
        "sample_verdict_reason_description": None,
        "sample_severity": SEVERITY.get(verdict or "", "unknown"),
        "sample_score": SCORES.get(verdict or ""),
        "sample_vti_score": SCORES.get(verdict or ""),
        "sample_child_sample_ids": children_of(scene, sample),
        "sample_child_relations": [],
        "sample_child_relations_truncated": bool(outcome.get("truncated")),
        "sample_webif_url": f"{SITE}/user/sample/view?id={sample['sample_id']}",
    }


def submission_of(scene: Scene, submission: Document) -> Document:
    """Return the submission as VMRay shows it now."""
    outcome = _outcome(scene, submission)
    done = ended(scene, submission)
    broken = bool(outcome.get("error"))
    verdict = outcome["verdict"] if done and not broken else None
    end = naive(datetime.fromtimestamp(submission["_ended"], UTC))
    failed = {
        "submission_has_errors": broken or bool(outcome.get("partial_error")),
        "submission_has_recursive_errors": bool(outcome.get("recursive_error")),
    }
    return {
        **_shown(submission),
        **{name: value if done else None for name, value in failed.items()},
        "submission_finished": done,
        "submission_finish_time": end if done else None,
        "submission_status": ("failed" if broken else "success") if done else "inwork",
        "submission_verdict": verdict,
        "submission_severity": SEVERITY.get(verdict or "", "error" if broken else "unknown"),
        "submission_score": SCORES.get(verdict or ""),
        "submission_webif_url": f"{SITE}/user/sample/view?id={submission['submission_sample_id']}",
    }


def analysis_of(scene: Scene, submission: Document) -> Document:
    """Return the one analysis that each submission has here."""
    outcome = _outcome(scene, submission)
    number, sample = submission["submission_id"], submission["submission_sample_id"]
    why = outcome.get("error") or outcome.get("partial_error")
    verdict = None if outcome.get("error") else outcome["verdict"]
    locked = outcome.get("locked") and not scene.memory.get("unlocked", str(sample))
    return {
        "analysis_id": number,
        "analysis_submission_id": number,
        "analysis_sample_id": sample,
        "analysis_created": submission["submission_created"],
        "analysis_billing_type": "analyzer",
        "analysis_result_code": 20 if why else 1,
        "analysis_result_str": _reason(why) if why else "Operation completed successfully.",
        "analysis_severity": "error" if why else SEVERITY.get(verdict or "", "unknown"),
        "analysis_verdict": verdict,
        "analysis_lock_status": "locked" if locked else "unlocked",
        "analysis_ioc_aggregation_state": "ok",
        "analysis_vti_aggregation_state": "ok",
        "analysis_mitre_attack_aggregation_state": "ok",
    }


VIEWS: dict[str, Callable[[Scene, Document], Document]] = {
    "submission": submission_of,
    "analysis": analysis_of,
}


def iocs_of(scene: Scene, sample: Document) -> Document:
    """Return the ten lists. Of a locked report they are empty, which is synthetic."""
    if not put_together(scene, sample, "iocs"):
        return {"status": "waiting", "iocs": {}}
    outcome = outcome_of(scene, sample)
    number = str(sample["sample_id"])
    locked = outcome.get("locked") and not scene.memory.get("unlocked", number)
    told: dict[str, list[Document]] = {} if locked else outcome["iocs"]
    lists = {
        name: [_ioc(name, n, one) for n, one in enumerate(told.get(name, []))] for name in LISTS
    }
    return {"status": "finished", "iocs": lists}


def vtis_of(scene: Scene, sample: Document) -> Document:
    """Return what the sample did."""
    if not put_together(scene, sample, "vtis"):
        return {"status": "waiting", "threat_indicators": []}
    return {"status": "finished", "threat_indicators": _vtis(scene, sample)}


def attack_of(scene: Scene, sample: Document) -> Document:
    """Return the techniques of ATT&CK that the sample used."""
    if not put_together(scene, sample, "mitre_attack"):
        return {"status": "waiting", "mitre_attack_techniques": []}
    common = {
        "tactics": [],
        "threat_indicators": _vtis(scene, sample),
        "analysis_ids": [],
        "version": 1.0,
    }
    told = outcome_of(scene, sample)["techniques"]
    rows = [
        {"id": number, "technique": f"Technique {one}", "technique_id": one, **common}
        for number, one in enumerate(told)
    ]
    return {"status": "finished", "mitre_attack_techniques": rows}


def _vtis(scene: Scene, sample: Document) -> list[Document]:
    common: Document = {"category": "Behaviour", "classifications": [], "analysis_ids": []}
    told = outcome_of(scene, sample)["vtis"]
    return [{"id": number, **common, **one} for number, one in enumerate(told)]


def _ioc(name: str, number: int, told: Document) -> Document:
    """Fill an entry up with what each has, as recorded of files and processes."""
    kind, own = LISTS[name]
    verdict = told.get("verdict", "malicious")
    entry: dict[str, Any] = {
        "id": number,
        "ioc": True,
        "ioc_type": kind,
        "type": f"{kind}_artifact",
        "version": 3,
        "severity": SEVERITY.get(verdict, "unknown"),
        "numeric_severity": {"malicious": 4, "suspicious": 3}.get(verdict, 0),
        "verdict": verdict,
        "verdict_reason_code": None,
        "verdict_reason_description": "",
        "analysis_ids": [],
        "classifications": [],
        "threat_names": [],
        **{key: [] for key in own},
    }
    return entry | told


def _outcome(scene: Scene, submission: Document) -> Document:
    sample = known(scene, "samples", str(submission["submission_sample_id"]))
    return outcome_of(scene, sample)


def _reason(told: object) -> str:
    return told if isinstance(told, str) else FAILED


def _shown(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}
