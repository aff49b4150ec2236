"""Writes monitoring/workbooks/ from the queries and dashboards.yaml. A test compares the two."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
TIME = "TimeRange"
DAY, WEEK, MONTH = 86_400_000, 604_800_000, 2_592_000_000


def workbooks() -> dict[str, str]:
    """Return the text of each workbook by its file name."""
    told = yaml.safe_load((HERE / "dashboards.yaml").read_text(encoding="utf-8"))
    return {f"{name}.json": _text(_workbook(one)) for name, one in told.items()}


def _text(workbook: Mapping[str, Any]) -> str:
    return json.dumps(workbook, indent=2) + "\n"


def _workbook(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "Notebook/1.0",
        "items": [_heading(told["title"]), _times(), *_panels(told["panels"])],
        "fallbackResourceIds": [],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def _heading(title: str) -> dict[str, Any]:
    return {"type": 1, "content": {"json": f"# Tidegate: {title}"}, "name": "title"}


def _times() -> dict[str, Any]:
    choice = {"selectableValues": [{"durationMs": one} for one in (DAY, WEEK, MONTH)]}
    time = {
        "id": "5d1a3f0e-6f0b-4d7e-9f39-1b0b7a0c7f11",
        "version": "KqlParameterItem/1.0",
        "name": TIME,
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": DAY},
        "typeSettings": choice,
    }
    content = {"version": "KqlParameterItem/1.0", "parameters": [time], "style": "pills"}
    return {"type": 9, "content": content, "name": "times"}


def _panels(panels: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for title, (query, shape) in panels.items():
        content = {
            "version": "KqlItem/1.0",
            "query": (HERE / "queries" / f"{query}.kql").read_text(encoding="utf-8"),
            "size": 0,
            "title": title,
            "timeContextFromParameter": TIME,
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "visualization": shape,
        }
        yield {"type": 3, "content": content, "name": query}


def main() -> None:
    """Write all workbooks."""
    for name, text in workbooks().items():
        (HERE / "workbooks" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
