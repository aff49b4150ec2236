"""What looks at a deployment from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.ports import Http

SECONDS = 60.0  # an app that has slept starts first


def prober(key: str | None) -> AbstractContextManager[Http]:
    """Return a client that may talk to this machine and to inner networks, and tries once."""
    from tidegate.adapters.http import HttpClient

    secrets = (key,) if key else ()
    return HttpClient(
        retries=0, timeout=SECONDS, total=SECONDS, secrets=secrets, allow_private=True
    )
