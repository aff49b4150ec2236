"""What every answer has, whichever route gives it: ids, problems, guards, the page's headers."""

import json
import logging
import re
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, HTTPException, Query

from tidegate.api import app as web
from tidegate.correlation import Correlated, correlation
from tidegate.ports import BadPayload, QuotaSpent, SourceDown

log = logging.getLogger("tidegate.test")
PROBLEM = "application/problem+json"
ERRORS = {
    "down": SourceDown("https://inner.example/secret answered 500"),
    "soon": SourceDown("x", retry_after=timedelta(milliseconds=1_200)),
    "spent": QuotaSpent("x", retry_after=timedelta(0)),
    "bad": BadPayload("https://inner.example/secret answered nonsense"),
    "bug": RuntimeError("password=hunter2"),
    "large": HTTPException(413, "the body is too large"),
}


def routes() -> APIRouter:
    made = APIRouter(prefix="/api")

    @made.get("/hello")
    def hello() -> dict[str, str]:
        log.info("inside")
        return {"id": correlation.get()}

    @made.get("/counted")
    def counted(n: Annotated[int, Query(ge=1)]) -> int:
        return n

    @made.post("/change")
    def change() -> str:
        return "changed"

    @made.get("/fails/{how}")
    def fails(how: str) -> None:
        raise ERRORS[how]

    return made


@pytest.fixture
def client(browse) -> Any:
    return browse(web.create([routes()]))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.handler.addFilter(Correlated())
    caplog.set_level(logging.INFO, logger="tidegate")
    return caplog


# --- correlation ------------------------------------------------------------------------------


def test_a_given_correlation_id_goes_in_through_and_out(client, lines):
    answer = client.get("/api/hello", headers={"X-Correlation-ID": "run-7.a_B"})
    assert answer.headers["x-correlation-id"] == "run-7.a_B"
    assert answer.json() == {"id": "run-7.a_B"}
    ours = [line for line in lines.records if line.name.startswith("tidegate")]
    assert [line.getMessage().partition(" in ")[0] for line in ours] == [
        "inside",
        "GET /api/hello 200",
    ]
    assert {line.correlation for line in ours} == {"run-7.a_B"}
    assert correlation.get() == "-"


def test_each_request_without_an_id_gets_its_own(client):
    ids = {client.get("/api/hello").headers["x-correlation-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)


@pytest.mark.parametrize("hostile", ["x" * 65, "a b", "a;b", "<script>", "\x1b[31m", "", "ü"])
def test_a_hostile_id_is_replaced(client, hostile):
    headers = {"X-Correlation-ID": hostile.encode()}
    answer = client.get("/api/hello", headers=headers)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-correlation-id"])


@pytest.mark.parametrize("path", ["%0aERROR%1b[31m", "fails/bug", "fails/down"])
def test_no_log_line_holds_what_stands_in_a_path(client, lines, path):
    client.get(f"/api/{path}")
    told = lines.records[-1].getMessage()
    route = "/api/fails/{how}" if "fails" in path else "(no route)"
    assert told.startswith(f"GET {route} ")


# --- problems ---------------------------------------------------------------------------------


def problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["correlation_id"] == answer.headers["x-correlation-id"]
    assert body["title"]
    return body


def test_an_unknown_route_is_a_problem(client):
    assert problem(client.get("/api/nothing"))["status"] == 404


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client):
    answer = client.post("/api/hello")
    assert problem(answer)["status"] == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("query", ["", "?n=0", "?n=x"])
def test_wrong_input_is_a_bad_request_that_names_it(client, query):
    body = problem(client.get(f"/api/counted{query}"))
    assert body["status"] == 400
    assert body["detail"].startswith("query.n: ")


def test_too_large_a_body_is_a_problem(client):
    body = problem(client.get("/api/fails/large"))
    assert (body["status"], body["detail"]) == (413, "the body is too large")


@pytest.mark.parametrize(("how", "wait"), [("down", "60"), ("soon", "2"), ("spent", "1")])
def test_an_outage_behind_us_says_when_to_come_back(client, how, wait):
    answer = client.get(f"/api/fails/{how}")
    assert problem(answer)["status"] == 503
    assert answer.headers["retry-after"] == wait
    assert "inner" not in answer.text


def test_nonsense_behind_us_is_a_bad_gateway(client):
    answer = client.get("/api/fails/bad")
    assert problem(answer)["status"] == 502
    assert "inner" not in answer.text


def test_a_bug_is_logged_and_shows_nothing(client, lines):
    answer = client.get("/api/fails/bug", headers={"X-Correlation-ID": "seven"})
    assert problem(answer) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "correlation_id": "seven",
    }
    [logged] = [line for line in lines.records if line.levelno == logging.ERROR]
    assert logged.correlation == "seven"
    assert "hunter2" in str(logged.exc_info[1] if logged.exc_info else "")


# --- guards -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://[", "http://localhost"]
)
def test_another_sites_page_changes_nothing(client, origin):
    answer = client.post("/api/change", headers={"Origin": origin})
    assert problem(answer)["status"] == 403
    assert client.get("/api/hello", headers={"Origin": origin}).status_code == 200


def test_our_own_page_may_change_things(client):
    for headers in ({}, {"Origin": "http://127.0.0.1:8080"}):
        assert client.post("/api/change", headers=headers).status_code == 200


def test_our_own_page_behind_a_static_web_app_may_change_things(client):
    asked = {"X-MS-Original-URL": "https://tidegate.example/api/change?a=1"}
    ours, another = {"Origin": "https://tidegate.example"}, {"Origin": "https://evil.example"}
    assert client.post("/api/change", headers=asked | ours).status_code == 200
    for given in (asked | another, {"X-MS-Original-URL": "https://["} | another):
        assert problem(client.post("/api/change", headers=given))["status"] == 403
    preflight = {**another, "Access-Control-Request-Method": "POST"}
    answer = client.request("OPTIONS", "/api/change", headers=preflight)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.:80"])
def test_a_name_that_was_made_to_lead_here_is_refused(browse, host):
    client = browse(web.create([routes()], hosts=("127.0.0.1", "localhost")))
    answer = client.get("/api/hello", headers={"Host": host})
    assert problem(answer)["status"] == 400
    for known in ("127.0.0.1:8080", "localhost", "LOCALHOST:1"):
        assert client.get("/api/hello", headers={"Host": known}).status_code == 200


# --- the page ---------------------------------------------------------------------------------


@pytest.fixture
def site(browse, tmp_path) -> Any:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>map</title>")
    (tmp_path / "assets" / "a-1.js").write_text("0")
    declared = {
        "globalHeaders": {"Content-Security-Policy": "default-src 'none'", "X-Frame": "no"},
        "routes": [
            {"route": "/", "headers": {"Cache-Control": "no-cache"}},
            {"route": "/assets/*", "headers": {"Cache-Control": "public, immutable"}},
        ],
    }
    (tmp_path / "staticwebapp.config.json").write_text(json.dumps(declared))
    return browse(web.create([routes()], tmp_path))


def test_the_page_has_the_headers_that_it_declares(site):
    answer = site.get("/")
    assert answer.text.startswith("<!doctype html>")
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.headers["x-frame"] == "no"
    assert answer.headers["cache-control"] == "no-cache"
    assert "x-correlation-id" in answer.headers


def test_assets_are_cached_for_ever(site):
    assert site.get("/assets/a-1.js").headers["cache-control"] == "public, immutable"


def test_the_api_has_none_of_the_pages_headers(site):
    answer = site.get("/api/hello")
    assert answer.status_code == 200
    assert "content-security-policy" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/assets/b-2.js", "/../app.py", "/api/nothing", "/staticwebapp.config.json"],
)
def test_what_is_not_there_is_not_found(site, path):
    answer = site.get(path)
    assert problem(answer)["status"] == 404
    assert "cache-control" not in answer.headers


def test_beside_a_page_routes_keep_their_methods(site):
    assert site.post("/api/change").status_code == 200
    answer = site.get("/api/change")
    assert problem(answer)["status"] == 405
    assert answer.headers["allow"] == "POST"
    assert problem(site.post("/api/nothing"))["status"] == 404
    assert problem(site.post("/"))["status"] == 405
