"""The route of metrics."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from ipaddress import ip_address

from fastapi import APIRouter, HTTPException, Request, Response

from tidegate.api.guards import May
from tidegate.wiring import Local


def routers(house: Local, may: May) -> Iterator[APIRouter]:
    """Return the route where the settings want figures. `may` says who reads them."""
    if figures := house.figures:
        yield router(figures.text, figures.content_type, may)


def router(text: Callable[[], bytes], content_type: str, may: May) -> APIRouter:
    """Build the route."""
    routes = APIRouter(prefix="/api", tags=["operations"])

    @routes.get("/metrics", summary="Read the figures of this process", response_class=Response)
    def metrics(request: Request) -> Response:
        """Tell counters, durations and the age of feeds, as Prometheus reads them."""
        if not may(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "metrics are for this machine alone")
        return Response(text(), media_type=content_type)

    return routes


def at_home(*, anonymous: bool) -> May:
    """Let in who asks on this machine, or everybody if `anonymous`.

    Behind a proxy of this machine it is the proxy's caller who asks: X-Forwarded-For says so.
    """
    return lambda request: anonymous or _here(request)


def _here(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
