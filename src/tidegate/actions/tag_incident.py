"""Tag the alert's incident with the worst verdict of the case."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect

REVERSIBLE = True


def plan(case: Case) -> Iterator[Effect]:
    """Yield one tag if there is an incident and a verdict."""
    worst = case.verdict
    if case.alert and case.alert.incident and worst:
        yield Effect(
            Do.TAG_INCIDENT,
            target=case.alert.incident,
            text=f"VMRay {worst}",
            undo=Do.UNTAG_INCIDENT,
        )
