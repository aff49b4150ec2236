"""What there is to know of a feed before one keeps it or drops it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate.gate.history import History


class Advice(StrEnum):
    """What to do about a feed."""

    KEEP = "keep"
    LOOK = "look"  # something about it needs a person
    DROP = "drop"
    EARLY = "early"  # too little is known to say


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a feed has. Shares are 0 to 1; None where there is nothing to divide by.

    `unique`: no independent source has it. `lost`: no other source at all has it, so that it would
    go with the feed. Of what it shares with independent sources it was `first` in that share, and
    `lead_seconds` ahead of the first of the others (the median; negative = behind). `newest` is
    the latest of its first sightings, `overlap` counts what each other source has, too.
    """

    indicators: int = 0
    unique: int = 0
    lost: int = 0
    shared: int = 0
    first: int = 0
    lead_seconds: float | None = None
    newest: datetime | None = None
    overlap: dict[str, int] = field(default_factory=dict)
    unique_share: float | None = None
    lost_share: float | None = None
    first_share: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """What hygiene keeps out of a feed; `harmless` is that which is publicly known to be so."""

    suppressed: int = 0
    harmless: int = 0
    harmless_share: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Means per run; the store's request units of 30 days; and both per unique indicator."""

    requests: float | None = None
    seconds: float | None = None
    units: float = 0.0
    seconds_per_unique: float | None = None
    units_per_unique: float | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """One feed, judged. `late`: it has not answered for three of its intervals.

    `hits` are what of it was seen in the tenant in 180 days, `false_positives` those that people
    called so, and `precision` the share of the judged ones that were right; None while none is.
    """

    feed: str
    title: str
    use: str
    group: str | None
    every_seconds: int
    origin: str | None
    fetched: datetime | None
    late: bool
    history: History
    contribution: Contribution
    noise: Noise
    cost: Cost
    advice: Advice = Advice.EARLY
    because: str = ""
    hits: int = 0
    false_positives: int = 0
    precision: float | None = None


def share(part: float, whole: float) -> float | None:
    """Return part of whole, 0 to 1; None of nothing."""
    return part / whole if whole else None
