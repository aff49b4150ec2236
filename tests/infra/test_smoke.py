"""`tidegate smoke` before all routes on one machine, and before what is not as it should be."""

import json
from collections.abc import Callable, Iterator
from importlib.metadata import version

import pytest
from typer.testing import CliRunner, Result

from tidegate.cli import app
from tidegate.ports import BadPayload, Response, SourceDown
from tidegate.serve import _serving, application
from tidegate.settings import Settings
from tidegate.smoke import Found, Site, smoke
from tidegate.wiring import local

pytestmark = pytest.mark.flow

SITE = "https://func-tidegate-maps-wus3-dev.azurewebsites.net"
JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with local(Settings(home=home)) as house, _serving(application(house), 0) as served:
        yield served


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["smoke", *words])


def test_one_machine_with_all_apps_is_well(url: str):
    done = run(url + "/", "--json", "--expect", version("tidegate"))
    assert done.exit_code == 0, done.stdout
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one["well"] for one in found)
    assert [one["what"] for one in found] == [
        "health of ingest",
        "/api/feeds",
        "health of detonate",
        "/api/gate",
        "health of maps",
        "/api/datasets",
        "version",
    ]
    assert found[-1]["said"] == version("tidegate")


def test_another_version_is_not_well(url: str):
    done = run(url, "--expect", "99.0")
    assert done.exit_code == 1
    assert "not 99.0" in done.stdout


def test_nobody_there_is_told_and_fails():
    done = run("http://127.0.0.1:9", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["what"] == "/api/health"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ftp://a.example",),
        ("nowhere",),
        ("https://[",),
        ("https://a.example", "--key-from-env", "NOT_SET"),
        ("http://a.example", "--key-from-env", "SMOKE_KEY"),
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_2(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMOKE_KEY", "secret-of-the-host")
    done = run(*words)
    assert done.exit_code == 2
    assert "secret-of-the-host" not in done.output


def test_a_key_is_sent_and_never_shown(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMOKE_KEY", "secret-of-the-host")
    done = run(url, "--key-from-env", "SMOKE_KEY")
    assert done.exit_code == 0
    assert "secret-of-the-host" not in done.output


Answers = dict[str, Response | Exception]


class Deployed:
    """What a deployment would answer, by route; it may change with every look."""

    def __init__(self, *looks: Answers) -> None:
        self.looks = list(looks)
        self.headers: list[dict[str, str]] = []

    def request(self, method: str, url: str, **asked) -> Response:
        route = url.removeprefix(SITE)
        if route == "/api/health" and len(self.looks) > 1 and self.headers:
            self.looks.pop(0)
        self.headers.append(asked["headers"])
        answer = self.looks[0][route]
        if isinstance(answer, Exception):
            raise answer
        if answer.status >= 400 and answer.status not in asked["expect"]:
            raise BadPayload(f"{url} answered {answer.status}")
        return answer

    download: Callable[..., Response]


def said(status: int, body: object, headers: dict[str, str] = JSON) -> Response:
    return Response(status, headers, json.dumps(body).encode())


def answers(**other: Response | Exception) -> Answers:
    well: Answers = {
        "/api/health": said(200, {"status": "healthy", "apps": {"maps": "up"}}),
        "/api/datasets": said(200, {"datasets": []}),
        "/api/openapi.json": said(200, {"info": {"version": "1.2"}}),
    }
    return well | {f"/api/{name}": answer for name, answer in other.items()}


def look(*looks: Answers, expect: str | None = None, wait: float = 0) -> tuple[list[Found], float]:
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    site = Site(SITE, Deployed(*looks), {"x-functions-key": "k"})
    return smoke(site, expect, wait, sleep, lambda: slept[0]), slept[0]


def test_the_key_goes_along_with_every_question():
    deployed = Deployed(answers())
    smoke(Site(SITE, deployed, {"x-functions-key": "k"}), None, 0, lambda _: None)
    assert deployed.headers == [{"x-functions-key": "k"}] * 3


CLOSED = said(401, {"title": "Unauthorized"}, PROBLEM)
FAULTS: dict[str, tuple[Answers, str]] = {
    "down": (answers(health=said(503, {"apps": {"maps": "down"}})), "health of maps"),
    "no answer": (answers(health=SourceDown("no route")), "/api/health"),
    "another's page": (answers(health=Response(200, JSON, b"<html>")), "/api/health"),
    "nothing in it": (answers(health=said(200, {"apps": {}})), "/api/health"),
    "a stranger": (answers(health=said(200, {"apps": {"shop": "up"}})), "shop"),
    "a read fails": (answers(datasets=SourceDown("answered 500")), "/api/datasets"),
    "no version": (answers(**{"openapi.json": said(200, {"info": []})}), "version"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_well_is_told(fault: str):
    deployed, what = FAULTS[fault]
    found, _ = look(deployed)
    assert [one.what for one in found if not one.well] == [what]


@pytest.mark.parametrize("refusal", [CLOSED, Response(401, {}, b""), Response(400, {}, b"<p>")])
def test_a_map_that_is_closed_to_strangers_is_well(refusal: Response):
    """By us, or by the platform once pages are linked to it."""
    found, _ = look(answers(datasets=refusal))
    assert all(one.well for one in found)


def test_a_closed_app_of_another_kind_is_not_well():
    health = said(200, {"apps": {"ingest": "up"}})
    found, _ = look(answers(health=health, feeds=CLOSED))
    assert [one.what for one in found if not one.well] == ["/api/feeds"]


def test_an_app_that_still_starts_is_waited_for():
    starting = answers(health=SourceDown("answered 502"))
    found, slept = look(starting, starting, answers(), wait=60)
    assert all(one.well for one in found)
    assert slept == 4


def test_waiting_has_an_end():
    found, slept = look(answers(health=SourceDown("answered 502")), wait=9)
    assert not found[0].well
    assert slept == 8


def test_the_old_version_is_waited_off():
    old = answers(**{"openapi.json": said(200, {"info": {"version": "1.1"}})})
    found, _ = look(old, answers(), expect="1.2", wait=60)
    assert found[-1] == Found(SITE, "version", True, "1.2")
