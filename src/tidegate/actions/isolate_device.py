"""Cut devices that a malicious file was seen on off the network, but for Defender itself."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect

REVERSIBLE = True


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for each device, the alert's own first."""
    for device in case.affected:
        yield Effect(
            Do.ISOLATE_DEVICE,
            target=device.id,
            text="Full",
            undo=Do.RELEASE_DEVICE,
            about=device.name,
        )
