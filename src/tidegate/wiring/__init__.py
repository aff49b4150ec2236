"""The composition root: from settings to the worlds of the four use cases."""

from tidegate.wiring.local import Local, Tenant, installed_lists, local, now

__all__ = ["Local", "Tenant", "installed_lists", "local", "now"]
