"""How often one caller may ask."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api import app as web
from tidegate.api.limits import CALLERS, Buckets


@dataclass
class Time:
    """A clock that we turn."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.slow
@given(st.integers(1, 50), st.lists(st.floats(0, 90), max_size=200))
def test_no_minute_lets_more_through_than_twice_the_rate(rate, steps):
    time = Time()
    buckets, passed = Buckets(rate, time), list[float]()
    for step in steps:
        time.now += step
        if not buckets.take("a").wait:
            passed.append(time.now)
    for start in passed:
        assert sum(start <= at <= start + 60 for at in passed) <= 2 * rate + 1


@given(st.integers(1, 50))
def test_after_the_wait_that_was_told_one_more_passes(rate):
    time = Time()
    buckets = Buckets(rate, time)
    assert [buckets.take("a").wait for _ in range(rate)] == [0.0] * rate
    wait = buckets.take("a").wait
    assert 0 < wait <= 60 / rate + 1e-6
    time.now += wait + 1e-6
    assert not buckets.take("a").wait
    assert buckets.take("a").wait


def test_callers_do_not_share_and_are_forgotten_when_there_are_too_many():
    buckets = Buckets(1, Time())
    for n in range(CALLERS + 1):
        assert not buckets.take(f"caller {n}").wait
    assert buckets.take(f"caller {CALLERS}").wait
    assert not buckets.take("caller 0").wait
    assert len(buckets._full) == CALLERS


@pytest.fixture
def client(browse) -> Any:
    routes = APIRouter()

    @routes.get("/api/hello")
    def hello() -> str:
        return "hello"

    @routes.get("/page")
    def page() -> str:
        return "page"

    return browse(web.create([routes], per_minute=2))


def codes(client: Any, *asked: dict[str, Any], path: str = "/api/hello") -> list[int]:
    return [client.get(path, **one).status_code for one in asked]


def test_one_too_many_says_when_to_come_back(client):
    first, *_, last = [client.get("/api/hello") for _ in range(3)]
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    assert last.status_code == 429
    assert last.headers["content-type"] == "application/problem+json"
    assert 1 <= int(last.headers["retry-after"]) <= 30
    assert last.headers["ratelimit-remaining"] == "0"
    assert "x-correlation-id" in last.headers


def test_what_is_not_the_api_has_no_limit(client):
    assert codes(client, *[{}] * 5, path="/page") == [200] * 5
    assert "ratelimit-limit" not in client.get("/page").headers


def test_each_key_has_its_own_bucket_however_it_comes(client):
    header, code = {"headers": {"x-functions-key": "k1"}}, {"params": {"code": "k1"}}
    assert codes(client, header, code, header) == [200, 200, 429]
    assert codes(client, {"headers": {"x-functions-key": "k2"}}, {}) == [200, 200]


def test_without_keys_the_address_counts_and_no_header_that_anybody_writes(client):
    spoofed = [{"headers": {"x-forwarded-for": f"192.0.2.{n}"}} for n in range(3)]
    assert codes(client, *spoofed) == [200, 200, 429]
