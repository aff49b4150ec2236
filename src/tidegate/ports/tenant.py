"""The tenant: alerts, incidents, enforced indicators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tidegate.model import Alert, Kind, Tlp


class Alerts(Protocol):
    """Defender's alerts."""

    def get(self, alert: str) -> Alert | None:
        """Return the alert with its evidence; None when Defender does not have it."""
        ...

    def since(self, updated: datetime) -> Iterator[Alert]:
        """Yield the alerts that were updated at or after this time, oldest first."""
        ...

    def comment(self, alert: str, text: str) -> None: ...

    def classify(self, alert: str, classification: str, determination: str) -> None: ...

    def begin(self, alert: str) -> None:
        """Mark a new alert as being worked on."""
        ...


class Incidents(Protocol):
    """Incidents, through Graph."""

    def tag(self, incident: str, tag: str) -> None:
        """Add the tag to those that the incident has; one that is there already is fine."""
        ...

    def untag(self, incident: str, tag: str) -> None:
        """Remove the tag; one that is gone is fine."""
        ...

    def comment(self, incident: str, text: str) -> None: ...

    def comments(self, incident: str) -> list[str]: ...


CUSTOM = frozenset({"customerti", "customti"})
"""The sources of alerts that custom indicators raise, in small letters: ours, and analysts'."""

APPLICATION = "Tidegate"
"""In whose name we make indicators, and by which we know our own again."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """An indicator where it is enforced. `kind` is None for types that we do not speak.

    `groups` are the device groups that it is for; none: all. Defender does not keep `score`,
    `threat`, `tags`, `first_seen` and the marking `tlp`, but others do.
    """

    kind: Kind | None
    value: str
    action: str
    title: str = ""
    description: str = ""
    severity: str = "Informational"
    expires: datetime | None = None
    alerts: bool = False
    id: str | None = None
    application: str | None = None
    created_by: str | None = None
    groups: tuple[str, ...] = ()
    score: float = 0.0
    threat: str | None = None
    tags: tuple[str, ...] = ()
    first_seen: datetime | None = None
    tlp: Tlp = Tlp.CLEAR


@dataclass(frozen=True, slots=True)
class Placed:
    """What Defender answered for one indicator; `failure` is its reason for refusing it."""

    value: str
    id: str | None = None
    failure: str | None = None


class Enforcement(Protocol):
    """Defender's custom indicators."""

    def current(self, *, fresh: bool = False) -> list[Enforced]:
        """Return all active indicators, whoever made them.

        Whoever remembers the list for a while asks for it anew where it has to be `fresh`.
        """
        ...

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        """Create or overwrite indicators in our name; one answer for each, in order."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Delete indicators by id; one that is gone already is fine."""
        ...
