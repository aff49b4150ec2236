"""How long a page of a search takes in a store of a million sightings, and what it holds.

    python tests/bench/search.py [ROWS]

Five sources; every filter once cold and three times warm, of which the best is printed.
"""

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.matching import Filter, network
from tidegate.gate.search import Order, Search, search
from tidegate.hygiene import Policy
from tidegate.model import Kind
from tidegate.ports import FeedState
from tidegate.sightings import KINDS, SCHEMA, STATE, TIME, TLPS, fingerprinted, ids, unique

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
TAGS = [["elf", "mozi"], ["exe"], [], ["32-bit", "arm", "mirai"]]
SEARCHES = {
    "everything": Search(),
    "everything, 1,000 at a time": Search(limit=1_000),
    "text in values, tags, threats": Search(Filter("zone77")),
    "an address, and networks around": Search(Filter("5.6.7.9")),
    "kind and tag": Search(Filter(kinds=(Kind.DOMAIN,), tag="mirai")),
    "inside a /16": Search(Filter(network=network("5.6.0.0/16"))),
    "prefix": Search(Filter(prefix="http://17.")),
    "score of 70 and more": Search(least_score=70),
    "text, best first": Search(Filter("mirai"), order=Order.SCORE),
    "everything, best first": Search(order=Order.SCORE),
}


@dataclass
class Memory:
    """What is remembered of feeds: nothing."""

    def state(self, _: str) -> FeedState:
        return FeedState()


def fill(store: SegmentStore, source: str, kind: Kind, values: Sequence[str]) -> None:
    """Write one source's sightings."""
    rows = pl.DataFrame({"value": values}).with_row_index("n")
    n, now = pl.col("n").cast(pl.Int64), pl.lit(NOW, TIME)
    rows = rows.with_columns(
        pl.lit(kind.value).cast(KINDS).alias("kind"),
        pl.lit(None, pl.String).alias("original"),
        (n % 60 + 40).cast(pl.UInt8).alias("confidence"),
        (now - pl.duration(hours=n % 700 + 24)).alias("first_seen"),
        (now - pl.duration(hours=n % 300)).alias("last_seen"),
        (now + pl.duration(days=n % 30 + 1)).alias("expires"),
        pl.Series("tags", [TAGS[at % len(TAGS)] for at in range(len(values))]),
        pl.when(n % 3 == 0).then(pl.lit("CobaltStrike")).alias("threat"),
        pl.lit("https://example.org/").alias("reference"),
        pl.lit("clear").cast(TLPS).alias("tlp"),
    )
    rows = rows.with_columns(ids(rows["kind"], rows["value"])).select(*SCHEMA)
    state = fingerprinted(unique(rows)).with_columns(now.alias("written")).select(*STATE)
    store.commit(source, state, state)


def fill_all(root: Path, size: int) -> None:
    """Write `size` sightings of five sources."""
    store, part = SegmentStore(root), size // 100
    urls = [f"http://{10 + k % 200}.0.{k % 7}.9/{k}" for k in range(60 * part)]
    fill(store, "urls", Kind.URL, urls)
    fill(store, "names", Kind.DOMAIN, [f"h{k}.zone{k % 1000}.example" for k in range(15 * part)])
    addresses = [f"{1 + k % 223}.{k // 223 % 256}.{k // 57088 % 256}.9" for k in range(22 * part)]
    fill(store, "addresses", Kind.IPV4, addresses)
    fill(store, "copies", Kind.IPV4, addresses[: 2 * part])
    networks = [f"{1 + k % 223}.{k // 223 % 256}.{k % 256}.0/24" for k in range(part)]
    fill(store, "networks", Kind.CIDR, networks)


def known(root: Path) -> Knowledge:
    """Return what is known of the store in a folder."""
    grades = {"urls": "A", "names": "B", "addresses": "C", "copies": "C", "networks": "A"}
    policy = Policy(simulated=True)
    return Knowledge(SegmentStore(root), Memory(), lambda: NOW, policy, grades, frozenset())


def timed(asked: Search, store: Knowledge) -> tuple[float, float, int]:
    """Return the seconds of the first and of the best later search, and how many items it found."""
    took = []
    for _ in range(4):
        start = time.perf_counter()
        found = len(search(asked, store).items)
        took.append(time.perf_counter() - start)
    return took[0], min(took[1:]), found


def main() -> None:
    """Print one line for each search."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as folder:
        # In a process of its own, whose memory is not counted here.
        filling = get_context("spawn").Process(target=fill_all, args=(Path(folder), size))
        filling.start()
        filling.join()
        store = known(Path(folder))
        rows = store.sightings.live(NOW).select(pl.len()).collect().item()
        print(f"{rows:,} sightings, {peak()} MiB before the first search")
        for name, asked in SEARCHES.items():
            first, best, found = timed(asked, store)
            print(
                f"{name:34} {1_000 * first:7.0f} ms first {1_000 * best:7.0f} ms best"
                f" {found:6,} items {peak():6,} MiB peak"
            )


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
