"""Secrets in Key Vault: the newest version of each, kept for a while."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import HttpTransport
from azure.keyvault.secrets import SecretClient

from tidegate.adapters.azure.identity import said
from tidegate.adapters.http import retry_after
from tidegate.ports import Clock, QuotaSpent, SourceDown

log = logging.getLogger(__name__)

HOLDS = timedelta(minutes=30)
OUTLASTS = timedelta(hours=24)  # for so long a value is used while the vault cannot be asked
PAUSE = timedelta(seconds=10)  # between two questions that were in vain
TIMED_OUT, TOO_MANY = 408, 429
REFUSALS = frozenset(range(400, 500)) - {TIMED_OUT, TOO_MANY}
OPTIONS = {
    # Three tries where nobody answers. What the vault answers is an answer: the SDK would sleep
    # through any Retry-After, with everybody who needs the secret behind it.
    "retry_total": 2,
    "retry_status": 0,
    "connection_timeout": 5,
    "read_timeout": 10,
    "permit_redirects": False,  # no vault does so, and nobody else's value is ours
}


def vault(
    url: str, credential: TokenCredential, transport: HttpTransport[Any, Any] | None = None
) -> SecretClient:
    """Return a client of the vault, which nothing is asked yet; close it when done.

    `transport` stands between the SDK and the network; a test's leads to a stand-in.
    """
    options: dict[str, Any] = {**OPTIONS, **({} if transport is None else {"transport": transport})}
    return SecretClient(url, credential, **options)


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str = field(repr=False)
    read: datetime


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why there is no value, and until when the vault is left alone."""

    said: str
    until: datetime
    status: int | None = None

    @property
    def refused(self) -> bool:
        """Whether a person has to mend it: a name, a role, a firewall, a disabled secret."""
        return self.status in REFUSALS

    def error(self, now: datetime) -> SourceDown:
        kind = QuotaSpent if self.status == TOO_MANY else SourceDown
        return kind(self.said, retry_after=None if self.refused else self.until - now)


@dataclass
class VaultSecret:
    """`ports.Secret` in a vault, by name. Safe for threads, of which one asks for all.

    While the vault cannot be asked, the last value is used on for a day; once the vault refuses
    to give it, not at all.
    """

    client: SecretClient = field(repr=False)
    name: str
    clock: Clock = field(repr=False)
    holds: timedelta = field(default=HOLDS, repr=False)
    _kept: _Kept | None = field(default=None, init=False, repr=False)
    _trouble: _Trouble | None = field(default=None, init=False, repr=False)
    _warned: bool = field(default=False, init=False, repr=False)
    _renewed: datetime | None = field(default=None, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def value(self) -> str:
        """See `ports.Secret`."""
        with self._lock:
            return self._current(self.clock())

    def renewed(self, instead_of: str) -> str:
        """See `ports.Secret`. A value that is still refused is read anew every 10 s at most."""
        with self._lock:
            now, kept = self.clock(), self._kept
            lately = self._renewed is not None and now < self._renewed + PAUSE
            if lately or kept is None or kept.value != instead_of:
                return self._current(now)
            self._renewed = now
            return self._read(now)

    def _current(self, now: datetime) -> str:
        if self._kept is not None and now < self._kept.read + self.holds:
            return self._kept.value
        try:
            return self._read(now)
        except SourceDown as down:
            kept = self._kept
            if kept is None or now >= kept.read + OUTLASTS:
                raise
            self._warn(down, kept)
            return kept.value

    def _warn(self, down: SourceDown, kept: _Kept) -> None:
        if not self._warned:
            log.warning("%s; the value read at %s is used on", down, kept.read.isoformat())
        self._warned = True

    def _read(self, now: datetime) -> str:
        if self._trouble is None or now >= self._trouble.until:
            found = self._asked(now)
            if isinstance(found, _Kept):
                self._kept, self._trouble, self._warned = found, None, False
                return found.value
            self._trouble = found
            if found.refused:
                self._kept = None
        raise self._trouble.error(now)

    def _asked(self, now: datetime) -> _Kept | _Trouble:
        try:
            value = self.client.get_secret(self.name).value
        # ValueError: who answers is no vault, or the identity's endpoint speaks no JSON.
        except (AzureError, ValueError) as error:
            # As a value, for no error of ours may have this one behind it: some show the body.
            return self._why(error, now)
        if not value:
            return _Trouble(f"{self._where}: it has no value", now + PAUSE)
        return _Kept(value, now)

    def _why(self, error: AzureError | ValueError, now: datetime) -> _Trouble:
        status, wait = None, None
        # A refusal of the identity's endpoint is none of the vault's: there is no token, yet.
        response: Any = getattr(error, "response", None)
        if response is not None and _host(response.request.url) == _host(self.client.vault_url):
            status, wait = response.status_code, retry_after(response.headers, now)
        first = "" if status is None else f"{status} "
        text = f"{self._where}: {first}{said(error)!r}"
        return _Trouble(text, now + min(wait or PAUSE, self.holds), status)

    @property
    def _where(self) -> str:
        return f"secret {self.name} of {_host(self.client.vault_url)}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
