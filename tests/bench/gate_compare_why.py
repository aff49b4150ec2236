"""Why the gate's choice wins or loses: `python tests/bench/gate_compare_why.py [FOLDER]`.

Prints the figures by which `docs/gate-comparison.md` explains those of `gate_compare.py`.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from gate_compare import (
    BEFORE,
    END,
    STORED,
    confirmed,
    echoing,
    filled,
    first,
    gated,
    knowledge,
    pooled,
)
from real_feeds import Home, warned

from tidegate.gate.knowledge import sources
from tidegate.hygiene import Policy

THREE_LISTS = 50  # the confidence of IPsum


def ids(rows: pl.DataFrame) -> set[str]:
    return set(rows["id"])


def told(what: str, of: set[str], on: set[str]) -> str:
    return f"* {what}: {len(of & on):,} of {len(of):,} ({len(of & on) / len(of):.1%})"


def newness(house: Home, bare: Home, end: Home) -> Iterator[str]:
    """Tell whether addresses that joined a list lately are confirmed more often."""
    later = ids(confirmed(pooled(bare), pooled(end), sources(knowledge(end))))
    dshield = pooled(house).filter(pl.col("source") == "dshield")
    yield told("DShield's clean addresses, confirmed later", ids(dshield), later)
    for (since,), rows in dshield.sort("first_seen").group_by("first_seen", maintain_order=True):
        yield told(f"of them new at {since:%d %B %H:%M}, confirmed later", ids(rows), later)


def agreement(house: Home) -> Iterator[str]:
    """Tell what it says that two lists agree."""
    rows = pooled(house)
    on = {name: ids(part) for (name,), part in rows.group_by("source")}
    abuseipdb, ssh, copy, cins = (on[n] for n in ("abuseipdb", "alienvault", "isc", "cins"))
    yield told("DShield's, on its copy", on["dshield"], copy)
    yield told("that copy's, on DShield", copy, on["dshield"])
    yield told("AlienVault's, on AbuseIPDB", ssh, abuseipdb)
    whole = house.world.sightings.live(house.now).collect()
    uncut = {n: ids(whole.filter(pl.col("source") == n)) for n in ("alienvault", "abuseipdb")}
    yield told("the same without the cut", *uncut.values())
    yield told("on CINS and the copy of DShield, on AbuseIPDB", copy & cins, abuseipdb)
    yield told("on that copy and not on CINS, on AbuseIPDB", copy - cins, abuseipdb)
    yield told("on CINS and that copy, on AlienVault's", copy & cins, ssh)
    several = rows.filter((pl.col("source") == "ipsum") & (pl.col("confidence") >= THREE_LISTS))
    yield told("on three lists of IPsum's and more, on AlienVault's", ids(several), ssh)
    yield from _withheld(house, rows, ssh)


def _withheld(house: Home, rows: pl.DataFrame, ssh: set[str]) -> Iterator[str]:
    hidden = echoing("alienvault", sources(knowledge(house)))
    chosen = gated(knowledge(house, hidden), house, 0.0)
    both = rows.filter(pl.col("source").is_in(["cins", "isc"])).group_by("id").len()
    agreed = ids(both.filter(pl.col("len") > 1))
    yield told("chosen without AlienVault's, on CINS and that copy", ids(chosen), agreed)
    counted = ids(first(rows.filter(pl.col("source") == "ipsum"), "confidence"))
    yield told("the first of IPsum by its count, on AlienVault's", counted, ssh)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else STORED
    if not folder.is_dir():
        print("The collection of stored feeds is not beside the project: nothing to explain.")
        return
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        root, bare = Path(name), Policy(simulated=True)
        policy = warned(folder, root / "lists")
        moments = {"then": (policy, BEFORE), "bare": (bare, BEFORE), "end": (policy, END)}
        for part in moments:
            (root / part).mkdir()
        homes = {part: filled(root / part, folder, *which) for part, which in moments.items()}
        print("\n".join(newness(homes["then"], homes["bare"], homes["end"])))
        print("\n".join(agreement(homes["end"])))


if __name__ == "__main__":
    main()
