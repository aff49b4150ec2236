"""Who may read and refresh the map on Azure: by key, by password, signed in, or anybody."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driver import indexed, loaded, raw

from tidegate import functions
from tidegate.api.access import LONGEST, roles
from tidegate.wiring import Local

pytestmark = pytest.mark.slow

READERS = {"TIDEGATE_READERS": '{"wall": "sixteen characters or more"}'}
ANYBODY = {"TIDEGATE_MAP_ANONYMOUS": "true"}
BOTH = {**ANYBODY, "TIDEGATE_MAP_REFRESH_ANONYMOUS": "true"}
SIGNED_IN = {"WEBSITE_AUTH_ENABLED": "True"}
# The tables are empty: who may refresh learns that the logs do not answer.
READ, REFRESHED, PASSWORD, REFUSED = 200, 503, 401, 403
Ask = Callable[[str, str, str], int]
Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Load]:
    houses: list[Local] = []
    modules: list[Any] = []
    really = functions.house

    def house() -> Local:
        houses.append(really())
        return houses[-1]

    def load_app(**environment: str) -> dict[str, Any]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        modules.append(loaded("maps"))
        return indexed(modules[-1])

    monkeypatch.setattr(functions, "house", house)
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    (tmp_path / "tables").mkdir()
    monkeypatch.setenv("TIDEGATE_TABLES", str(tmp_path / "tables"))
    yield load_app
    for module in modules:
        module.app.startup_task_done = False  # else it ends its lifespan from `__del__`
    for opened in houses:
        opened.__exit__()


def principal(*given: str, claims: bool = True) -> dict[str, str]:
    told: dict[str, Any] = {"userRoles": ["anonymous", *given]}
    if claims:
        held = [{"typ": "roles", "val": role} for role in given]
        told = {"role_typ": "roles", "claims": [{"typ": "name", "val": "refresher"}, *held]}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(told).encode()).decode()}


def asked(function: Any, headers: dict[str, str] | None = None) -> tuple[int, int, int]:
    """Return what reading, refreshing, and refreshing by force come to."""
    one = "/api/refresh?source_id=signin_failures"
    return (
        raw(function, "GET", "/api/datasets", headers=headers)[0],
        raw(function, "POST", one, headers=headers)[0],
        raw(function, "POST", f"{one}&force=true", headers=headers)[0],
    )


@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({}, set()),
        ({"TIDEGATE_MAP_ANONYMOUS": "false", "TIDEGATE_READERS": "{}"}, set()),
        ({"TIDEGATE_MAP_REFRESH_ANONYMOUS": "true"}, set()),
        ({"TIDEGATE_PARTNERS": READERS["TIDEGATE_READERS"]}, set()),
        (READERS, {"read_map"}),
        (ANYBODY, {"read_map"}),
        (BOTH, {"read_map", "ask_map"}),
        (SIGNED_IN, {"read_map", "ask_map"}),
    ],
)
def test_only_what_settings_open_asks_for_no_key(load: Load, environment, there):
    found = load(**environment)
    unlocked = {
        name
        for name, one in found.items()
        if '"authLevel": "ANONYMOUS"' in "".join(one.get_raw_bindings()).replace("'", '"')
    }
    assert unlocked - {"health"} == there


def test_the_key_opens_all(load: Load):
    assert asked(load()["http_app_func"]) == (READ, REFRESHED, REFRESHED)


@pytest.mark.parametrize(
    ("environment", "function", "headers", "expected"),
    [
        (ANYBODY, "read_map", {}, (READ, REFUSED, REFUSED)),
        (BOTH, "ask_map", {}, (READ, REFRESHED, REFUSED)),
        (BOTH, "ask_map", {"x-functions-key": "made up"}, (READ, REFRESHED, REFUSED)),
        # Where the platform signs nobody in, anybody could have written this.
        (BOTH, "ask_map", principal("refresher"), (READ, REFRESHED, REFUSED)),
        (READERS, "read_map", principal("refresher"), (PASSWORD, REFUSED, REFUSED)),
        (READERS, "read_map", {}, (PASSWORD, REFUSED, REFUSED)),
        (
            READERS,
            "read_map",
            {"authorization": "Bearer sixteen characters or more"},
            (READ, REFUSED, REFUSED),
        ),
        (SIGNED_IN, "ask_map", {}, (REFUSED, REFUSED, REFUSED)),
        (SIGNED_IN, "ask_map", principal(), (REFUSED, REFUSED, REFUSED)),
        (SIGNED_IN, "ask_map", principal("authenticated"), (REFUSED, REFUSED, REFUSED)),
        (SIGNED_IN, "ask_map", principal("reader"), (READ, REFUSED, REFUSED)),
        (SIGNED_IN, "ask_map", principal("refresher"), (READ, REFRESHED, REFRESHED)),
        (SIGNED_IN, "ask_map", principal("reader", claims=False), (READ, REFUSED, REFUSED)),
        (SIGNED_IN | ANYBODY, "ask_map", {}, (READ, REFUSED, REFUSED)),
    ],
)
def test_others_may_what_the_settings_say(load: Load, environment, function, headers, expected):
    assert asked(load(**environment)[function], headers) == expected


def test_callers_without_a_key_are_told_apart_by_what_the_front_end_saw(load: Load):
    found = load(**BOTH, TIDEGATE_REFRESHES_PER_MINUTE="1")["ask_map"]

    def post(seen: str, **headers: str) -> int:
        told = {"x-forwarded-for": seen, **headers}
        return raw(found, "POST", "/api/refresh?source_id=signin_failures", headers=told)[0]

    assert post("192.0.2.1:1111") == REFRESHED
    assert post("192.0.2.1:2222", **{"x-functions-key": "another"}) == 429
    assert post("203.0.113.1, 192.0.2.1:3333") == 429
    assert post("192.0.2.1, 192.0.2.2:1111") == REFRESHED


def packed(told: object) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.parametrize(
    "told",
    [
        "",
        "no base64!",
        base64.b64encode(b"\xff").decode(),
        packed(["reader"]),
        packed({"userRoles": "reader", "claims": "reader"}),
        packed({"userRoles": [1, None], "claims": [1, {"typ": "roles", "val": ["reader"]}]}),
        packed({"claims": [{"typ": "name", "val": "reader"}]}),
        packed({"userRoles": ["reader"], "x": "x" * LONGEST}),
    ],
)
def test_what_is_no_principal_has_no_role(told: str):
    assert roles(told) == frozenset()
