"""Tokens and who carries them, over real HTTP: how often whoever refuses is asked again."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from tidegate.adapters.entra import Authorized, ClientCredentials, Tokens
from tidegate.adapters.http import HttpClient
from tidegate.ports import QuotaSpent, Secret, SourceDown

SCOPE = "https://api.example/.default"
RIGHT = "right-secret"
WRONG = {
    "error": "invalid_client",
    "error_description": "AADSTS7000215: Invalid client secret provided: hush-hush",
    "error_codes": [7000215],
}


@dataclass
class Entra:
    """A token endpoint and the API behind it. `let_in` is what the API does with tokens."""

    secret: str = RIGHT
    life: Any = 3_600
    refusals: list[tuple[int, Any]] = field(default_factory=list)
    let_in: bool = True
    posted: list[dict[str, str]] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    url: str = ""

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        self.posted.append(form)
        if self.refusals:
            return self.refusals.pop(0)
        if form["client_secret"] != self.secret:
            return 401, WRONG
        return 200, {"access_token": f"token-{len(self.posted)}", "expires_in": self.life}

    def api(self, authorization: str) -> tuple[int, Any]:
        self.carried.append(authorization)
        return (200 if self.let_in else 401), {}


class _Handler(BaseHTTPRequestHandler):
    entra: Entra

    def do_GET(self) -> None:
        self._say(*self.entra.api(self.headers.get("authorization", "")))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        assert "authorization" not in self.headers
        form = {name: value for name, [value] in parse_qs(body).items()}
        self._say(*self.entra.token(form))

    def _say(self, status: int, body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def entra() -> Iterator[Entra]:
    made = Entra()
    handler = type("Handler", (_Handler,), {"entra": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.002,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with closing(HttpClient(allow_private=True, sleep=lambda _: None)) as made:
        yield made


@dataclass
class Rotating:
    """`ports.Secret` that is read anew when it was refused."""

    now: str
    newer: str
    asked: list[str] = field(default_factory=list)

    def value(self) -> str:
        return self.now

    def renewed(self, instead_of: str) -> str:
        self.asked.append(instead_of)
        self.now = self.newer
        return self.now


class Turned:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def tokens(entra: Entra, http, secret: str | Secret = RIGHT, clock=None):
    endpoint = f"{entra.url}/tenant/oauth2/v2.0/token"
    return ClientCredentials(http, endpoint, "app", secret, SCOPE, clock or Turned())


# --- tokens ------------------------------------------------------------------------------------


def test_a_token_is_asked_for_once_and_kept_until_shortly_before_it_ends(entra, http):
    clock = Turned()
    made: Tokens = tokens(entra, http, clock=clock)
    assert [made.token() for _ in range(3)] == ["token-1"] * 3
    clock.now += timedelta(minutes=54, seconds=59)
    assert made.token() == "token-1"
    clock.now += timedelta(seconds=1)
    assert made.token() == "token-2"
    assert entra.posted[0] == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "right-secret",
        "scope": SCOPE,
    }


def test_a_wrong_secret_is_down_at_once_after_one_request(entra, http):
    api = Authorized(http, tokens(entra, http, "hush-hush"))
    with pytest.raises(SourceDown, match="no token: 401 'invalid_client' AADSTS7000215") as down:
        api.request("GET", f"{entra.url}/api/alerts")
    assert (len(entra.posted), entra.carried) == (1, [])
    assert "hush-hush" not in str(down.value)


def test_a_rotated_secret_is_read_anew_once(entra, http):
    secret = Rotating("old-secret", "right-secret")
    assert tokens(entra, http, secret).token() == "token-2"
    assert secret.asked == ["old-secret"]
    assert [form["client_secret"] for form in entra.posted] == ["old-secret", "right-secret"]


@pytest.mark.parametrize(("newer", "requests"), [("old-secret", 1), ("wrong-too", 2)])
def test_one_that_is_still_wrong_is_down_after_two_requests_at_most(entra, http, newer, requests):
    with pytest.raises(SourceDown, match="invalid_client"):
        tokens(entra, http, Rotating("old-secret", newer)).token()
    assert len(entra.posted) == requests


def test_an_application_that_nobody_knows_does_not_cost_the_secret_a_reading(entra, http):
    secret = Rotating("right-secret", "right-secret")
    entra.refusals = [(400, {"error": "unauthorized_client", "error_codes": [700016]})]
    with pytest.raises(SourceDown, match="400 'unauthorized_client' AADSTS700016"):
        tokens(entra, http, secret).token()
    assert secret.asked == []


def test_a_throttled_endpoint_says_how_long_to_wait(entra, http):
    entra.refusals = [(429, {})] * 9
    with pytest.raises(QuotaSpent):
        tokens(entra, http).token()
    assert len(entra.posted) == 4  # the plain client's own tries, and none beside


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, {"access_token": ""}),
        (200, {"expires_in": 3_600}),
        (200, {"access_token": "a", "expires_in": -1}),
        (401, b"<html>Sign in</html>"),
        (400, {"error": "x" * 9_000, "error_codes": list(range(9_000))}),
        (403, {}),
    ],
)
def test_whatever_is_no_token_is_down_and_short(entra, http, answer):
    entra.refusals = [answer]
    with pytest.raises(SourceDown, match=r"^no token: ") as down:
        tokens(entra, http).token()
    assert len(str(down.value)) < 300


def test_a_life_beyond_all_measure_ends_within_a_day(entra, http):
    entra.life = 10**30
    clock = Turned()
    made = tokens(entra, http, clock=clock)
    made.token()
    clock.now += timedelta(days=1)
    assert made.token() == "token-2"


def test_tokens_are_not_asked_for_by_who_needs_one_to_ask(entra, http):
    inner = tokens(entra, http)
    with pytest.raises(TypeError, match="without a token"):
        tokens(entra, Authorized(http, inner))


# --- who carries them --------------------------------------------------------------------------


def test_a_refused_token_costs_one_more_of_each(entra, http):
    entra.let_in = False
    api = Authorized(http, tokens(entra, http))
    with pytest.raises(SourceDown, match="fresh token was refused"):
        api.request("GET", f"{entra.url}/api/alerts", headers={"accept": "application/json"})
    assert entra.carried == ["Bearer token-1", "Bearer token-2"]
    assert len(entra.posted) == 2


def test_a_token_that_is_refused_for_its_age_is_replaced_for_everybody(entra, http):
    made = tokens(entra, http)
    api = Authorized(http, made)
    made.token()
    for _ in range(3):
        assert made.token(instead_of="token-1") == "token-2"
    assert api.request("GET", f"{entra.url}/api/alerts").status == 200
    assert entra.carried == ["Bearer token-2"]


def test_any_source_of_tokens_will_do(entra, http):
    class Two:
        def token(self, *, instead_of: str | None = None) -> str:
            return "first" if instead_of is None else f"not-{instead_of}"

    entra.let_in = False
    with pytest.raises(SourceDown):
        Authorized(http, Two()).request("GET", f"{entra.url}/api/alerts")
    assert entra.carried == ["Bearer first", "Bearer not-first"]


def test_a_download_takes_no_token_along(entra, http, tmp_path):
    api = Authorized(http, tokens(entra, http))
    api.download(f"{entra.url}/signed", tmp_path / "file", max_bytes=100)
    assert entra.carried == [""]
    assert entra.posted == []
