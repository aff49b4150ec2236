"""How Defender and Graph answer: documents by id, lists, and nothing that is ours alone."""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import Response

from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault


def known(scene: Scene, table: str, key: str) -> Document:
    """Return the document, or raise Defender's 404."""
    found = scene.memory.get(table, key)
    if found is None:
        raise fault(404, "ResourceNotFound", f"{table}: {key} was not found.")
    return found


def shown(document: Document) -> Document:
    """Return what clients see of a document: keys with an underscore are the tenant's own."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def listed(documents: Iterable[Document], **more: Any) -> Response:
    """Return a list of documents; written at once, for a page may have thousands."""
    body = orjson.dumps({**more, "value": list(documents)})
    return Response(body, media_type="application/json")
