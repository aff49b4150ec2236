"""A TAXII 2.1 collection."""

from tidegate.stix.read import context
from tidegate.stix.read import rows as parse
from tidegate.stix.taxii import between, pages

__all__ = ["between", "context", "pages", "parse"]
