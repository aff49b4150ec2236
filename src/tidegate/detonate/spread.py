"""Where else a bad file is: asked of Defender's file statistics and of advanced hunting."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tidegate.detonate.moves import moved, waited_for, waiting
from tidegate.detonate.world import World, pace
from tidegate.model import Artefact, Case, Spread, State
from tidegate.ports import BadPayload, FileFacts, SourceDown

log = logging.getLogger(__name__)

Told = TypeVar("Told")

MOST = 50  # devices that are named; more are counted


def spread(artefact: Artefact, case: Case, world: World) -> Artefact:
    """Look where else the file is. It is good to know, but no verdict waits for it for long."""
    try:
        return moved(_looked(artefact, case, world), State.COMPLETE, world.clock())
    except SourceDown as down:
        log.warning("%s: not asked yet where else it is: %s", artefact.scope, down)
        waited = waited_for(artefact, world)
        wait = down.retry_after or pace(waited, world.policy)
        return waiting(artefact, world, min(wait, world.policy.spread_deadline - waited))


def _looked(artefact: Artefact, case: Case, world: World) -> Artefact:
    asked = _Asked(artefact, world)
    facts = asked(lambda: world.devices.file(artefact.key)) or FileFacts()
    sha1 = artefact.sha1 or facts.sha1
    seen = (asked(lambda: world.devices.holding(sha1)) if sha1 else None) or []
    hunted = asked(lambda: world.hunting.devices_with(artefact.key, 10 * MOST)) or []
    own = {case.alert.device.id} if case.alert and case.alert.device else set()
    others = {one.id: one for one in (*hunted, *seen) if one.id not in own}
    found = Spread(
        devices=tuple(others[name] for name in sorted(others))[:MOST],
        seen=len(others),
        everywhere=facts.everywhere,
        signer=facts.signer if facts.trusted else "",
    )
    return replace(artefact, spread=found, sha1=sha1, troubles=asked.troubles)


class _Asked:
    """Asks, and keeps what could not be answered as a trouble of the artefact."""

    def __init__(self, artefact: Artefact, world: World) -> None:
        self.troubles = artefact.troubles
        self._late = waited_for(artefact, world) >= world.policy.spread_deadline

    def __call__(self, question: Callable[[], Told]) -> Told | None:
        try:
            return question()
        except SourceDown as down:
            if not self._late:
                raise
            trouble = str(down)
        except BadPayload as error:
            trouble = str(error)
        self.troubles = (*self.troubles, f"not asked where else it is: {trouble}")
        return None
