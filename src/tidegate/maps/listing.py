"""What readers may know of each dataset, and the bytes of its versions."""

from datetime import datetime
from typing import Any

from tidegate.declare.dataset import Dataset, End
from tidegate.maps import state as states
from tidegate.maps.world import World
from tidegate.ports import Stored

VERSIONS = "/api/datasets"
# What anybody may be told. The reason itself names hosts and columns; it is in the state.
FAULTS: dict[states.Fault, str] = {
    "down": "the log workspace did not answer",
    "bad": "the answer to the query could not be used",
}
SIZES = ("rows", "located", "unlocated", "bytes")


def listing(world: World) -> list[dict[str, Any]]:
    """Return what `GET /api/datasets` answers, one entry per dataset; times are aware."""
    return [_entry(world, dataset) for dataset in world.datasets.values()]


def sites(world: World) -> list[dict[str, Any]]:
    """Return one's own sites, where arcs to oneself end."""
    return [site.model_dump() for site in world.sites]


def version(world: World, dataset: str, file: str) -> Stored | None:
    """Return one gzipped version, an old one too, or a delta; None for what never was one."""
    if dataset not in world.datasets or not states.FILE.fullmatch(file):
        return None
    return world.objects.get(states.folder(dataset) + file)


def _entry(world: World, dataset: Dataset) -> dict[str, Any]:
    state = states.read(world.objects, dataset.name).state
    return {
        "name": dataset.name,
        "title": dataset.title,
        **_version(dataset, state),
        **_freshness(dataset, state, world.clock()),
        "synthetic": world.synthetic,
        "every_seconds": int(dataset.refresh.total_seconds()),
        "time": dataset.time,
        "label": dataset.label,
        "colour": dataset.colour,
        "kind": dataset.kind,
        "shown": dataset.shown,
        "facets": dataset.facets,
        "weight": dataset.weight,
        "arc": dataset.arc.model_dump() if isinstance(dataset.arc, End) else dataset.arc,
        "key": dataset.key,
        "columns": [{"name": name, "type": type_} for name, type_ in dataset.stored.items()],
    }


def _version(dataset: Dataset, state: states.State) -> dict[str, Any]:
    manifest = state.manifest
    if manifest is None:
        sizes = dict.fromkeys(SIZES, 0)
        nothing: dict[str, Any] = {"version": None, "url": None, **sizes, "sha256": None}
        return {**nothing, "partial": False, "deltas": []}
    return {
        "version": manifest.version,
        "url": _url(dataset, manifest.file),
        "rows": manifest.rows,
        "located": manifest.located,
        "unlocated": manifest.rows - manifest.located,
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "partial": manifest.partial,
        "deltas": [_delta(dataset, step) for step in manifest.steps],
    }


def _delta(dataset: Dataset, step: states.Step) -> dict[str, Any]:
    return {
        "from": step.before,
        "to": step.version,
        "url": _url(dataset, step.file),
        "rows": step.rows,
        "removed": step.removed,
        "bytes": step.bytes,
        "sha256": step.sha256,
    }


def _url(dataset: Dataset, file: str) -> str:
    return f"{VERSIONS}/{dataset.name}/{file}"


def _freshness(dataset: Dataset, state: states.State, now: datetime) -> dict[str, Any]:
    warnings = state.manifest.warnings if state.manifest else []
    return {
        "refreshed": state.refreshed,
        "watermark": state.watermark,
        "next_refresh": state.refreshed + dataset.refresh if state.refreshed else None,
        "refreshing": state.began if states.under_way(state, now) else None,
        "warnings": [*warnings, *([state.dwindled] if state.dwindled else [])],
        "failed": state.failed,
        "reason": FAULTS[state.fault] if state.fault else None,
    }
