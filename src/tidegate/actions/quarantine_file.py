"""Stop and quarantine a malicious file on the devices that it was seen on."""

from collections.abc import Iterator

from tidegate.model import Artefact, Case, Device, Do, Effect, Verdict

REVERSIBLE = False


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect for each file and device; Defender wants the file's SHA-1."""
    for device in case.affected:
        for sha1 in sorted(_files(device, case)):
            yield Effect(Do.QUARANTINE_FILE, target=device.id, text=sha1, about=device.name)


def _files(device: Device, case: Case) -> set[str]:
    """Return the digests of the malicious files that were seen on the device."""
    return {
        one.sha1
        for one in case.artefacts
        if one.verdict is Verdict.MALICIOUS and one.sha1 and not one.common
        if device.id in _seen_on(one, case)
    }


def _seen_on(artefact: Artefact, case: Case) -> set[str]:
    own = [case.alert.device] if case.alert and case.alert.device else []
    others = artefact.spread.devices if artefact.spread else ()
    return {device.id for device in (*own, *others)}
