"""Microsoft Sentinel's threat intelligence: STIX objects are uploaded, and never read back.

Every upload is a new row that somebody pays for, so only what says something new is sent, and what
was sent is remembered. Before objects leave, the memory says that they may have: a process that
dies in between sends them again, or takes them back, under the same STIX ids.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson
import polars as pl
from pydantic import Field

from tidegate.adapters.sentinel_memory import KEPT, Memory, Sent
from tidegate.adapters.theirs import Items, Theirs, printable, read
from tidegate.model import Kind, Tlp, indicator_id
from tidegate.ports import APPLICATION, BadPayload, Clock, Enforced, Http, Objects, Placed
from tidegate.sightings import SCHEMA
from tidegate.stix import write as stix

SCOPE = "https://management.azure.com/.default"
VERSION = "2024-02-01-preview"
BATCH = 100  # objects a call
GROUP = 5 * BATCH  # objects between two writes of the memory
UNENDING = timedelta(days=365)  # Sentinel wants an end of everything
LONGEST = 300  # characters of a reason
SURE = 100  # the highest confidence


class _Error(Theirs):
    recordIndex: int = Field(ge=0)  # noqa: N815 - as Sentinel spells it
    errorMessages: Items[str] = ()  # noqa: N815


class _Answer(Theirs):
    errors: Items[_Error] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    """One object to be sent; `then` is what is remembered once it has arrived: None, if revoked."""

    name: str
    body: dict[str, Any]
    doubt: Sent
    then: Sent | None


@dataclass(frozen=True)
class SentinelIndicators:
    """`ports.Enforcement`. `http` carries the token; `source` is the SourceSystem of our rows."""

    http: Http
    url: str
    workspace: str
    source: str
    objects: Objects
    clock: Clock

    def current(self, *, fresh: bool = True) -> list[Enforced]:  # noqa: ARG002 - nobody else writes
        now = self.clock()
        rows = Memory.read(self.objects).rows.values()
        return [sent.enforced() for sent in rows if sent.until > now]

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        """See `ports.Enforcement`. What is there already, and says the same, is not sent again."""
        now = self.clock()
        memory = self._memory(now)
        ids = [_stix_id(one) for one in wanted]
        unfit = [_unfit(one, now) for one in wanted]
        # Of two about the same the last one counts.
        planned = {
            name: _planned(name, one, memory, now)
            for name, one, why in zip(ids, wanted, unfit, strict=True)
            if why is None
        }
        refused = self._say(_words(planned, memory), memory)
        return [
            Placed(one.value, name, why or refused.get(name))
            for name, one, why in zip(ids, wanted, unfit, strict=True)
        ]

    def remove(self, ids: Sequence[str]) -> None:
        """See `ports.Enforcement`. The objects are sent as revoked; what ended is but forgotten."""
        now = self.clock()
        memory = self._memory(now)
        held = {name: memory.rows[name] for name in dict.fromkeys(ids) if name in memory.rows}
        bodies = _bodies({name: replace(sent, at=now) for name, sent in held.items()})
        words = [
            _Word(name, {**bodies[name], "revoked": True}, replace(sent, sure=False), None)
            for name, sent in held.items()
        ]
        self._say(words, memory)

    def _memory(self, now: datetime) -> Memory:
        memory = Memory.read(self.objects)
        memory.forget_what_ended(now)
        return memory

    def _say(self, words: Sequence[_Word], memory: Memory) -> dict[str, str]:
        """Send the objects; return Sentinel's reasons against some of them, by STIX id."""
        refused: dict[str, str] = {}
        for start in range(0, len(words), GROUP):
            refused |= self._group(words[start : start + GROUP], memory)
        memory.write()  # what changed, and was no news to Sentinel
        return refused

    def _group(self, words: Sequence[_Word], memory: Memory) -> dict[str, str]:
        before = {word.name: memory.rows.get(word.name) for word in words}
        for word in words:
            memory.put(word.name, word.doubt)
        memory.write()
        refused: dict[str, str] = {}
        left = list(words)
        try:
            while left:
                batch, left = left[:BATCH], left[BATCH:]
                answer = self._upload(batch)
                for word in batch:
                    kept = before[word.name] if word.name in answer else word.then
                    memory.put(word.name, kept)
                refused |= answer
        finally:
            for word in left:  # these have surely not been sent
                memory.put(word.name, before[word.name])
            memory.write()
        return refused

    def _upload(self, words: Sequence[_Word]) -> dict[str, str]:
        workspace = quote(self.workspace, safe="")
        answer = self.http.request(
            "POST",
            f"{self.url}/workspaces/{workspace}/threat-intelligence-stix-objects:upload",
            params={"api-version": VERSION},
            json={"sourcesystem": self.source, "stixobjects": [word.body for word in words]},
            retry=False,  # a try whose answer was lost may be a row already
        )
        errors = read(_Answer, answer).errors if answer.body.strip() else ()
        if any(error.recordIndex >= len(words) for error in errors):
            raise BadPayload("Sentinel found fault with an object that it was not sent")
        return {words[error.recordIndex].name: _reason(error) for error in errors}


def _reason(error: _Error) -> str:
    return printable("; ".join(error.errorMessages), LONGEST) or "refused"


def _stix_id(one: Enforced) -> str:
    return stix.indicator_id(_id(one))


def _id(one: Enforced) -> str:
    return indicator_id(one.kind or Kind.CVE, one.value)


def _unfit(one: Enforced, now: datetime) -> str | None:
    if one.kind in {None, Kind.CVE}:
        return f"Sentinel has no indicators of kind {one.kind}"
    if one.expires is not None and one.expires <= now:
        return "it has expired"
    return None


def _planned(name: str, one: Enforced, memory: Memory, now: datetime) -> Sent:
    """Return what will have been said. An object keeps the beginning that it was first given."""
    until = one.expires or now + UNENDING
    before = memory.rows.get(name)
    created = before.created if before else min(one.first_seen or now, now)
    said = {field: getattr(one, field) for field in KEPT}
    tags = tuple(sorted(set(one.tags)))
    ours = Enforced(**said, id=name, application=APPLICATION, expires=until, tags=tags)
    return Sent(ours, until, created, now)


def _words(planned: dict[str, Sent], memory: Memory) -> list[_Word]:
    """Return what is news to Sentinel; what is none is only remembered."""
    news = {}
    for name, sent in planned.items():
        before = memory.rows.get(name)
        if before is None or not before.sure or _said(before) != _said(sent):
            news[name] = sent
        else:
            memory.put(name, replace(sent, at=before.at))
    bodies = _bodies(news)
    return [
        _Word(name, bodies[name], replace(sent, sure=False), sent) for name, sent in news.items()
    ]


def _said(sent: Sent) -> tuple[object, ...]:
    one = sent.one
    return _confidence(one), one.threat, one.tags, one.tlp, sent.until


def _confidence(one: Enforced) -> int:
    return round(min(max(one.score, 0), SURE))


def _bodies(sent: dict[str, Sent]) -> dict[str, dict[str, Any]]:
    """Return the objects by STIX id."""
    rows = pl.DataFrame(list(_rows(sent.values())), SCHEMA)
    # What may go into the own tenant was decided by whoever asked.
    found = map(orjson.loads, stix.objects(rows, up_to=Tlp.RED))
    return {body["id"]: body for body in found}


def _rows(sent: Iterable[Sent]) -> Iterator[dict[str, Any]]:
    for one, said in ((each.one, each) for each in sent):
        yield {
            "id": _id(one),
            "kind": one.kind,
            "value": one.value,
            "confidence": _confidence(one),
            "first_seen": said.created,
            "last_seen": said.at,
            "expires": said.until,
            "tags": list(one.tags),
            "threat": one.threat,
            "tlp": one.tlp,
        }
