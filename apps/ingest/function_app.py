"""The Function app `ingest`: its routes, and the feeds that are due. Triggers only."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
from fastapi import APIRouter

from tidegate import functions
from tidegate.api import health, ingest, probes, published
from tidegate.wiring import Local

METHODS = ["GET", "HEAD", "POST", "DELETE"]  # TAXII has answers to all of these
house = functions.House("figures", "ingest", "knowledge", "desk", "shelf")


def routers(opened: Local) -> Iterator[APIRouter]:
    yield from ingest.routers(opened, functions.keyholder)
    yield from published.routers(opened, functions.keyholder)
    checks = {"ingest": health.ingest(opened.memory)}
    yield health.router(checks, lambda: probes.ingest(opened.desk), functions.keyholder)


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(functions.Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


async def answer_reader(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Firewalls and TAXII clients can show no function key: the routes ask for a password."""
    return await app.middleware.handle_async(req, context)


for name, route in functions.by_password().items():
    read = app.route(route=route, methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
    app.function_name(name)(read(answer_reader))


@app.function_name("feeds")
@app.timer_trigger(schedule="0 */15 * * * *", arg_name="timer")
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:01:00")
async def start_feeds(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.start_feeds(house()))


@app.function_name("run_feed")
@app.queue_trigger(arg_name="message", queue_name="feeds", connection="Storage")
async def run_feed(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.run_feed(house(), message))


@app.function_name("run_request")
@app.queue_trigger(arg_name="message", queue_name="requests", connection="Storage")
async def run_request(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.run_request(house(), message))


@app.function_name("give_up_feed")
@app.queue_trigger(arg_name="message", queue_name="feeds-poison", connection="Storage")
async def give_up_feed(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.give_up_feed(house(), message))


@app.function_name("give_up_request")
@app.queue_trigger(arg_name="message", queue_name="requests-poison", connection="Storage")
async def give_up_request(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.give_up_request(house(), message))
