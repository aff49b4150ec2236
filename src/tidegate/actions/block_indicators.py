"""Block what a malicious sample is and what the sandbox saw it use that is malicious itself."""

from collections.abc import Iterator

from tidegate.model import Artefact, Case, Do, Effect, Entity, Ioc, Kind, Verdict

REVERSIBLE = True
# One digest per file: three kinds of hash would raise three alerts for it.
ENFORCEABLE = {Kind.IPV4, Kind.IPV6, Kind.DOMAIN, Kind.URL, Kind.SHA256}


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for each different value."""
    bad = [artefact for artefact in case.artefacts if artefact.verdict is Verdict.MALICIOUS]
    values = {(ioc.kind, ioc.value) for artefact in bad for ioc in enforceable(artefact)}
    for kind, value in sorted(values):
        yield Effect(Do.BLOCK_INDICATOR, target=value, kind=kind, undo=Do.REVOKE_INDICATOR)


def enforceable(artefact: Artefact) -> Iterator[Ioc]:
    """Yield the artefact itself, unless it is common software, and what it uses."""
    if artefact.entity is Entity.URL:
        yield Ioc(Kind.URL, artefact.target, Verdict.MALICIOUS)
    elif not artefact.common:
        yield Ioc(Kind.SHA256, artefact.key, Verdict.MALICIOUS)
    for ioc in artefact.iocs:
        if ioc.verdict is Verdict.MALICIOUS and ioc.kind in ENFORCEABLE:
            yield ioc
