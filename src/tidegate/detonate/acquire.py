"""A file's bytes, by live response: asked for, waited for, unpacked, checked, put aside."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tidegate.detonate import quarantine, slots
from tidegate.detonate.moves import failed, moved, waited_for, waiting
from tidegate.detonate.packing import unpack, wrap
from tidegate.detonate.world import Policy, World, within
from tidegate.model import Artefact, Attempt, Case, Device, State
from tidegate.ports import BUSY, Progress, QuotaSpent, Refused

ANTIVIRUS = "windowsdefenderav"
# What the device itself cannot do, no other way to it will.
UNABLE = {"DisabledFeature", "OsPlatformNotSupported", "ClientVersionNotSupported", "Forbidden"}
MINUTE = timedelta(minutes=1)
LIBRARY_HOLDS = timedelta(days=1)
DEVICE_ID = re.compile(r"[A-Za-z0-9-]{1,128}")


def acquire(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Ask the first device for the file, unless it was asked already or is busy."""
    if not artefact.attempts:
        return failed(artefact, "there is no device to fetch the file from", case, world)
    device = artefact.attempts[0].device.id
    if not slots.take(device, artefact, case, world):
        # Whoever has it may wait for the device as long as we may, and then for a sweep.
        longest = 3 * world.policy.device_deadline
        return _busy(artefact, "no live response was free", longest, case, world)
    return _requested(artefact, case, world)


def _requested(artefact: Artefact, case: Case, world: World) -> Artefact:
    device = artefact.attempts[0].device.id
    try:
        action = _begun(artefact, case, world)
    except QuotaSpent:
        # It may be long until there are requests again; others need none for what they began.
        slots.give_back(device, artefact, case, world)
        raise
    except Refused as refused:
        slots.give_back(device, artefact, case, world)
        if refused.code == BUSY:
            longest = world.policy.device_deadline
            return _busy(artefact, "the device stayed busy", longest, case, world)
        return next_attempt(artefact, str(refused), case, world, gone=refused.code in UNABLE)
    return moved(artefact, State.FETCH, world.clock(), action=action)


def fetch(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Wait for the live response; take the file only if it is the one that the alert named."""
    action = world.devices.action(artefact.action or "")
    if action.progress is Progress.RUNNING:
        if waited_for(artefact, world) < world.policy.device_deadline:
            delay = _pace(waited_for(artefact, world), world.policy)
            return replace(artefact, due=world.clock() + delay)
        world.devices.cancel(action.id, mark(artefact, case))
        late = "the device did not answer in time"
        return next_attempt(artefact, late, case, world, gone=True)
    if action.progress is Progress.FAILED:
        return next_attempt(artefact, f"live response failed: {action.detail}", case, world)
    found = _taken(artefact, case, world)
    if not found:
        return next_attempt(artefact, _missed(artefact), case, world)
    slots.give_back(artefact.attempts[0].device.id, artefact, case, world)
    return moved(artefact, State.SUBMIT, world.clock())


def attempts(artefact: Artefact, case: Case, others: list[Device], policy: Policy) -> list[Attempt]:
    """Return the ways to the file's bytes: the alert's device first, then others that have it.

    What antivirus found lies in its quarantine, which is looked through first.
    """
    alert = case.alert
    own = [alert.device] if alert and alert.device else []
    known = {device.id for device in own}
    more = [device for device in others if device.id not in known][: policy.other_devices]
    detained = alert is not None and alert.source.lower() == ANTIVIRUS
    ways = [way for device in (*own, *more) for way in _ways(artefact, device, detained, policy)]
    return [way for way in ways if DEVICE_ID.fullmatch(way.device.id)]


def next_attempt(
    artefact: Artefact, trouble: str, case: Case, world: World, *, gone: bool = False
) -> Artefact:
    """Give up on the first way, or on its whole device when that is `gone`."""
    first, *others = artefact.attempts
    slots.give_back(first.device.id, artefact, case, world)
    left = [one for one in others if not (gone and one.device.id == first.device.id)]
    how = "quarantine, " if first.quarantined else ""
    said = f"{how}{first.device.name or first.device.id}: {trouble}"
    if not left:
        return failed(artefact, said, case, world)
    after = replace(
        artefact, attempts=tuple(left), action=None, troubles=(*artefact.troubles, said)
    )
    return moved(after, State.ACQUIRE, world.clock())


def mark(artefact: Artefact, case: Case) -> str:
    """Return what our live responses carry as their comment, to be known again."""
    where = "quarantine" if artefact.attempts and artefact.attempts[0].quarantined else "file"
    return f"Tidegate: alert {case.id}, run {case.runs}, {where} {artefact.key}"


def sample_name(artefact: Artefact, case: Case) -> str:
    """Return the name under which the file's bytes wait for their submission.

    The day stands in it, by which bytes that nobody cleared away are found.
    """
    return f"evidence/{case.opened:%Y%m%d}/{case.id}/{artefact.key}"


@contextmanager
def scratch(world: World) -> Iterator[Path]:
    """Make a folder for files on their way; it goes with what is in it."""
    world.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=world.scratch) as folder:
        yield Path(folder)


# --- details ----------------------------------------------------------------------------------


def _ways(artefact: Artefact, device: Device, detained: bool, policy: Policy) -> Iterator[Attempt]:
    windows = policy.quarantine and (not device.os or device.os.lower().startswith("windows"))
    if detained and windows:
        yield Attempt(device, quarantined=True)
    if artefact.placed:
        yield Attempt(device)
    if not detained and windows:
        yield Attempt(device, quarantined=True)


def _begun(artefact: Artefact, case: Case, world: World) -> str:
    """Ask for the file, once; return the id of the live response.

    Whoever asked before and does not know what came of it looks among the device's actions.
    """
    key = f"{case.id}:fetch.{_run(artefact, case)}"
    if world.ledger.begin(key, case.id, world.clock()) is not None:
        actions = world.devices.actions(artefact.attempts[0].device.id)
        ours = [one.id for one in actions if one.comment == mark(artefact, case)]
        if ours:
            return ours[0]
    try:
        return _ask(artefact, case, world)
    except QuotaSpent:
        if begun := world.ledger.get(key):
            world.ledger.forget(begun)  # nobody asked, so there is nothing to look for
        raise


def _ask(artefact: Artefact, case: Case, world: World) -> str:
    attempt, said = artefact.attempts[0], mark(artefact, case)
    if not attempt.quarantined:
        return world.devices.collect(attempt.device.id, artefact.target, said)
    run = _run(artefact, case)
    return world.devices.stage(
        attempt.device.id,
        _script(world),
        quarantine.arguments(run, world.policy.quarantine_hours),
        quarantine.archive_path(run),
        said,
    )


def _script(world: World) -> str:
    """Return the name of our script, once it is in Defender's library."""
    name = quarantine.script_name()
    key, now = f"library:{name}", world.clock()
    held = world.ledger.begin(key, "library", now)
    # Once a day, for somebody may have tidied the library up.
    if held is None or not held.done or now - held.at >= LIBRARY_HOLDS:
        world.devices.upload_script(name, quarantine.script())
        world.ledger.finish(key, "uploaded", now)
    return name


def _run(artefact: Artefact, case: Case) -> str:
    return sha256(mark(artefact, case).encode()).hexdigest()[:16]


def _taken(artefact: Artefact, case: Case, world: World) -> bool:
    """Download what the action brought, and put it aside if it is the file; False if it is not."""
    quarantined, largest = artefact.attempts[0].quarantined, world.policy.max_bytes
    most = quarantine.MAX_TOTAL if quarantined else largest
    with scratch(world) as folder:
        packed, plain, found = (folder / name for name in ("packed", "plain", "found"))
        world.devices.fetch(artefact.action or "", 1 if quarantined else 0, packed, most)
        digest = unpack(packed, plain, artefact.key, most)
        if quarantined:
            if not quarantine.extract(plain, artefact.key, found, largest):
                return False
        elif digest == artefact.key:
            found = plain
        else:
            return False
        wrap(found, folder / "wrapped")
        world.objects.put(sample_name(artefact, case), folder / "wrapped")
    return True


def _missed(artefact: Artefact) -> str:
    if artefact.attempts[0].quarantined:
        return "the file is not in quarantine"
    return "hash mismatch: the file is another one"


def _busy(artefact: Artefact, why: str, longest: timedelta, case: Case, world: World) -> Artefact:
    if waited_for(artefact, world) >= longest:
        return next_attempt(artefact, why, case, world, gone=True)
    policy, half = world.policy, waited_for(artefact, world) / 2
    return waiting(artefact, world, within(policy.slot_soonest, half, policy.analysis_slowest))


def _pace(waited: timedelta, policy: Policy) -> timedelta:
    """Four looks in the first minute, one a minute for ten, then every five."""
    pause = policy.soonest if waited < MINUTE else MINUTE if waited < 11 * MINUTE else 5 * MINUTE
    return min(pause, policy.slowest)


def evidence_of(name: str) -> tuple[datetime, str] | None:
    """Return the day and the case that stand in the name of a sample; None where none do."""
    found = re.match(r"evidence/([0-9]{8})/([^/]+)/", name)
    try:
        return (datetime.strptime(f"{found[1]}+0000", "%Y%m%d%z"), found[2]) if found else None
    except ValueError:
        return None
