"""How fast warninglists are asked: `python tests/bench/warninglists.py [--values N] [--lists DIR]`.

A million addresses, domains and URLs against lists of the size that MISP publishes, and a few of
the addresses against the loop that one would write first. With `--lists` the lists are real ones.
"""

import argparse
import ipaddress
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import polars as pl

from tidegate.adapters.warninglists import Folder
from tidegate.hygiene import Policy, reasons
from tidegate.model import Kind
from tidegate.warninglists import Warninglists

NETWORKS, NAMES = 113_000, 55_000
SAMPLE = 40
ROUNDS = 3


def address(dice: random.Random) -> str:
    return str(ipaddress.IPv4Address(dice.randrange(1 << 24, 224 << 24)))


def name(dice: random.Random) -> str:
    return f"h{dice.randrange(10**6)}.n{dice.randrange(10**5)}.example"


def invent(folder: Folder, dice: random.Random) -> None:
    """Install lists with as many entries as the real ones have together."""
    networks = [address(dice) for _ in range(NETWORKS // 2)]
    networks += [f"{address(dice)}/{dice.randrange(12, 32)}" for _ in range(NETWORKS // 2)]
    names = [name(dice) for _ in range(NAMES)]
    for match, attributes, entries in (
        ("cidr", ["ip-src", "ip-dst"], networks),
        ("hostname", ["domain", "url"], names),
    ):
        raw = {"type": match, "matching_attributes": attributes, "list": entries}
        folder.install(f"bench-{match}", orjson.dumps(raw))


def values(kind: Kind, number: int, dice: random.Random) -> pl.Series:
    make: dict[Kind, Callable[[], str]] = {
        Kind.IPV4: lambda: address(dice),
        Kind.IPV6: lambda: str(ipaddress.IPv6Address(dice.getrandbits(125) | (1 << 125))),
        Kind.DOMAIN: lambda: name(dice),
        Kind.URL: lambda: f"http://{dice.choice([name, address])(dice)}/bins/arm7",
    }
    return pl.Series([make[kind]() for _ in range(number)])


def best(ask: Callable[[], object]) -> float:
    """Return the seconds of the best of a few rounds; the first one builds the matcher."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        ask()
        found.append(time.perf_counter() - start)
    return min(found)


def loop(lists: Warninglists, sample: list[str]) -> float:
    """Return how many addresses a second one compares with every network in turn."""
    networks = [ipaddress.ip_network(t) for t in lists.entries.filter(how="network")["text"]]
    start = time.perf_counter()
    for text in sample:
        asked = ipaddress.ip_address(text)
        _ = [network for network in networks if asked in network]
    return len(sample) / (time.perf_counter() - start)


def ready(folder: Folder) -> float:
    """Return the seconds from the compiled file to the first answer."""
    start = time.perf_counter()
    folder.lists().hits(pl.Series(["ipv4"]), pl.Series(["192.0.2.1"]))
    return time.perf_counter() - start


def run(folder: Folder, number: int, dice: random.Random) -> None:
    start = time.perf_counter()
    lists = folder.lists()
    compiled = time.perf_counter() - start
    print(f"{len(lists.about)} lists, {len(lists.entries):,} entries")
    print(f"compiled in {compiled:.2f} s, then ready in {ready(folder):.2f} s")
    policy, rates = Policy(lists=lists), {}
    for kind in (Kind.IPV4, Kind.IPV6, Kind.DOMAIN, Kind.URL):
        column = values(kind, number, dice)
        kinds = pl.repeat(kind.value, number, dtype=pl.String, eager=True)
        rates[kind] = number / best(lambda k=kinds, c=column: lists.hits(k, c))
        whole = number / best(lambda k=kinds, c=column: reasons(k, c, policy))
        print(f"{kind}: {rates[kind]:,.0f} checks/s, all of hygiene {whole:,.0f} values/s")
    plain = loop(lists, [address(dice) for _ in range(SAMPLE)])
    print(f"a loop over all networks: {plain:,.1f} checks/s = 1/{rates[Kind.IPV4] / plain:,.0f}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--values", type=int, default=1_000_000)
    options.add_argument("--lists", type=Path)
    given = options.parse_args()
    dice = random.Random(20)  # noqa: S311 - the same values every time
    with tempfile.TemporaryDirectory() as home:
        folder = Folder(Path(home))
        if given.lists is None:
            invent(folder, dice)
        else:
            for file in given.lists.glob("*.json"):
                folder.install(file.stem, file.read_bytes())
        run(folder, given.values, dice)


if __name__ == "__main__":
    main()
