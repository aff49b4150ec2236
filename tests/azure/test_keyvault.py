"""Secrets of a vault, by the real SDK in front of a stand-in: kept, renewed, outlasting outages."""

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from keyvault_standin import Answer, Vault, fault, served
from pydantic import SecretStr
from rerouted import Identity, Rerouted

from tidegate.adapters.azure.keyvault import VaultSecret, vault
from tidegate.adapters.fixed import FixedSecret
from tidegate.adapters.http import HttpClient
from tidegate.adapters.vmray import Options, VmraySandbox
from tidegate.ports import Order, QuotaSpent, Secret, SourceDown
from tidegate.simulator.seed import LOADER
from tidegate.simulator.server import Tenant

NAME = "vmray-api-key"
THROTTLED = fault(429, "Throttled", "Request was not processed because too many requests")
BUSY = fault(503, "ServiceUnavailable", "The service is unavailable.")


class Who(Identity):
    """An identity that may have no tokens for a while, or the wrong ones."""

    fails: Exception | None = None
    audience: str | None = None

    def get_token(self, *scopes: str, **more: Any):
        if self.fails is not None:
            self.scopes += scopes
            raise self.fails
        return super().get_token(self.audience or scopes[0], **more)


class Network(Rerouted):
    """A network that can be cut; counts what was tried over it."""

    tried = 0
    cut = False

    def send(self, request: Any, **options: Any) -> Any:
        self.tried += 1
        if self.cut:
            raise ServiceRequestError("nobody answers")
        return super().send(request, **options)


@dataclass
class Lab:
    """A vault on loopback, the secret in it, and a clock that is turned by hand."""

    vault: Vault
    network: Network
    who: Who = field(default_factory=Who)
    now: datetime = datetime(2026, 11, 21, 5, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.client = vault(self.vault.url, self.who, self.network)
        self.secret = VaultSecret(self.client, NAME, lambda: self.now)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@contextmanager
def opened(standin: Vault) -> Iterator[Lab]:
    with served(standin) as address:
        made = Lab(standin, Network({standin.host: address}))
        with closing(made.client):
            yield made


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr("azure.core.pipeline.transport._base.time.sleep", lambda _: None)
    standin = Vault()
    standin.put(NAME, "first-value")
    with opened(standin) as made:
        yield made


# --- what is read, and how long it is kept -----------------------------------------------------


def test_it_is_the_newest_version_by_the_identitys_token_after_a_challenge(lab):
    secret: Secret = lab.secret
    assert secret.value() == "first-value"
    assert (lab.vault.challenged, lab.vault.asked) == (1, 1)
    assert lab.who.scopes == ["https://vault.azure.net/.default"]


def test_it_is_kept_for_half_an_hour_and_no_longer(lab):
    assert lab.secret.value() == "first-value"
    lab.vault.put(NAME, "second-value")
    lab.pass_(minutes=29, seconds=59)
    assert lab.secret.value() == "first-value"
    lab.pass_(seconds=1)
    assert lab.secret.value() == "second-value"
    assert lab.vault.asked == 2


def test_how_long_it_is_kept_may_be_said(lab):
    brief = VaultSecret(lab.client, NAME, lambda: lab.now, timedelta(minutes=1))
    brief.value()
    lab.pass_(minutes=1)
    brief.value()
    assert lab.vault.asked == 2


def test_many_threads_cost_one_request(lab):
    lab.vault.delay = 0.05
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: lab.secret.value(), range(32)))
        assert set(found) == {"first-value"}
        assert lab.vault.asked == 1
        lab.vault.put(NAME, "second-value")
        found = list(pool.map(lambda _: lab.secret.renewed("first-value"), range(32)))
    assert set(found) == {"second-value"}
    assert (lab.vault.asked, lab.vault.most_at_once) == (2, 1)


def test_nothing_shows_the_value(lab):
    lab.secret.value()
    assert repr(lab.secret) == f"VaultSecret(name='{NAME}')"
    assert "first-value" not in f"{lab.secret}{lab.secret!r}"
    assert "hush-hush" not in repr(FixedSecret(SecretStr("hush-hush")))


def test_one_of_the_settings_is_what_it_is():
    fixed: Secret = FixedSecret(SecretStr("hush-hush"))
    assert fixed.value() == fixed.renewed("hush-hush") == "hush-hush"


# --- rotation ----------------------------------------------------------------------------------


def test_a_refused_one_is_read_anew_at_once(lab):
    lab.secret.value()
    lab.vault.put(NAME, "second-value")
    assert lab.secret.renewed("first-value") == "second-value"
    assert lab.secret.value() == "second-value"
    assert lab.vault.asked == 2


def test_one_that_somebody_else_renewed_is_not_read_again(lab):
    lab.secret.value()
    lab.vault.put(NAME, "second-value")
    lab.secret.renewed("first-value")
    assert lab.secret.renewed("first-value") == "second-value"
    lab.pass_(minutes=1)
    assert lab.secret.renewed("first-value") == "second-value"
    assert lab.vault.asked == 2


def test_a_wrong_key_does_not_hammer_the_vault(lab):
    lab.secret.value()
    for _ in range(100):
        assert lab.secret.renewed("first-value") == "first-value"
    assert lab.vault.asked == 2
    lab.pass_(seconds=10)
    for _ in range(100):
        lab.secret.renewed("first-value")
    assert lab.vault.asked == 3


def test_renewing_before_anything_was_read_reads_once(lab):
    assert lab.secret.renewed("whatever") == "first-value"
    assert lab.vault.asked == 1


def test_a_refused_one_is_not_given_again_while_the_vault_cannot_say_more(lab):
    lab.secret.value()
    lab.vault.faults = [BUSY]
    with pytest.raises(SourceDown, match="503"):
        lab.secret.renewed("first-value")
    assert lab.secret.value() == "first-value"  # who refused it may have been wrong


@pytest.fixture
def sandbox(lab, tmp_path) -> Iterator[tuple[VmraySandbox, Tenant]]:
    """VMRay, simulated, and whoever asks it with the key of the vault."""
    tenant = Tenant(tmp_path / "tenant")
    url = tenant.start()
    tenant.scene.api_key = "first-value"
    with HttpClient(allow_private=True, retries=0) as http:
        yield VmraySandbox(http, url, lab.secret, Options()), tenant
    tenant.stop()


def test_a_submission_goes_on_with_a_key_that_was_rotated_and_nothing_is_restarted(
    lab, sandbox, tmp_path
):
    asking, tenant = sandbox
    file = tmp_path / "sample"
    file.write_bytes(LOADER)
    assert asking.quota() is not None
    lab.vault.put(NAME, "second-value")
    tenant.scene.api_key = "second-value"  # the first one is refused from now on
    [submission] = asking.submit_file("a.exe", file, Order("n-1", "da63-1"))
    assert asking.submission(submission).id == submission
    assert lab.vault.asked == 2


# --- outages -----------------------------------------------------------------------------------


def cut(lab: Lab) -> None:
    lab.network.cut = True


def tokenless(lab: Lab) -> None:
    lab.client = vault(lab.vault.url, lab.who, lab.network)
    lab.secret.client = lab.client
    lab.who.fails = ClientAuthenticationError("no identity here\nand much more")


def throttled(lab: Lab) -> None:
    lab.vault.faults = [THROTTLED] * 99


def busy(lab: Lab) -> None:
    lab.vault.faults = [BUSY] * 99


def broken(lab: Lab) -> None:
    lab.vault.faults = [Answer(200, b'{"value": "first-value", ')] * 99


def empty(lab: Lab) -> None:
    lab.vault.faults = [Answer(200, {"value": "", "id": f"{lab.vault.url}/secrets/a/b"})] * 99


def redirected(lab: Lab) -> None:
    lab.vault.faults = [Answer(302, {}, {"location": "https://elsewhere.example/"})] * 99


def captured(lab: Lab) -> None:
    lab.vault.faults = [Answer(200, b"<html>Sign in</html>", {"content-type": "text/html"})] * 99


def elsewhere(lab: Lab) -> None:
    lab.vault = Vault(resource="https://login.example")
    with served(lab.vault) as address:
        network = Network({lab.vault.host: address})
        lab.secret.client = vault(lab.vault.url, lab.who, network)
        assert_used_on(lab)


OUTAGES = [cut, tokenless, throttled, busy, broken, empty, redirected, captured]


def assert_used_on(lab: Lab) -> None:
    lab.pass_(hours=1)
    assert lab.secret.value() == "first-value"
    lab.pass_(hours=22, minutes=59)
    assert lab.secret.value() == "first-value"
    lab.pass_(minutes=1)
    with pytest.raises(SourceDown) as down:
        lab.secret.value()
    assert down.value.retry_after == timedelta(seconds=10)


@pytest.mark.parametrize("happens", OUTAGES)
def test_while_the_vault_cannot_be_asked_the_last_value_is_used_for_a_day(lab, caplog, happens):
    lab.secret.value()
    happens(lab)
    with caplog.at_level(logging.WARNING, "tidegate"):
        assert_used_on(lab)
    [line] = [record.getMessage() for record in caplog.records if "tidegate" in record.name]
    assert "the value read at 2026-11-21T05:00:00+00:00 is used on" in line
    assert NAME in line
    assert "first-value" not in line


def test_whoever_is_no_vault_gets_no_token_and_costs_no_value(lab):
    lab.secret.value()
    scopes = list(lab.who.scopes)
    elsewhere(lab)
    assert lab.who.scopes == scopes


@pytest.mark.parametrize("happens", OUTAGES)
def test_without_a_value_it_is_down_and_names_no_value(lab, happens):
    happens(lab)
    with pytest.raises(SourceDown) as down:
        lab.secret.value()
    told = "".join(traceback.format_exception(down.value))
    assert f"secret {NAME} of {lab.vault.host}: " in str(down.value)
    assert "first-value" not in told
    assert "much more" not in told
    assert down.value.retry_after == timedelta(seconds=10)


def test_the_vault_says_how_long_to_wait_and_is_left_alone_so_long(lab):
    lab.vault.faults = [fault(429, "Throttled", "Too many requests", retry_after="30")]
    with pytest.raises(QuotaSpent) as down:
        lab.secret.value()
    assert down.value.retry_after == timedelta(seconds=30)
    lab.pass_(seconds=20)
    with pytest.raises(QuotaSpent) as down:
        lab.secret.value()
    assert down.value.retry_after == timedelta(seconds=10)
    assert lab.vault.asked == 1
    lab.pass_(seconds=10)
    assert lab.secret.value() == "first-value"


def test_nobody_waits_longer_than_a_value_is_kept(lab):
    lab.vault.faults = [fault(503, "Busy", "Later", retry_after="999999")]
    with pytest.raises(SourceDown) as down:
        lab.secret.value()
    assert down.value.retry_after == timedelta(minutes=30)


def test_a_short_outage_is_outlasted_and_a_long_one_tried_three_times(lab):
    lab.secret.value()
    tried = lab.network.tried
    lab.network.cut = True
    lab.pass_(hours=1)
    for _ in range(100):
        lab.secret.value()
    assert lab.network.tried == tried + 3


def test_after_an_outage_the_next_one_is_told_of_again(lab, caplog):
    lab.secret.value()
    with caplog.at_level(logging.WARNING, "tidegate"):
        for value in ("second-value", "third-value"):
            lab.vault.put(NAME, value)
            lab.vault.faults = [BUSY]
            lab.pass_(hours=1)
            lab.secret.value()
            lab.pass_(seconds=10)
            assert lab.secret.value() == value
    assert len([one for one in caplog.records if "tidegate" in one.name]) == 2


def test_the_identitys_own_refusal_is_none_of_the_vaults(lab):
    """A token endpoint that answers 400 is an outage; a vault that does is asked in vain."""
    lab.secret.value()
    tokenless(lab)
    request = type("Request", (), {"url": "http://127.0.0.1:42356/msi/token"})
    answer = type("Answer", (), {"status_code": 400, "reason": "Bad", "request": request})
    lab.who.fails = ClientAuthenticationError("no identity", response=answer())
    lab.pass_(hours=1)
    assert lab.secret.value() == "first-value"


# --- what a person has to mend -----------------------------------------------------------------


def disabled(lab: Lab) -> str:
    lab.vault.put(NAME, "first-value", enabled=False)
    return "403 '(Forbidden) Operation get is not allowed on a disabled secret.'"


def gone(lab: Lab) -> str:
    lab.vault.remove(NAME)
    return "404 '(SecretNotFound) A secret with"


def unassigned(lab: Lab) -> str:
    said = "Caller is not authorized to perform action on resource.\r\nCaller: appid=1;oid=2"
    lab.vault.faults = [fault(403, "Forbidden", said, "ForbiddenByRbac")] * 9
    return "403 '(Forbidden) Caller is not authorized to perform action on resource.'"


def stranger(lab: Lab) -> str:
    lab.who.audience = "https://storage.azure.com/.default"
    lab.client = vault(lab.vault.url, lab.who, lab.network)
    lab.secret.client = lab.client
    return "401 '(Unauthorized) AKV10000"


@pytest.mark.parametrize("happens", [disabled, gone, unassigned, stranger])
def test_a_refusal_is_down_at_once_and_says_what_to_mend(lab, happens):
    lab.secret.value()
    said = happens(lab)
    lab.pass_(hours=1)
    with pytest.raises(SourceDown) as down:
        lab.secret.value()
    assert str(down.value).startswith(f"secret {NAME} of {lab.vault.host}: {said}")
    assert "first-value" not in "".join(traceback.format_exception(down.value))
    assert "oid=2" not in str(down.value)
    assert down.value.retry_after is None


def test_a_disabled_one_is_not_used_on_even_if_the_vault_then_falls_silent(lab):
    lab.secret.value()
    disabled(lab)
    lab.pass_(hours=1)
    with pytest.raises(SourceDown, match="disabled"):
        lab.secret.value()
    lab.network.cut = True
    lab.pass_(minutes=1)
    with pytest.raises(SourceDown, match="nobody answers"):
        lab.secret.value()


def test_a_refusing_vault_is_asked_every_ten_seconds_at_most(lab):
    gone(lab)
    for _ in range(100):
        with pytest.raises(SourceDown, match="SecretNotFound"):
            lab.secret.value()
    assert lab.vault.asked == 1
    lab.vault.put(NAME, "mended")
    lab.pass_(seconds=10)
    assert lab.secret.value() == "mended"


def test_nothing_of_a_value_is_in_any_line_of_the_sdk(lab, caplog):
    with caplog.at_level(logging.DEBUG):
        lab.secret.value()
        broken(lab)
        lab.pass_(hours=1)
        lab.secret.value()
    assert caplog.text
    assert "first-value" not in caplog.text
