"""Tables of the map: how datasets are, and what became of refreshes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tidegate.show.cells import table

if TYPE_CHECKING:
    from tidegate.maps.result import Refresh


SOON = timedelta(hours=2)


def refreshes(done: Sequence[Refresh]) -> None:
    """Print what became of datasets."""
    columns = ("dataset", "result", "rows", "answered", "partial", "reason")
    rows = [
        (r.dataset, r.result.name.lower(), r.rows, r.answered, "yes" if r.partial else "", r.reason)
        for r in done
    ]
    table("Map", columns, rows)


def datasets(found: Sequence[dict[str, Any]], now: datetime) -> None:
    """Print how each dataset is."""
    columns = ("dataset", "version", "rows", "unlocated", "age", "behind", "due in", "trouble")
    table("Datasets", columns, [_dataset(one, now) for one in found], {"version", "unlocated"})


def _dataset(one: dict[str, Any], now: datetime) -> tuple[object, ...]:
    due = one["next_refresh"]
    return (
        one["name"],
        one["version"] or "none",
        one["rows"],
        one["unlocated"],
        _span(one["refreshed"] and now - one["refreshed"]),
        _span(one["watermark"] and now - one["watermark"]),
        "now" if due is None or due <= now else _span(due - now),
        _trouble(one),
    )


def _trouble(one: dict[str, Any]) -> str:
    partial = ["in part"] if one["partial"] else []
    return "; ".join([*partial, *one["warnings"], *([one["why"]] if one["why"] else [])])


def _span(span: timedelta | None) -> str:
    if span is None:
        return "never"
    if span < SOON:
        return f"{span // timedelta(minutes=1)} min"
    return f"{span // timedelta(hours=1)} h"
