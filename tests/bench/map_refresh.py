"""How fast a big answer becomes a dataset: `python tests/bench/map_refresh.py [--rows N]`.

From the bytes of a Log Analytics response to the committed, gzipped TSV: with the whole refresh of
the map (keys, places, digests, lease, commit), and by the usual route, the rows of Microsoft's SDK
through pandas, which does none of that. Each runs in a process of its own. `--usual PYTHON` names
an interpreter that has azure-monitor-query and pandas; without them the usual route is left out.
Ours runs with memory set up as `apps/maps` sets it up.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ID = uuid.UUID(int=7)
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
COLUMNS = {
    "TimeGenerated": "datetime",
    "Id": "string",
    "UserPrincipalName": "string",
    "IPAddress": "string",
    "ResultType": "string",
    "ResultDescription": "string",
    "AppDisplayName": "string",
    "ClientAppUsed": "string",
    "City": "string",
    "Risk": "string",
    "Latitude": "real",
    "Longitude": "real",
    "Country": "string",
    "GeoSource": "string",
}
WHY = {
    "50126": "Invalid password.",
    "50053": "The account is locked.",
    "53003": "Blocked by a policy.",
}
USUAL = """
import json, resource, sys, time
import pandas
from azure.monitor.query._models import LogsQueryResult
body = open(sys.argv[1], "rb").read()
start, worked = time.perf_counter(), time.process_time()
[table] = LogsQueryResult._from_generated(json.loads(body)).tables
frame = pandas.DataFrame([list(row) for row in table.rows], columns=table.columns)
frame.to_csv(sys.argv[2], sep="\\t", index=False, compression="gzip")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([time.perf_counter() - start, time.process_time() - worked, peak]))
"""


def rows(number: int, addresses: int) -> Iterator[list[object]]:
    """Yield sign-ins of which one in three has no coordinates."""
    rng = random.Random(7)  # noqa: S311 - it repeats
    for n in range(number):
        when = NOW - timedelta(hours=1, milliseconds=n * 400)
        at, code = rng.randrange(addresses), rng.choice(list(WHY))
        place = [round(rng.uniform(-60, 70), 4), round(rng.uniform(-180, 180), 4), "FR", "entra"]
        yield [
            f"{when:%Y-%m-%dT%H:%M:%S.%f}7Z",
            str(uuid.UUID(int=rng.getrandbits(128))),
            f"user{rng.randrange(20_000)}@corp.example",
            f"2001:db8:{at >> 8:x}::{at & 255:x}",
            code,
            WHY[code],
            rng.choice(["Azure Portal", "Exchange Online", "Teams"]),
            rng.choice(["Browser", "IMAP4", "Mobile Apps"]),
            rng.choice(["Paris", "Köln", "New\\tYork", ""]),
            rng.choice(["none", "low", "high"]),
            *(place if n % 3 else [None, None, None, ""]),
        ]


def write(file: Path, number: int, addresses: int) -> None:
    columns = [{"name": name, "type": type_} for name, type_ in COLUMNS.items()]
    found = list(rows(number, addresses))
    table = {"name": "PrimaryResult", "columns": columns, "rows": found}
    file.write_text(json.dumps({"tables": [table]}, separators=(",", ":")), "utf-8")


def ours(file: Path, home: Path) -> list[float]:
    """Refresh the dataset from the body; return seconds and peak memory in KiB."""
    from tidegate.adapters.geo import Chain  # noqa: PLC0415 - the parent needs none of it
    from tidegate.adapters.local.files import FileObjects  # noqa: PLC0415
    from tidegate.adapters.loganalytics import Limits, LogAnalytics  # noqa: PLC0415
    from tidegate.declare.dataset import datasets  # noqa: PLC0415
    from tidegate.maps.refresh import refresh  # noqa: PLC0415
    from tidegate.maps.world import World  # noqa: PLC0415
    from tidegate.ports import Response  # noqa: PLC0415
    from tidegate.simulator.places import place  # noqa: PLC0415

    began = [0.0, 0.0]

    class Canned:
        """Has the answer in its hands when it is asked for it: from then on time is taken."""

        def request(self, *_: object, json: dict[str, str], **__: object) -> Response:
            if "print" in json["query"]:
                now = {"name": "Now", "type": "datetime"}
                table = {"name": "PrimaryResult", "columns": [now], "rows": [[f"{NOW:%FT%TZ}"]]}
                return Response(200, {}, dumps({"tables": [table]}).encode())
            body = file.read_bytes()
            began[:] = time.perf_counter(), time.process_time()
            return Response(200, {}, body)

    dumps = json.dumps
    logs = LogAnalytics(Canned(), "", "", lambda: NOW, Limits(rows=10**9))
    objects = FileObjects(home, lambda: NOW)
    world = World(datasets(), logs, objects, Chain(reserved=[place]), lambda: NOW)
    told = refresh(world.datasets["signin_failures"], world, force=True)
    assert told.rows > 0, told
    took = [time.perf_counter() - began[0], time.process_time() - began[1]]
    return [*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]


THRIFT = {"_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0"}


def child(*command: str) -> list[float] | None:
    environment = os.environ | THRIFT
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)  # noqa: S603
    return None if done.returncode else json.loads(done.stdout)


def told(name: str, found: list[float]) -> None:
    seconds, worked, peak = found
    print(f"{name:<28}{seconds:7.2f} s {worked:7.2f} s of CPU {peak / 1024:6.0f} MiB at most")


def compare(number: int, addresses: int, usual: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body, out = Path(folder, "body.json"), Path(folder, "usual.tsv.gz")
        write(body, number, addresses)
        size = body.stat().st_size / 1e6
        print(f"{number:,} rows, {len(COLUMNS)} columns, {size:.0f} MB of JSON,", end=" ")
        print(f"{addresses:,} addresses; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        fast = child(sys.executable, __file__, "--ours", str(body), folder)
        assert fast is not None
        told("body to committed TSV", fast)
        slow = child(usual, "-c", USUAL, str(body), str(out))
        if slow is None:
            print("the usual route is left out: no azure-monitor-query and pandas")
            return
        told("SDK, pandas, to_csv(gzip)", slow)
        times = [one / other for one, other in zip(slow, fast, strict=True)]
        print(f"the usual route takes {times[0]:.1f} times as long,", end=" ")
        print(f"{times[1]:.1f} times the CPU and {times[2]:.1f} times the memory")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--usual", default=sys.executable)
    parser.add_argument("--ours", nargs=2, type=Path)
    given = parser.parse_args()
    if given.ours:
        print(json.dumps(ours(*given.ours)))
    else:
        compare(given.rows, given.addresses, given.usual)
