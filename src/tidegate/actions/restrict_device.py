"""Let devices that a malicious file was seen on run nothing but what Microsoft signed."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect

REVERSIBLE = True


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for each device, the alert's own first."""
    for device in case.affected:
        yield Effect(
            Do.RESTRICT_DEVICE,
            target=device.id,
            undo=Do.UNRESTRICT_DEVICE,
            about=device.name,
        )
