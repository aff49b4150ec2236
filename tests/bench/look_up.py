"""How fast values are looked up: `python tests/bench/look_up.py [--sources N] [--rows N]`.

Writes sources of a million sightings each and one of networks, then asks for one value at a time,
and for a hundred thousand at once, half of them known; beside it what reading the Parquet files for
each value costs.
"""

import argparse
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import polars as pl

from tidegate.adapters.local.segments import SCANS
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.bulk import bulk
from tidegate.gate.knowledge import Knowledge
from tidegate.hygiene import Policy
from tidegate.model import Kind
from tidegate.ports import FeedState
from tidegate.sightings import SCHEMA, STATE, by_id, fingerprinted, ids

NOW = datetime.now(UTC)
NETWORKS = 100_000
ASKED = 100_000


class NoFeeds:
    """Feeds that were never fetched."""

    def state(self, feed: str) -> FeedState:
        return FeedState()


def value(number: int) -> tuple[Kind, str]:
    """Return the indicator of a number: addresses, domains, URLs and hashes by turns."""
    match number % 4:
        case 0:
            return Kind.IPV4, str(IPv4Address((number * 2_654_435_761) % (1 << 32)))
        case 1:
            return Kind.DOMAIN, f"h{number}.evil.example"
        case 2:
            return Kind.URL, f"https://h{number}.evil.example/a/{number}.exe"
        case _:
            return Kind.SHA256, f"{number:064x}"


def state(values: list[tuple[Kind, str]]) -> pl.DataFrame:
    """Return sightings of values as a source's state."""
    kinds = pl.Series("kind", [kind for kind, _ in values], dtype=pl.String)
    rows = pl.DataFrame({"kind": kinds, "value": [text for _, text in values]})
    when = {name: pl.lit(NOW, STATE[name]) for name in ("first_seen", "last_seen", "written")}
    rows = rows.with_columns(
        id=ids(rows["kind"], rows["value"]),
        original=pl.lit(None, pl.String),
        confidence=pl.lit(75),
        expires=pl.lit(NOW + timedelta(days=7)),
        tags=pl.lit(["elf", "mozi"]),
        threat=pl.lit("malware_download"),
        reference=pl.concat_str(pl.lit("https://feed.example/"), "value"),
        tlp=pl.lit("clear"),
        **when,
    )
    typed = rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    written = typed.with_columns(rows["written"].cast(STATE["written"]))
    return by_id(fingerprinted(written.unique("id")).select(*STATE))


def fill(store: SegmentStore, sources: int, rows: int) -> int:
    """Write the sources, each with its own values; return how many sightings there are."""
    total = 0
    for source in range(sources):
        whole = state([value(source * rows + i) for i in range(rows)])
        store.commit(f"source{source}", whole, whole)
        total += len(whole)
    dice = random.Random(20)  # noqa: S311 - the same every time
    nets = {f"{IPv4Address(dice.getrandbits(24) << 8)}/24" for _ in range(NETWORKS)}
    whole = state([(Kind.CIDR, net) for net in sorted(nets)])
    store.commit("networks", whole, whole)
    return total + len(whole)


def one_by_one(store: SegmentStore, asked: list[str]) -> float:
    """Return the median of microseconds."""
    took = []
    for indicator in asked:
        start = time.perf_counter()
        store.of(indicator)
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e6


def by_scan(store: SegmentStore, asked: list[str]) -> float:
    took = []
    for indicator in asked:
        start = time.perf_counter()
        store.live(NOW).filter(pl.col("id") == indicator).collect()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=int, default=10)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    dice = random.Random(21)  # noqa: S311 - the same every time
    with tempfile.TemporaryDirectory() as folder:
        store = SegmentStore(Path(folder))
        start = time.perf_counter()
        total = fill(store, options.sources, options.rows)
        print(f"{total:,} sightings written in {time.perf_counter() - start:.0f} s")
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        print(f"{size / total:.0f} bytes each")
        numbers = [dice.randrange(options.sources * options.rows * 2) for _ in range(ASKED)]
        texts = [value(number)[1] for number in numbers]
        kinds = pl.Series([value(number)[0] for number in numbers], dtype=pl.String)
        asked = ids(kinds, pl.Series(texts)).to_list()
        known = [asked[i] for i, n in enumerate(numbers) if n < options.sources * options.rows]
        one_by_one(store, asked[: SCANS + 20])  # from then on there are blocks
        alone = one_by_one(store, known[:2_000])
        print(f"one known value: median {alone:,.0f} µs")
        print(f"one unknown or known value: median {one_by_one(store, asked[:2_000]):,.0f} µs")
        scan = by_scan(store, known[:10])
        print(f"by a scan of all files: {scan:,.0f} µs, {scan / alone:,.0f} times as long")
        knowledge = Knowledge(
            store, NoFeeds(), lambda: NOW, Policy(simulated=True), {}, frozenset()
        )
        for name, many in (("first", texts), ("again", texts), ("of 10,000", texts[:10_000])):
            start = time.perf_counter()
            found = bulk(many, knowledge)
            took = time.perf_counter() - start
            held = found["networks"].is_not_null().sum()
            hits = found["sources"].is_not_null().sum()
            said = f"{hits:,} known, {held:,} in networks"
            print(f"bulk {name}: {len(many) / took:,.0f} values/s ({said})")


if __name__ == "__main__":
    main()
