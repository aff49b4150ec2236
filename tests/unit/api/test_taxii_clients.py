"""What real clients read over real sockets: the standard's own library, and our own reader."""

import base64
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from published_rows import NOW, everything, row, wanted
from requests.exceptions import HTTPError
from taxii2client.v21 import Collection, Server, as_pages

from tidegate.adapters.http import HttpClient
from tidegate.declare.feed import feeds
from tidegate.gate.published import TOLD, publish
from tidegate.ingest.run import Job, run
from tidegate.model import Outcome, Status
from tidegate.serve import application
from tidegate.settings import Settings
from tidegate.sightings import unexpired
from tidegate.wiring import Local, local

pytestmark = pytest.mark.slow

NAME, PASSWORD = "misp", "sixteen characters or more"
HOUR = timedelta(hours=1)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Local]:
    readers = getattr(request, "param", {NAME: PASSWORD})
    with local(Settings(home=tmp_path / "home", readers=readers)) as opened:
        yield opened


@pytest.fixture
def url(house: Local) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(house), lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = server.force_exit = True
    thread.join()


def published(house: Local, *rows: dict, hours: int = 0) -> None:
    publish(wanted(*rows), NOW + hours * HOUR, house.objects)


def collection(url: str, alias: str) -> Collection:
    server = Server(f"{url}/taxii2/", user=NAME, password=PASSWORD)
    assert server.title == "Tidegate"
    assert server.default.url == server.api_roots[0].url
    found = {one.alias: one for one in server.default.collections}
    assert found.keys() == {"shared", "own"}
    return found[alias]


def test_the_standards_own_client_reads_everything(house, url):
    rows = [row(f"{n}.example") for n in range(25)]
    published(house, *rows)
    shared = collection(url, "shared")
    assert (shared.can_read, shared.can_write) == (True, False)
    pages = list(as_pages(shared.get_objects, per_request=4, type="indicator"))
    seen = [one["id"] for page in pages for one in page["objects"]]
    assert len(pages) == 7
    assert len(seen) == len(set(seen)) == 25
    records = [
        one for page in as_pages(shared.get_manifest, per_request=7) for one in page["objects"]
    ]
    assert set(seen) < {one["id"] for one in records}
    assert shared.get_object(seen[0])["objects"][0]["id"] == seen[0]
    assert len(shared.object_versions(seen[0])["versions"]) == 1


def test_it_hears_of_what_left(house, url):
    published(house, row("a.example"), row("b.example"))
    shared = collection(url, "shared")
    shared.get_objects()
    published(house, row("a.example"), hours=1)
    (one,) = shared.get_objects(added_after=NOW + HOUR / 2)["objects"]
    assert one["revoked"] is True


def test_it_is_turned_away_without_its_password(url):
    with pytest.raises(HTTPError, match="401"):
        Server(f"{url}/taxii2/", user=NAME, password="wrong").title  # noqa: B018 - it asks then


def our_reader(lab, address: str, name: str) -> Outcome:
    """Run one of our feeds against the address, as it runs against any other."""
    shown = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    with HttpClient(allow_private=True) as http:
        world = replace(
            lab.world,
            http=http,
            urls={name: address},
            secrets={"TAXII_AUTHORIZATION": f"Basic {shown}"},
        )
        return run(Job(feeds()[name]), world)


def held(lab, name: str) -> set[tuple[str, str]]:
    """Return kind and value of all that the feed says and that holds now."""
    live = unexpired(lab.state(feeds()[name]).lazy(), lab.now).collect()
    return set(live.select("kind", "value").iter_rows())


def test_our_own_reader_ingests_the_collection(house, url, lab):
    """What was published is what another Tidegate knows afterwards, until it is revoked."""
    lab.now = NOW + HOUR
    publish(everything().drop(*TOLD), NOW, house.objects)
    address = f"{url}/taxii2/tidegate/collections/own/objects/"
    assert our_reader(lab, address, "taxii").status is Status.OK
    everyone = set(everything().select("kind", "value").iter_rows())
    assert everyone - held(lab, "taxii") == {("cve", "CVE-2026-1234")}  # it is no pattern
    (row_,) = lab.state(feeds()["taxii"]).filter(value="evil.example").to_dicts()
    assert (row_["confidence"], row_["tlp"]) == (80, "clear")
    published(house, row("evil.example"), hours=2)
    lab.now = NOW + 3 * HOUR
    assert our_reader(lab, address, "taxii").status is Status.OK
    assert held(lab, "taxii") == {("domain", "evil.example")}
    assert our_reader(lab, address, "taxii").status is Status.OK


@pytest.mark.parametrize("house", [{}], indirect=True)
def test_our_own_reader_ingests_the_misp_feed(house, url, lab):
    lab.now = NOW + HOUR
    publish(everything().drop(*TOLD), NOW, house.objects)
    assert our_reader(lab, f"{url}/api/misp/", "misp_circl").status is Status.OK
    kinds = {kind for kind, _ in held(lab, "misp_circl")}
    assert kinds == set(everything()["kind"]) - {"cve", "process"}  # MISP has no such feed values
    published(house, row("evil.example"), hours=2)
    lab.now = NOW + 3 * HOUR
    assert our_reader(lab, f"{url}/api/misp/", "misp_circl").status is Status.OK
    assert held(lab, "misp_circl") == {("domain", "evil.example")}
