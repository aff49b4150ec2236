"""Write the verdicts into the incident of the alert as one comment."""

from collections.abc import Iterator

from tidegate.actions.comment_alert import about, signed
from tidegate.model import Case, Do, Effect

REVERSIBLE = False


def plan(case: Case) -> Iterator[Effect]:
    """Yield one comment if there is an incident and a verdict."""
    known = [artefact for artefact in case.artefacts if artefact.verdict]
    if case.alert and case.alert.incident and known:
        lines = [f"Tidegate, alert {case.id}:"]
        lines += [f"VMRay says {artefact.verdict}: {about(artefact)}" for artefact in known]
        text = signed(case.id, lines)
        yield Effect(Do.COMMENT_INCIDENT, target=case.alert.incident, text=text)
