"""How often one caller may ask: a token bucket for each, in the memory of the process.

A caller is who holds a function key, and without keys who has an address. A bucket holds a minute's
worth, so that a burst passes and a loop does not.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from threading import Lock

from fastapi import HTTPException, Request, Response

from tidegate.api.problems import API, refusal

MINUTE = 60.0
CALLERS = 4_096  # of very many, the latest are remembered
SAID = "too many requests"

Proceed = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bucket answered: how much is left, and how many seconds to wait if it was nothing."""

    left: int
    wait: float = 0.0


@dataclass
class Buckets:
    """A bucket for each caller, filled with `per_minute` tokens a minute."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _full: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, caller: str) -> Taken:
        """Take one token of the caller's."""
        rate = self.per_minute / MINUTE
        with self._lock:
            now = self.clock()
            tokens, since = self._full.pop(caller, (float(self.per_minute), now))
            tokens = min(tokens + (now - since) * rate, self.per_minute)
            enough = tokens >= 1
            self._full[caller] = (tokens - enough, now)
            if len(self._full) > CALLERS:
                self._full.popitem(last=False)
        return Taken(int(tokens - enough), 0.0 if enough else (1 - tokens) / rate)


def caller(request: Request) -> str:
    """Return who asks, without keeping the key itself."""
    key = request.headers.get("x-functions-key") or request.query_params.get("code")
    if key:
        return sha256(key.encode()).hexdigest()[:32]
    if request.client:
        return request.client.host
    # The last one is who spoke to the platform's front end; those before it are hearsay.
    return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


def limited(buckets: Buckets) -> Callable[[Request, Proceed], Awaitable[Response]]:
    """Return the layer that lets no caller ask the API more often than its bucket allows."""

    async def check(request: Request, proceed: Proceed) -> Response:
        if not request.url.path.startswith(API):
            return await proceed(request)
        taken = buckets.take(caller(request))
        if taken.wait:
            response: Response = refusal(request, HTTPStatus.TOO_MANY_REQUESTS, SAID, _after(taken))
        else:
            response = await proceed(request)
        response.headers.setdefault("RateLimit-Limit", str(buckets.per_minute))
        response.headers.setdefault("RateLimit-Remaining", str(taken.left))
        return response

    return check


def at_most(buckets: Buckets) -> Callable[[Request], None]:
    """Return the dependency of a route that has a limit of its own."""

    def check(request: Request) -> None:
        taken = buckets.take(caller(request))
        if taken.wait:
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, SAID, _after(taken))

    return check


def _after(taken: Taken) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(taken.wait))}
