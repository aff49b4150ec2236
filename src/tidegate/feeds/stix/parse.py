"""A STIX bundle."""

from tidegate.stix.read import context
from tidegate.stix.read import rows as parse

__all__ = ["context", "parse"]
