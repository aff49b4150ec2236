"""Run a quick antivirus scan on devices that a malicious file was seen on."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect

REVERSIBLE = False


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for each device, the alert's own first."""
    for device in case.affected:
        yield Effect(Do.SCAN_DEVICE, target=device.id, text="Quick", about=device.name)
