"""A TAXII 2.1 collection."""

from tidegate.stix.read import rows as parse
from tidegate.stix.taxii import pages

__all__ = ["pages", "parse"]
