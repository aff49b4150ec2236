"""Mark a new alert as in progress once there is something to say about it."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect

REVERSIBLE = False


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for an alert that nobody works on yet."""
    if case.alert and case.artefacts and case.alert.status.lower() == "new":
        yield Effect(Do.BEGIN_ALERT, target=case.id)
