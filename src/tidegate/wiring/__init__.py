"""The composition root: from settings to the worlds of the four use cases."""

from tidegate.wiring.azure import Azure, azure, house
from tidegate.wiring.local import Local, installed_lists, local
from tidegate.wiring.probing import prober
from tidegate.wiring.state import now
from tidegate.wiring.tenancy import Tenant

__all__ = [
    "Azure",
    "Local",
    "Tenant",
    "azure",
    "house",
    "installed_lists",
    "local",
    "now",
    "prober",
]
