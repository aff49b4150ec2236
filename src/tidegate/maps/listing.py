"""What readers may know of each dataset, and the bytes of its versions."""

from typing import Any

from tidegate.declare.dataset import Dataset, End
from tidegate.maps import state as states
from tidegate.maps.world import World
from tidegate.ports import Stored

VERSIONS = "/api/datasets"


def listing(world: World) -> list[dict[str, Any]]:
    """Return what `GET /api/datasets` answers, one entry per dataset; times are aware."""
    return [_entry(world, dataset) for dataset in world.datasets.values()]


def sites(world: World) -> list[dict[str, Any]]:
    """Return one's own sites, where arcs to oneself end."""
    return [site.model_dump() for site in world.sites]


def version(world: World, dataset: str, file: str) -> Stored | None:
    """Return one gzipped version, an old one too; None for what never was a version."""
    if dataset not in world.datasets or not states.FILE.fullmatch(file):
        return None
    return world.objects.get(states.folder(dataset) + file)


def _entry(world: World, dataset: Dataset) -> dict[str, Any]:
    state = states.read(world.objects, dataset.name).state
    return {
        "name": dataset.name,
        "title": dataset.title,
        **_version(dataset, state),
        "refreshed": state.refreshed,
        "watermark": state.watermark,
        "synthetic": world.synthetic,
        "every_seconds": int(dataset.refresh.total_seconds()),
        "time": dataset.time,
        "label": dataset.label,
        "colour": dataset.colour,
        "kind": dataset.kind,
        "facets": dataset.facets,
        "weight": dataset.weight,
        "arc": dataset.arc.model_dump() if isinstance(dataset.arc, End) else dataset.arc,
        "key": dataset.key,
        "columns": [{"name": name, "type": type_} for name, type_ in dataset.stored.items()],
    }


def _version(dataset: Dataset, state: states.State) -> dict[str, Any]:
    manifest = state.manifest
    if manifest is None:
        sizes = dict.fromkeys(("rows", "located", "unlocated", "bytes"), 0)
        return {"version": None, "url": None, **sizes, "sha256": None, "partial": False}
    return {
        "version": manifest.version,
        "url": f"{VERSIONS}/{dataset.name}/{manifest.file}",
        "rows": manifest.rows,
        "located": manifest.located,
        "unlocated": manifest.rows - manifest.located,
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "partial": manifest.partial,
    }
