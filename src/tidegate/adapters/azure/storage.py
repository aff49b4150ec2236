"""What Blob and Queue Storage share: how a client is made, how often it tries, what it raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import HttpTransport
from azure.storage.blob import LinearRetry

from tidegate.ports import Conflict, SourceDown

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT = 401, 403, 404, 408
CONFLICT, CHANGED, TOO_MANY, SERVER = 409, 412, 429, 500
# What a person has to mend (a role, a firewall) is no reason to give anything up.
DENIED = {UNAUTHORIZED, FORBIDDEN}
LATER = {*DENIED, TIMED_OUT, TOO_MANY}
UNMADE = {"ContainerNotFound", "QueueNotFound"}


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage account: by URL and identity, or by a connection string (Azurite, development).

    `url` is that of its blobs. `transport` stands between the SDK and the network; a test's leads
    to an emulator.
    """

    url: str = ""
    credential: TokenCredential | None = field(default=None, repr=False)
    connection: str | None = field(default=None, repr=False)
    transport: HttpTransport[Any, Any] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What every client of the account is made with: four tries, each bounded."""
        return {
            "retry_policy": LinearRetry(backoff=1, retry_total=3, random_jitter_range=1),
            "connection_timeout": 10,
            "read_timeout": 30,
            **({} if self.transport is None else {"transport": self.transport}),
        }


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the SDK's faults as ours: Conflict for conditions that fail, SourceDown for outages.

    A 404 is left to the caller; all else is a bug of ours.
    """
    try:
        yield
    except HttpResponseError as error:
        if error.status_code in {CONFLICT, CHANGED}:
            raise Conflict(f"{what}: {_said(error)}") from error
        if _later(error):
            denied = "access denied: " if error.status_code in DENIED else ""
            raise SourceDown(f"{what}: {error.status_code} {denied}{_said(error)}") from error
        raise
    except AzureError as error:
        raise SourceDown(f"{what}: {_said(error)}") from error


def _later(error: HttpResponseError) -> bool:
    status, code = error.status_code, getattr(error, "error_code", None)
    # An identity that cannot get a token has no status at all.
    return status is None or status >= SERVER or status in LATER or code in UNMADE


def _said(error: AzureError) -> str:
    """Return the first line, which names the trouble; the rest repeats headers and URLs."""
    return str(error.message).partition("\n")[0][:200]
