"""The whole application against its own OpenAPI document, with inputs right and wrong."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tidegate.api import ingest
from tidegate.declare.feed import feeds
from tidegate.ingest.run import Job, run
from tidegate.model import Origin
from tidegate.serve import application
from tidegate.settings import Settings
from tidegate.wiring import local

pytestmark = pytest.mark.slow

URL = "http://127.0.0.1:8080"
OUTAGES = {502, 503, 504}
CONFORM = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
NOWHERE = "http://127.0.0.1:9"
EXAMPLES = 6
LONGEST = 60_000  # of a URL that the client sends


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """Everything, with what one feed's sample brought in; no feed can be reached."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setattr(ingest, "QUICK", 0.2)
    off = sorted(feeds().keys() - {"urlhaus"})
    chosen = Settings(home=tmp_path, feeds_off=off, api_per_minute=1_000_000)
    with local(chosen) as house:
        sample = next(Path(str(feeds()["urlhaus"].folder)).glob("sample.*"))
        assert run(Job(feeds()["urlhaus"], sample, Origin.FILE), house.ingest).kept
        app = application(house)
        house.attend()
        yield app


def sent(case: Any, app: FastAPI) -> httpx.Response:
    """Send what the case says, as it says it."""
    plain = requests.Request(**case.as_transport_kwargs(base_url=URL)).prepare()
    assert plain.method
    assert plain.url
    assume(len(plain.url) < LONGEST)
    request = httpx.Request(
        plain.method, plain.url, headers=dict(plain.headers), content=plain.body or b""
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.send(request)

    return asyncio.run(ask())


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_the_document_declares(app, subtests, mode):
    load_all_checks()
    checks = [CHECKS.get_one(name) for name in CONFORM]
    schema = schemathesis.openapi.from_dict(app.openapi())
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answers(case: Any) -> None:
            answer = sent(case, app)
            assert answer.status_code < 500 or answer.status_code in OUTAGES, answer.text
            case.validate_response(answer, checks=checks)

        # Where anything goes nothing is wrong.
        with subtests.test(operation.label), suppress(Unsatisfiable):
            answers()


def test_every_route_says_what_it_is(app):
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert operation["description"], f"{method} {path}"
            asked = (one for one in operation.get("parameters", []) if one["in"] != "header")
            for parameter in asked:
                assert bounded(parameter["schema"]), f"{method} {path}: {parameter['name']}"


def bounded(schema: dict[str, Any]) -> bool:
    """Whether what a parameter may be has an end."""
    if "anyOf" in schema:
        return all(bounded(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return "maxItems" in schema
    if schema.get("type") in {"integer", "number"}:
        return "maximum" in schema
    return schema.get("type") != "string" or bool(
        schema.keys() & {"maxLength", "format", "enum", "pattern", "const"}
    )
