"""Writes monitoring/workbooks/ and infra/monitoring.json from the YAML files and the queries.

Bicep and Terraform read what it writes. A test compares the two.
"""

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
            "query": _query(query),
            "size": 0,
            "title": title,
            "timeContextFromParameter": TIME,
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "visualization": shape,
        }
        yield {"type": 3, "content": content, "name": query}


def deployed() -> str:
    """Return what is deployed: the alerts as Azure takes them, and the titles of the workbooks."""
    alerts = yaml.safe_load((HERE / "alerts.yaml").read_text(encoding="utf-8"))
    metrics = yaml.safe_load((HERE / "metrics.yaml").read_text(encoding="utf-8"))
    shown = yaml.safe_load((HERE / "dashboards.yaml").read_text(encoding="utf-8"))
    return _text(
        {
            "alerts": {name: _alert(alert) for name, alert in alerts.items()},
            "metrics": {name: _metric(alert) for name, alert in metrics.items()},
            "workbooks": {name: one["title"] for name, one in shown.items()},
        }
    )


def _alert(told: Mapping[str, Any]) -> dict[str, Any]:
    criterion = {
        "query": _query(told["query"]),
        "timeAggregation": told.get("aggregate", "Count"),
        "operator": told["operator"],
        "threshold": told["threshold"],
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
    }
    if "measure" in told:
        criterion["metricMeasureColumn"] = told["measure"]
    return _told(told) | {"criterion": criterion}


def _metric(told: Mapping[str, Any]) -> dict[str, Any]:
    criterion = {name: told[name] for name in ("namespace", "metric", "aggregate", "operator")}
    return _told(told) | {"criterion": criterion | {"threshold": told["threshold"]}}


def _told(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": told["title"],
        "description": f"{told['title']}. Runbook: docs/runbooks/{told['runbook']}",
        "severity": told["severity"],
        "every": told["every"],
        "window": told["window"],
    }


def _query(name: str) -> str:
    return (HERE / "queries" / f"{name}.kql").read_text(encoding="utf-8")


def main() -> None:
    """Write all files."""
    for name, text in workbooks().items():
        (HERE / "workbooks" / name).write_text(text, encoding="utf-8")
    (HERE.parent / "infra" / "monitoring.json").write_text(deployed(), encoding="utf-8")


if __name__ == "__main__":
    main()
