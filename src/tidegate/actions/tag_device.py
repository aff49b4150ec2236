"""Tag the alert's device with the worst verdict when that is malicious."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect, Verdict

REVERSIBLE = True
TAG = "VMRay malicious"


def plan(case: Case) -> Iterator[Effect]:
    """Yield one tag if the alert names a device."""
    if case.alert and case.alert.device and case.verdict is Verdict.MALICIOUS:
        device = case.alert.device
        yield Effect(
            Do.TAG_DEVICE,
            target=device.id,
            text=TAG,
            undo=Do.UNTAG_DEVICE,
            about=device.name,
        )
