"""Writes docs/reference/ from the code: `python docs/generate.py`. A test compares the two."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from tidegate.cli import app
from tidegate.declare.dataset import datasets
from tidegate.declare.feed import feeds
from tidegate.settings import Settings

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    parts = {
        "settings.md": settings(),
        "feeds.md": feed_table(),
        "datasets.md": dataset_table(),
        "commands.md": commands(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in parts.items()}


def settings() -> Iterator[str]:
    """One row per setting."""
    yield "# Settings\n"
    yield "Environment variables; in `tidegate.yaml` the same name in lower case without the"
    yield "prefix. The environment wins. Secrets belong into the environment alone.\n"
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        yield f"| `TIDEGATE_{name.upper()}` | {_default(field.default)} | {field.description} |"


def _default(value: object) -> str:
    if value in (None, PydanticUndefined, [], {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def shown(duration: timedelta) -> str:
    """Return a duration as declarations write it."""
    minutes = int(duration.total_seconds() // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def feed_table() -> Iterator[str]:
    """One row per feed."""
    yield "# Feeds\n"
    yield "Those marked ° have no address of their own: they run where `TIDEGATE_FEED_URLS` gives"
    yield "one, or with `tidegate ingest NAME --file`. The gate enforces only what is to `block`.\n"
    yield "| feed | what it is | every | means | use | reliability | holds | key | licence |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, feed in feeds().items():
        key = ", ".join(f"`TIDEGATE_{secret}`" for secret in sorted(feed.secrets))
        title = f"[{feed.title}]({feed.reference})"
        times = (shown(feed.every), shown(feed.keep))
        shown_name = name if feed.enabled else f"{name}°"
        means = (feed.semantics, feed.use, feed.reliability)
        cells = (shown_name, title, times[0], *means, times[1], key)
        yield f"| {' | '.join(map(str, cells))} | {feed.licence} |"


def dataset_table() -> Iterator[str]:
    """One row per dataset."""
    yield "# Datasets\n"
    yield "[Your own](../howto/add-a-dataset.md) are shown beside these.\n"
    yield "| dataset | what it is | refreshed every | kept for | columns |"
    yield "|---|---|---|---|---|"
    for name, dataset in datasets().items():
        columns = ", ".join(f"`{column}`" for column in dataset.stored)
        times = f"{shown(dataset.refresh)} | {shown(dataset.retention)}"
        yield f"| {name} | {dataset.title} | {times} | {columns} |"


def commands() -> Iterator[str]:
    """One part per command."""
    yield "# Commands"
    yield from _command(typer.main.get_command(app), "tidegate")


def _command(command: Any, path: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _command(inner, f"{path} {name}")
        return
    yield f"\n## `{path}`\n"
    yield command.help or ""
    rows = [row for row in map(_parameter, command.params) if row]
    if rows:
        yield "\n| argument | meaning |"
        yield "|---|---|"
        yield from rows


def _parameter(parameter: Any) -> str | None:
    if parameter.name == "help":
        return None
    names = ", ".join(f"`{name}`" for name in parameter.opts if name.startswith("-"))
    name = names or f"`{parameter.name.upper()}`"
    return f"| {name} | {getattr(parameter, 'help', None) or ''} |"


def main() -> None:
    """Write all pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
