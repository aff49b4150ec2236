"""What the simulated VMRay keeps: samples, submissions, and what it was told to find in them.

An outcome stands in the table `outcomes`, under the SHA-256 of a file or under a URL, and may say
(what is not marked as recorded is our guess of how VMRay behaves):

`verdict`, `threats`, `classifications`, `vtis`, `techniques`, `iocs` by list; `children`: the keys
of what it drops, circles allowed; `truncated`: that VMRay names not all of these; `error` (why, or
true), `recursive_error`, `partial_error`: how its analyses fail; `locked`; `no_jobs` and `refuse`
(why): that nothing is made of it; `submissions`: how many are made; `slow`: seconds that it takes
longer; `status_waits`: how often each part of its report is not finished when asked for.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5, sha1, sha256
from math import inf

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene

BENIGN: Document = {
    "verdict": "clean",
    "threats": [],
    "classifications": [],
    "vtis": [],
    "techniques": [],
    "iocs": {},
    "children": [],
}


def stored_sample(scene: Scene, data: bytes, name: str | None, url: str | None) -> Document:
    """Store a sample, or find the one that is the same."""
    subject = url.encode() if url else data
    digests = {
        "sample_md5hash": md5(subject, usedforsecurity=False).hexdigest(),
        "sample_sha1hash": sha1(subject, usedforsecurity=False).hexdigest(),
        "sample_sha256hash": sha256(subject).hexdigest(),
    }
    held = scene.memory.find("samples", "sample_sha256hash", digests["sample_sha256hash"])
    return held[0] if held else _new_sample(scene, digests, name, url, len(subject))


def stored_submission(scene: Scene, sample: Document, at: datetime, metadata: str) -> Document:
    """Store a submission of the sample that was made at this time."""
    number = scene.memory.next_id("submissions")
    slow = float(outcome_of(scene, sample).get("slow", 0))
    ended = at.timestamp() + scene.delay.total_seconds() + slow
    made = {
        "submission_id": number,
        "submission_sample_id": sample["sample_id"],
        "submission_sample_md5": sample["sample_md5hash"],
        "submission_sample_sha1": sample["sample_sha1hash"],
        "submission_sample_sha256": sample["sample_sha256hash"],
        "submission_filename": sample["sample_filename"],
        "submission_original_url": sample["sample_url"],
        "submission_created": naive(at),
        "submission_submission_metadata": metadata,
        "submission_shareable": False,
        "submission_tags": [],
        "submission_type": "api",
        "_ended": ended,
        "_second": int(ended),
        "_url": (sample["sample_url"] or "").lower(),  # as the search compares
    }
    scene.memory.put("submissions", str(number), made)
    _note_end(scene, int(ended))
    if ended < sample.get("_ended", inf):
        sample["_ended"] = ended
        scene.memory.put("samples", str(sample["sample_id"]), sample)
    return made


def outcome_of(scene: Scene, sample: Document) -> Document:
    """Return what the tenant was told to find in it; whatever it was not told of is clean."""
    key = sample["sample_url"] or sample["sample_sha256hash"]
    return {**BENIGN, **(scene.memory.get("outcomes", key) or {})}


def analysed(scene: Scene, sample: Document) -> bool:
    """Say whether any analysis of the sample has ended."""
    return scene.seconds >= float(sample.get("_ended", inf))


def put_together(scene: Scene, sample: Document, part: str) -> bool:
    """Say whether this part of its report is complete: it takes half as long as the analysis."""
    if scene.seconds < sample.get("_ended", inf) + scene.delay.total_seconds() / 2:
        return False
    waits = outcome_of(scene, sample).get("status_waits", 0)
    return not waits or _asked(scene, f"{sample['sample_id']} {part}") >= waits


def ended(scene: Scene, submission: Document) -> bool:
    """Say whether the submission is finished."""
    return scene.seconds >= float(submission["_ended"])


def ended_after(scene: Scene, last: Document | None) -> Iterator[Document]:
    """Yield the submissions that ended after this one did, in the order in which they ended."""
    start = _mark(last) if last else (-inf, 0)
    seconds = (scene.memory.get("ends", "seconds") or {"seconds": []})["seconds"]
    for second in seconds[bisect_left(seconds, start[0] - 1) :]:
        if second > scene.seconds:
            return
        rows = scene.memory.find("submissions", "_second", second)
        for row in sorted(rows, key=_mark):
            if _mark(row) > start and ended(scene, row):
                yield row


def children_of(scene: Scene, sample: Document) -> list[int]:
    """Return the ids of the samples that it drops: they are found along with it."""
    keys = outcome_of(scene, sample)["children"] if analysed(scene, sample) else []
    return [_child(scene, key, sample["_ended"])["sample_id"] for key in keys]


def naive(time: datetime) -> str:
    """Return the time as VMRay writes it: in UTC, without saying so."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _new_sample(
    scene: Scene, digests: dict[str, str], name: str | None, url: str | None, size: int
) -> Document:
    sample = {
        "sample_id": scene.memory.next_id("samples"),
        "sample_filename": name,
        "sample_url": url,
        "sample_type": "URL" if url else "Windows Exe (x86-64)",
        "sample_filesize": size,
        **digests,
        "sample_created": naive(scene.clock()),
    }
    scene.memory.put("samples", str(sample["sample_id"]), sample)
    return sample


def _child(scene: Scene, key: str, ended: float) -> Document:
    with scene.memory.changing():
        held = scene.memory.find("samples", "sample_sha256hash", _digest(key))
        child = held[0] if held else _synthetic(scene, key)
        if ended < child.get("_ended", inf):
            child["_ended"] = ended
            scene.memory.put("samples", str(child["sample_id"]), child)
    return child


def _synthetic(scene: Scene, key: str) -> Document:
    """Store a sample whose bytes nobody has: only its SHA-256 is real."""
    if "://" in key:
        return stored_sample(scene, b"", None, key)
    digests = {
        "sample_md5hash": md5(key.encode(), usedforsecurity=False).hexdigest(),
        "sample_sha1hash": sha1(key.encode(), usedforsecurity=False).hexdigest(),
        "sample_sha256hash": key,
    }
    return _new_sample(scene, digests, None, None, 0)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest() if "://" in key else key


def _mark(submission: Document) -> tuple[float, int]:
    return float(submission["_ended"]), int(submission["submission_id"])


def _note_end(scene: Scene, second: int) -> None:
    """Note in which seconds analyses end, so that the feed looks at no others."""
    seconds = (scene.memory.get("ends", "seconds") or {"seconds": []})["seconds"]
    place = bisect_left(seconds, second)
    if seconds[place : place + 1] != [second]:
        seconds.insert(place, second)
        scene.memory.put("ends", "seconds", {"seconds": seconds})


def _asked(scene: Scene, what: str) -> int:
    """Return how often this was asked for before."""
    with scene.memory.changing():
        count = (scene.memory.get("waits", what) or {"count": 0})["count"]
        scene.memory.put("waits", what, {"count": count + 1})
    return int(count)
