"""What goes with an indicator: by what the values themselves say, and by who reports them together.

A source's sightings with one reference belong together: the hashes of one file, the indicators of
one pulse, event, report or analysis. A source holds one reference for an indicator, the newest, so
of an indicator in two pulses the later one counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_network

import polars as pl
from publicsuffixlist import PublicSuffixList

from tidegate.canonical import Rejected, Shape, canonical
from tidegate.gate.explain import Explained
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.score import scored
from tidegate.hosts import host
from tidegate.model import Kind, Sighting, indicator_id

MOST = 50  # of each relation; the total is told
HOSTED = (Kind.URL, Kind.EMAIL)
NAMED = (Kind.DOMAIN, Kind.IPV4, Kind.IPV6)
NUMBERED = (Kind.IPV4, Kind.IPV6, Kind.CIDR)
WIDEST = {4: 8, 6: 16}
NAMES = ("id", "kind", "value")
WANTED = ("id", "kind", "value", "source", "last_seen", "reference")

Value = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Related:
    """One indicator that goes with another. Without sources: nobody has reported it."""

    kind: Kind
    value: str
    sources: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Relation:
    """The indicators that stand in one relation, newest first; `total` counts those not shown."""

    name: str
    total: int
    found: tuple[Related, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """How the sightings of a relation are found. `named` are values that it is about anyhow."""

    name: str
    holds: pl.Expr
    named: tuple[Value, ...] = ()


def related(found: Explained, known: Knowledge, most: int = MOST) -> list[Relation]:
    """Return what goes with an indicator, each with its score and all of its sources."""
    now = known.clock()
    live = known.sightings.live(now)
    relations = relations_of((found.kind, found.value), found.sightings, live, known.shares, most)
    asked = {(_id(one), one.kind.value, one.value) for each in relations for one in each.found}
    named = pl.DataFrame(sorted(asked), schema=dict.fromkeys(NAMES, pl.String), orient="row")
    rows = known.sightings.reported(named["id"], now).join(named, on="id")
    worth = scored(rows.with_columns(threat=pl.lit(None, pl.String)), sources(known), now)
    told = {key: (score, by) for key, score, by in worth.select("id", "score", "sources").rows()}
    return [_worth(each, told) for each in relations]


def _id(one: Related) -> str:
    return indicator_id(one.kind, one.value)


def _worth(relation: Relation, told: Mapping[str, tuple[float, list[str]]]) -> Relation:
    def one(found: Related) -> Related:
        score, by = told.get(_id(found), (0.0, []))
        return replace(found, score=round(score, 1), sources=tuple(by))

    return replace(relation, found=tuple(map(one, relation.found)))


def relations_of(
    value: Value,
    said: Sequence[Sighting],
    live: pl.LazyFrame,
    shares: Mapping[str, str],
    most: int = MOST,
) -> list[Relation]:
    """Find a value's relations among live sightings (`SCHEMA` and `source`). Pure.

    `said` are its own sightings; `shares` tells by source what rows with one reference share.
    """
    rules = [*_by_value(*value), *_together(_by_reference(said, shares))]
    if not rules:
        return []
    itself = pl.col("id") == indicator_id(*value)
    among = live.filter(pl.any_horizontal(rule.holds for rule in rules) & ~itself)
    rows = among.select(WANTED).collect()
    found = (_relation(rule, _on_host(rule, rows, value), most) for rule in rules)
    return [relation for relation in found if relation.total]


def _by_reference(said: Sequence[Sighting], shares: Mapping[str, str]) -> Iterator[_Rule]:
    for one in said:
        if one.reference:
            name = f"same {shares.get(one.source, 'reference')}"
            same = (pl.col("source") == one.source) & (pl.col("reference") == one.reference)
            yield _Rule(name, same)


def _together(rules: Iterable[_Rule]) -> Iterator[_Rule]:
    """Yield one rule for each name: two sources may speak of events."""
    named: dict[str, list[pl.Expr]] = {}
    for rule in rules:
        named.setdefault(rule.name, []).append(rule.holds)
    for name, holds in named.items():
        yield _Rule(name, pl.any_horizontal(holds))


def _by_value(kind: Kind, value: str) -> Iterator[_Rule]:
    if kind in HOSTED:
        yield from _named("host", _host(kind, value))
    if kind in NAMED:
        url = pl.col("kind") == Kind.URL.value
        yield _Rule("URL on it", url & pl.col("value").str.contains(value, literal=True))
    if kind is Kind.DOMAIN:
        yield from _of_name(value)
    if kind in NUMBERED:
        around = [indicator_id(Kind.CIDR, one) for one in _around(value)]
        yield _Rule("network around it", pl.col("id").is_in(around))


def _named(name: str, value: Value | None) -> Iterator[_Rule]:
    if value is not None:
        yield _Rule(name, pl.col("id") == indicator_id(*value), (value,))


def _of_name(name: str) -> Iterator[_Rule]:
    registered = _suffixes().privatesuffix(name)
    if registered and registered != name:
        yield from _named("registered domain", (Kind.DOMAIN, registered))
    below = pl.col("value").str.ends_with(f".{name}")
    yield _Rule("name below it", (pl.col("kind") == Kind.DOMAIN.value) & below)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _host(kind: Kind, value: str) -> Value | None:
    name = host(pl.Series([kind.value]), pl.Series([value])).item()
    for shape in (Shape.ADDRESS, Kind.DOMAIN):
        try:
            return canonical(shape, name or "")
        except Rejected:
            continue
    return None


def _around(value: str) -> Iterator[str]:
    """Yield every network that holds an address, or a network, but itself."""
    whole = ip_network(value)
    for bits in range(WIDEST[whole.version], whole.prefixlen):
        yield str(whole.supernet(new_prefix=bits))


def _on_host(rule: _Rule, rows: pl.DataFrame, value: Value) -> pl.DataFrame:
    """Return the rule's rows; of URLs only those whose host it is, not those that mention it."""
    held = rows.filter(rule.holds)
    if rule.name != "URL on it":
        return held
    spelled = f"[{value[1]}]" if value[0] is Kind.IPV6 else value[1]
    return held.filter(host(held["kind"], held["value"]) == spelled)


def _relation(rule: _Rule, rows: pl.DataFrame, most: int) -> Relation:
    newest = rows.sort("last_seen", "value", descending=[True, False])
    different = newest.unique("id", keep="first", maintain_order=True)
    shown = different.head(most).select("kind", "value").iter_rows()
    values = dict.fromkeys([(Kind(kind), text) for kind, text in shown] + list(rule.named))
    total = max(len(different), len(values))
    return Relation(rule.name, total, tuple(Related(*one) for one in values))
