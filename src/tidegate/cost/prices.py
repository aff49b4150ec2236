"""The table of prices that stands beside this module."""

from datetime import date
from functools import cache
from importlib.resources import files

from tidegate.declare.strict import Ours, checked, mapping

FILE = files("tidegate.cost") / "prices.yaml"


class Price(Ours):
    """What one unit costs in US dollars, and where and when that was read."""

    usd: float
    per: str
    page: str
    date: date
    verified: bool
    free: float = 0.0
    """Units of each month that cost nothing."""

    def of(self, units: float) -> float:
        """Return what so many units of a month cost."""
        return self.usd * max(0.0, units - self.free)


@cache
def prices() -> dict[str, Price]:
    """Return all prices by name. Raises Mistakes."""
    return {name: checked(Price, said, f"{FILE}: {name}") for name, said in mapping(FILE).items()}
