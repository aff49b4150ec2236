"""What analysts say of indicators: malicious or harmless, with a reason and a name.

A word is a sighting of the source `analyst`: confidence 100 says malicious and makes the score 100
while the word lives, confidence 0 says harmless, and nothing is enforced that is. The newest word
on an indicator takes the place of the one before. `defender` speaks here, too: by it, alerts that
were classified as false positives retire what raised them (`feedback`).
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from tidegate.gate.knowledge import ANALYST, Knowledge
from tidegate.model import Kind, Sighting, Tlp
from tidegate.ports import Sightings
from tidegate.sightings import SCHEMA, STATE, fingerprinted, frame, sightings

LIFE = timedelta(days=365)
LONGEST, LONGEST_NAME = 500, 100  # characters of a reason, of a name
BY = "by:"
DEFENDER = "defender"


class Word(StrEnum):
    """What an analyst calls an indicator."""

    MALICIOUS = "malicious"
    HARMLESS = "harmless"


CONFIDENCE = {Word.MALICIOUS: 100, Word.HARMLESS: 0}


def word(
    kind: Kind,
    value: str,
    said: Word,
    because: str,
    by: str,
    now: datetime,
    life: timedelta = LIFE,
) -> Sighting:
    """Return a word about a canonical value. Raises ValueError without a reason or a name."""
    reason, name = _line(because, LONGEST), _line(by, LONGEST_NAME)
    if not reason or not name:
        raise ValueError("a mark needs a reason and a name")
    return Sighting(
        kind=kind,
        value=value,
        source=ANALYST,
        confidence=CONFIDENCE[said],
        first_seen=now,
        last_seen=now,
        expires=now + life,
        tags=(f"{BY}{name}",),
        threat=reason,
        # Reasons and names are for the organisation, not for the world.
        tlp=Tlp.AMBER,
    )


def _line(text: str, longest: int) -> str:
    """Return a text on one line, without what a terminal or a log would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]


def mark(words: Sequence[Sighting], store: Sightings, now: datetime) -> int:
    """Write words, each over the one before on its indicator; return how many say anything new.

    To mark again renews the word. Raises SourceDown while another process writes.
    """
    return _change({one.indicator: one for one in words}, (), store, now)


def unmark(ids: Collection[str], store: Sightings, now: datetime) -> int:
    """Take words back; return how many there were. Raises SourceDown as `mark` does."""
    return _change({}, ids, store, now)


def _change(
    fresh: dict[str, Sighting], gone: Collection[str], store: Sightings, now: datetime
) -> int:
    with store.writing(ANALYST):
        state = store.state(ANALYST)
        held = {one.indicator: one for one in _live(state, now)}
        new = {name: _newer(held.get(name), one) for name, one in fresh.items()}
        after = {name: one for name, one in {**held, **new}.items() if name not in gone}
        changed = {name for name, one in new.items() if held.get(name) != one}
        count = len(changed) + len(held.keys() - after.keys())
        if count or len(state) != len(after):
            rows = _rows(after.values(), state, now, changed)
            store.commit(ANALYST, rows, rows.filter(pl.col("id").is_in(sorted(changed))))
    return count


def _newer(before: Sighting | None, said: Sighting) -> Sighting:
    """Return the newer of two words; one that is said again counts from when it was first said."""
    if before is None:
        return said
    if (before.last_seen, before.threat or "") > (said.last_seen, said.threat or ""):
        return before
    content = [(one.confidence, one.tags, one.threat) for one in (before, said)]
    first = min(before.first_seen, said.first_seen) if content[0] == content[1] else said.first_seen
    return replace(said, first_seen=first)


def _rows(
    words: Collection[Sighting], state: pl.DataFrame, now: datetime, changed: set[str]
) -> pl.DataFrame:
    rows = fingerprinted(frame(words).select(list(SCHEMA)))
    rows = rows.join(state.select("id", "written"), on="id", how="left")
    fresh = pl.col("id").is_in(sorted(changed)) | pl.col("written").is_null()
    stamped = pl.when(fresh).then(pl.lit(now, STATE["written"])).otherwise("written")
    return rows.with_columns(stamped.alias("written")).sort("id").select(list(STATE))


def _live(state: pl.DataFrame, now: datetime) -> list[Sighting]:
    return sightings(state.filter(pl.col("expires") > now).with_columns(source=pl.lit(ANALYST)))


def words(known: Knowledge) -> list[Sighting]:
    """Return the words that hold now."""
    return _live(known.sightings.state(ANALYST), known.clock())


def harmless(known: Knowledge) -> pl.DataFrame:
    """Return what is called harmless now, with the reason: a frame as `meant.unclean` takes it."""
    rows = known.sightings.state(ANALYST).filter(
        (pl.col("expires") > known.clock()) & (pl.col("confidence") == CONFIDENCE[Word.HARMLESS])
    )
    why = pl.lit(f"{ANALYST}: ") + pl.col("threat")
    return rows.select("id", why.alias("why"), pl.col("kind").cast(pl.String), "value")


def speaker(said: Sighting) -> str:
    """Return who said a word."""
    return next((tag.removeprefix(BY) for tag in said.tags if tag.startswith(BY)), "")


def reason(live: Collection[Sighting]) -> str | None:
    """Say why an analyst keeps an indicator with these live sightings from enforcement."""
    spoken = (one for one in live if one.source == ANALYST and not one.confidence)
    return next((f"{ANALYST}: {one.threat}" for one in spoken), None)
