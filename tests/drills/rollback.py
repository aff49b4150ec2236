"""Drill: a release is rolled back over what a newer one stored: `python tests/drills/rollback.py`.

Runs this tree, then an older REVISION of it, then this tree again, each with all of its timers
once and over one home with the simulated tenant. Prints what is there after each, and what the
tenant was made to do; exits with 1 where a run failed, something was lost or was done twice.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 600  # seconds that a run may take
SIGNED_IN = Counter(token=1_000)  # any process may, as often as it likes


@dataclass(frozen=True)
class Seen:
    """What is there: cases by what they came to, indicators a target holds, calls of the tenant."""

    cases: dict[str, str]
    runs: int
    held: dict[str, int]
    datasets: int
    calls: Counter[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", default="HEAD~1", help="the older version")
    revision = parser.parse_args().revision
    with tempfile.TemporaryDirectory() as made, tree(revision, Path(made) / "older") as older:
        home = Path(made) / "home"
        print(f"{'':12} cases runs held datasets calls")
        found = [told(name, source, home) for name, source in steps(revision, older)]
    wrong = list(differences(*found))
    print("\n".join(wrong) or "nothing was lost, and nothing done twice")
    sys.exit(bool(wrong))


def steps(revision: str, older: Path) -> Iterator[tuple[str, Path]]:
    yield "this tree", ROOT
    yield revision, older
    yield "this again", ROOT


@contextmanager
def tree(revision: str, folder: Path) -> Iterator[Path]:
    """Check the revision out beside this tree for as long as the drill takes."""
    git = ["git", "-C", str(ROOT), "worktree"]
    added = [*git, "add", "--quiet", "--detach", folder, revision]
    subprocess.run(added, check=True)  # noqa: S603 - our own words
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", folder], check=True)  # noqa: S603


def told(name: str, source: Path, home: Path) -> Seen:
    ran(source, home, "up", "--once")
    seen = look(home)
    held = sum(seen.held.values())
    row = (len(seen.cases), seen.runs, held, seen.datasets, seen.calls.total())
    print(f"{name:12} {row[0]:5} {row[1]:4} {row[2]:4} {row[3]:8} {row[4]:5}", flush=True)
    return seen


def ran(source: Path, home: Path, *words: str) -> str:
    """Run a command of that tree; what it says on its standard output."""
    environment = os.environ | {
        "PYTHONPATH": str(source / "src"),
        "TIDEGATE_HOME": str(home),
        "TIDEGATE_PORT": "0",
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-m", "tidegate", *words],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    if done.returncode:
        sys.exit(f"{source}: tidegate {' '.join(words)}: {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def look(home: Path) -> Seen:
    """What this tree finds in the home, whichever version wrote it."""
    cases = read(home, "cases", "list", "--limit", "200")
    (gate,) = read(home, "gate", "status")
    with closing(sqlite3.connect(home / "tenant" / "tenant.sqlite")) as tenant:
        calls = Counter(dict(tenant.execute("SELECT name, count(*) FROM calls GROUP BY name")))
    return Seen(
        {one["id"]: f"{one['stage']} {one['verdicts']} {one['asked']}" for one in cases},
        len(read(home, "runs", "--limit", "1000")),
        {one["name"]: one["held"] for one in gate["targets"]},
        len(read(home, "datasets")),
        calls,
    )


def read(home: Path, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in ran(ROOT, home, *words, "--json").splitlines()]


def differences(first: Seen, rolled_back: Seen, again: Seen) -> Iterator[str]:
    for when, seen in {"rolled back": rolled_back, "again": again}.items():
        changed = [one for one in first.cases if seen.cases.get(one) != first.cases[one]]
        yield from (f"{when}: case {one} is {seen.cases.get(one)}" for one in changed)
        if seen.held != first.held:
            yield f"{when}: targets hold {seen.held}, and held {first.held}"
        if seen.datasets < first.datasets:
            yield f"{when}: {first.datasets - seen.datasets} datasets are gone"
        if twice := seen.calls - first.calls - SIGNED_IN:
            yield f"{when}: the tenant was called anew: {dict(twice)}"


if __name__ == "__main__":
    main()
