"""Write each artefact's verdict, or why there is none, into the alert as a comment."""

from collections.abc import Iterator
from hashlib import sha256

from tidegate.canonical import defanged
from tidegate.model import Artefact, Case, Do, Effect, Entity, Report, Verdict

REVERSIBLE = False
MOST = 1_000  # characters; what is known to arrive whole
TRAITS = 8
TROUBLE = 300


def plan(case: Case) -> Iterator[Effect]:
    """Yield one comment per artefact, and one for a case that ends without any."""
    for artefact in case.artefacts:
        yield _comment(case, _artefact(artefact))
    if not case.artefacts:
        reason = case.reason or "nothing to detonate"
        yield _comment(case, [f"Tidegate: not detonated: {_plain(reason)}", *_notes(case)])


def marker(text: str) -> str:
    """Return the last line of a comment, by which it is found again in the alert."""
    return text.rpartition("\n")[2]


def _comment(case: Case, lines: list[str]) -> Effect:
    said = "\n".join(line for line in lines if line)
    digest = sha256(f"{case.id}\0{said}".encode()).hexdigest()
    mark = f"[tidegate {digest[:12]}]"
    room = MOST - len(mark) - 1
    short = said if len(said) <= room else f"{said[: room - 1].rstrip()}…"
    return Effect(Do.COMMENT_ALERT, target=case.id, text=f"{short}\n{mark}")


def _artefact(artefact: Artefact) -> list[str]:
    report = artefact.report
    if report is None or artefact.verdict is None:
        return [f"Tidegate: no verdict for {_named(artefact)}", _troubles(artefact)]
    return [
        f"Tidegate: VMRay says {artefact.verdict}: {_named(artefact)}",
        _report(report),
        _listed("Threats", report.threats),
        _listed("ATT&CK", report.techniques),
        _iocs(artefact),
        _troubles(artefact),
        _traits(report),
    ]


def _named(artefact: Artefact) -> str:
    if artefact.entity is Entity.URL:
        return f"URL {_plain(defanged(artefact.target))[:300]}"
    name = artefact.target.replace("\\", "/").rpartition("/")[2]
    return f"file {_plain(name)[:120]}, SHA-256 {artefact.key}"


def _report(report: Report) -> str:
    link = _plain(report.link)[:200] or "none"
    return f"Analysed {report.analysed:%Y-%m-%d %H:%M} UTC, report: {link}"


def _iocs(artefact: Artefact) -> str:
    bad = sum(ioc.verdict is Verdict.MALICIOUS for ioc in artefact.iocs)
    return f"Indicators: {len(artefact.iocs)}, malicious: {bad}, left out: {artefact.dropped}"


def _traits(report: Report) -> str:
    worst = sorted(report.traits, key=lambda trait: (-trait.score, trait.operation))[:TRAITS]
    return _listed("Behaviour", [f"{trait.score}: {trait.operation}" for trait in worst])


def _troubles(artefact: Artefact) -> str:
    return _listed("Troubles", artefact.troubles)[:TROUBLE]


def _notes(case: Case) -> list[str]:
    return [_plain(note) for note in case.notes[:5]]


def _listed(title: str, items: tuple[str, ...] | list[str]) -> str:
    return f"{title}: {'; '.join(map(_plain, items))}" if items else ""


def _plain(text: str) -> str:
    """Return the text on one line, without what a comment could hide in or break out with."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("<", "(").replace(">", ")")
