"""The Function app `detonate`: alerts become cases, and the gate enforces. Triggers only."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
from fastapi import APIRouter

from tidegate import functions
from tidegate.api import detonate, gate, health
from tidegate.wiring import Local

house = functions.House("figures", "detonate", "gate")


def routers(opened: Local) -> Iterator[APIRouter]:
    key = opened.settings.webhook_key
    hook_key = key.get_secret_value() if key else None
    if opened.has_tenant:
        yield from detonate.routers(opened.detonate, functions.keyholder, hook_key)
    yield gate.router(opened.gate, functions.keyholder)
    yield health.router({"detonate": health.detonate(opened.cases)})


# The worker takes one of these per file. Its one function has one level for all routes.
app = func.AsgiFunctionApp(functions.Routes(house, routers), func.AuthLevel.FUNCTION)


@app.function_name("health")
@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def answer_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await app.middleware.handle_async(req, context)


@app.function_name("hear")
@app.route(route="api/finished", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def hear_finished(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """VMRay gets no function key, which would let it decide: its calls are signed by us."""
    return await app.middleware.handle_async(req, context)


@app.function_name("alerts")
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
async def read_alerts(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.read_alerts(house()))


@app.function_name("finished")
@app.timer_trigger(schedule="30 * * * * *", arg_name="timer")
async def read_finished(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.read_finished(house()))


@app.function_name("sweep")
@app.timer_trigger(schedule="15 */5 * * * *", arg_name="timer")
async def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.sweep(house()))


@app.function_name("gate")
@app.timer_trigger(schedule="45 */15 * * * *", arg_name="timer")
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:01:00")
async def run_gate(timer: func.TimerRequest) -> None:  # noqa: ARG001 - a trigger has a name
    await asyncio.to_thread(lambda: functions.run_gate(house()))


@app.function_name("run_case")
@app.queue_trigger(arg_name="message", queue_name="cases", connection="Storage")
async def run_case(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.run_case(house(), message))


@app.function_name("run_recheck")
@app.queue_trigger(arg_name="message", queue_name="rechecks", connection="Storage")
async def run_recheck(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.run_recheck(house(), message))


@app.function_name("give_up_case")
@app.queue_trigger(arg_name="message", queue_name="cases-poison", connection="Storage")
async def give_up_case(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.give_up_case(house(), message))


@app.function_name("give_up_recheck")
@app.queue_trigger(arg_name="message", queue_name="rechecks-poison", connection="Storage")
async def give_up_recheck(message: func.QueueMessage) -> None:
    await asyncio.to_thread(lambda: functions.give_up_recheck(house(), message))
