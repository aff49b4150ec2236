"""Warninglists: what is listed somewhere as harmless or merely known, and how a value is found."""

from tidegate.warninglists.lists import About, Warninglists
from tidegate.warninglists.popularity import Popularity
from tidegate.warninglists.reading import BadList, Treat, Use, Warninglist, parse
from tidegate.warninglists.suffixes import shared

__all__ = [
    "About",
    "BadList",
    "Popularity",
    "Treat",
    "Use",
    "Warninglist",
    "Warninglists",
    "parse",
    "shared",
]
