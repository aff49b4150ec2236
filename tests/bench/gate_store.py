"""A made-up store for benchmarks of the gate: as many indicators as asked, a dozen sources.

The same size gives the same store. Sources overlap as feeds do: most indicators have one source,
some have two or three, a list of lists repeats others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.model import Kind
from tidegate.ports import FeedState, Sightings
from tidegate.sightings import KINDS, STATE, TIME, TLPS, by_id, fingerprinted, ids

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
WHOLE = 10_000_000  # indicators, of which the shares below speak
PART = 500_000
TEXTS = {
    Kind.URL: "http://h{}.example/files/{}/setup.exe",
    Kind.DOMAIN: "h{}.zone.example",
    Kind.IPV6: "2001:db9::{}",
    Kind.EMAIL: "box{}@mail.example",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A source: its grade, and of each kind from which number to which, in thousands."""

    grade: str
    of: dict[Kind, tuple[int, int]]
    snapshot: bool = False
    sure: tuple[int, int] = (40, 95)
    days: int = 45  # as old may its sightings be


MADE = {
    "addresses": Made("B", {Kind.IPV4: (0, 900)}, snapshot=True, sure=(80, 80)),
    "attackers": Made("C", {Kind.IPV4: (800, 1_500)}),
    "files": Made("A", {Kind.SHA256: (0, 1_200), Kind.MD5: (0, 500)}, sure=(50, 90), days=700),
    "label": Made("A", {Kind.DOMAIN: (0, 100)}),
    "lists": Made("C", {Kind.IPV4: (0, 500)}, snapshot=True, sure=(60, 90)),
    "malware": Made("B", {Kind.SHA256: (1_000, 1_500), Kind.SHA1: (0, 200)}, days=700),
    "names": Made("B", {Kind.DOMAIN: (0, 1_200)}, snapshot=True, sure=(75, 75)),
    "pulses": Made(
        "D", {Kind.URL: (0, 300), Kind.DOMAIN: (0, 400), Kind.SHA256: (0, 300)}, sure=(50, 50)
    ),
    "rare": Made("C", {Kind.IPV6: (0, 100), Kind.EMAIL: (0, 100), Kind.CIDR: (0, 100)}),
    "spread": Made("C", {Kind.URL: (2_200, 4_000)}, sure=(70, 70)),
    "squats": Made("C", {Kind.DOMAIN: (900, 2_000)}),
    "urls": Made("B", {Kind.URL: (0, 2_500)}, sure=(60, 95), days=30),
    "vmray": Made("A", {Kind.URL: (0, 3), Kind.SHA256: (0, 5)}, sure=(90, 100)),
}


def value(kind: Kind, number: pl.Expr) -> pl.Expr:
    """Return the text of an indicator by its number."""
    match kind:
        case Kind.URL | Kind.DOMAIN | Kind.IPV6 | Kind.EMAIL:
            text = TEXTS[kind]
            return pl.format(text, *[number] * text.count("{}"))
        case Kind.IPV4 | Kind.CIDR:
            octets = [number // 60_000 + 5, number // 250 % 240 + 1, number % 250 + 1]
            tail = ".7" if kind is Kind.IPV4 else ".0/24"
            return pl.format("{}.{}.{}" + tail, *octets)
        case _:
            length = {Kind.MD5: 32, Kind.SHA1: 40}.get(kind, 64)
            parts = [pl.format("{}", number.hash(seed)).str.zfill(20) for seed in range(4)]
            return pl.concat_str(parts).str.head(length)


def rows(source: str, kind: Kind, first: int, last: int, now: datetime = NOW) -> pl.DataFrame:
    """Return what the source says of the indicators from one number to another."""
    made, n, seed = MADE[source], pl.col("n"), sorted(MADE).index(source)
    low, high = made.sure
    drawn, at = n.hash(seed), pl.lit(now, TIME)
    age = pl.duration(seconds=drawn % (made.days * 86_400))
    fields = {
        "original": pl.lit(None, pl.String),
        "confidence": (low + drawn // 7 % (high - low + 1)).cast(pl.UInt8),
        "first_seen": at - age - timedelta(days=3),
        "last_seen": at - age,
        "expires": at + pl.duration(hours=24 + drawn // 11 % 500),
        "tags": pl.when(drawn % 3 == 0).then(pl.lit(["elf", "mozi"])).otherwise(pl.lit(["exe"])),
        "threat": pl.when(drawn % 4 > 0).then(pl.lit("CobaltStrike")),
        "reference": pl.format("https://example.org/{}", n),
        "tlp": pl.when(drawn % 50 == 0).then(pl.lit("amber")).otherwise(pl.lit("clear")).cast(TLPS),
        "written": at - pl.duration(seconds=drawn // 13 % 864_000),
    }
    numbered = pl.DataFrame({"n": pl.int_range(first, last, eager=True)})
    said = numbered.select(pl.lit(kind.value).cast(KINDS).alias("kind"), n, value=value(kind, n))
    said = said.with_columns(ids(said["kind"], said["value"])).with_columns(**fields)
    return fingerprinted(said).select(*STATE)


def state(source: str, size: int) -> pl.DataFrame:
    """Return a source's state in a store of so many indicators."""
    parts = [rows(source, kind, *part) for kind, *part in _parts(source, size)]
    return by_id(pl.concat(parts))


def _parts(source: str, size: int) -> Iterator[tuple[Kind, int, int]]:
    for kind, (first, last) in MADE[source].of.items():
        low, high = (1_000 * end * size // WHOLE for end in (first, last))
        for start in range(low, high, PART):
            yield kind, start, min(start + PART, high)


def fill(store: Sightings, size: int) -> None:
    """Write all sources."""
    for source in MADE:
        whole = state(source, size)
        store.commit(source, whole, whole.clear())


@dataclass
class Fetched:
    """What is remembered of feeds: when they last answered."""

    at: datetime = NOW

    def state(self, _: str) -> FeedState:
        """Return it of any feed."""
        return FeedState(fetched=self.at)


@dataclass
class Clock:
    """Stands still until it is turned."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class House:
    """A store, and what is known of it."""

    store: Sightings
    clock: Clock = field(default_factory=Clock)

    def known(self) -> Knowledge:
        """Return what the gate asks of it."""
        return Knowledge(
            self.store,
            Fetched(self.clock.now),  # type: ignore[arg-type]
            self.clock,
            Policy(simulated=True),
            {name: made.grade for name, made in MADE.items()},
            frozenset(name for name, made in MADE.items() if made.snapshot),
            copies={"lists": frozenset({"addresses", "attackers"})},
            advisory=frozenset({"label"}),
        )
