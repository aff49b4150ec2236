"""The Static Web App by its configuration, and `tidegate up`: the same files, the same headers."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from map_site import DIST

from tidegate import serve
from tidegate.settings import Settings
from tidegate.wiring import local

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json.loads((ROOT / "web" / "staticwebapp.config.json").read_text(encoding="utf-8"))
PAGES = ["/", "/feeds.html", "/cases.html", "/gate.html"]
EVERYBODY = {"anonymous"}
# What people decide with consequences: for responders only.
DECISIONS = [
    "/api/cases/c1/approve",
    "/api/cases/c1/undo",
    "/api/gate/apply",
    "/api/gate/undo",
    "/api/feeds/otx/accept",
    "/api/anything/new",
]


def rule(path: str, method: str = "GET") -> dict[str, Any]:
    """The first rule that applies, as Azure documents it: exact, or a `*` at the end."""
    for each in CONFIG["routes"]:
        name = each["route"]
        fits = path.startswith(name[:-1]) if name.endswith("*") else path == name
        if fits and method in each.get("methods", [method]):
            found: dict[str, Any] = each
            return found
    return {}


def ask(app: FastAPI, path: str) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    with ThreadPoolExecutor(1) as pool:  # in this thread a browser may have a loop of its own
        return pool.submit(asyncio.run, once()).result()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    if not (DIST / "index.html").is_file():
        pytest.fail("the page is not built: run `npm ci && npm run build` in web/")
    home = tmp_path_factory.mktemp("home")
    with local(Settings(home=home, page=DIST)) as house:
        yield serve.application(house)


def paths() -> list[str]:
    files = [f"/{one.relative_to(DIST).as_posix()}" for one in DIST.rglob("*") if one.is_file()]
    return ["/", *sorted(set(files) - {"/staticwebapp.config.json"})]


def test_the_built_page_is_served_with_the_headers_of_its_configuration(app: FastAPI):
    assert json.loads((DIST / "staticwebapp.config.json").read_text(encoding="utf-8")) == CONFIG
    assert len(paths()) > 10
    for path in paths():
        answer = ask(app, path)
        file = DIST / ("index.html" if path == "/" else path[1:])
        assert (answer.status_code, answer.content) == (200, file.read_bytes()), path
        wanted = {**CONFIG["globalHeaders"], **rule(path).get("headers", {})}
        assert {name: answer.headers.get(name) for name in wanted} == wanted, path


def test_what_is_not_there_is_not_the_page(app: FastAPI):
    assert "navigationFallback" not in CONFIG
    for path in ("/no/such/page", "/assets/gone.js", "/staticwebapp.config.json"):
        assert ask(app, path).status_code == 404


def test_pages_and_service_worker_are_asked_for_each_time():
    for path in [*PAGES, "/index.html", "/sw.js"]:
        assert rule(path)["headers"]["Cache-Control"] == "no-cache"
    assert "immutable" in rule("/assets/index-abc.js")["headers"]["Cache-Control"]


def test_nothing_is_for_strangers(app: FastAPI):
    """Every file and every route asks for a sign-in, and whatever changes something for a role."""
    document = app.openapi()["paths"]
    asked = [(method.upper(), path) for path, methods in document.items() for method in methods]
    asked += [("GET", path) for path in paths()]
    assert len(asked) > 40
    for method, path in asked:
        roles = set(rule(path, method)["allowedRoles"])
        assert roles, path
        assert not roles & EVERYBODY, path
        if method not in {"GET", "HEAD"}:
            assert "authenticated" not in roles, path
    assert CONFIG["responseOverrides"]["401"]["redirect"].startswith("/.auth/login/aad")


@pytest.mark.parametrize("path", DECISIONS)
def test_decisions_are_for_responders(path: str):
    assert rule(path, "POST")["allowedRoles"] == ["responder"]


def test_the_map_has_readers_and_refreshers():
    """The same names as the settings have for the roles that the API itself asks for."""
    for path in ("/api/datasets", "/api/datasets/hits/v1.tsv", "/api/refresh/r1"):
        assert set(rule(path)["allowedRoles"]) == {"reader", "refresher"}
    assert rule("/api/refresh", "POST")["allowedRoles"] == ["refresher"]
    assert "analyst" in rule("/api/indicators/mark", "POST")["allowedRoles"]
