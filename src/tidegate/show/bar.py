"""How far long work is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tidegate.show.cells import err

Told = Callable[[str, str], None]
DONE = "done"
SLICE = re.compile(r"slice (\d+) of (\d+)")
STAGES = ("fetch", "read", "compare", "store", DONE)


def quiet(what: str, stage: str) -> None:
    """Show no progress."""


@contextmanager
def progress(total: int) -> Iterator[Told]:
    """Show a bar over `total` feeds on a terminal; yields what is told each stage."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    begun: set[tuple[str, str]] = set()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("feeds", total=total * len(STAGES))

        def told(what: str, stage: str) -> None:
            begun.add((what, stage.partition(" ")[0]))
            done = len(begun) if stage != DONE else _whole(begun, what)
            bar.update(task, description=f"{what}: {stage}", completed=done)

        yield told


@contextmanager
def slices(name: str) -> Iterator[Told]:
    """Show how many of a backfill's slices are done: `slice 3 of 30, ...`."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        def told(what: str, stage: str) -> None:
            bar.update(task, description=f"{what}: {stage}")
            if found := SLICE.match(stage):
                bar.update(task, completed=int(found[1]), total=int(found[2]))

        yield told


def _whole(begun: set[tuple[str, str]], what: str) -> int:
    """Count a finished feed as all of its stages: one that was unchanged skipped some."""
    begun.update((what, stage) for stage in STAGES)
    return len(begun)
