"""What the gate needs from outside: what is known, where it is enforced, and what is remembered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tidegate.gate.feedback import World as Feedback
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.plan import HOLDS, Actions
from tidegate.gate.select import ENFORCEABLE
from tidegate.model import Kind, Tlp
from tidegate.ports import Devices, Enforcement, Ledger, Objects
from tidegate.sharing import OWN_TENANT


@dataclass(frozen=True, slots=True)
class Target:
    """Where indicators are enforced, and within which bounds.

    `limit` is its cap on all indicators, `headroom` what of it stays free. Nothing goes there that
    any source marks more strictly than `up_to`. `asks` tells that each plan waits for a person.
    What is placed `holds` so long; `context` tells that the target keeps tags and times, too.
    One that `blocks` takes no file that is signed and common. `address` is for people.
    """

    name: str
    title: str
    enforcement: Enforcement
    limit: int
    headroom: int = 0
    kinds: tuple[Kind, ...] = ENFORCEABLE
    floors: Mapping[Kind, int] = field(default_factory=dict)
    ceilings: Mapping[Kind, int] = field(default_factory=dict)
    actions: Actions = field(default_factory=Actions)
    up_to: Tlp = OWN_TENANT
    asks: bool = False
    holds: timedelta = HOLDS
    context: bool = False
    blocks: bool = True
    address: str = ""


@dataclass(frozen=True, slots=True)
class Lists:
    """The published set: so many at most, of these kinds. From `block` on lists have them."""

    most: int = 20_000
    kinds: tuple[Kind, ...] = (*ENFORCEABLE, Kind.CIDR)
    up_to: Tlp = OWN_TENANT
    block: float = 75.0


@dataclass(frozen=True, slots=True)
class World:
    """All of it. What only advisory sources say is never enforced.

    `churn` elective changes are made within an hour, and what came within `dwell` is not given up
    for something better; None and zero where nothing holds the gate back. A plan of more than
    `ask_above` changes waits for a person. `new_lease` makes UUIDs. `feedback` is where to listen
    what the tenant says of indicators, and `devices` where to ask how common files are.
    """

    knowledge: Knowledge
    targets: tuple[Target, ...]
    objects: Objects
    ledger: Ledger
    new_lease: Callable[[], str]
    least_score: float = 50.0
    churn: int | None = None
    dwell: timedelta = timedelta()
    ask_above: int | None = None
    lists: Lists = field(default_factory=Lists)
    feedback: Feedback | None = None
    devices: Devices | None = None

    def target(self, name: str) -> Target | None:
        """Return the target of this name."""
        return next((one for one in self.targets if one.name == name), None)
