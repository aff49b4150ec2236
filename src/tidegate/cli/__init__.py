"""The command line: a thin skin on the use cases.

Every command prints a table for people, or JSON with `--json`. Exit codes: 0 done, 1 something
failed and the output says what, 2 wrong use.
"""

# Imported in the order in which `--help` lists the commands.
from tidegate.cli import (  # noqa: F401, I001 - each adds its commands
    up,
    ingest,
    backfill,
    feeds,
    new_feed,
    value,
    detonate,
    cases,
    gate,
    export,
    maps,
    knowledge,
    mark,
    check,
    search,
    backup,
    doctor,
    smoke,
    cost,
)
from tidegate.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line."""
    app()
