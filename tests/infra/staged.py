"""Runs a staged app, and says as JSON where its code lies and what it answers.

`python staged.py FOLDER [--timers] [--telemetry]` in a process of its own: the packages of the
folder come first.
`first` is the time in seconds from the start of the import to the first answer, `told` what
telemetry takes to be set up after that.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

NOWHERE, SOMEBODY = "https://127.0.0.1:9", "11111111-1111-1111-1111-111111111111"
# Set to a tenant and a workspace that do not answer: what plays them here is not in the package.
os.environ |= {
    "TIDEGATE_DEFENDER_URL": NOWHERE,
    "TIDEGATE_GRAPH_URL": NOWHERE,
    "TIDEGATE_VMRAY_URL": NOWHERE,
    "TIDEGATE_ENTRA_URL": NOWHERE,
    "TIDEGATE_CLIENT_ID": SOMEBODY,
    "TIDEGATE_CLIENT_SECRET": "none",
    "TIDEGATE_VMRAY_KEY": "none",
    "TIDEGATE_WORKSPACE_ID": SOMEBODY,
    "TIDEGATE_WORKSPACE_URL": NOWHERE,
}

BEGAN = time.perf_counter()
FOLDER = Path(sys.argv[1])
sys.path[:0] = [str(FOLDER), str(FOLDER / ".python_packages" / "lib" / "site-packages")]
app = import_module("function_app")
imported = time.perf_counter() - BEGAN

sys.path.append(str(Path(__file__).resolve().parents[1] / "apps"))
driver = import_module("driver")
functions = driver.indexed(app)
BETWEEN = time.perf_counter()
health = driver.http(functions["health"], "GET", "/api/health")
first = imported + time.perf_counter() - BETWEEN
again = time.perf_counter()
driver.http(functions["health"], "GET", "/api/health")
warm = time.perf_counter() - again
told = 0.0
if "--telemetry" in sys.argv:
    began = time.perf_counter()
    telemetry = import_module("tidegate.adapters.azure.telemetry")
    key = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
    telemetry.Telemetry(telemetry.Sent(f"{key};IngestionEndpoint={NOWHERE}", None, "x"))
    told = time.perf_counter() - began
answers = {"health": health, "problem": driver.http(functions["http_app_func"], "GET", "/nothing")}
timers = [n for n, one in functions.items() if driver.trigger(one)["type"] == "timerTrigger"]
if "--timers" in sys.argv:
    for name in timers:
        driver.tick(functions[name])
files = {n: str(m.__file__) for n, m in sys.modules.items() if getattr(m, "__file__", None)}
sys.stdout.write(
    json.dumps(
        {
            "functions": sorted(functions),
            "answers": answers,
            "imported": imported,
            "first": first,
            "warm": warm,
            "told": told,
            "ours": files["tidegate"],
            "only here": sorted({"duckdb", "uvicorn"} & files.keys()),
            "uncompiled": sorted(
                name
                for name, module in sys.modules.items()
                if name.partition(".")[0] in {"tidegate", "function_app"}
                and (cached := getattr(module, "__cached__", None))
                and not Path(cached).is_file()
            ),
        }
    )
    + "\n"
)
