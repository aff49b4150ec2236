"""How fast a large URLhaus dump is ingested: `python tests/bench/ingest_urlhaus.py [--rows N]`.

Writes its own dump in URLhaus's exact format, ingests it twice with the command line, each time in
a process of its own, and then once with the plain loop that one would write first. With IntelMQ at
hand, `--intelmq PYTHON` names the interpreter that has it; it parses a part of the same file.
"""

import argparse
import csv
import ipaddress
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

BANNER = """################################################################
# abuse.ch URLhaus Database Dump (CSV - recent URLs only)      #
# Last updated: {:%Y-%m-%d %H:%M:%S} (UTC)                      #
#                                                              #
# Terms Of Use: https://urlhaus.abuse.ch/api/                  #
# For questions please contact urlhaus [at] abuse.ch           #
################################################################
#
# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter
"""
NETS = ("192.0.2", "198.51.100", "203.0.113")
TAGS = ("32-bit,elf,mips,Mozi", "elf,ua-wget", "exe,Vidar", "None", "js,SocGholish", "zip", "sh")
PATHS = ("bin.sh", "i", "mozi.m", "bins/arm7", "a/setup.exe", "dl.php?id={}", "u/{}.zip")
ODD = 0.005  # of the real rows, so many are not canonical as they stand

REPEATS = 0.05
PARSED = 20_000  # rows that IntelMQ is given: its time grows with them, and so does its memory
ROOT = Path(__file__).resolve().parents[2]
RUN = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
child = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([child.returncode, seconds, peak, child.stdout.decode()]))
"""


def address(dice: random.Random) -> str:
    """Return a URL. Three documentation networks have few hosts: ports, names and paths vary."""
    path = dice.choice(PATHS).format(dice.randrange(10**6))
    if dice.random() < ODD:
        path = f"%7euser/{path}#x"
    if dice.random() < 0.6:
        host = f"{dice.choice(NETS)}.{dice.randrange(1, 255)}:{dice.randrange(1_024, 65_000)}"
        return f"http://{host}/{path}"
    return f"https://h{dice.randrange(10**6)}.evil{dice.randrange(99)}.example/{path}"


def rows(number: int, now: datetime) -> Iterator[list[str]]:
    dice = random.Random(20)  # noqa: S311 - the same file every time
    recent = [address(dice)]
    for i in range(number):
        if dice.random() < REPEATS:
            url = dice.choice(recent)
        else:
            url = address(dice)
            recent[len(recent) % 20_000 :] = [url]
        added = now - timedelta(seconds=i)
        status = "offline" if dice.random() < 0.3 else "online"
        online = "" if status == "offline" and dice.random() < 0.5 else f"{now:%F %T}"
        link = f"https://urlhaus.abuse.ch/url/{4_000_000 - i}/"
        tags = dice.choice(TAGS)
        named = [status, online, "malware_download", tags, link, "example"]
        yield [str(4_000_000 - i), f"{added:%F %T}", url, *named]


def write(path: Path, number: int, now: datetime) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BANNER.format(now).replace("\n", "\r\n"))
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows(number, now))


def ingest(path: Path, home: Path) -> tuple[dict[str, object], float, float]:
    """Run the command line; return its outcome, seconds, and peak memory in MB."""
    sources = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "TIDEGATE_HOME": str(home), "PYTHONPATH": sources}
    command = [sys.executable, "-m", "tidegate", "ingest", "urlhaus", "--file", str(path), "--json"]
    # A process in between: what RUSAGE_CHILDREN says is the peak of all children so far.
    between = [sys.executable, "-c", RUN, *command]
    told = subprocess.run(between, env=environment, cwd=home, check=True, capture_output=True)  # noqa: S603
    code, seconds, peak, out = json.loads(told.stdout)
    if code:
        sys.exit(f"ingest failed: {out}{told.stderr.decode()}")
    return json.loads(out), seconds, peak / 1024


def plain_loop(path: Path, database: Path) -> int:
    """Read, normalise and store row by row."""
    store = sqlite3.connect(database)
    store.execute("CREATE TABLE s (id TEXT PRIMARY KEY, value, first, last, tags, threat, link)")
    upsert = (
        "INSERT INTO s VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " first = min(first, excluded.first), last = max(last, excluded.last)"
    )
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(line for line in file if not line.startswith("#")):
            store.execute(upsert, plain_row(row))
    store.commit()
    (count,) = store.execute("SELECT count(*) FROM s").fetchone()
    store.close()
    return count


def plain_row(row: list[str]) -> tuple[str, ...]:
    parts = urlsplit(row[2])
    host = parts.hostname or ""
    if host[-1:].isdigit():
        host = str(ipaddress.ip_address(host))
    port = f":{parts.port}" if parts.port else ""
    query = f"?{parts.query}" if parts.query else ""
    value = f"{parts.scheme}://{host}{port}{parts.path or '/'}{query}"
    first = datetime.strptime(row[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).isoformat()
    digest = sha256(f"url\0{value}".encode()).hexdigest()[:32]
    return digest, value, first, row[4] or first, row[6], row[5], row[7]


def intelmq(python: str, path: Path) -> str:
    """Have IntelMQ parse a part of the dump; nothing of it is stored, nor merged, nor judged."""
    script = Path(__file__).with_name("intelmq_urlhaus.py")
    command = [python, str(script), str(path), str(PARSED)]
    told = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    if told.returncode:
        return f"IntelMQ: not to be had ({told.stderr.decode().strip().splitlines()[-1:]})"
    events, seconds = json.loads(told.stdout)
    return (
        f"IntelMQ, parse only: {events / seconds:,.0f} rows/s"
        f" ({events:,} events of {PARSED:,} rows in {seconds:.2f} s, in memory)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--intelmq", metavar="PYTHON", default=sys.executable)
    given = parser.parse_args()
    number = given.rows
    with tempfile.TemporaryDirectory() as folder:
        home, path = Path(folder), Path(folder) / "urlhaus.csv"
        write(path, number, datetime.now(UTC))
        size = path.stat().st_size / 1e6
        print(f"{number:,} rows, {size:,.0f} MB")
        first = None
        for name in ("first run", "same file again"):
            outcome, seconds, peak = ingest(path, home)
            first = first or seconds
            inside = (
                f"{outcome['status']}, {outcome['kept']:,} kept, {outcome['repeated']:,} repeats"
            )
            print(
                f"{name}: {number / seconds:,.0f} rows/s, {seconds:.2f} s,"
                f" {peak:,.0f} MB ({inside})"
            )
        start = time.perf_counter()
        count = plain_loop(path, home / "plain.sqlite")
        seconds = time.perf_counter() - start
        print(f"plain loop: {number / seconds:,.0f} rows/s, {seconds:.2f} s, {count:,} kept")
        print(f"ratio: {seconds / first:.1f} times as fast as the plain loop")
        print(intelmq(given.intelmq, path))


if __name__ == "__main__":
    main()
