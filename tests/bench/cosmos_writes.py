"""Transactional batches against single upserts: the same rows into the same stand-in.

`python tests/bench/cosmos_writes.py [--rows 1000 25600] [--delay 10]` prints requests and seconds
of both for each number of changed rows. `delay` is the round trip in milliseconds that the stand-in
plays; its request units are invented, so none are shown.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "azure"))

from cosmos_lab import Lab, lab, many, state

from tidegate.adapters.azure.cosmos import CosmosSightings
from tidegate.adapters.azure.cosmos_documents import documents


def in_batches(made: Lab, store: CosmosSightings, rows) -> None:
    """Write the rows as a commit does."""
    store.commit(f"batches-{len(rows)}", rows, rows)


def one_by_one(made: Lab, store: CosmosSightings, rows) -> None:
    """Write the rows as single upserts, as many at once as batches."""
    container = store.indicators.cosmos.container("indicators")
    with ThreadPoolExecutor(store.indicators.writers) as pool:
        list(pool.map(container.upsert_item, documents(rows, "single", made.now)))


def timed(made: Lab, work: Callable[[], None]) -> tuple[int, float]:
    """Return how many requests and seconds it takes."""
    made.standin.seen.clear()
    started = time.perf_counter()
    work()
    return len(made.standin.seen), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1_000, 5_120, 25_600])
    parser.add_argument("--delay", type=float, default=10.0)
    options = parser.parse_args()
    print(
        f"{'rows':>8} {'upserts':>9} {'s':>7} {'batches':>9} {'s':>7} {'requests':>9} {'time':>6}"
    )
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as made:
        made.standin.delay = options.delay / 1000
        store = made.store()
        store.of("00" * 16)  # the first request also finds the account
        for count in options.rows:
            rows = state(*many(count))
            single, slow = timed(made, lambda rows=rows: one_by_one(made, store, rows))
            batched, fast = timed(made, lambda rows=rows: in_batches(made, store, rows))
            print(
                f"{count:8,} {single:9,} {slow:7.2f} {batched:9,} {fast:7.2f}"
                f" {single / batched:8.1f}x {slow / fast:5.1f}x"
            )


if __name__ == "__main__":
    main()
