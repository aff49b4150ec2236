"""What a poll of the published set costs: `python tests/bench/lists.py [--rows N]`.

Lists against the loop that one would write first, line by line with `ipaddress`; then what a
firewall costs that asks again, and pages of TAXII, over real requests to the application.
"""

import argparse
import asyncio
import ipaddress
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl

from tidegate.adapters.local.files import FileObjects
from tidegate.api import app as web
from tidegate.api import exports, lists, taxii
from tidegate.api.readers import Doors
from tidegate.gate.lists import FORMATS, render
from tidegate.gate.published import PUBLISHED, publish, published
from tidegate.gate.shelf import Shelf
from tidegate.sharing import OWN_TENANT
from tidegate.sightings import KINDS, ids

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = ("paloalto-ip", "plain-address", "paloalto-domain-wildcard", "plain-url", "plain-sha256")
POLLS = 200


def values(number: int) -> pl.DataFrame:
    """Return a set like a real one: addresses and networks, domains, URLs, hashes."""
    made = []
    for at in range(number):
        block = at * 7
        address = f"{11 + block // 65_536 % 80}.{block // 256 % 256}.{at % 256}.{at * 31 % 256}"
        made.append(
            [
                ("ipv4", address),
                ("cidr", str(ipaddress.ip_network(f"{address}/{24 + at % 8}", strict=False))),
                ("domain", f"h{at}.d{at // 3}.example"),
                ("url", f"http://h{at}.example/a/{at}.exe"),
                ("sha256", f"{at:064x}"),
            ][at % 5]
        )
    return pl.DataFrame(made, schema={"kind": KINDS, "value": pl.String}, orient="row").unique()


def wanted(number: int) -> pl.DataFrame:
    rows = values(number)
    rows = rows.with_columns(ids(rows["kind"], rows["value"]).alias("id"))
    said = {
        "score": (pl.col("id").str.slice(0, 4).str.to_integer(base=16) % 50 + 50).cast(pl.Float64),
        "sources": pl.lit(["alpha", "beta"]),
        "threat": pl.lit("Mozi"),
        "tags": pl.lit(["elf", "mozi"]),
        "reference": pl.lit("https://list.example/1"),
        "first_seen": pl.lit(NOW - timedelta(days=9)),
        "last_seen": pl.lit(NOW),
        "expires": pl.lit(NOW + timedelta(days=9)),
        "tlp": pl.lit("clear"),
        "action": pl.lit("Block"),
    }
    rows = rows.with_columns(expr.alias(name) for name, expr in said.items())
    return rows.select(
        pl.col(name).cast(dtype)
        for name, dtype in PUBLISHED.items()
        if name not in {"since", "changed", "gone"}
    )


def row_by_row(rows: pl.DataFrame, name: str) -> bytes:
    """Write a list as one would at first: dictionaries, `ipaddress`, a sort, a join."""
    form = FORMATS[name]
    kinds = {kind.value for kind in form.kinds}
    kept = [
        row
        for row in rows.iter_rows(named=True)
        if row["kind"] in kinds and row["gone"] is None and row["expires"] > NOW
    ]
    kept.sort(key=lambda row: (-round(row["score"]), row["id"]))
    texts = [row["value"] for row in kept]
    if "cidr" in kinds:
        networks = [ipaddress.ip_network(text) for text in texts]
        fours = ipaddress.collapse_addresses(n for n in networks if n.version == 4)
        sixes = ipaddress.collapse_addresses(n for n in networks if n.version == 6)
        texts = [str(n).removesuffix("/32") for each in (fours, sixes) for n in each]
    if form.lines == 2:
        texts = [line for text in texts for line in (text, f"*.{text}")]
    return "".join(f"{text}\n" for text in texts[: form.most]).encode()


def best(work: Callable[[], object], times: int = 3) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def rendering(rows: pl.DataFrame) -> None:
    for name in SHOWN:
        ours = best(lambda name=name: render(rows, FORMATS[name], 0, NOW, OWN_TENANT))
        plain = best(lambda name=name: row_by_row(rows, name))
        count = render(rows, FORMATS[name], 0, NOW, OWN_TENANT).count
        told = f"{1_000 * ours:.0f} ms, row by row {1_000 * plain:.0f} ms"
        print(f"render {name}: {count:,} lines, {told}, ratio {plain / ours:.1f}")


async def polling(objects: FileObjects) -> None:
    shelf, doors = Shelf(objects, lambda: NOW), Doors(lambda _: True)
    app = web.create([part.router(shelf, doors) for part in (lists, exports, taxii)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
        start = time.perf_counter()
        first = await client.get("/api/lists/paloalto-ip")
        print(f"first list after a cycle, the set read: {_ms(start)} ms")
        known = {"If-None-Match": first.headers["etag"]}
        start = time.perf_counter()
        for _ in range(POLLS):
            answer = await client.get("/api/lists/paloalto-ip", headers=known)
            assert answer.status_code == 304
        print(f"304 answer: {(time.perf_counter() - start) / POLLS * 1_000:.2f} ms")
        await pages(client)
        for path in ("/api/export/stix", "/api/export/csv", "/api/misp/manifest.json"):
            start = time.perf_counter()
            size = len((await client.get(path)).content)
            print(f"first {path}: {_ms(start)} ms, {size / 1e6:.1f} MB")


async def pages(client: httpx.AsyncClient) -> None:
    query, took, seen = {"limit": "2000"}, [], 0
    while True:
        start = time.perf_counter()
        answer = await client.get("/taxii2/tidegate/collections/own/objects/", params=query)
        took.append(time.perf_counter() - start)
        body = answer.json()
        seen += len(body["objects"])
        if not body["more"]:
            break
        query["next"] = body["next"]
    later = sorted(took[1:])[len(took[1:]) // 2]
    print(f"TAXII: {seen:,} objects on {len(took)} pages in {sum(took):.2f} s")
    print(f"TAXII page of 2,000: first {1_000 * took[0]:.0f} ms, then {1_000 * later:.0f} ms")


def _ms(start: float) -> str:
    return f"{1_000 * (time.perf_counter() - start):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    number = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        objects = FileObjects(Path(folder), lambda: NOW)
        rows = publish(wanted(number), NOW, objects)
        reading = best(lambda: published(objects))
        print(f"{len(rows):,} indicators; to read the set: {1_000 * reading:.0f} ms")
        rendering(rows)
        asyncio.run(polling(objects))


if __name__ == "__main__":
    main()
