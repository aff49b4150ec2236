"""Writes docs/reference/ from the code: `python docs/generate.py`. A test compares the two."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from tidegate.cli import app
from tidegate.cost import ENVIRONMENTS, WORKLOADS, Bill, bill, break_even, prices
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
        "cost.md": cost(),
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


def cost() -> Iterator[str]:
    """The three bills, the break-even, the prices."""
    yield "# What a month on Azure costs\n"
    yield "`tidegate cost` computes this for other workloads. Read it to the nearest ten dollars:"
    yield "none of the prices was compared with Azure's pages yet (the last column says so), sizes"
    yield "and seconds are assumed, request units follow the figures that Microsoft publishes for"
    yield "documents of 1 KB, not a measurement. What the store really charges is in the log,"
    yield "`cosmos FEED: N rows, …`: units divided by rows is what `--written` takes. Not in it:"
    yield "Defender, VMRay, Sentinel.\n"
    found = {name: bill(WORKLOADS[name], ENVIRONMENTS[name], prices()) for name in ENVIRONMENTS}
    yield "| | " + " | ".join(found) + " |"
    yield "|---|" + "---:|" * len(found)
    yield from _workloads(list(found))
    yield from _lines(list(found.values()))
    yield "\n## Serverless or autoscale\n"
    yield from _break_even()
    yield "\n## Prices\n"
    yield "| price | USD | for | free | page | written down | compared |"
    yield "|---|---:|---|---:|---|---|---|"
    for name, one in prices().items():
        free, compared = f"{one.free:g}" if one.free else "", "yes" if one.verified else "no"
        cells = (name, f"{one.usd:g}", one.per, free, one.page, one.date, compared)
        yield f"| {' | '.join(map(str, cells))} |"


def _workloads(names: list[str]) -> Iterator[str]:
    for what in ("feeds", "indicators", "changed", "alerts", "refreshes", "lookups", "retention"):
        yield f"| {what} | " + " | ".join(f"{getattr(WORKLOADS[n], what):,}" for n in names) + " |"


def _lines(bills: list[Bill]) -> Iterator[str]:
    costs = [{(line.resource, line.price): line.usd for line in one.lines} for one in bills]
    for resource, price in dict.fromkeys(key for one in costs for key in one):
        cells = [
            f"{one[resource, price]:,.2f}" if (resource, price) in one else "" for one in costs
        ]
        yield f"| {resource}: {price} | {' | '.join(cells)} |"
    yield "| **USD a month** | " + " | ".join(f"**{one.usd:,.2f}**" for one in bills) + " |"
    yield (
        "| million request units | " + " | ".join(f"{one.units / 1e6:,.1f}" for one in bills) + " |"
    )


def _break_even() -> Iterator[str]:
    yield "Autoscale charges each hour by its busiest second, and never less than a tenth of its"
    yield "maximum. Writes come in bursts, so an hour with a change is a busy one. Above so many"
    yield "million request units a month, serverless costs more (one region):\n"
    yield "| maximum RU/s | no hour is busy | half are | all are |"
    yield "|---:|---:|---:|---:|"
    for maximum in (1000, 4000, 10_000):
        cells = [f"{break_even(maximum, busy, prices()) / 1e6:,.0f}" for busy in (0, 0.5, 1)]
        yield f"| {maximum:,} | {' | '.join(cells)} |"
    yield "\nServerless has one region only: who needs a second one takes autoscale."


def main() -> None:
    """Write all pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
