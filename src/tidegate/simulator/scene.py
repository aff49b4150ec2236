"""What every part of the simulated tenant shares: its memory, its clock, its delays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import HTTPException

from tidegate.ports import Clock
from tidegate.simulator.memory import Memory

MINUTE = 60.0


@dataclass(frozen=True)
class Scene:
    """The tenant's stage. `delay` is how long live responses and analyses take."""

    memory: Memory
    clock: Clock
    delay: timedelta = timedelta(seconds=0.7)
    api_key: str = "simulated"

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
        counter = f"rate {name}"
        if self.memory.count(counter, since=self.seconds - MINUTE) >= per_minute:
            raise refuse(int(MINUTE))
        self.record(counter)


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
