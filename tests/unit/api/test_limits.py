"""How often one caller may ask."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, Request
from hypothesis import given
from hypothesis import strategies as st

from tidegate.api import app as web
from tidegate.api.limits import CALLERS, KEYED, Buckets, Taken, caller


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


def asked(function: str | None = None, query: str = "", **headers: str) -> Request:
    """Return a request as the platform passes it on: without the address of a client."""
    return Request(
        {
            "type": "http",
            "client": None,
            "query_string": query.encode(),
            "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
            "azure_functions.function_name": function,
        }
    )


def test_each_key_is_a_caller_however_it_comes():
    one = caller(asked(KEYED, x_functions_key="k1", x_forwarded_for="192.0.2.1"))
    assert one == caller(asked(KEYED, query="code=k1", x_forwarded_for="192.0.2.2"))
    assert one != caller(asked(KEYED, x_functions_key="k2", x_forwarded_for="192.0.2.1"))
    assert "k1" not in one


def test_a_key_that_nobody_checked_makes_no_caller():
    for function in ("read_map", "health", None):
        callers = {
            caller(asked(function, x_functions_key=key, x_forwarded_for="192.0.2.1"))
            for key in "abc"
        }
        assert callers == {"192.0.2.1/32"}


@pytest.mark.parametrize(
    ("told", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("203.0.113.9, 192.0.2.1:52011", "192.0.2.1/32"),
        ("[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        ("203.0.113.9,2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_behind_the_front_end_the_last_address_counts_without_its_port(told, network):
    assert caller(asked(x_forwarded_for=told)) == network


def test_more_tokens_at_once_are_all_that_a_minute_has_at_most():
    time = Time()
    buckets = Buckets(6, time)
    assert buckets.take("a", 14).left == 0
    assert buckets.take("a").wait == pytest.approx(10)
    assert buckets.take("a", 14).wait == pytest.approx(60)
    time.now += 60
    assert buckets.take("a", 4) == Taken(2)
    assert buckets.take("a", 3).wait == pytest.approx(10)
    assert buckets.take("a", 2) == Taken(0)


def test_without_keys_the_address_counts_and_no_header_that_anybody_writes(client):
    spoofed = [{"headers": {"x-forwarded-for": f"192.0.2.{n}"}} for n in range(3)]
    assert codes(client, *spoofed) == [200, 200, 429]
