"""Others who can be asked about one value."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tidegate.model import Kind


@dataclass(frozen=True, slots=True)
class Advice:
    """What somebody else says of a value.

    `says` is one word of theirs, such as malicious or benign; `counts` is how many of whom say
    what. `harmless` is a reason never to enforce the value. `link` is a page for people.
    """

    says: str
    link: str
    counts: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    harmless: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests within each of these times, by the clock: a day's begins at midnight UTC."""

    every: timedelta
    requests: int


class Enricher(Protocol):
    """Somebody who can be asked about values of some kinds, under a key and within allowances.

    `missing` is the setting without which nothing can be asked.
    """

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> Collection[Kind]: ...

    @property
    def allowances(self) -> Collection[Allowance]: ...

    @property
    def missing(self) -> str | None: ...

    def ask(self, kind: Kind, value: str) -> Advice | None:
        """Ask about a canonical value; None when it is unknown there.

        Raises SourceDown, QuotaSpent and BadPayload.
        """
        ...
