"""Sentinel's upload of STIX objects: it takes and refuses them one by one, inside a 200.

That a required property is missing is refused as it was recorded. The other refusals, and those of
the whole request, are synthetic: nobody has recorded one.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from tidegate.simulator.defender import Json
from tidegate.simulator.entra import AZURE, guard
from tidegate.simulator.memory import Document, Memory
from tidegate.simulator.scene import Scene, fault, too_many

VERSION = "2024-02-01-preview"
BATCH = 100
REQUIRED = (
    "id",
    "type",
    "spec_version",
    "created",
    "modified",
    "pattern",
    "pattern_type",
    "valid_from",
)
TIMES = ("created", "modified", "valid_from", "valid_until")
Version = Annotated[str, Query(alias="api-version")]
ROWS = "stix objects"  # the table: append-only, as the real one is


def router(scene: Scene) -> APIRouter:
    """Return the one route; there is none to read."""
    routes = APIRouter(prefix="/workspaces", dependencies=[Depends(guard(scene, AZURE))])

    @routes.post("/{workspace}/threat-intelligence-stix-objects:upload")
    def upload(workspace: str, body: Json, version: Version = "") -> Document:
        if version != VERSION:
            raise fault(400, "BadRequest", f"The api-version is {VERSION}.")
        objects = _objects(body)
        with scene.memory.changing():
            scene.throttle("stix upload", scene.limits.uploads_a_minute, too_many)
            scene.record("stix upload", str(len(objects)))
            return {"errors": list(_taken(scene, workspace, str(body["sourcesystem"]), objects))}

    return routes


def _objects(body: Document) -> list[Any]:
    objects = body.get("stixobjects")
    if not body.get("sourcesystem") or not isinstance(objects, list):
        raise fault(400, "BadRequest", "sourcesystem and stixobjects are required.")
    if len(objects) > BATCH:
        raise fault(400, "BadRequest", f"At most {BATCH} objects.")
    return objects


def _taken(scene: Scene, workspace: str, source: str, objects: list[Any]) -> Iterator[Document]:
    """Append what is well-formed, and yield what was found wrong with the others."""
    number = scene.memory.next_id(ROWS)
    for index, one in enumerate(objects):
        if messages := list(_faults(one)):
            yield {"recordIndex": index, "errorMessages": messages}
            continue
        row = {"_at": scene.stamp(), "_workspace": workspace, "_source": source, **one}
        scene.memory.put(ROWS, str(number), row)
        scene.record("stix object", one["id"])
        number += 1


def _faults(one: Any) -> Iterator[str]:
    if not isinstance(one, dict):
        yield "Error for Property=: Not an object."
        return
    for name in (name for name in REQUIRED if one.get(name) is None):
        yield f"Error for Property={name}: Required property is missing. Actual value: NULL."
    for name in (name for name in TIMES if not _is_time(one.get(name))):
        yield f"Error for Property={name}: Not a time. Actual value: {one[name]}."
    if one.get("type") != "indicator" or not str(one.get("id")).startswith("indicator--"):
        yield "Error for Property=type: Only indicators are simulated."


def _is_time(text: object) -> bool:
    """Whether a text is a time, or there is none."""
    if text is None:
        return True
    try:
        return datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def newest(memory: Memory) -> dict[str, Document]:
    """Return the newest version of each object by its id."""
    rows = sorted(memory.all(ROWS), key=lambda row: str(row["modified"]))
    return {row["id"]: row for row in rows}
