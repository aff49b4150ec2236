"""Who may read what is published: a password or a key, and partners less than our own."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from tidegate.adapters.local.files import FileObjects
from tidegate.api import app as web
from tidegate.api import exports, lists, readers, taxii
from tidegate.api.metrics import at_home
from tidegate.api.readers import Doors
from tidegate.gate.shelf import Shelf
from tidegate.serve import application
from tidegate.settings import Settings
from tidegate.wiring import local

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS, THEIRS = "the firewall's own password", "a partner's password: ä"
LISTS, EXPORT, MISP, TAXII = "/api/lists/plain-url", "/api/export/csv", "/api/misp/", "/taxii2/"
PATHS = ["/api/lists", LISTS, f"{LISTS}/md5", EXPORT, f"{MISP}manifest.json", TAXII]
READERS = {"edge-1": SecretStr(OURS), "edge-2": SecretStr("another password of ours")}
PARTNERS = {"friend": SecretStr(THEIRS)}


def basic(name: str, password: str) -> dict[str, str]:
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def bearer(password: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {password}"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture
def asked(home: Path, browse) -> Callable:
    """Return a client of what is published, for these doors."""

    def made(per_minute: int = 0, **doors: Any):
        shelf = Shelf(FileObjects(home, now), now)
        routers = [
            part.router(shelf, Doors(**{"may": at_home(anonymous=False), **doors}))
            for part in (lists, exports, taxii)
        ]
        return browse(web.create(routers, per_minute=per_minute))

    return made


def now() -> datetime:
    return NOW


@pytest.mark.parametrize("path", PATHS)
def test_without_readers_this_machine_reads(asked, path):
    assert asked().get(path).status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", PATHS)
def test_without_readers_whoever_may_nothing_reads_nothing(asked, path):
    answer = asked(may=lambda _: False).get(path, headers=basic("edge-1", ""))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shown", [basic("edge-1", OURS), bearer(OURS)], ids=["basic", "bearer"])
def test_a_reader_reads(asked, path, shown):
    assert asked(readers=READERS).get(path, headers=shown).status_code == HTTPStatus.OK


@pytest.mark.slow
def test_the_house_asks_for_what_its_settings_say(tmp_path, browse):
    for readers_, status in (({}, HTTPStatus.OK), (READERS, HTTPStatus.UNAUTHORIZED)):
        with local(Settings(home=tmp_path, readers=readers_)) as opened:
            client = browse(application(opened))
            for path in (LISTS, EXPORT, TAXII):
                assert client.get(path).status_code == status


HOSTILE = [
    {},
    basic("edge-1", "wrong"),
    basic("edge-2", OURS),
    basic("", OURS),
    basic("edge-1", ""),
    bearer(""),
    bearer("wrong"),
    {"Authorization": "Basic ???"},
    {"Authorization": "Basic"},
    {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
    {"Authorization": "Digest " + OURS},
    {"Authorization": OURS},
]


@pytest.mark.parametrize("shown", HOSTILE, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_with_readers_even_this_machine_needs_a_password(asked, path, shown):
    answer = asked(readers=READERS).get(path, headers=shown)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert OURS not in answer.text


def test_no_password_is_taken_from_the_address(asked):
    client = asked(readers=READERS)
    for query in ("code", "password", "token"):
        answer = client.get(LISTS, params={query: OURS})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


def test_a_partner_reads_what_is_for_others_alone(asked):
    client = asked(readers=READERS, partners=PARTNERS)
    shown = basic("friend", THEIRS)
    assert client.get(EXPORT, headers=shown).status_code == HTTPStatus.OK
    assert client.get(f"{MISP}manifest.json", headers=shown).status_code == HTTPStatus.OK
    assert client.get(LISTS, headers=shown).status_code == HTTPStatus.FORBIDDEN
    collections = f"{TAXII}tidegate/collections/"
    found = client.get(collections, headers=shown).json()["collections"]
    assert [one["alias"] for one in found] == ["shared"]
    for part in ("", "objects/", "manifest/"):
        hidden = client.get(f"{collections}own/{part}", headers=shown)
        assert hidden.status_code == HTTPStatus.NOT_FOUND


def test_where_there_are_only_partners_this_machine_reads_still(asked):
    client = asked(partners=PARTNERS)
    assert client.get(LISTS).status_code == HTTPStatus.OK
    assert client.get(LISTS, headers=basic("friend", THEIRS)).status_code == HTTPStatus.OK


def test_a_stranger_is_told_nothing_of_what_there_is(asked):
    client = asked(readers=READERS)
    for path in ("/api/lists/nothing", "/api/lists/plain-url?wrong=1", f"{TAXII}?wrong=1"):
        assert client.get(path).status_code == HTTPStatus.UNAUTHORIZED


def test_who_tries_passwords_is_slowed_down(asked):
    client = asked(readers=READERS, per_minute=3)
    for path in (LISTS, TAXII):
        codes = {client.get(path, headers=bearer(str(at))).status_code for at in range(4)}
        assert HTTPStatus.TOO_MANY_REQUESTS in codes


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_but_a_name_and_its_password_opens(name, password):
    shown = readers._shown(basic(name, password)["Authorization"])
    known = {"edge-1": SecretStr(OURS)}
    right = (name, password) == ("edge-1", OURS)
    assert readers._known(shown, known) is right


@pytest.mark.parametrize(
    "given_",
    [
        {"readers": {"edge": "too short"}},
        {"readers": {"a:b": OURS}},
        {"readers": {"": OURS}},
        {"readers": {"edge": OURS}, "partners": {"edge": THEIRS}},
        {"readers": {"edge": OURS}, "partners": {"friend": OURS}},
    ],
    ids=str,
)
def test_doors_that_would_not_hold_are_refused_without_being_shown(given_):
    with pytest.raises(ValidationError) as refused:
        Settings(**given_)
    assert OURS not in str(refused.value)


def test_passwords_are_secrets_that_nobody_is_shown():
    chosen = Settings(readers=READERS, partners=PARTNERS)
    assert {OURS, THEIRS} <= chosen.secrets
    assert OURS not in repr(chosen)
