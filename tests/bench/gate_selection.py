"""How fast the gate finds its candidates: `python tests/bench/gate_selection.py [--rows N]`.

Fills a store (`gate_store.py`), then, each in a process of its own whose peak it prints: the simple
way, that collects and scores everything, at a tenth of the size; a pass over the whole store; and
cycles after a part of it was written anew.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from gate_store import MADE, NOW, WHOLE, Clock, House, fill, rows

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.gate.candidates import candidates
from tidegate.gate.knowledge import sources
from tidegate.gate.pool import dump, load
from tidegate.gate.ranking import Wanted
from tidegate.gate.score import scored
from tidegate.sightings import by_id

WANTED = Wanted(most=20_000, least_score=50.0)
LATER = timedelta(minutes=15)
SHARES = (0, 0.001, 0.01, 0.1)
HALF = 0.5


def apart(task: Callable[..., tuple[float, int]], *given: object) -> tuple[float, int, int]:
    """Return seconds, how many candidates, and the peak in MiB of a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        seconds, found = pool.submit(task, *given).result()
        return seconds, found, pool.submit(peak).result()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def filled(root: Path, size: int) -> tuple[float, int]:
    start = time.perf_counter()
    fill(SegmentStore(root), size)
    return time.perf_counter() - start, size


def simple(root: Path) -> tuple[float, int]:
    """Collect all live sightings and score them."""
    known, start = House(SegmentStore(root)).known(), time.perf_counter()
    live = known.sightings.live(NOW).filter(~pl.col("source").is_in(sorted(known.advisory)))
    columns = ("id", "kind", "value", "source", "confidence", "last_seen", "threat")
    found = scored(live.select(columns).collect(), sources(known), NOW)
    return time.perf_counter() - start, len(found)


def whole(root: Path, memory: Path) -> tuple[float, int]:
    """Make one pass, and keep what it leaves behind."""
    known, start = House(SegmentStore(root)).known(), time.perf_counter()
    found, pool = candidates(known, WANTED)
    seconds = time.perf_counter() - start
    memory.write_bytes(dump(pool))
    return seconds, len(found)


def cycle(root: Path, memory: Path, later: timedelta) -> tuple[float, int]:
    """Take one cycle from the memory, which is read and, where it is another, kept within it."""
    known = House(SegmentStore(root), Clock(NOW + later)).known()
    start = time.perf_counter()
    before = load(memory.read_bytes())
    found, pool = candidates(known, WANTED, before)
    if pool is not before:
        memory.write_bytes(dump(pool))
    seconds = time.perf_counter() - start
    if before is None or pool.whole != before.whole:
        print("  (the whole store was read)")
    return seconds, len(found)


def change(root: Path, size: int, share: float, later: timedelta) -> tuple[float, int]:
    """Write a part of each list anew, half of it new, and withdraw as much as is new."""
    store, start, changed = SegmentStore(root), time.perf_counter(), 0
    for source, made in MADE.items() if share else ():
        kind, (first, last) = next(iter(made.of.items()))
        end = 1_000 * last * size // WHOLE
        some = int(share * HALF * 1_000 * (last - first) * size / WHOLE)
        new = rows(source, kind, end - some, end + some, NOW + later)
        new = new.with_columns(written=pl.lit(NOW + later, new.schema["written"]))
        old = store.state(source).join(new, on="id", how="anti")
        store.commit(source, by_id(pl.concat([old.slice(some), new])), new)
        changed += len(new)
    return time.perf_counter() - start, changed


def told(what: str, seconds: float, found: int, most: int) -> None:
    print(f"{what:34} {seconds:7.2f} s  {found:10,} rows  {most:6,} MiB peak", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    size = parser.parse_args().rows
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with TemporaryDirectory() as folder:
        small, root, memory = (Path(folder) / name for name in ("small", "store", "pool"))
        told("fill a tenth", *apart(filled, small, size // 10))
        told("the simple way, a tenth", *apart(simple, small))
        told("one pass, a tenth", *apart(whole, small, memory))
        told("fill", *apart(filled, root, size))
        seconds, *rest = apart(whole, root, memory)
        told("one pass", seconds, *rest)
        for number, share in enumerate(SHARES, 1):
            later = number * LATER
            apart(change, root, size, share, later)
            took, *found = apart(cycle, root, memory, later)
            told(f"a cycle, {share:.1%} written ({took / seconds:.0%})", took, *found)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
