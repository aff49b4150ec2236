"""One report out of VMRay's many answers: samples, their findings, and what those dropped."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from tidegate.adapters.vmray_api import VmrayApi
from tidegate.adapters.vmray_wire import (
    FINISHED,
    Attack,
    Ioc,
    Iocs,
    Lists,
    Sample,
    Submitted,
    Vtis,
    printable,
    verdict_of,
)
from tidegate.canonical import MAX_URL, Shape
from tidegate.model import WORST_FIRST, Found, Kind, Report, Trait, Verdict
from tidegate.ports import Refused

MOST_ROOTS = 20  # of an archive: all of its samples are judged, so many are read in full
MOST_FOUND = 2_000
MOST_TRAITS = 100
MOST_NAMES = 10
LONGEST_NAME = 100
# A process's memory is no file: nobody will ever see its hash on a disk.
NO_FILE = "Memory Dump"
TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?\Z", re.ASCII)
LINK = re.compile(r"https?://[!-~]{1,1000}\Z")
GONE = frozenset({"403", "404"})  # deleted, or not ours to see
SENDER = re.compile(r"<([^<>]+)>\s*\Z")  # a sender may stand there with a name
LATEST = 10

VALUES: tuple[tuple[str, str, str], ...] = (
    ("ips", "ip_address", Shape.ADDRESS),
    ("domains", "domain", Kind.DOMAIN),
    ("urls", "url", Kind.URL),
    ("email_addresses", "email_address", Kind.EMAIL),
    ("emails", "sender", Kind.EMAIL),
    ("emails", "subject", Kind.EMAIL_SUBJECT),
    ("filenames", "filename", Kind.FILENAME),
    ("mutexes", "mutex_name", Kind.MUTEX),
    ("processes", "cmd_line", Kind.PROCESS),
    ("registry", "reg_key_name", Kind.REGISTRY),
)
HASHES: tuple[tuple[str, Kind], ...] = (
    ("sha256_hash", Kind.SHA256),
    ("sha1_hash", Kind.SHA1),
    ("md5_hash", Kind.MD5),
)


@dataclass(frozen=True, slots=True)
class Part:
    """What there is about one sample; of a dropped one neither traits nor techniques are read."""

    sample: Sample
    lists: Lists
    traits: tuple[Trait, ...] = ()
    techniques: frozenset[str] = frozenset()


@dataclass
class Dropped:
    """The samples that the submitted ones dropped, as far as they were read."""

    parts: list[Part] = field(default_factory=list)
    cut: bool = False


def read_sample(api: VmrayApi, sample: str) -> Sample:
    """Return the sample as it is now."""
    return api.get(Sample, f"sample/{quote(sample, safe='')}")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of these verdicts, of which there is at least one."""
    return min(verdicts, key=WORST_FIRST.index)


def gathered(api: VmrayApi, samples: tuple[str, ...], children: int) -> Report | None:
    """Return one report on the samples; None while VMRay is still putting parts of it together."""
    read = [read_sample(api, one) for one in dict.fromkeys(samples)]
    read.sort(key=lambda sample: WORST_FIRST.index(sample.verdict))
    roots: list[Part] = []
    for sample in read[:MOST_ROOTS]:
        part = _root(api, sample)
        if part is None:
            return None
        roots.append(part)
    dropped = _dropped(api, roots, children)
    if dropped is None:
        return None
    dropped.cut |= len(read) > MOST_ROOTS
    return _merged(roots, dropped, _analysed(api, read[0]))


# --- reading ----------------------------------------------------------------------------------


def _root(api: VmrayApi, sample: Sample) -> Part | None:
    where = f"sample/{quote(sample.sample_id, safe='')}"
    iocs = api.get(Iocs, f"{where}/iocs")
    if iocs.status != FINISHED:
        return None
    vtis = api.get(Vtis, f"{where}/vtis")
    if vtis.status != FINISHED:
        return None
    attack = api.get(Attack, f"{where}/mitre_attack")
    if attack.status != FINISHED:
        return None
    named = (one.technique_id or "" for one in attack.mitre_attack_techniques)
    techniques = frozenset(filter(TECHNIQUE.match, named))
    return Part(sample, iocs.iocs, tuple(_traits(vtis)), techniques)


def _traits(vtis: Vtis) -> Iterator[Trait]:
    for vti in vtis.threat_indicators:
        if operation := printable(vti.operation or ""):
            yield Trait(min(max(vti.score or 0, 0), 5), operation)


def _dropped(api: VmrayApi, roots: list[Part], most: int) -> Dropped | None:
    """Walk from sample to dropped sample, breadth first; each is asked for once, circles or not."""
    dropped = Dropped(cut=any(root.sample.sample_child_relations_truncated for root in roots))
    seen = {root.sample.sample_id for root in roots}
    asked = 0
    queue = deque(child for root in roots for child in root.sample.sample_child_sample_ids)
    while queue:
        child = queue.popleft()
        if child in seen:
            continue
        if asked == most:
            dropped.cut = True
            break
        seen.add(child)
        asked += 1
        if not _read_child(api, child, dropped, queue):
            return None
    return dropped


def _read_child(api: VmrayApi, child: str, dropped: Dropped, queue: deque[str]) -> bool:
    """Read the child, and note whom it dropped; False while it is not complete."""
    try:
        sample = read_sample(api, child)
        iocs = api.get(Iocs, f"sample/{quote(child, safe='')}/iocs")
    except Refused as refused:
        if refused.code not in GONE:
            raise
        dropped.cut = True
        return True
    dropped.parts.append(Part(sample, iocs.iocs))
    dropped.cut |= bool(sample.sample_child_relations_truncated)
    queue.extend(sample.sample_child_sample_ids)
    return iocs.status == FINISHED


def _analysed(api: VmrayApi, sample: Sample) -> datetime:
    """Return when its latest analysis ended; a sample may be years older than that."""
    where = f"submission/sample/{quote(sample.sample_id, safe='')}"
    try:
        rows = api.listed(Submitted, where, {"_order": "desc"}, LATEST)
    except Refused:
        rows = []
    ends = [row.submission_finish_time for row in rows if row.submission_finished]
    return max(filter(None, ends), default=sample.sample_created)


# --- merging ----------------------------------------------------------------------------------


def _merged(roots: list[Part], dropped: Dropped, analysed: datetime) -> Report:
    first = roots[0].sample
    parts = [*roots, *dropped.parts]
    samples = [part.sample for part in parts]
    link = first.sample_webif_url or ""
    return Report(
        sample=first.sample_id,
        verdict=first.verdict,
        analysed=analysed,
        link=link if LINK.match(link) else "",
        threats=_names(name for one in samples for name in one.sample_threat_names),
        traits=_ranked(trait for part in roots for trait in part.traits),
        techniques=tuple(sorted(frozenset().union(*(part.techniques for part in roots)))),
        found=_found(part.lists for part in parts),
        classifications=_names(name for one in samples for name in one.sample_classifications),
        children=len(dropped.parts),
        cut=dropped.cut,
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, printable: the first few, those of the submitted samples before others."""
    plain = dict.fromkeys(printable(name, LONGEST_NAME) for name in names)
    return tuple(filter(None, plain))[:MOST_NAMES]


def _ranked(traits: Iterable[Trait]) -> tuple[Trait, ...]:
    """Return each operation once, with the highest of its scores; the highest first."""
    highest: dict[str, int] = {}
    for trait in traits:
        highest[trait.operation] = max(trait.score, highest.get(trait.operation, 0))
    ranked = sorted(highest.items(), key=lambda one: (-one[1], one[0]))
    return tuple(Trait(score, operation) for operation, score in ranked[:MOST_TRAITS])


def _found(parts: Iterable[Lists]) -> tuple[Found, ...]:
    """Return what was found, each once with the worst of its verdicts, the malicious first."""
    judged: dict[tuple[str, str], Verdict] = {}
    for lists in parts:
        for shape, text, verdict in (*_values(lists), *_hashes(lists)):
            if text and len(text) <= MAX_URL:
                before = judged.get((shape, text), verdict)
                judged[shape, text] = worst((before, verdict))
    ranked = sorted(judged.items(), key=lambda one: WORST_FIRST.index(one[1]))
    return tuple(Found(shape, text, verdict) for (shape, text), verdict in ranked[:MOST_FOUND])


def _values(lists: Lists) -> Iterator[tuple[str, str, Verdict]]:
    for name, key, shape in VALUES:
        rows: tuple[Ioc, ...] = getattr(lists, name)
        for row in rows:
            text = getattr(row, key) or ""
            if key == "sender" and (address := SENDER.search(text)):
                text = address[1]
            yield shape, text, verdict_of(row.verdict, row.severity)


def _hashes(lists: Lists) -> Iterator[tuple[str, str, Verdict]]:
    files = (file for file in lists.files if NO_FILE not in file.categories)
    for file in files:
        for hashes in file.hashes:
            for key, kind in HASHES:
                yield kind, getattr(hashes, key) or "", verdict_of(file.verdict, file.severity)
