"""How fast feeds are judged: `python tests/bench/feed_value.py [--rows N] [--sources N]`.

Fills a store with made-up sightings, some of which several sources share, and a month of runs; then
asks the command line what the feeds are worth, in a process of its own, and afterwards does the
same with the plain loop that one would write first.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import polars as pl

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.declare.feed import feeds
from tidegate.model import Kind, Outcome, Run, Status
from tidegate.sightings import STATE, TIME, fingerprinted, ids

NOW = datetime.now(UTC)
RUNS = 2_880  # of a feed in a month, one each quarter of an hour
MEASURED = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
child = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([time.perf_counter() - start, peak, child.stdout.decode()]))
"""


def names(number: int) -> list[str]:
    """Return the feeds that stand for the sources: those that run by themselves."""
    running = [name for name, feed in feeds().items() if feed.enabled and feed.use == "block"]
    return running[:number]


def fill(home: Path, rows: int, sources: list[str]) -> None:
    """Write the store: each source draws from a pool twice as large as what it holds."""
    store, each = SegmentStore(home / "sightings"), rows // len(sources)
    pool = pl.select(value=pl.format("h{}.example", pl.int_range(rows // 2)))
    kind = pl.Series("kind", [Kind.DOMAIN.value]).new_from_index(0, len(pool))
    pool = pool.with_columns(kind, ids(kind, pool["value"]))
    for seed, source in enumerate(sources):
        some = pool.sample(each, seed=seed).sort("id")
        seen = NOW - timedelta(days=30)
        late = pl.duration(seconds=pl.col("id").hash(seed) % 2_592_000)
        state = some.with_columns(
            original=pl.lit(None, pl.String),
            confidence=pl.lit(80),
            first_seen=pl.lit(seen, TIME) + late,
            last_seen=pl.lit(NOW, TIME),
            expires=pl.lit(NOW + timedelta(days=7), TIME),
            tags=pl.lit(["botnet", "scanner"]),
            threat=pl.lit("botnet"),
            reference=pl.lit("https://feeds.example/about"),
            tlp=pl.lit("clear"),
            written=pl.lit(NOW, TIME),
        )
        state = fingerprinted(
            state.cast({name: STATE[name] for name in STATE if name != "fingerprint"})
        ).select(*STATE)
        store.commit(source, state, state)


def remember(home: Path, sources: list[str]) -> None:
    database = connect(home / "tidegate.sqlite")
    database.execute("PRAGMA synchronous = OFF")
    table = RunTable(database)
    database.execute("BEGIN")
    for source in sources:
        for back in range(RUNS):
            outcome = Outcome(source, Status.OK, rows=9, kept=9, new=back % 3, seconds=0.5)
            at = NOW - timedelta(minutes=15 * (RUNS - back))
            table.record(Run(f"{source}{back}", at, outcome))
    database.execute("COMMIT")
    database.close()


def asked(home: Path) -> tuple[float, int, list[dict[str, object]]]:
    """Return seconds, peak in MiB and the answer of `tidegate feeds value`."""
    command = [sys.executable, "-m", "tidegate", "feeds", "value", "--json"]
    environment = {**os.environ, "TIDEGATE_HOME": str(home)}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", MEASURED, *command],
        env=environment,
        cwd=home,
        capture_output=True,
        check=True,
    )
    seconds, peak, told = json.loads(done.stdout)
    return seconds, peak // 1024, [json.loads(line) for line in told.splitlines()]


def plain(home: Path) -> tuple[float, int, dict[str, int]]:
    """Do the same for unique indicators, overlap and leads, one indicator at a time."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen: dict[str, dict[str, datetime]] = defaultdict(dict)
    live = SegmentStore(home / "sightings").live(NOW).select("id", "source", "first_seen")
    for found, source, first in live.collect().iter_rows():
        seen[found][source] = first
    unique: dict[str, int] = defaultdict(int)
    both: dict[tuple[str, str], int] = defaultdict(int)
    leads: dict[str, list[float]] = defaultdict(list)
    for said in seen.values():
        for source, first in said.items():
            others = [(at, other) for other, at in said.items() if other != source]
            unique[source] += not others
            for _, other in others:
                both[source, other] += 1
            if others:
                leads[source].append((min(others)[0] - first).total_seconds())
    {source: median(each) for source, each in leads.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return time.perf_counter() - start, (peak - before) // 1024, dict(unique)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sources", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, sources = Path(folder), names(options.sources)
        fill(home, options.rows, sources)
        remember(home, sources)
        print(f"{options.rows:,} sightings of {len(sources)} sources, {RUNS:,} runs each")
        seconds, peak, told = asked(home)
        speed = options.rows / seconds
        print(
            f"tidegate feeds value  {seconds:6.1f} s  {speed:12,.0f} rows/s  {peak:6,} MiB in all"
        )
        slow, more, unique = plain(home)
        speed = options.rows / slow
        print(f"plain loop            {slow:6.1f} s  {speed:12,.0f} rows/s  {more:6,} MiB more")
        agreed = {one["feed"]: one["contribution"]["lost"] for one in told}  # type: ignore[index]
        assert {name: agreed[name] for name in unique} == unique
        print("both count the same unique indicators")


if __name__ == "__main__":
    main()
