"""How each dataset of the map is right now, in few figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tidegate.maps import state as states
from tidegate.maps.world import World


@dataclass(frozen=True, slots=True)
class Pulse:
    """One dataset: seconds since it was refreshed, and by how many its watermark is behind.

    None = never. Rows and bytes are of its newest version.
    """

    dataset: str
    age: float | None
    lag: float | None
    rows: int
    bytes: int
    partial: bool


def pulses(world: World) -> Iterator[Pulse]:
    """Yield how each of the datasets is."""
    now = world.clock()
    for name in world.datasets:
        yield _pulse(name, states.read(world.objects, name).state, now)


def _pulse(name: str, state: states.State, now: datetime) -> Pulse:
    manifest = state.manifest
    return Pulse(
        dataset=name,
        age=_since(state.refreshed, now),
        lag=_since(state.watermark, now),
        rows=manifest.rows if manifest else 0,
        bytes=manifest.bytes if manifest else 0,
        partial=manifest is not None and manifest.partial,
    )


def _since(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else (now - at).total_seconds()
