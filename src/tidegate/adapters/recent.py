"""Defender's indicators as they were a moment ago: the whole list is long, and asked for often."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tidegate.ports import APPLICATION, Clock, Enforced, Enforcement, Placed


@dataclass
class Recent:
    """`ports.Enforcement` over another: the list is read once in `holds`, unless asked for fresh.

    What this process adds and removes shows at once; what others do, after `holds` at the latest.
    """

    enforcement: Enforcement
    clock: Clock
    holds: timedelta = timedelta(minutes=1)
    _held: list[Enforced] | None = field(default=None, init=False)
    _until: datetime | None = field(default=None, init=False)
    # Held while Defender is asked: who comes second takes what the first one read, and no list
    # that was read before a change hides it.
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def current(self, *, fresh: bool = False) -> list[Enforced]:
        with self._lock:
            now = self.clock()
            if fresh or self._held is None or self._until is None or now >= self._until:
                self._held = self.enforcement.current()
                self._until = now + self.holds
            return list(self._held)

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        with self._lock:
            held = self._taken()
            placed = self.enforcement.add(wanted)
            self._held = _with(held, wanted, placed) if held is not None else None
            return placed

    def remove(self, ids: Sequence[str]) -> None:
        with self._lock:
            held, gone = self._taken(), set(ids)
            self.enforcement.remove(ids)
            self._held = [one for one in held if one.id not in gone] if held is not None else None

    def _taken(self) -> list[Enforced] | None:
        """Take the list away while it is changed: of a change that breaks off we know nothing."""
        held, self._held = self._held, None
        return held


def _with(
    held: list[Enforced], wanted: Sequence[Enforced], placed: Sequence[Placed]
) -> list[Enforced] | None:
    """Return the list after an import; None when that did not tell under which ids."""
    done = [
        (one, answer.id)
        for one, answer in zip(wanted, placed, strict=True)
        if answer.failure is None
    ]
    known = {one.id: one for one in held}
    made = {key: _as_held(one, key, known.get(key)) for one, key in done if key is not None}
    if len(made) < len({key for _, key in done}):
        return None
    return [*(one for one in held if one.id not in made), *made.values()]


def _as_held(wanted: Enforced, key: str, before: Enforced | None) -> Enforced:
    # An import overwrites all but whose it is.
    return replace(
        wanted,
        id=key,
        alerts=wanted.alerts or wanted.action == "Audit",
        application=before.application if before else APPLICATION,
        created_by=before.created_by if before else None,
    )
