"""The routes of what is known: search, and all that is said of one value."""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.api.guards import body, spelled
from tidegate.api.problems import problems
from tidegate.api.times import Time
from tidegate.canonical import MAX_URL, Rejected, defanged, guess
from tidegate.gate.bulk import bulk
from tidegate.gate.explain import Explained, explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.mark import Word
from tidegate.gate.matching import Filter, network
from tidegate.gate.paging import LONGEST, mark
from tidegate.gate.score import Voice
from tidegate.gate.search import Order, Page, Search, search
from tidegate.model import Kind, Tlp

JSON = "application/json"
KINDS, SOURCES = len(Kind), 50
MAX_VALUES, MAX_VALUE = 10_000, 4_096  # a value may come defanged, with blanks around it
MAX_BODY = 8 << 20


class Parameters(BaseModel):
    """What to look for: all that is given must hold for one sighting of an indicator."""

    q: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_URL,
        description="Part of a value, tag or threat, defanged or not; an address finds the"
        " networks that hold it, too.",
    )
    kind: list[Kind] = Field([], max_length=KINDS, description="Of one of these kinds.")
    source: list[str] = Field([], max_length=SOURCES, description="Said by one of these.")
    tag: str | None = Field(
        None, min_length=1, max_length=256, description="With exactly this tag."
    )
    threat: str | None = Field(
        None, min_length=1, max_length=256, description="This threat, in any case."
    )
    network: str | None = Field(
        None, min_length=1, max_length=64, description="Addresses and networks inside this network."
    )
    prefix: str | None = Field(
        None, min_length=1, max_length=MAX_URL, description="How the value begins."
    )
    first_seen_after: Time | None = Field(None, description="First seen after this time.")
    last_seen_after: Time | None = Field(None, description="Last seen after this time.")
    min_score: float = Field(0.0, ge=0, le=100, description="Of at least this score.")
    sort: Order = Field(Order.ID, description="By id, which is stable; or the best first.")
    limit: int = Field(100, ge=1, le=1_000, description="So many at a time.")
    continuation: str | None = Field(
        None, max_length=LONGEST, description="That of the last page, with the same parameters."
    )


class Item(BaseModel):
    """An indicator. `tlp` is the strictest marking of its sightings: do not share it further."""

    id: str
    kind: Kind
    value: str
    defanged: str
    score: float
    sources: list[str]
    threats: list[str]
    tags: list[str]
    first_seen: datetime
    last_seen: datetime
    expires: datetime
    tlp: Tlp


class Items(BaseModel):
    """A page; `continuation` leads to the next, null where there is none."""

    items: list[Item]
    continuation: str | None


class Values(BaseModel):
    """Values to look up, defanged or not, of any kind that can be told from its spelling."""

    model_config = ConfigDict(extra="forbid")

    values: list[Annotated[str, Field(max_length=MAX_VALUE)]] = Field(max_length=MAX_VALUES)


class Answer(BaseModel):
    """What is known of a value, next to the text as it was asked.

    `score`, `sources` and `tlp` are null where nobody reports it. `networks` are reported networks
    around it, widest first. `rejected` says why the text names nothing.
    """

    text: str
    kind: Kind | None
    value: str | None
    id: str | None
    score: float | None
    sources: list[str] | None
    tlp: Tlp | None
    networks: list[str] | None
    never_enforced: str | None
    rejected: str | None


class Answers(BaseModel):
    """One answer for each value, in order."""

    items: list[Answer]


class Term(BaseModel):
    """What one source adds to the score; `uncounted` says why it adds nothing.

    `grade` and the measured `precision`, null while no hit was judged, make the `reliability`.
    Sources of one `group` count once; `copies` are those of the other sources that it copies.
    """

    source: str
    voice: Voice
    grade: str
    precision: float | None
    reliability: float
    confidence: int
    age_days: float
    decay: float
    group: str
    copies: list[str]
    weight: float
    uncounted: str | None


class Said(BaseModel):
    """What one source says of the indicator."""

    source: str
    confidence: int
    first_seen: datetime
    last_seen: datetime
    expires: datetime
    tags: list[str]
    threat: str | None
    reference: str | None
    tlp: Tlp
    original: str | None


class Withheld(Said):
    """What one source says of it, and why that does not count."""

    why: str


class Marked(BaseModel):
    """What an analyst said of an indicator."""

    word: Word
    because: str
    by: str
    at: datetime
    expires: datetime


class Lifted(BaseModel):
    """The URLs on a host for which it is enforced; its score is theirs."""

    urls: int
    score: float
    sources: list[str]


class Indicator(BaseModel):
    """All that is known of an indicator. `never_enforced` says why the gate would refuse it.

    `marked` is an analyst's word, `published` since when other systems are served it, `lifted` for
    which URLs a host stands.
    """

    id: str
    kind: Kind
    value: str
    defanged: str
    score: float
    never_enforced: str | None
    country: str | None
    asn: int | None
    as_name: str | None
    marked: Marked | None
    published: datetime | None
    lifted: Lifted | None
    terms: list[Term]
    sightings: list[Said]
    expired: list[Said]
    suppressed: list[Withheld]


def router(known: Knowledge) -> APIRouter:
    """Return the routes on what is known."""
    routes = APIRouter(prefix="/api", tags=["ingest"], dependencies=[Depends(spelled)])

    @routes.get("/indicators", summary="Search indicators", response_model=Items)
    def get_indicators(asked: Annotated[Parameters, Query()]) -> Response:
        """Search all live sightings, a page at a time.

        An indicator is scored over all of its live sightings, at the time of the first page.
        """
        try:
            page = search(_search(asked, known), known)
        except Rejected as rejected:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(rejected)) from rejected
        return Response(_items(page), media_type=JSON)

    @routes.post(
        "/indicators/lookup",
        summary="Look many up at once",
        response_model=Answers,
        responses=problems({413: "The body is too large."}),
        openapi_extra={"requestBody": BODY},
    )
    def post_lookup(asked: Annotated[Values, Depends(_values)]) -> Response:
        """Tell of up to 10,000 values who reports them, and which reported networks hold them."""
        items = bulk(asked.values, known).to_dicts()
        return Response(orjson.dumps({"items": items}), media_type=JSON)

    @routes.get("/indicators/{value:path}", summary="Look up an indicator", responses=UNKNOWN)
    def get_indicator(
        value: Annotated[str, Path(max_length=8_192, description="Percent-encoded; any spelling.")],
    ) -> Indicator:
        """Tell all that is known of a value, and every term of its score."""
        return _lookup(value, known)

    return routes


UNKNOWN = problems({404: "Nobody has reported it."})
BODY = {"required": True, "content": {JSON: {"schema": Values.model_json_schema()}}}


async def _values(request: Request) -> Values:
    try:
        return Values.model_validate_json(await body(request, MAX_BODY))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from error


def _search(asked: Parameters, known: Knowledge) -> Search:
    wanted = Filter(
        text=asked.q,
        kinds=tuple(asked.kind),
        sources=tuple(asked.source),
        tag=asked.tag,
        threat=asked.threat,
        network=network(asked.network) if asked.network else None,
        prefix=asked.prefix,
        first_seen_after=asked.first_seen_after,
        last_seen_after=asked.last_seen_after,
    )
    after = mark(asked.continuation, known.clock()) if asked.continuation else None
    return Search(wanted, asked.min_score, asked.sort, asked.limit, after)


def _items(page: Page) -> bytes:
    items = [
        {**row, "score": round(row["score"], 1), "defanged": defanged(row["value"])}
        for row in page.items.iter_rows(named=True)
    ]
    body = {"items": items, "continuation": str(page.after) if page.after else None}
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def _lookup(value: str, known: Knowledge) -> Indicator:
    try:
        kind, canonical = guess(value)
    except Rejected as rejected:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(rejected)) from rejected
    found = explain(kind, canonical, known)
    if not found.reported:
        never = f"; never enforced: {found.unclean}" if found.unclean else ""
        raise HTTPException(HTTPStatus.NOT_FOUND, f"nobody has reported it{never}")
    return _shown(found)


def _shown(found: Explained) -> Indicator:
    return Indicator(
        id=found.id,
        kind=found.kind,
        value=found.value,
        defanged=defanged(found.value),
        score=found.score,
        never_enforced=found.unclean,
        country=found.country,
        asn=found.asn,
        as_name=found.as_name,
        marked=Marked(**asdict(found.marked)) if found.marked else None,
        published=found.published,
        lifted=Lifted(**asdict(found.lifted)) if found.lifted else None,
        terms=[Term.model_validate(term) for term in found.terms],
        sightings=[Said(**asdict(one)) for one in found.sightings],
        expired=[Said(**asdict(one)) for one in found.expired],
        suppressed=[Withheld(why=one.why, **asdict(one.sighting)) for one in found.withheld],
    )
