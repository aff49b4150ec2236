"""Hears what the tenant says of indicators, and lets it flow back.

Hits become each source's tally, by which its measured precision moves its reliability. An alert
that was classified as a false positive retires its indicators by a word of `defender`, unless a
person has spoken; one that is classified otherwise later takes that word back.

Every step may be done twice: words, tallies and hits come out the same, and the time up to which
was heard is written last.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from tidegate.gate import hits, mark
from tidegate.gate.knowledge import ANALYST, Knowledge
from tidegate.gate.learned import relearn
from tidegate.model import Alert, Kind, Sighting
from tidegate.ports import CUSTOM, Alerts, BadPayload, Conflict, LogSource, Objects, SourceDown
from tidegate.stored import table

HITS, HEARD = "gate/feedback.parquet", "gate/heard.json"
FIRST_LOOK = timedelta(days=30)
OVERLAP = timedelta(minutes=15)  # alerts of the same moment may come later
LOGS_EVERY = timedelta(hours=6)
SPAN = timedelta(days=14)  # in which Sentinel republishes every live indicator


@dataclass(frozen=True, slots=True)
class World:
    """Where to listen. `query` counts matches in the logs, by `Day`, `Value` and `Matches`."""

    knowledge: Knowledge
    alerts: Alerts
    objects: Objects
    logs: LogSource | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard: own `alerts`, `hits` not known before, and which indicators that `retired`.

    `restored` were retired by an alert that is no false positive any more. `reason` says why the
    logs were not read.
    """

    alerts: int
    hits: int
    retired: int
    restored: int
    reason: str | None = None


class _Upto(BaseModel):
    """Up to when alerts and logs were heard."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    alerts: AwareDatetime | None = None
    logs: AwareDatetime | None = None


def hear(world: World) -> Heard:
    """Listen from where the last time ended. Raises SourceDown and BadPayload of the alerts."""
    known, now = world.knowledge, world.knowledge.clock()
    upto, (held, etag) = _upto(world.objects), _held(world.objects)
    own, newest = _own_alerts(world, upto.alerts or now - FIRST_LOOK, now)
    matches, read, reason = _matches(world, upto, now)
    judged = [one for one in mark.words(known) if mark.speaker(one) != mark.DEFENDER]
    fresh = pl.concat([hits.of_alerts(own), matches, hits.of_words(judged)])
    # A mark that was taken back leaves no trace.
    still = {one.indicator for one in judged}
    lasting = held.filter((pl.col("origin") != hits.MARK) | pl.col("id").is_in(sorted(still)))
    after = hits.merged(lasting, hits.credited(fresh, held, _reported(fresh, known)), now)
    retired, restored = _retire(held, after, known, still)
    _learn(after, world)
    _keep(after, held, etag, world.objects)
    _advance(_Upto(alerts=newest, logs=read), upto, world.objects)
    news = after.filter(pl.col("origin") != hits.MARK).join(held, on=hits.KEY, how="anti")
    return Heard(len(own), len(news), retired, restored, reason)


# --- listening --------------------------------------------------------------------------------


def _own_alerts(world: World, since: datetime, now: datetime) -> tuple[list[Alert], datetime]:
    """Return the alerts that custom indicators raised, and when the newest of all was updated."""
    own, newest = list[Alert](), since
    for alert in world.alerts.since(since - OVERLAP):
        # A clock that is ahead of ours would hide all alerts until then.
        newest = max(newest, min(alert.updated, now))
        if alert.source.lower() in CUSTOM:
            own.append(alert)
    return own, newest


def _matches(
    world: World, upto: _Upto, now: datetime
) -> tuple[pl.DataFrame, datetime | None, str | None]:
    """Return the hits in the logs, up to when they are read, and why they are not."""
    early = upto.logs is not None and now - upto.logs < LOGS_EVERY
    if world.logs is None or not world.query or early:
        return hits.nothing(), upto.logs, None
    try:
        found = world.logs.query(world.query, now - SPAN, now)
        return hits.of_matches(found), now, None
    except (SourceDown, BadPayload) as error:
        return hits.nothing(), upto.logs, f"the logs were not read: {error}"


def _reported(fresh: pl.DataFrame, known: Knowledge) -> pl.DataFrame:
    found = known.sightings.reported(fresh["id"].unique(), known.clock())
    return found.filter(pl.col("source") != ANALYST).select("id", "source")


# --- what follows -----------------------------------------------------------------------------


def _retire(
    held: pl.DataFrame, after: pl.DataFrame, known: Knowledge, judged: set[str]
) -> tuple[int, int]:
    """Let `defender` speak of what became a false positive, and be silent of what is none now."""
    before, now = hits.false(held), hits.false(after)
    new = now.join(before, on=hits.KEY, how="anti").filter(~pl.col("id").is_in(sorted(judged)))
    cleared = before.join(now, on="id", how="anti").join(after, on=hits.KEY, how="semi")
    spoken = {one.indicator for one in mark.words(known) if mark.speaker(one) == mark.DEFENDER}
    gone = spoken & set(cleared["id"])
    words = [_word(row) for row in new.sort("at", "key").iter_rows(named=True)]
    at, store = known.clock(), known.sightings
    retired = mark.mark(words, store, at) if words else 0
    return retired, mark.unmark(gone, store, at) if gone else 0


def _word(row: dict[str, object]) -> Sighting:
    because = f"Defender alert {row['key']} was classified as a false positive"
    kind, value, at = Kind(str(row["kind"])), str(row["value"]), row["at"]
    assert isinstance(at, datetime)  # noqa: S101 - the frame's schema says so
    return mark.word(kind, value, mark.Word.HARMLESS, because, mark.DEFENDER, at)


def _learn(after: pl.DataFrame, world: World) -> None:
    tallies = hits.tallies(after)
    if tallies != world.knowledge.learned().tallies:
        relearn(world.objects, lambda held: held.model_copy(update={"tallies": tallies}))


# --- state ------------------------------------------------------------------------------------


def _held(objects: Objects) -> tuple[pl.DataFrame, str | None]:
    stored = objects.get(HITS)
    if stored is None:
        return hits.nothing(), None
    return table(stored.data, hits.HITS, HITS), stored.etag


def _keep(after: pl.DataFrame, held: pl.DataFrame, etag: str | None, objects: Objects) -> None:
    if after.equals(held):
        return
    file = BytesIO()
    after.write_parquet(file, compression="zstd", statistics=False)
    try:
        objects.put(HITS, file.getvalue(), if_match=etag, if_absent=etag is None)
    except Conflict as error:
        raise SourceDown("another process hears what the tenant says") from error


def _upto(objects: Objects) -> _Upto:
    stored = objects.get(HEARD)
    try:
        return _Upto() if stored is None else _Upto.model_validate_json(stored.data)
    except ValidationError:
        return _Upto()  # what was heard is heard once more


def _advance(upto: _Upto, before: _Upto, objects: Objects) -> None:
    if upto != before:
        objects.put(HEARD, upto.model_dump_json().encode())
