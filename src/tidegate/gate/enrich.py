"""What others outside say of a value: asked only when a person wants it, and only what may go out.

Who is asked learns what we look at. So private addresses, what is on the allow-list, URLs with
credentials, and values of which anybody speaks under a strict marking are never asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from tidegate.gate.explain import Explained
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import reason
from tidegate.model import Kind, Tlp
from tidegate.ports import Advice, BadPayload, Cache, Enricher, QuotaSpent, SourceDown
from tidegate.sharing import OTHERS

KNOWN_FOR = timedelta(hours=24)
UNKNOWN_FOR = timedelta(hours=6)
STRICTNESS = {tlp: place for place, tlp in enumerate(Tlp)}
ANSWER: TypeAdapter[Advice | None] = TypeAdapter(Advice | None)


class State(StrEnum):
    """What became of a question to somebody outside."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"
    NO_KEY = "no_key"
    QUOTA_WAIT = "quota_wait"
    SOURCE_DOWN = "source_down"
    BAD_PAYLOAD = "bad_payload"


@dataclass(frozen=True, slots=True)
class Enriched:
    """What one of them says, or the reason why it says nothing. `cached` answers cost nothing."""

    by: str
    state: State
    advice: Advice | None = None
    reason: str | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Whom to ask, where answers are kept, and what is known here."""

    enrichers: Sequence[Enricher]
    cache: Cache
    known: Knowledge


def enriched(found: Explained, world: World) -> list[Enriched]:
    """Ask all who know values of this kind; the failure of one is its state, and nobody else's."""
    asked = [one for one in world.enrichers if found.kind in one.kinds]
    if why := private(found, world.known):
        return [Enriched(one.name, State.NOT_ASKED, reason=why) for one in asked]
    return [_enriched(one, found, world) for one in asked]


def private(found: Explained, known: Knowledge) -> str | None:
    """Say why nobody outside may be asked about a value; None if they may."""
    # Warninglists name what all the world knows: that is no secret.
    why = reason(found.kind, found.value, replace(known.policy, lists=None, popular=None))
    if why:
        return why
    if found.kind is Kind.URL and "@" in urlsplit(found.value).netloc:
        return "a URL with credentials"
    said = [*found.sightings, *found.expired, *(one.sighting for one in found.withheld)]
    # That another calls it free does not free it: to ask would tell what the strict source saw.
    strictest = max((one.tlp for one in said), key=STRICTNESS.__getitem__, default=OTHERS)
    strict = STRICTNESS[strictest] > STRICTNESS[OTHERS]
    return f"known under TLP:{strictest.upper()}" if strict else None


def _enriched(one: Enricher, found: Explained, world: World) -> Enriched:
    if one.missing:
        return Enriched(one.name, State.NO_KEY, reason=f"needs a key: set {one.missing}")
    key = _key(one.name, found.kind, found.value)
    if (kept := _kept(key, world.cache)) is not None:
        return replace(kept, by=one.name)
    try:
        advice = _asked(one, found, world)
    except QuotaSpent as spent:
        return Enriched(one.name, State.QUOTA_WAIT, reason=str(spent))
    except SourceDown as down:
        return Enriched(one.name, State.SOURCE_DOWN, reason=str(down))
    except BadPayload as bad:
        return Enriched(one.name, State.BAD_PAYLOAD, reason=str(bad))
    world.cache.put(key, ANSWER.dump_json(advice), KNOWN_FOR if advice else UNKNOWN_FOR)
    return _answered(one.name, advice)


def _answered(by: str, advice: Advice | None) -> Enriched:
    return Enriched(by, State.KNOWN if advice else State.UNKNOWN, advice)


def _key(*parts: str) -> str:
    """Return the key of an answer: a digest, so that a shared cache tells nobody the values."""
    return sha256("\0".join(parts).encode()).hexdigest()


def _kept(key: str, cache: Cache) -> Enriched | None:
    data = cache.get(key)
    if data is None:
        return None
    try:
        return replace(_answered("", ANSWER.validate_json(data)), cached=True)
    except ValidationError:  # of another version
        return None


def _asked(one: Enricher, found: Explained, world: World) -> Advice | None:
    """Ask within the allowances. Raises SourceDown, QuotaSpent and BadPayload."""
    waits = _key(one.name, "waits")
    if world.cache.get(waits) is not None:
        raise QuotaSpent(f"{one.name} wants to be left alone for a while")
    _spend(one, world.known)
    try:
        return one.ask(found.kind, found.value)
    except QuotaSpent as spent:
        if spent.retry_after:
            world.cache.put(waits, b"", spent.retry_after)
        raise


def _spend(one: Enricher, known: Knowledge) -> None:
    # The shortest first: what a minute does not allow shall not be taken from the day.
    for allowance in sorted(one.allowances, key=lambda allowed: allowed.every):
        began, seconds = _began(known.clock(), allowance.every), allowance.every.total_seconds()
        account = f"enrich-{one.name}-{seconds:.0f}"
        if not known.feeds.spend(account, began, allowance.requests):
            raise QuotaSpent(f"the {allowance.requests} requests since {began} UTC are used up")


def _began(now: datetime, every: timedelta) -> str:
    seconds = now.timestamp() // every.total_seconds() * every.total_seconds()
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M}"
