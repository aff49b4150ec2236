"""10,000 alerts on 2,000 files, each detonated for half an hour, by one worker on a turned clock.

python tests/bench/detonate_load.py [ALERTS] [FILES]

The tenant runs in another thread of this process; the CPU of the worker is that of its thread. All
limits of Defender are as documented, but for the tenant's one of VMRay. The state is on disk, and
written through.
"""

import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from tidegate.adapters.http import HttpClient
from tidegate.adapters.local.database import connect
from tidegate.detonate import World, poll, poll_finished, step, sweep
from tidegate.model import ENDS
from tidegate.simulator import vmray
from tidegate.simulator.estate import (
    Happening,
    Machine,
    know_file,
    of_file,
    put_file,
    put_machine,
    raise_alert,
    see_file,
)
from tidegate.simulator.samples import digest
from tidegate.simulator.scene import Scene
from tidegate.simulator.server import Tenant

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICES = 1_000
MINUTE = timedelta(minutes=1)
ON_A_DEVICE = timedelta(minutes=1)
DETONATION = timedelta(minutes=30)
LONGEST = timedelta(days=3)  # of the turned clock
MOST_SECONDS = 3_000  # of ours


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Counting:
    """`ports.Http` that counts by method and host."""

    http: HttpClient
    calls: Counter[str] = field(default_factory=Counter)
    fuse: Any = None

    def request(self, method: str, url: str, **asked: Any) -> Any:
        self.calls["VMRay" if "/rest/" in url else "Graph" if "/v1.0/" in url else "Defender"] += 1
        return self.http.request(method, url, **asked)

    def download(self, url: str, to: Path, **asked: Any) -> Any:
        self.calls["download"] += 1
        return self.http.download(url, to, **asked)


def content(file: int) -> bytes:
    return b"Tidegate load sample %d\n" % file


def fill(scene: Scene, alerts: int, files: int) -> None:
    """Put so many alerts on so many files into the tenant, all of the last ten minutes."""
    with scene.memory.changing():
        for number in range(DEVICES):
            put_machine(scene, Machine(f"load-{number}"))
        for file in range(files):
            data, name = content(file), f"{file}.exe"
            know_file(scene, name, data)
            scene.memory.put("outcomes", digest(data), outcome(file))
        for number in range(alerts):
            file, device = number % files, f"load-{number % DEVICES}"
            put_file(scene, device, f"{file}.exe", content(file))
            see_file(scene, device, content(file))
            at = scene.clock() - timedelta(minutes=10) * (1 - number / alerts)
            what = of_file(f"{file}.exe", content(file))
            raise_alert(scene, 1_000 + number, at, Happening("Load", device, (what,)))


def outcome(file: int) -> dict[str, Any]:
    """Every third file is malicious, and talks to a host of its own."""
    slow = (DETONATION - ON_A_DEVICE).total_seconds()
    if file % 3:
        return {"verdict": "clean", "slow": slow}
    host = {"domain": f"c2-{file}.example", "ioc": True, "verdict": "malicious", "version": 3}
    return {
        "verdict": "malicious",
        "threats": ["Load.Simulated"],
        "iocs": {"domains": [{**host, "ioc_type": "domain"}]},
        "slow": slow,
    }


def harness() -> ModuleType:
    """The wiring of the tests: one worker on one folder."""
    path = Path(__file__).parents[1] / "unit" / "detonate" / "conftest.py"
    spec = spec_from_file_location("harness", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["harness"] = module
    spec.loader.exec_module(module)
    return module


def turns(world: World) -> int:
    """Take the turns that are due; return how many there were."""
    count = 0
    while message := world.queue.take(world.policy.hidden):
        step(world, message)
        count += 1
    return count


def run(world: World, database: Any, clock: Clock) -> tuple[int, datetime]:
    """Work until all cases have ended; return how many turns that took, and when it was."""
    count, looked, swept, told = 0, clock.now, clock.now, time.monotonic()
    begun = told
    poll(world)
    while True:
        count += turns(world)
        [due, waiting] = database.execute("SELECT min(due), count(*) FROM queue").fetchone()
        if due is None or clock.now - START > LONGEST or time.monotonic() - begun > MOST_SECONDS:
            return count, clock.now
        clock.now = max(clock.now, min(datetime.fromtimestamp(due, UTC), looked + MINUTE))
        if clock.now >= looked + MINUTE:
            looked = clock.now
            poll_finished(world)
        if clock.now >= swept + world.policy.sweep_every:
            swept = clock.now
            sweep(world)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  {clock.now - START} later: {waiting:,} cases, {count:,} turns", flush=True)


def main(alerts: int = 10_000, files: int = 2_000) -> None:
    vmray.CALLS_A_MINUTE = 1_000_000
    clock, own = Clock(), harness()
    with TemporaryDirectory() as folder:
        tenant = Tenant(Path(folder) / "tenant", ON_A_DEVICE, clock)
        url = tenant.start()
        fill(tenant.scene, alerts, files)
        database = connect(Path(folder) / "tidegate.sqlite")
        http = Counting(HttpClient(allow_private=True, retries=0, clock=clock))
        http.fuse = own.Fuse()
        world = own.build(Path(folder), url, http, database, clock, own.POLICY)
        began, cpu = time.monotonic(), time.thread_time()
        count, ended = run(world, database, clock)
        seconds, worker = time.monotonic() - began, time.thread_time() - cpu
        report(world, alerts, count, ended, seconds, worker, http.calls)
        print(f"submissions     {len(tenant.scene.memory.calls('submit')):,} of {files:,} files")
        print(f"live responses  {len(tenant.scene.memory.calls('live response')):,}")
        database.close()
        tenant.stop()


def report(
    world: World,
    alerts: int,
    count: int,
    ended: datetime,
    seconds: float,
    worker: float,
    calls: Counter[str],
) -> None:
    cases = world.cases.newest(alerts + 100)
    stages = Counter(str(case.stage) for case in cases)
    total = sum(calls.values())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"cases           {len(cases):,}: {dict(stages)}")
    print(f"unfinished      {sum(case.stage not in ENDS for case in cases):,}")
    print(f"turned clock    {ended - START}")
    print(f"wall clock      {seconds:,.0f} s, {len(cases) / seconds:,.1f} cases/s with the tenant")
    print(f"worker's CPU    {worker:,.0f} s, {len(cases) / worker:,.1f} cases/s")
    print(f"calls per case  {total / len(cases):.2f} {dict(calls)}")
    print(f"messages a case {count / len(cases):.2f}")
    print(f"peak memory     {memory:,.0f} MiB, the tenant's included")
    blocking = len(cases) * DETONATION / timedelta(hours=1)
    print(f"a function that waits for each would have slept {blocking:,.0f} hours")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
