"""How the web server of one machine bears load: `python tests/bench/load.py [--seconds N]`.

Starts `tidegate up` in a folder of its own, and asks it from several connections at once: for one
indicator, for a list with its ETag, for datasets of the map. Then once more while feeds are
ingested beside it, and prints how much longer answers took. Bounded in time and in requests.
"""

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
CONNECTIONS, MOST = 8, 20_000
PATHS = ("/api/indicators/198.51.100.7", "/api/lists/paloalto-ip", "/api/datasets", "/api/health")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    seconds = min(parser.parse_args().seconds, 60)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {CONNECTIONS} connections")
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = os.environ | {
            "TIDEGATE_HOME": home,
            "TIDEGATE_PORT": str(port),
            "TIDEGATE_API_PER_MINUTE": "1000000",
            "TIDEGATE_PACKAGED_WARNINGLISTS": "false",
        }
        command = [sys.executable, "-m", "tidegate", "up"]
        # All that is due is done before: it is not what is measured.
        subprocess.run([*command, "--once"], env=environment, check=True, capture_output=True)  # noqa: S603
        up = subprocess.Popen(  # noqa: S603 - our own code
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            measured(f"http://127.0.0.1:{port}", seconds, environment)
        finally:
            up.terminate()
            up.wait(30)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"peak of the largest process: {peak:,} MiB")


def measured(url: str, seconds: float, environment: dict[str, str]) -> None:
    wait_for(url)
    alone = told("alone", asked(url, seconds))
    busy = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, Path(__file__).with_name("ingest_urlhaus.py"), "--rows", "500000"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    beside = told("beside an ingest of 500,000 rows", asked(url, seconds))
    busy.kill()
    busy.wait()
    print(f"95 % of answers: {beside / alone:.1f} times as long beside the ingest")


def wait_for(url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/api/health").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    sys.exit("the server did not come up")


def asked(url: str, seconds: float) -> list[tuple[float, bool]]:
    """Return how long each request took, and whether it was answered as it should be."""
    until = time.monotonic() + seconds

    def one(number: int) -> list[tuple[float, bool]]:
        found: list[tuple[float, bool]] = []
        with httpx.Client(base_url=url, timeout=30) as client:
            tags: dict[str, str] = {}
            for path in islice(cycle(PATHS[number % 2 :] + PATHS[: number % 2]), MOST):
                if time.monotonic() > until:
                    break
                began = time.perf_counter()
                answer = client.get(path, headers={"if-none-match": tags.get(path, "")})
                tags[path] = answer.headers.get("etag", "")
                found.append((time.perf_counter() - began, answer.status_code in {200, 304}))
        return found

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [each for part in pool.map(one, range(CONNECTIONS)) for each in part]


def told(what: str, answers: list[tuple[float, bool]]) -> float:
    took = sorted(seconds * 1_000 for seconds, _ in answers)
    wrong = sum(not good for _, good in answers)
    cuts = statistics.quantiles(took, n=100)
    print(
        f"{what:34} {len(took):7,} answers, {wrong} wrong;"
        f" 50 % within {cuts[49]:.1f} ms, 95 % {cuts[94]:.1f}, 99 % {cuts[98]:.1f}"
    )
    return cuts[94]


if __name__ == "__main__":
    main()
