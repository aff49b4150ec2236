"""Everything on one machine.

Imports stand inside, here and beside: a command or a Function app pays only for what it uses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tidegate.settings import Settings
from tidegate.wiring.gating import Gating
from tidegate.wiring.maps import Maps
from tidegate.wiring.state import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider

    from tidegate import ports
    from tidegate.adapters.metrics import Metrics


@dataclass
class Local(Gating, Maps):
    """Everything on one machine: state in one folder, a tenant that is simulated unless set.

    Each part is built when it is first asked for. Use as a context manager.
    """

    def _measuring(self, provider: MeterProvider | None) -> Metrics:
        self._map_metrics = self._measuring_maps(provider)
        return super()._measuring(provider)

    def _logs(self) -> ports.LogSource | None:
        """Return the logs of the map; invented ones say nothing of a real tenant."""
        if self.workspace is not None:
            return self.workspace  # no question comes twice in a moment
        real = self.settings.tables is not None
        return self.maps.logs if real or self.settings.simulated else None


def local(settings: Settings | None = None, progress: Callable[[str, str], None] = quiet) -> Local:
    """Return the house on one machine."""
    return Local(settings or Settings(), progress)


def installed_lists(house: Local) -> list[dict[str, Any]]:
    """Return all warninglists with version, size and origin, and why one cannot be used."""
    from tidegate.adapters.warninglists import installed

    return [asdict(one) for one in installed(house.warninglists)]
