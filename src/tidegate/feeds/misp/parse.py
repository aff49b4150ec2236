"""A MISP feed: a folder with a manifest and an event in each file."""

from tidegate.misp import between, gone, pages, standing
from tidegate.misp import rows as parse

__all__ = ["between", "gone", "pages", "parse", "standing"]
