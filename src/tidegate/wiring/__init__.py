"""The composition root: from settings to the worlds of the four use cases."""

from tidegate.wiring.azure import Azure, azure, house
from tidegate.wiring.local import Local, Tenant, installed_lists, local, now

__all__ = ["Azure", "Local", "Tenant", "azure", "house", "installed_lists", "local", "now"]
