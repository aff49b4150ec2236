"""The Function app `ingest`: its routes, and the feeds that are due. Triggers only."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
from fastapi import APIRouter

from tidegate import loop
from tidegate.api import health, ingest
from tidegate.functions import House, Routes, keyholder
from tidegate.wiring import Local

house = House("ingest", "gate")


def routers(opened: Local) -> Iterator[APIRouter]:
    feeds = {feed.name: feed for feed in loop.enabled(opened)}
    yield ingest.router(opened.ingest, opened.gate, feeds, may_ingest=keyholder)
    yield health.router({"ingest": health.ingest(opened.memory)})


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


@app.function_name("feeds")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
async def run_feeds(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: loop.ingest_due(house()))
