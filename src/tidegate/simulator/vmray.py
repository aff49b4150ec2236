"""VMRay's REST API: samples, submissions that take time, and what came out of them."""

import hmac
import re
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request

from tidegate.simulator import vmray_submit
from tidegate.simulator.memory import Document
from tidegate.simulator.scene import Scene
from tidegate.simulator.vmray_answers import (
    analysis_of,
    attack_of,
    continued,
    flags,
    iocs_of,
    known,
    ok,
    page,
    refused,
    sample_of,
    submission_of,
    vtis_of,
)
from tidegate.simulator.vmray_store import ended, ended_after, stored_sample, stored_submission

__all__ = ["router", "stored_sample", "stored_submission"]

CALLS_A_MINUTE = 3_000
HASHES = ("md5", "sha1", "sha256")
URL_QUERY = re.compile(r'url\s*==\s*"((?:[^"\\]|\\.)*)"')

Order = Annotated[Literal["asc", "desc"], Query(alias="_order")]
Limit = Annotated[int, Query(alias="_limit", ge=1, le=1000)]


def router(scene: Scene) -> APIRouter:
    """Return the routes below `/rest`.

    All of them answer at once, so that to hand each to a thread would cost more than its answer.
    """
    routes = APIRouter(prefix="/rest", dependencies=[Depends(_guard(scene))])
    # Before the others: `/sample/{hash type}/{hash}` would take `/sample/{id}/iocs` as well.
    _findings(routes, scene)
    _samples(routes, scene)
    _submissions(routes, scene)
    _analyses(routes, scene)
    vmray_submit.routes_of(routes, scene)

    @routes.get("/system_info")
    async def system_info() -> Document:
        return ok(vmray_submit.system(scene))

    @routes.get("/api_key/quota")
    async def quota() -> Document:
        return ok(vmray_submit.quota(scene))

    @routes.get("/continuation/{continuation}")
    async def continuation(continuation: str) -> Document:
        return continued(scene, continuation)

    return routes


def _guard(scene: Scene) -> Callable[..., Awaitable[None]]:
    def throttled(seconds: int) -> HTTPException:
        said = f"Request was throttled. Expected available in {seconds} seconds."
        return refused(429, said, **{"Retry-After": str(seconds)})

    async def check(request: Request, authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"api_key {scene.api_key}".encode()):
            raise refused(401, "Authentication required")
        scene.throttle("vmray", CALLS_A_MINUTE, throttled)
        # What a test wants refused: a path, and the status and words of the refusal.
        if told := flags(scene, "refused").get(request.url.path.removeprefix("/rest")):
            status, message = told
            raise refused(status, message)

    return check


# --- samples ----------------------------------------------------------------------------------


def _samples(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/sample/{algorithm}/{digest}")
    async def by_hash(algorithm: str, digest: str) -> Document:
        if algorithm not in HASHES:
            raise refused(404, "Not found")
        found = scene.memory.find("samples", f"sample_{algorithm}hash", digest.lower())
        return ok([sample_of(scene, sample) for sample in found])

    @routes.get("/sample/{sample}")
    async def get_sample(sample: str) -> Document:
        return ok(sample_of(scene, known(scene, "samples", sample)))


def _findings(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/sample/{sample}/iocs")
    async def iocs(sample: str) -> Document:
        return ok(iocs_of(scene, known(scene, "samples", sample)))

    @routes.get("/sample/{sample}/vtis")
    async def vtis(sample: str) -> Document:
        return ok(vtis_of(scene, known(scene, "samples", sample)))

    @routes.get("/sample/{sample}/mitre_attack")
    async def mitre_attack(sample: str) -> Document:
        return ok(attack_of(scene, known(scene, "samples", sample)))

    @routes.post("/sample/{sample}/unlock_reports")
    async def unlock_reports(sample: str) -> Document:
        known(scene, "samples", sample)
        rows = scene.memory.find("submissions", "submission_sample_id", int(sample))
        analyses = [analysis_of(scene, one) for one in rows if ended(scene, one)]
        locked = [one for one in analyses if one["analysis_lock_status"] == "locked"]
        scene.memory.put("unlocked", sample, {"at": scene.seconds})
        scene.record("unlock", sample)
        return ok({"unlocked_analysis_ids": [one["analysis_id"] for one in locked]})


# --- submissions ------------------------------------------------------------------------------


def _submissions(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/submission")
    async def submissions(
        order: Order = "desc",
        last: Annotated[int | None, Query(alias="_last_id")] = None,
        limit: Limit = 1000,
    ) -> Document:
        rows = _listed(scene, order, limit) if last is None else _feed(scene, last)
        return page(scene, "submission", islice(rows, limit))

    @routes.get("/submission/search")
    async def search(query: str) -> Document:
        found = URL_QUERY.fullmatch(query.strip())
        if found is None:
            raise refused(400, "Invalid query")
        url = re.sub(r"\\(.)", r"\1", found[1]).lower()
        return page(scene, "submission", scene.memory.find("submissions", "_url", url))

    @routes.get("/submission/sample/{sample}")
    async def of_sample(sample: int, order: Order = "desc", limit: Limit = 1000) -> Document:
        return page(scene, "submission", _of_sample(scene, sample, order)[:limit])

    @routes.get("/submission/{submission}")
    async def get_submission(submission: str) -> Document:
        return ok(submission_of(scene, known(scene, "submissions", submission)))


def _feed(scene: Scene, last: int) -> Iterator[Document]:
    """Yield what is finished, in the order of completion, from the one after this one on."""
    begin = known(scene, "submissions", str(last)) if last else None
    return ended_after(scene, begin)


def _listed(scene: Scene, order: str, limit: int) -> list[Document]:
    if order == "desc":
        return scene.memory.last("submissions", limit)
    return scene.memory.all("submissions")


def _analyses(routes: APIRouter, scene: Scene) -> None:
    @routes.get("/analysis/sample/{sample}")
    async def of_sample(sample: int, order: Order = "desc", limit: Limit = 1000) -> Document:
        rows = [one for one in _of_sample(scene, sample, order) if ended(scene, one)]
        return page(scene, "analysis", rows[:limit])

    @routes.get("/analysis/submission/{submission}")
    async def of_submission(submission: str) -> Document:
        row = known(scene, "submissions", submission)
        return page(scene, "analysis", [row] if ended(scene, row) else [])


def _of_sample(scene: Scene, sample: int, order: str) -> list[Document]:
    rows = scene.memory.find("submissions", "submission_sample_id", sample)
    return rows[::-1] if order == "desc" else rows
