"""Write each artefact's verdict, or why there is none, into the alert as a comment."""

from collections.abc import Iterator
from hashlib import sha256

from tidegate.canonical import defanged
from tidegate.model import UNDOING, Artefact, Case, Do, Effect, Entity, Report, Spread, Verdict

REVERSIBLE = False
MOST = 1_000  # characters; what is known to arrive whole
TRAITS = 8
TROUBLE = 300


def plan(case: Case) -> Iterator[Effect]:
    """Yield one comment per artefact, and one for a case that ends without any."""
    worst = next(
        (one for one in case.artefacts if one.verdict and one.verdict is case.verdict), None
    )
    for artefact in case.artefacts:
        asks = _asks(case) if artefact is worst else ""
        verdict, *more = _artefact(artefact)
        # What is long is cut off at its end: what somebody is asked must not be what goes.
        yield _comment(case, [verdict, asks, *more])
    if not case.artefacts:
        reason = case.reason or "nothing to detonate"
        yield _comment(case, [f"Tidegate: not detonated: {plain(reason)}", *_notes(case)])


def marker(text: str) -> str:
    """Return the last line of a comment, by which it is found again in the alert."""
    return text.rpartition("\n")[2]


def signed(case: str, lines: list[str]) -> str:
    """Return the lines as one comment that fits, with the marker of what it says at its end."""
    said = "\n".join(line for line in lines if line)
    digest = sha256(f"{case}\0{said}".encode()).hexdigest()
    mark = f"[tidegate {digest[:12]}]"
    room = MOST - len(mark) - 1
    short = said if len(said) <= room else f"{said[: room - 1].rstrip()}…"
    return f"{short}\n{mark}"


def about(artefact: Artefact) -> str:
    """Name the artefact for people: defanged, on one line."""
    if artefact.entity is Entity.URL:
        return f"URL {plain(defanged(artefact.target))[:300]}"
    name = artefact.target.replace("\\", "/").rpartition("/")[2]
    return f"file {plain(name)[:120]}, SHA-256 {artefact.key}"


def plain(text: str) -> str:
    """Return the text on one line, without what a comment could hide in or break out with."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("<", "(").replace(">", ")")


def listed(title: str, items: tuple[str, ...] | list[str]) -> str:
    """Return a line of the items; nothing where there are none."""
    return f"{title}: {'; '.join(map(plain, items))}" if items else ""


def _comment(case: Case, lines: list[str]) -> Effect:
    return Effect(Do.COMMENT_ALERT, target=case.id, text=signed(case.id, lines))


def _artefact(artefact: Artefact) -> list[str]:
    report = artefact.report
    if report is None or artefact.verdict is None:
        return [f"Tidegate: no verdict for {about(artefact)}", _troubles(artefact)]
    changed = f" (it was {artefact.had})" if artefact.had else ""
    return [
        f"Tidegate: VMRay says {artefact.verdict}{changed}: {about(artefact)}",
        _report(report),
        listed("Threats", report.threats),
        listed("Classifications", report.classifications),
        listed("ATT&CK", report.techniques),
        _iocs(artefact),
        _spread(artefact.spread),
        _troubles(artefact),
        _traits(report),
    ]


def _report(report: Report) -> str:
    link = plain(report.link)[:200] or "none"
    dropped = f", {report.children} dropped samples read" if report.children else ""
    more = ", not all of them" if report.cut else ""
    return f"Analysed {report.analysed:%Y-%m-%d %H:%M} UTC, report: {link}{dropped}{more}"


def _iocs(artefact: Artefact) -> str:
    bad = sum(ioc.verdict is Verdict.MALICIOUS for ioc in artefact.iocs)
    return f"Indicators: {len(artefact.iocs)}, malicious: {bad}, left out: {artefact.dropped}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    names = [device.name or device.id for device in spread.devices[:5]]
    others = f"Also on {spread.seen} other devices" if spread.seen else "On no other device"
    said = listed(others, names) if names else others
    if spread.everywhere is not None:
        said += f"; machines worldwide: {spread.everywhere:,}"
    return f"{said}; signed by {plain(spread.signer)[:80]}" if spread.signer else said


def _traits(report: Report) -> str:
    worst = sorted(report.traits, key=lambda trait: (-trait.score, trait.operation))[:TRAITS]
    return listed("Behaviour", [f"{trait.score}: {trait.operation}" for trait in worst])


def _troubles(artefact: Artefact) -> str:
    return listed("Troubles", artefact.troubles)[:TROUBLE]


def _asks(case: Case) -> str:
    """Say what a person is asked about this verdict, whatever the answer is by now.

    The comment is told from others by its text, which must not change with each answer.
    """
    undoing = case.verdict is not Verdict.MALICIOUS
    asked = [one.effect for one in case.responses if one.asked]
    now = [f"{one.do} {one.about}" for one in asked if (one.do in UNDOING) is undoing]
    return listed("Waits for approval", now)[:TROUBLE]


def _notes(case: Case) -> list[str]:
    return [plain(note) for note in case.notes[:5]]
