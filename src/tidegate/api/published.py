"""All routes of what is published: lists, exports, TAXII."""

from collections.abc import Iterator

from fastapi import APIRouter

from tidegate.api import exports, lists, taxii
from tidegate.api.guards import May
from tidegate.api.readers import Doors
from tidegate.wiring import Local


def routers(house: Local, may: May) -> Iterator[APIRouter]:
    """Return the routes. `may` says who reads without a password, where no reader has one."""
    doors = Doors(may, house.settings.readers, house.settings.partners)
    for made in (lists.router, exports.router, taxii.router):
        yield made(house.shelf, doors)
