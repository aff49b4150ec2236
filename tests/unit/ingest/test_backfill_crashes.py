"""A backfill that is killed between any two lines, and run again."""

import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.declare.feed import feeds
from tidegate.ingest.backfill import Past, backfill
from tidegate.model import Origin, Status
from tidegate.ports import FeedState, Response

pytestmark = pytest.mark.slow

URLHAUS, TAXII = feeds()["urlhaus"], feeds()["taxii"]
FROM = datetime(2026, 11, 10, tzinfo=UTC)
ROWS = [("a.example", "03"), ("b.example", "15"), ("10.0.0.1", "16"), ("a.example", "17")]
EXPORT = "".join(
    f'"1","2026-11-10 {hour}:00:00","http://{host}/","online","","x","","https://u.example/",""\n'
    for host, hour in ROWS
)


class Web:
    """URLhaus's full export, and a TAXII collection of a page for each six hours."""

    def download(self, url, to, *, headers, max_bytes) -> Response:
        with zipfile.ZipFile(to, "w") as archive:
            archive.writestr("csv.txt", EXPORT)
        return Response(200, {}, b"")

    def request(self, method, url, *, headers, params) -> Response:
        added = datetime.fromisoformat(params["added_after"]) + timedelta(hours=6)
        pattern = f"[domain-name:value = 'h{added:%H}.example']"
        one = {"type": "indicator", "id": "i", "pattern": pattern, "modified": added.isoformat()}
        body = orjson.dumps({"objects": [one], "more": True})
        return Response(200, {"x-taxii-date-added-last": added.isoformat()}, body)


def told(lab, feed) -> list:
    """The runs of a backfill, oldest slice first, without what differs from attempt to attempt."""
    found = [run for run in lab.world.runs.newest(feed.name, 100) if run.since]
    return sorted(
        ((r.since, r.until, r.outcome.status, r.outcome.rows, r.outcome.kept) for r in found),
        key=lambda one: one[0],
    )


class Killed(BaseException):
    """Somebody pulled the plug."""


class Fused:
    """A port that dies at the n-th call of any of its methods that write, before or after it."""

    def __init__(self, real, fuse, writes) -> None:
        self._real, self._fuse, self._writes = real, fuse, writes

    def __getattr__(self, name):
        method = getattr(self._real, name)
        if name not in self._writes:
            return method

        def dying(*args, **more):
            self._fuse.burn()
            answer = method(*args, **more)
            self._fuse.burn()
            return answer

        return dying


class Fuse:
    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def fused(lab, at: int):
    fuse = Fuse(at)
    ports = {
        "sightings": ("commit", "state"),
        "feeds": ("remember", "spend"),
        "runs": ("record",),
        "objects": ("put", "delete"),
        "suppressed": ("replace",),
        "http": ("download", "request"),
    }
    world = replace(lab.world, suppressed=WithheldFiles(lab.home / "suppressed"))
    made = {name: Fused(getattr(world, name), fuse, writes) for name, writes in ports.items()}
    return replace(world, **made), world, fuse


def outcome_of(lab, world, feed) -> tuple:
    frames = world.sightings.state(feed.name), world.suppressed.state(feed.name)
    kept = {name for name in world.objects.names("") if not name.startswith("payloads/")}
    payloads = sorted(world.objects.names("payloads/"))
    return (*(f.rows() for f in frames), lab.memory(feed), told(lab, feed), kept, payloads)


@pytest.mark.parametrize("feed", [URLHAUS, TAXII], ids=lambda feed: feed.name)
@pytest.mark.parametrize("sampled", [False, True], ids=["new", "sample"])
def test_killed_anywhere_and_run_again_it_ends_as_if_undisturbed(lab, tmp_path, feed, sampled):
    ends, new_lab = [], type(lab)
    for at in range(200):
        lab = new_lab(tmp_path / str(at))
        if sampled:
            lab.world.feeds.remember(feed.name, FeedState(origin=Origin.SAMPLE))
        object.__setattr__(lab.world, "http", Web())
        dying, world, fuse = fused(lab, at)
        asked = Past(feed, FROM, FROM + timedelta(days=1), timedelta(hours=12))
        try:
            backfill(asked, dying)
        except Killed:
            assert backfill(asked, world).status is Status.OK
        ends.append(outcome_of(lab, world, feed))
        lab.database.close()
        if fuse.left > 0:
            break
    assert len(ends) > 20
    assert [at for at, end in enumerate(ends) if end != ends[0]] == []
