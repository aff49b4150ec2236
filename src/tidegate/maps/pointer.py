"""Small objects that lead to the newest versions, for readers of the store itself.

`datasets/NAME/latest.json` is of one dataset, `datasets/index.json` of all. They follow the state,
never lead it: a crash in between leaves them a version behind, and the next run brings them on.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tidegate.maps.state import Manifest, State, folder
from tidegate.ports import Conflict, Objects

INDEX = "datasets/index.json"
TRIES = 5

Change = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


def follow(objects: Objects, dataset: str, state: State) -> None:
    """Let the pointers say what was committed, unless they say something newer."""
    if state.manifest is None:
        return
    told = _told(dataset, state, state.manifest)
    _change(objects, f"{folder(dataset)}latest.json", lambda held: _newer(held, told))
    _change(objects, INDEX, lambda held: _indexed(held, told))


def _told(dataset: str, state: State, manifest: Manifest) -> dict[str, Any]:
    shown = manifest.model_dump(exclude={"digest", "located"})
    times = {"refreshed": state.refreshed, "watermark": state.watermark}
    return {"name": dataset, "epoch": state.epoch, **shown, **times}


def _newer(held: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return told if held.get("epoch", -1) < told["epoch"] else None


def _indexed(held: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    known: Mapping[str, Any] = held.get("datasets", {})
    if _newer(known.get(told["name"], {}), told) is None:
        return None
    return {"datasets": {**known, told["name"]: told}}


def _change(objects: Objects, name: str, change: Change) -> None:
    """Write what `change` makes of the object, on top of what others write at the same time."""
    for _ in range(TRIES):
        stored = objects.get(name)
        told = change(orjson.loads(stored.data) if stored else {})
        if told is None:
            return
        data = orjson.dumps(told, option=orjson.OPT_UTC_Z)
        try:
            if stored is None:
                objects.put(name, data, if_absent=True)
            else:
                objects.put(name, data, if_match=stored.etag)
        except Conflict:
            continue
        return
