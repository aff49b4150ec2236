"""The house on Azure with production URLs and tokens: only the network is another."""

import base64
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cosmos_standin
import pytest
from azurite_lab import ACCOUNT, guarded
from cosmos_standin import Standin
from keyvault_standin import Vault, served
from rerouted import Identity, Rerouted

from tidegate.adapters.azure import identity
from tidegate.adapters.azure.cosmos_documents import INDICATORS
from tidegate.adapters.azure.cosmos_runs import RUNS
from tidegate.adapters.azure.identity import IdentityTokens
from tidegate.adapters.azure.keyvault import VaultSecret, vault
from tidegate.adapters.entra import Tokens
from tidegate.adapters.roles import roles_of
from tidegate.ports import SourceDown
from tidegate.settings import Settings
from tidegate.wiring import azure

pytestmark = pytest.mark.slow


def test_every_store_is_reached_with_the_identitys_tokens(tmp_path: Path):
    standin, who = Standin([INDICATORS, RUNS]), Identity()
    settings = Settings(
        home=tmp_path / "home",
        cosmos_url=f"https://{standin.host}",
        storage_url=f"https://{ACCOUNT}.blob.core.windows.net",
    )
    with cosmos_standin.served(standin) as cosmos, guarded(tmp_path) as (running, certificate):
        hosts = {**running.addresses, ".documents.azure.com": cosmos}
        transport = Rerouted(hosts, certificate)
        with azure(settings, credential=who, transport=transport) as house:
            with pytest.raises(SourceDown, match="container does not exist"):
                house.objects.get("a")
            with pytest.raises(SourceDown, match="queue does not exist"):
                house.turns.length()
            # What the infrastructure makes; the house makes it for emulators alone.
            house.objects.create()
            house.turns.create()
            house.objects.put("a", b"one")
            house.turns.put("feodo")
            assert house.turns.length() == 1
            assert house.runs.newest(None, 1) == []
            assert list(house.objects.names("a")) == ["a"]
    audiences = {scope.removesuffix("/.default") for scope in who.scopes}
    assert audiences == {"https://storage.azure.com", f"https://{standin.host}"}


# --- the identity itself -----------------------------------------------------------------------

SECRET = "expected-header"
GRAPH = "https://graph.microsoft.com/.default"
DAY = 86_400


class _AppService(BaseHTTPRequestHandler):
    """Where a managed identity of App Service, or an application in Entra, gets its tokens."""

    protocol_version = "HTTP/1.1"
    asked: list[str]
    answer: Callable[[str], tuple[int, dict[str, Any]]]

    def do_GET(self) -> None:
        form = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.asked.append(f"{self.path} {form}".strip())
        right = self.headers.get("X-IDENTITY-HEADER") == SECRET or "/oauth2/" in self.path
        status, body = self.answer(self.path) if right else (401, {"message": "header"})
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the base's names

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


def issued(path: str, number: str = "first") -> tuple[int, dict[str, Any]]:
    """Answer as the service does: a token for a day."""
    resource = parse_qs(urlsplit(path).query).get("resource", ["https://exchanged"])[0]
    expires = {"expires_on": str(int(time.time()) + DAY), "expires_in": DAY}
    token = f"{number}.{unsigned({'aud': resource, 'roles': ['Alert.Read.All']})}.x"
    return 200, {"access_token": token, "resource": resource, "token_type": "Bearer", **expires}


def unsigned(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


@dataclass
class Around:
    """The service around a Function: its address, and what it was asked."""

    url: str
    asked: list[str]
    handler: type[_AppService]

    @property
    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(one.partition(" ")[0]).query) for one in self.asked]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which nothing of this machine decides who we are."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("azure.core.pipeline.transport._base.time.sleep", lambda _: None)
    return monkeypatch


@pytest.fixture
def around(bare: pytest.MonkeyPatch) -> Iterator[Around]:
    asked: list[str] = []
    handler = type("Handler", (_AppService,), {"asked": asked, "answer": staticmethod(issued)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.002,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    bare.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
    bare.setenv("IDENTITY_HEADER", SECRET)
    yield Around(url, asked, handler)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_function_gets_its_tokens_at_the_endpoint_it_was_given(around):
    tokens: Tokens = IdentityTokens(identity.credential(None), GRAPH)
    assert roles_of(tokens.token()) == {"Alert.Read.All"}
    assert tokens.token() == tokens.token()
    [query] = around.queries
    assert query == {"api-version": ["2019-08-01"], "resource": ["https://graph.microsoft.com"]}


def test_a_user_assigned_identity_is_asked_for_by_its_id(around, bare):
    bare.setenv("AZURE_CLIENT_ID", "somebody-else")
    IdentityTokens(identity.credential("mine"), GRAPH).token()
    IdentityTokens(identity.credential(None), GRAPH).token()
    first, second = around.queries
    assert first["client_id"] == ["mine"]
    assert "client_id" not in second


def test_a_refused_token_is_asked_for_anew_past_the_sdks_cache(around):
    tokens = IdentityTokens(identity.credential(None), GRAPH)
    refused = tokens.token()
    around.handler.answer = staticmethod(lambda path: issued(path, "second"))
    other = tokens.token(instead_of=refused)
    assert (refused[:5], other[:6]) == ("first", "second")
    assert tokens.token() == other
    assert tokens.token(instead_of=refused) == other
    assert len(around.asked) == 2


def test_an_identity_that_has_no_other_token_is_down(around):
    tokens = IdentityTokens(identity.credential(None), GRAPH)
    refused = tokens.token()
    with pytest.raises(SourceDown, match="no other token"):
        tokens.token(instead_of=refused)
    assert len(around.asked) == 2


@pytest.mark.parametrize("answer", [(400, {"message": "none"}), (500, {}), (200, {"a": 1})])
def test_an_identity_without_a_token_is_down_and_says_who_was_asked(around, answer):
    around.handler.answer = staticmethod(lambda _: answer)
    tokens = IdentityTokens(identity.credential(None), GRAPH)
    for _ in range(2):
        with pytest.raises(SourceDown, match="ManagedIdentityCredential: ") as down:
            tokens.token()
    assert "\n" not in str(down.value)


def test_an_identity_that_falls_silent_later_is_down_too(around):
    tokens = IdentityTokens(identity.credential(None), GRAPH)
    refused = tokens.token()
    for answer in [(500, {}), (403, {"message": "no"}), (200, [])]:
        around.handler.answer = staticmethod(lambda _, answer=answer: answer)
        with pytest.raises(SourceDown, match="no token for"):
            tokens.token(instead_of=refused)


def test_a_silent_endpoint_is_given_up_in_bounded_time(bare):
    bare.setitem(identity.BOUNDS, "read_timeout", 0.1)
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        bare.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}/msi/token")
        bare.setenv("IDENTITY_HEADER", SECRET)
        began = time.monotonic()
        with pytest.raises(SourceDown, match="timed out"):
            IdentityTokens(identity.credential(None), GRAPH).token()
    assert time.monotonic() - began < 3


def test_only_four_kinds_of_identity_are_tried(bare):
    made = identity.credential(None)
    assert [type(one).__name__ for one in made.credentials] == [
        "EnvironmentCredential",
        "FailedDACCredential",  # the workload identity, without its variables
        "ManagedIdentityCredential",
        "AzureCliCredential",
    ]
    bare.setenv("AZURE_TOKEN_CREDENTIALS", "prod")
    assert len(identity.credential(None).credentials) == 3


def test_a_vault_is_read_with_a_functions_identity(around):
    standin = Vault()
    standin.put("key", "the-value")
    with served(standin) as address:
        network = Rerouted({standin.host: address})
        with closing(vault(standin.url, identity.credential(None), network)) as client:
            assert VaultSecret(client, "key", lambda: datetime.now(UTC)).value() == "the-value"
    assert around.queries[0]["resource"] == ["https://vault.azure.net"]
