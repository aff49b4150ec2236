"""How long each staged app takes from the start of its import to its first answer.

`make package`, then `python tests/bench/cold_start.py [--imports]` with the Python that compiled
it. State is an empty folder of this machine: what Azure's stores take to answer comes on top, and
so does what telemetry takes to be set up, `told`, with all of Azure's libraries that nothing before
it needed here. Once more without compiled files, to show what these are worth.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGED = ROOT / "tests" / "infra" / "staged.py"
APPS = ROOT / "dist" / "apps"
TARGET = 1.5  # seconds
TRIES = 5
FIGURES = ("imported", "first", "warm", "told")
HEAVY = 40  # milliseconds of a package with all that it imports first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imports", action="store_true", help="name the heavy imports, too")
    options = parser.parse_args()
    heads = " ".join(f"{one:>8}" for one in FIGURES)
    print(f"{'app':10} {heads} {'uncompiled':>11}   medians in s")
    for name in ("ingest", "detonate", "maps"):
        runs = [run(APPS / name) for _ in range(TRIES)]
        figures = {key: median(runs, key) for key in FIGURES}
        with tempfile.TemporaryDirectory() as nowhere:  # where nothing is compiled yet
            bare = run(APPS / name, PYTHONPYCACHEPREFIX=nowhere)["first"]
        verdict = "" if figures["first"] + figures["told"] < TARGET else f"  over {TARGET} s"
        numbers = " ".join(f"{one:8.3f}" for one in figures.values())
        print(f"{name:10} {numbers} {bare:11.3f}{verdict}")
        if options.imports:
            print("\n".join(heavy(APPS / name)))


def median(runs: list[dict[str, float]], key: str) -> float:
    return statistics.median(one[key] for one in runs)


def run(app: Path, **more: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(started(app, (), more, "--telemetry").stdout)
    return found


def started(
    app: Path, options: tuple[str, ...], more: dict[str, str], *asked: str
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-S", *options, STAGED, app, *asked],
            env={"PATH": os.environ["PATH"], "TIDEGATE_HOME": home, **more},
            cwd=home,
            capture_output=True,
            text=True,
            check=True,
        )


def heavy(app: Path) -> list[str]:
    """Return the packages whose import takes long, with all that they import first."""
    took: dict[str, float] = {}
    for line in started(app, ("-X", "importtime"), {}).stderr.splitlines():
        _, _, rest = line.partition("import time:")
        parts = rest.split("|")
        if len(parts) == 3 and parts[1].strip().isdigit():
            took[parts[2].strip()] = int(parts[1]) / 1000
    of_all = {name: ms for name, ms in took.items() if name.count(".") <= 1 and ms > HEAVY}
    ranked = sorted(of_all.items(), key=lambda one: -one[1])
    return [f"    {ms:7.0f} ms  {name}" for name, ms in ranked[:14]]


if __name__ == "__main__":
    main()
