"""How long it takes to find what goes with an indicator: `python tests/bench/related.py`.

Sightings of four sources in the local store: URLs and their hosts, files with three hashes, pulses
of a hundred, networks. Each look-up is made seven times; the median counts.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha1, sha256
from pathlib import Path

import polars as pl

from tidegate.adapters.local.sightings import SegmentStore
from tidegate.canonical import guess
from tidegate.gate.explain import explain
from tidegate.gate.knowledge import Knowledge
from tidegate.gate.related import related
from tidegate.hygiene import Policy
from tidegate.ports import FeedState
from tidegate.sightings import KINDS, SCHEMA, STATE, TIME, TLPS, by_id, fingerprinted, ids

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
TIMES = 7
Row = tuple[str, str, str | None]


def of_urls(number: int) -> list[Row]:
    return [
        (
            "url",
            f"http://h{i % 50_000}.evil{i % 1_000}.example/{i}.exe",
            f"https://list.example/{i}",
        )
        for i in range(number)
    ]


def of_files(number: int) -> list[Row]:
    made = []
    for i in range(number // 3):
        text, page = b"%d" % i, f"https://samples.example/{i}/"
        digests = (sha256(text), sha1(text), md5(text))  # noqa: S324 - they name files
        made += [(digest.name, digest.hexdigest(), page) for digest in digests]
    return made


def of_pulses(number: int) -> list[Row]:
    pulses = (f"https://pulses.example/{i // 100}" for i in range(number))
    names = (f"h{i}.evil{i % 1_000}.example" for i in range(number))
    addresses = (f"{i % 90 + 1}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(number))
    both = zip(range(number), names, addresses, pulses, strict=True)
    return [("domain", n, p) if i % 2 else ("ipv4", a, p) for i, n, a, p in both]


def of_networks(_: int) -> list[Row]:
    return [("cidr", f"{a}.{b}.0.0/16", "SBL1") for a in range(1, 100) for b in range(10)]


def state(rows: list[Row]) -> pl.DataFrame:
    found = pl.DataFrame(rows, schema=["kind", "value", "reference"], orient="row")
    found = found.with_columns(ids(found["kind"], found["value"])).unique("id")
    seconds = pl.duration(seconds=pl.int_range(len(found)) % 200_000)
    filled = found.with_columns(
        pl.col("kind").cast(KINDS),
        pl.lit(None, pl.String).alias("original"),
        pl.lit(80, pl.UInt8).alias("confidence"),
        pl.lit(NOW - timedelta(days=3), TIME).alias("first_seen"),
        (pl.lit(NOW, TIME) - seconds).alias("last_seen"),
        pl.lit(NOW + timedelta(days=9), TIME).alias("expires"),
        pl.lit([], pl.List(pl.String)).alias("tags"),
        pl.lit("Mozi").alias("threat"),
        pl.lit("clear", TLPS).alias("tlp"),
        pl.lit(NOW, TIME).alias("written"),
    )
    return fingerprinted(by_id(filled.select(*SCHEMA, "written"))).select(*STATE)


class Feeds:
    """No feed was ever fetched."""

    def state(self, _: str) -> FeedState:
        return FeedState()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    number = parser.parse_args().rows
    parts = {"urls": (of_urls, 0.4), "files": (of_files, 0.35), "pulses": (of_pulses, 0.25)}
    with tempfile.TemporaryDirectory() as folder:
        store = SegmentStore(Path(folder))
        for source, (make, share) in {**parts, "networks": (of_networks, 0.0)}.items():
            rows = state(make(int(number * share) + 3))
            store.commit(source, rows, rows)
        grades = dict.fromkeys([*parts, "networks"], "B")
        policy = Policy()
        known = Knowledge(store, Feeds(), lambda: NOW, policy, grades, frozenset())
        print(f"{store.live(NOW).select(pl.len()).collect().item():,} sightings")
        for value in (
            "http://h7.evil7.example/7.exe",
            "h7.evil7.example",
            "evil7.example",
            sha1(b"77").hexdigest(),  # noqa: S324 - it names a file
            "5.0.1.4",
        ):
            show(value, known)


def show(value: str, known: Knowledge) -> None:
    found = explain(*guess(value), known)
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        told = related(found, known)
        took.append(time.perf_counter() - begun)
    counts = ", ".join(f"{one.name} {one.total:,}" for one in told) or "nothing"
    print(f"{value[:40]:<40} {statistics.median(took) * 1_000:6.0f} ms  {counts}")


if __name__ == "__main__":
    main()
