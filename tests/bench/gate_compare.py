"""What the gate's choice is worth beside naive ones: `python tests/bench/gate_compare.py [FOLDER]`.

FOLDER holds the collection of stored feeds, by default that beside the project. Prints Markdown:
what each choice holds of what independent lists confirm later, or hold while they are withheld
from it, and how much of it is known to be harmless. Naive choices get no warninglists: that is what
makes them naive. What it all means: `docs/gate-comparison.md`.
"""

import logging
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from real_feeds import Home, warned, when

from tidegate.declare.feed import Feed, Semantics, Use, feeds
from tidegate.gate.found import found
from tidegate.gate.knowledge import Knowledge, sources
from tidegate.gate.learn import learn
from tidegate.gate.score import Sources
from tidegate.gate.select import ENFORCEABLE, Caps, Verdicts, select
from tidegate.gate.world import World
from tidegate.hygiene import Policy, reasons
from tidegate.model import Kind, Status
from tidegate.ports import Sightings

STORED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "feeds"
SLOTS = 15_000
LARGE = 3_000  # indicators: a feed to live on alone
LEAST, LOWER = 50.0, 40.0  # as shipped, and below one feed of grade C that is 60 % sure
ADDRESSES = (Kind.IPV4, Kind.IPV6)  # what nearly all of the later lists hold
BEFORE, SNAPSHOTS, END = (
    datetime(2026, 8, 18, tzinfo=UTC),
    datetime(2026, 8, 22, 23, tzinfo=UTC),
    datetime(2026, 8, 23, 1, tzinfo=UTC),
)
UNDATED = datetime(2026, 8, 23, tzinfo=UTC)  # as the collection says of Maltrail's files
FILES = {
    "abuseipdb": ("abuseipdb/*.txt",),
    "alienvault": ("generic_txt/alienvault_*.txt",),
    "cins": ("cins/*.txt",),
    "dshield": ("dshield/series/*/*.gz", "dshield/sans_*.txt"),
    "emerging_threats": ("emerging_threats/*.txt",),
    "feodo_list": ("feodo/*.txt",),
    "ipsum": ("ipsum/*.txt",),
    "isc": ("dshield/isc_*.txt",),
    "maltrail": ("generic_txt/maltrail_*.txt",),
    "openphish": ("openphish/series/*/*.gz",),
    "threatfox": ("threatfox/series/*/*.gz",),
    "tor_exits": ("tor/*.txt",),
    "urlhaus_online": ("urlhaus/*.csv",),
}
# Plain lists that no declared feed has in this form: a stand-in reads them.
LIKE = {
    "alienvault": "cins",
    "dshield": "cins",
    "feodo_list": "cins",
    "isc": "cins",
    "maltrail": "prose",
}
SAME = {"dshield": "dshield", "isc": "dshield"}  # two copies of one list, by two publishers
# Of some lists the collection has the first part, in textual order. Beyond where the shortest ends,
# that an address is not on them says nothing.
LAST = "193.163.125.169"
COVERED = (pl.col("kind") != Kind.IPV4.value) | (pl.col("value") <= LAST)
CLOUDS = "akamai|amazon-aws|cloudflare|google|microsoft-azure"


def read_by() -> dict[str, Feed]:
    """Return the feed that reads each source."""
    known = feeds()
    return {name: known[LIKE.get(name, name)].model_copy(update={"name": name}) for name in FILES}


def dated(file: Path) -> datetime:
    return UNDATED if file.name.startswith("maltrail") else when(file)


def filled(root: Path, folder: Path, policy: Policy, until: datetime) -> Home:
    """Return a home that has read all that was published by then, and stands at that time."""
    home, read = Home(root, policy), read_by()
    files = [
        (dated(file), name, file)
        for name, patterns in FILES.items()
        for pattern in patterns
        for file in folder.glob(pattern)
        if dated(file) <= until
    ]
    for home.now, name, file in sorted(files):
        outcome = home.run(read[name], file)
        if outcome.status is not Status.OK:
            print(f"{file.name}: {outcome.status}, {outcome.reason}", file=sys.stderr)
    home.now = until
    return home


@dataclass(frozen=True)
class Part:
    """A store without the sources that are hidden, and what no list was cut before."""

    store: Sightings
    hidden: frozenset[str]

    def versions(self) -> Mapping[str, str]:
        return self.store.versions()

    def live(self, now: datetime, only: Collection[str] | None = None) -> pl.LazyFrame:
        return self.store.live(now, only).filter(COVERED & self._shown())

    def state(self, source: str) -> pl.DataFrame:
        return self.store.state(source)

    def _shown(self) -> pl.Expr:
        return ~pl.col("source").is_in(sorted(self.hidden))


def knowledge(home: Home, hidden: frozenset[str] = frozenset()) -> Knowledge:
    """Return what the gate asks; who copies whom is told from the lists, as in each cycle."""
    read, declared = read_by(), feeds()
    known = Knowledge(
        Part(home.world.sightings, hidden),  # type: ignore[arg-type]
        home.world.feeds,
        home.world.clock,
        home.policy,
        {name: feed.reliability for name, feed in read.items()},
        frozenset(name for name, feed in read.items() if feed.semantics is Semantics.SNAPSHOT),
        {name: feed.group for name, feed in read.items() if feed.group} | SAME,
        {"ipsum": frozenset({*declared["ipsum"].copies, *SAME})},
        frozenset(name for name, feed in read.items() if feed.use is not Use.BLOCK),
    )
    learned = learn(known, home.world.objects, again=True)
    return replace(known, learned=lambda: learned)


# --- the choices ------------------------------------------------------------------------------


def gated(
    known: Knowledge, home: Home, least: float, kinds: tuple[Kind, ...] = ENFORCEABLE
) -> pl.DataFrame:
    """Return what the gate chooses, as the first of its cycles would."""
    world = World(known, (), home.world.objects, None, str, least_score=least)  # type: ignore[arg-type]
    rows = found(world, remembers=False)
    caps = Caps(slots=SLOTS, least_score=least, kinds=kinds)
    chosen = select(rows, Verdicts(), known.policy, caps)
    return chosen.filter(pl.col("why_not").is_null()).select("id", "kind", "value")


def pooled(home: Home, hidden: frozenset[str] = frozenset()) -> pl.DataFrame:
    """Return the sightings from which naive choices are made: all kinds that Defender takes."""
    known = knowledge(home, hidden)
    kinds = pl.col("kind").is_in([kind.value for kind in ENFORCEABLE])
    blocks = ~pl.col("source").is_in(sorted(known.advisory))
    return known.sightings.live(home.now).filter(kinds & blocks).collect()


def first(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Take the first of an order, ties by id, which is a digest and says nothing."""
    best = rows.group_by("id", "kind", "value").agg(pl.col(name).max() for name in by)
    order = best.sort(*by, "id", descending=[*[True for _ in by], False], nulls_last=True)
    return order.head(SLOTS).select("id", "kind", "value")


def naive(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    sizes = rows["source"].value_counts().filter(pl.col("count") >= LARGE)
    alone = {
        f"{name} only": first(rows.filter(pl.col("source") == name), "confidence", "first_seen")
        for name in sorted(sizes["source"])
    }
    return {
        "newest first": first(rows, "first_seen", "last_seen"),
        "highest confidence first": first(rows, "confidence"),
        **alone,
        "any, by the digest": first(rows),
    }


def choices(
    house: Home, bare: Home, hidden: frozenset[str] = frozenset()
) -> dict[str, pl.DataFrame]:
    """Return all choices of one moment: the gate's from `house`, the others from `bare`."""
    known = knowledge(house, hidden)
    return {
        f"the gate, score {LEAST:.0f} and more": gated(known, house, LEAST),
        f"the gate, score {LOWER:.0f} and more": gated(known, house, LOWER),
        "the gate, all slots filled": gated(known, house, 0.0),
        "the gate, filled with addresses": gated(known, house, 0.0, ADDRESSES),
        **naive(pooled(bare, hidden)),
    }


# --- what they are worth ----------------------------------------------------------------------


def independent(one: str, other: str, believed: Sources) -> bool:
    """Whether one's word confirms the other's."""
    if believed.group(one) == believed.group(other):
        return False
    known = believed.known
    return other not in known[one].copies and one not in known[other].copies


def confirmed(before: pl.DataFrame, after: pl.DataFrame, believed: Sources) -> pl.DataFrame:
    """Return `id` and `source` of who lists afterwards what only independent ones listed before."""
    new = after.select("id", "source").join(before, on=["id", "source"], how="anti")
    pairs = new.join(before.select("id", other="source"), on="id")
    named = pairs.select("source", "other").unique()
    echoes = [(a, b) for a, b in named.iter_rows() if not independent(a, b, believed)]
    schema = {"source": pl.String, "other": pl.String}
    repeated = pl.DataFrame(echoes, schema=schema, orient="row")
    told = pairs.join(repeated, on=["source", "other"], how="semi")
    return pairs.join(told, on=["id", "source"], how="anti").select("id", "source").unique()


def hits(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Return the rows that warninglists name, and `cloud` where that is but a cloud's range."""
    why = reasons(rows["kind"], rows["value"], policy).alias("why")
    listed = rows.with_columns(why).filter(pl.col("why").str.starts_with("warninglist "))
    return listed.with_columns(cloud=pl.col("why").str.contains(CLOUDS))


def share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else "0"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    cells = list(head)
    yield "| " + " | ".join(cells) + " |"
    yield "|---" + "|--:" * (len(cells) - 1) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def over_time(told: str, house: Home, bare: Home, end: Home, policy: Policy) -> Iterator[str]:
    """Print what of each choice was confirmed after it was made."""
    before = pooled(bare)
    later = confirmed(before, pooled(end), sources(knowledge(end)))
    known = before.unique("id")
    good = known.join(later, on="id", how="semi")
    listed = len(hits(good, policy))
    yield f"\n## {told}\n\n{len(known):,} known ({len(hits(known, policy)):,} on warninglists)."
    yield f"{len(good):,} of them confirmed later ({listed:,} on warninglists):"
    by = later["source"].value_counts(sort=True).rows()
    yield ", ".join(f"{name} {number:,}" for name, number in by) + "\n"
    head = (
        "choice",
        "held",
        "addresses",
        "confirmed later",
        "of them clean",
        "warninglist hits",
        "not a cloud",
    )
    yield from table(head, (row(*one, later, policy) for one in choices(house, bare).items()))


def row(name: str, chosen: pl.DataFrame, later: pl.DataFrame, policy: Policy) -> list[str]:
    bad = hits(chosen, policy)
    good = chosen.join(later, on="id", how="semi")
    addresses = chosen.filter(pl.col("kind").is_in(ADDRESSES))
    clean = good.join(bad, on="id", how="anti")
    counts = f"{len(clean):,}", f"{len(bad):,}", f"{len(bad.filter(~pl.col('cloud'))):,}"
    held = f"{len(chosen):,}", f"{len(addresses):,}"
    return [name, *held, share(len(good), len(chosen)), *counts]


def echoing(name: str, believed: Sources) -> frozenset[str]:
    """Return the source and all through which its word would be known all the same."""
    others = (other for other in FILES if not independent(name, other, believed))
    return frozenset({name, *others})


def held_out(house: Home, bare: Home, policy: Policy) -> Iterator[str]:
    """Print what of each choice is on a list that was withheld from it."""
    believed, whole = sources(knowledge(bare)), pooled(bare)
    found: dict[str, dict[str, str]] = {}
    names = ("abuseipdb", "cins", "dshield", "alienvault", "emerging_threats", "maltrail")
    for name in names:
        theirs = whole.filter(pl.col("source") == name)
        hidden = echoing(name, believed)
        print(f"withheld with {name}: {sorted(hidden - {name})}", file=sys.stderr)
        for choice, rows in choices(house, bare, hidden).items():
            good = rows.join(theirs, on="id", how="semi")
            found.setdefault(choice, {})[name] = share(len(good), len(rows))
    yield "\n## Held by a list that was withheld\n"
    rows = ([choice, *(cells.get(name, "-") for name in names)] for choice, cells in found.items())
    yield from table(("choice", *names), rows)


def compared(folder: Path, root: Path) -> Iterator[str]:
    policy, bare = warned(folder, root / "lists"), Policy(simulated=True)

    def at(until: datetime, by: Policy) -> Home:
        home = root / f"{until:%d}{by is policy}"
        home.mkdir()
        return filled(home, folder, by, until)

    end = at(END, bare)
    for told, moment in (("17 August", BEFORE), ("22 August", SNAPSHOTS)):
        yield from over_time(told, at(moment, policy), at(moment, bare), end, policy)
    yield from held_out(at(END, policy), end, policy)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else STORED
    if not folder.is_dir():
        print("The collection of stored feeds is not beside the project: nothing to compare.")
        return
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as root:
        for line in compared(folder, Path(root)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
