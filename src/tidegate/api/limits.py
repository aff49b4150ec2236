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
from ipaddress import ip_network
from threading import Lock

from fastapi import HTTPException, Request, Response

from tidegate.api.problems import API, refusal

MINUTE = 60.0
CALLERS = 4_096  # of very many, the latest are remembered
SAID = "too many requests"
# The platform's own name for the function that holds all routes, and asks for a key.
KEYED = "http_app_func"

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

    def take(self, caller: str, tokens: int = 1) -> Taken:
        """Take one token of the caller's, or more: all at most, for nobody can save up for that."""
        wanted = min(tokens, self.per_minute)
        rate = self.per_minute / MINUTE
        with self._lock:
            now = self.clock()
            held, since = self._full.pop(caller, (float(self.per_minute), now))
            held = min(held + (now - since) * rate, self.per_minute)
            enough = held >= wanted
            left = held - wanted if enough else held
            self._full[caller] = (left, now)
            if len(self._full) > CALLERS:
                self._full.popitem(last=False)
        return Taken(int(left), 0.0 if enough else (wanted - held) / rate)


def caller(request: Request) -> str:
    """Return who asks, without keeping the key itself.

    A key that nobody checked would be another caller with each request.
    """
    key = request.headers.get("x-functions-key") or request.query_params.get("code")
    if key and request.scope.get("azure_functions.function_name") == KEYED:
        return sha256(key.encode()).hexdigest()[:32]
    if request.client:
        return _network(request.client.host)
    # The last one is who spoke to the platform's front end; those before it are hearsay.
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return _network(told)


def _network(told: str) -> str:
    """Return the address without a port; of IPv6 the network that one customer has as a whole."""
    bare = told.partition("]")[0].removeprefix("[") if told.startswith("[") else told
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_network(f"{bare}/64" if ":" in bare else bare, strict=False))
    except ValueError:
        return bare[:64]


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
