"""What every part of the simulated tenant shares: its memory, clock, delays, limits and roles."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import HTTPException

from tidegate.ports import Clock
from tidegate.simulator.memory import Memory
from tidegate.simulator.roles import EVERY_ROLE

Engine = Callable[[str, datetime, datetime], dict[str, Any]]
MINUTE = 60.0
HOUR = 3_600.0


@dataclass
class Limits:
    """How much Defender and Graph let one application do. Tests lower it, load runs raise it.

    `a_minute` and `an_hour` count for each API of Defender by itself. An answer of the logs has
    `log_rows` at most and takes `log_seconds`; whether a time span holds its end is not documented.
    """

    a_minute: int = 100
    an_hour: int = 1_500
    live_responses_a_minute: int = 10
    live_responses_at_once: int = 25
    hunts_a_minute: int = 45
    uploads_a_minute: int = 100
    queries_a_half_minute: int = 200
    log_rows: int = 500_000
    log_seconds: float = 0.0
    log_span_holds_end: bool = False


class Rates:
    """How often something was done lately, by name; forgotten when the process ends."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, name: str, now: float, limits: dict[float, int]) -> int | None:
        """Count a call; where that breaks a limit (stretch: most), return how long to wait."""
        with self._lock:
            calls = self._calls[name]
            while calls and calls[0] <= now - max(limits):
                calls.popleft()
            waits = [_wait(calls, now, stretch, most) for stretch, most in limits.items()]
            if any(waits):
                return max(waits)
            calls.append(now)
            return None


def _wait(calls: deque[float], now: float, stretch: float, most: int) -> int:
    if len(calls) < most:
        return 0
    blocking = calls[-most] if most else now
    return max(math.ceil(blocking + stretch - now), 0)


@dataclass
class Scene:
    """The tenant's stage. `delay` is how long machine actions and analyses take.

    `roles` are those that the next token carries. `logs` answers KQL over a span of time as Log
    Analytics words it; `troubles` befall the next queries, one each: partial, 429, 429 date, 504.
    """

    memory: Memory
    clock: Clock
    delay: timedelta = timedelta(seconds=0.7)
    api_key: str = "simulated"
    roles: frozenset[str] = EVERY_ROLE
    logs: Engine | None = None
    troubles: list[str] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    rates: Rates = field(default_factory=Rates)

    @property
    def seconds(self) -> float:
        return self.clock().timestamp()

    def stamp(self) -> str:
        """Return now as Microsoft writes it: seven fractional digits."""
        return f"{self.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"

    def over(self, since: float) -> bool:
        """Say whether what began then is finished."""
        return self.seconds >= since + self.delay.total_seconds()

    def record(self, name: str, detail: str = "") -> None:
        self.memory.record(name, detail, self.seconds)

    def throttle(self, name: str, per_minute: int, refuse: Callable[[int], Exception]) -> None:
        """Count a call. Raises what `refuse` makes of the seconds to wait, when over the limit."""
        wait = self.rates.spend(name, self.seconds, {MINUTE: per_minute})
        if wait is not None:
            raise refuse(wait)

    def throttle_api(self, name: str) -> None:
        """Count a call of an API of Defender. Raises Defender's 429."""
        most = {MINUTE: self.limits.a_minute, HOUR: self.limits.an_hour}
        wait = self.rates.spend(name, self.seconds, most)
        if wait is not None:
            raise too_many(wait)

    def restore(self) -> None:
        """Forget what was spent, and have the limits and roles of the beginning."""
        self.roles, self.limits, self.rates = EVERY_ROLE, Limits(), Rates()
        self.troubles.clear()


def parsed(text: str) -> datetime:
    """Read a time as Microsoft writes it."""
    return datetime.fromisoformat(text)


def fault(status: int, code: str, message: str, **headers: str) -> HTTPException:
    """Return an error as Defender and Graph word it: code, message, correlation id."""
    target = "00000000-0000-4000-8000-000000000000"
    detail: dict[str, Any] = {"error": {"code": code, "message": message, "target": target}}
    return HTTPException(status, detail, headers)


def too_many(seconds: int) -> HTTPException:
    """Return Defender's 429."""
    retry = {"Retry-After": str(seconds)}
    return fault(429, "TooManyRequests", "Rate limit is exceeded.", **retry)
