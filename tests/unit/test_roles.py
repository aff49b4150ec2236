"""App roles in tokens: what is read, what is refused, what is missing."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.roles import NEEDED, Api, missing, roles_of
from tidegate.ports import BadPayload


def jwt(claims: object) -> str:
    raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    head, body = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", raw))
    return f"{head}.{body}.c2ln"


def of(*names: str):
    return [NEEDED[name] for name in names]


def test_the_roles_of_a_token_are_read():
    claims = {"aud": "x", "roles": ["Alert.Read.All", "Machine.Isolate"], "exp": 1}
    assert roles_of(jwt(claims)) == {"Alert.Read.All", "Machine.Isolate"}


@pytest.mark.parametrize("claims", [{}, {"roles": None}, {"roles": []}, {"scp": "Alert.Read"}])
def test_a_token_without_roles_has_none(claims):
    assert roles_of(jwt(claims)) == frozenset()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "a.b.c.d",
        "a.b.c",
        "a..c",
        "a.!!!!.c",
        "a.\u0430bcd.c",
        jwt(b"not json"),
        jwt(b"\xff\xfe"),
        jwt([]),
        jwt("roles"),
        jwt({"roles": "Alert.Read.All"}),
        jwt({"roles": [["Alert.Read.All"]]}),
        jwt({"roles": {"Alert.Read.All": 1}}),
        jwt(b"[" * 40_000),
        jwt(b'{"roles": ' * 4_000),
        jwt({"roles": ["x" * 70_000]}),
    ],
)
def test_junk_is_refused_and_not_shown(token):
    with pytest.raises(BadPayload) as bad:
        roles_of(token)
    assert len(str(bad.value)) < 60
    assert bad.value.__suppress_context__ or bad.value.__context__ is None


@given(st.text(st.characters(), max_size=200))
def test_no_text_breaks_the_reading(text):
    for token in (text, f"a.{text}.b", jwt(text.encode(errors="surrogatepass"))):
        with suppress(BadPayload):
            roles_of(token)


def test_what_is_missing_names_the_role_the_api_and_what_it_switches_off():
    [one] = missing({"Machine.Scan"}, of("scans", "isolation"))
    assert (one.role, one.api) == ("Machine.Isolate", "WindowsDefenderATP")
    assert one.switches_off == "devices are not isolated"


@pytest.mark.parametrize(
    ("held", "needed"),
    [
        ("Alert.ReadWrite.All", ("alerts", "alert_updates")),
        ("Machine.ReadWrite.All", ("devices", "device_tags")),
        ("Ti.ReadWrite.All", ("indicators",)),
    ],
)
def test_a_wider_role_counts_as_well(held, needed):
    assert missing({held}, of(*needed)) == []


@pytest.mark.parametrize(
    ("held", "needed"),
    [("Alert.Read.All", "alert_updates"), ("Machine.Read.All", "device_tags")],
)
def test_a_narrower_one_does_not(held, needed):
    assert missing({held}, of(needed)) == of(needed)


def test_nothing_is_missing_but_everything_where_there_are_no_roles():
    assert missing(frozenset(), NEEDED.values()) == list(NEEDED.values())


def test_with_all_the_roles_that_are_named_nothing_is_missing():
    assert missing([need.role for need in NEEDED.values()], NEEDED.values()) == []


def test_every_need_is_of_a_role_of_its_own_and_says_what_it_is_for():
    roles = [(need.api, need.role) for need in NEEDED.values()]
    assert len(set(roles)) == len(roles)
    assert all(need.switches_off for need in NEEDED.values())
    assert {need.api for need in NEEDED.values()} == set(Api)
