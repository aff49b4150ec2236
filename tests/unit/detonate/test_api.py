"""The routes: alerts come in, hostile bodies stay out, cases can be looked at."""

import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI

from tidegate.api.detonate import routers
from tidegate.simulator.seed import alert_id


@pytest.fixture
def world(stand):
    return stand.world()


@pytest.fixture
def call(world):
    app = FastAPI()
    for router in routers(world, lambda _: True, None):
        app.include_router(router)

    def send(method, path, **more):
        async def once():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as http:
                return await http.request(method, path, **more)

        return asyncio.run(once())

    return send


@pytest.mark.parametrize(
    "body",
    [alert_id(4), {"alert": alert_id(4), "threat_name": "x"}, {"alert": {"id": alert_id(4)}}],
)
def test_an_alert_is_accepted_and_its_case_can_be_followed(call, stand, world, body):
    answer = call("POST", "/api/alerts", json=body)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/cases/{alert_id(4)}"
    assert call("GET", answer.headers["location"]).json()["stage"] == "received"
    stand.finish(world)
    case = call("GET", answer.headers["location"]).json()
    assert [row["stage"] for row in case["entered"]] == [
        "received",
        "examine",
        "record",
        "writeback",
        "cleanup",
        "respond",
        "done",
    ]
    assert case["seconds"] > 40
    assert [(e["do"], e["result"]) for e in case["effects"]] == [
        ("alert.comment", "written"),
        ("incident.tag", "tagged"),
    ]
    assert call("GET", "/api/cases").json()[0]["verdicts"] == ["clean"]


def test_the_same_alert_twice_is_one_case(call, stand, world):
    for _ in range(3):
        assert call("POST", "/api/alerts", json=alert_id(4)).status_code == 202
    assert len(stand.finish(world)) == 1
    assert len(stand.comments(4)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[" * 60_000,
        b"null",
        b"42",
        b"\xff\xfe",
        b'{"alert": null}',
        b'{"alert": "../../etc/passwd"}',
        b'{"alert": "a/b"}',
        b'{"alert": ""}',
        b'{"alert": "a\\nb"}',
        b'"' + b"a" * 200 + b'"',
        json.dumps("а1").encode(),  # noqa: RUF001 - a Cyrillic letter is the point
    ],
)
def test_hostile_bodies_are_refused(call, world, body):
    assert call("POST", "/api/alerts", content=body).status_code == 400
    assert world.cases.newest(10) == []


def test_a_body_without_end_is_refused(call):
    assert call("POST", "/api/alerts", content=b'"' + b"a" * (1 << 20)).status_code == 413


def test_an_unknown_case_is_not_found(call):
    assert call("GET", "/api/cases/nothing").status_code == 404
