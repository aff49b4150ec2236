"""Defender's knowledge of files: what they are, how common, and on which machines."""

import re

from fastapi import APIRouter, Depends, Response

from tidegate.simulator.answers import known, listed, shown
from tidegate.simulator.entra import DEFENDER, guard
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene, fault

SHA1 = re.compile("[0-9a-f]{40}")
STATISTICS = {
    "globallyPrevalence": "globalPrevalence",
    "globalFirstObserved": "globalFirstObserved",
    "globalLastObserved": "globalLastObserved",
}


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/api/files`."""
    routes = APIRouter(prefix="/api/files", dependencies=[Depends(guard(scene, DEFENDER))])

    @routes.get("/{digest}")
    def get_file(digest: str) -> Document:
        return shown(_known(scene, digest))

    @routes.get("/{digest}/stats")
    def statistics(digest: str) -> Document:
        facts = _known(scene, digest)
        machines = scene.memory.find("seen", "sha1", facts["sha1"])
        return {
            "sha1": facts["sha1"],
            "organizationPrevalence": len(machines),
            "orgFirstSeen": facts["globalFirstObserved"],
            "orgLastSeen": facts["globalLastObserved"],
            **{theirs: facts[ours] for theirs, ours in STATISTICS.items()},
            "topFileNames": facts["_names"],
        }

    @routes.get("/{digest}/machines")
    def machines_of_file(digest: str) -> Response:
        if not SHA1.fullmatch(digest):
            raise fault(400, "InvalidHashValue", "Only SHA-1 is supported.")
        seen = scene.memory.find("seen", "sha1", digest)
        return listed(shown(known(scene, "machines", one["machine"])) for one in seen)

    return routes


def _known(scene: Scene, digest: str) -> Document:
    wanted = digest.lower()
    field = "sha1" if SHA1.fullmatch(wanted) else "sha256"
    found = scene.memory.find("files", field, wanted)
    if not found:
        raise fault(404, "ResourceNotFound", f"File {digest} was not found.")
    return found[0]
