"""Tag the alert's incident with the worst verdict of the case."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect, Verdict

REVERSIBLE = True


def plan(case: Case) -> Iterator[Effect]:
    """Yield one tag if there is an incident and a verdict."""
    verdicts = {artefact.verdict for artefact in case.artefacts}
    worst = next((verdict for verdict in Verdict if verdict in verdicts), None)
    if case.alert and case.alert.incident and worst:
        yield Effect(
            Do.TAG_INCIDENT,
            target=case.alert.incident,
            text=f"VMRay {worst}",
            undo="incident.untag",
        )
