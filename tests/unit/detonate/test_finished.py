"""What the sandbox has finished: read in turn or hinted at, it wakes whom it concerns."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import httpx
import pytest

from tidegate.api.app import create
from tidegate.api.detonate import hook, routers
from tidegate.detonate import finished, poll_finished, receive, recheck_due, work
from tidegate.detonate.finished import MARK, hint, tell
from tidegate.detonate.hints import signature
from tidegate.model import Stage, State, Verdict
from tidegate.ports import BadPayload, SourceDown, Submission
from tidegate.simulator.seed import TOOL, alert_id, digest
from tidegate.simulator.vmray import stored_sample, stored_submission

pytestmark = pytest.mark.flow

HOUR = timedelta(hours=1)
KEY = "a key of ours"


def mark(world):
    stored = world.objects.get(MARK)
    return stored.data.decode() if stored else None


def due(stand, table="queue"):
    """When each message is due, in seconds from now."""
    rows = stand.database.execute(f"SELECT id, due FROM {table}").fetchall()  # noqa: S608 - ours
    now = stand.clock.now.timestamp()
    return {name: round(at - now, 3) for name, at in rows}


def analysing(stand, *numbers):
    """Take alerts on URLs to where they wait for the sandbox."""
    world = stand.world()
    poll_finished(world)
    for number in numbers:
        receive(alert_id(number), world)
    work(world)
    states = {world.cases.get(alert_id(n)).artefacts[0].state for n in numbers}
    assert states == {State.ANALYSING}
    return world


def submissions(stand, count, since):
    """Let others have submitted so many samples, one a second from then on."""
    for n in range(count):
        sample = stored_sample(stand.tenant.scene, b"%d" % n, "x.exe", None)
        stored_submission(stand.tenant.scene, sample, since + n * timedelta(seconds=1), "{}")


def second_page(stand):
    """Let the fourth alert be about another page, whose analysis takes an hour."""
    other = "http://slow.phish.example/"
    stand.memory.put("outcomes", other, {"slow": 3_600})
    [*_, row] = stand.memory.get("alerts", alert_id(3))["evidence"]
    stand.alert(4, evidence=[{**row, "url": other}])


# --- the list ---------------------------------------------------------------------------------


def test_what_has_finished_wakes_only_whom_it_concerns(stand):
    second_page(stand)
    world = analysing(stand, 3, 4)
    stand.clock.now += timedelta(seconds=60)
    before = due(stand)
    assert min(before.values()) > 0
    assert poll_finished(world) == 1
    assert due(stand) == {**before, alert_id(3): 0}


def test_a_case_that_a_worker_has_is_not_given_to_another(stand):
    world = analysing(stand, 3)
    stand.clock.now += timedelta(seconds=60)
    world.queue.wake(alert_id(3))
    assert world.queue.take(HOUR)
    poll_finished(world)
    assert world.queue.take(HOUR) is None


def test_the_first_look_starts_at_the_end_of_the_list(stand):
    submissions(stand, 5, stand.clock.now - HOUR)
    world = stand.world()
    assert mark(world) is None
    assert poll_finished(world) == 1
    assert mark(world) == "6"
    assert poll_finished(world) == 0


def test_the_first_look_at_an_empty_list_is_not_the_last(stand):
    for table in ("submissions", "samples"):
        stand.memory.delete(table, "1")
    stand.memory.put("ends", "seconds", {"seconds": []})
    world = stand.world()
    assert poll_finished(world) == 0
    assert mark(world) is None
    submissions(stand, 1, stand.clock.now - HOUR)
    assert poll_finished(world) == 1


def test_a_list_of_several_pages_is_read_to_its_end_and_the_mark_survives(stand):
    world = stand.world()
    poll_finished(world)
    submissions(stand, 250, stand.clock.now - HOUR)
    assert poll_finished(world) == 250
    assert mark(world) == "251"
    assert poll_finished(stand.world()) == 0


def test_whoever_was_away_for_long_catches_up_over_several_looks(stand, monkeypatch):
    monkeypatch.setattr(finished, "PAGE", 10)
    monkeypatch.setattr(finished, "PAGES", 2)
    world = stand.world()
    poll_finished(world)
    submissions(stand, 35, stand.clock.now - HOUR)
    assert [poll_finished(stand.world()) for _ in range(3)] == [20, 15, 0]


def test_a_list_that_breaks_off_is_gone_on_with_where_its_last_page_ended(stand, monkeypatch):
    monkeypatch.setattr(finished, "PAGE", 10)
    world = stand.world()
    poll_finished(world)
    submissions(stand, 25, stand.clock.now - HOUR)

    class Breaking:
        def finished(self, after, limit):
            if after == "11":
                raise SourceDown("the connection broke")
            return world.sandbox.finished(after, limit)

    with pytest.raises(SourceDown):
        poll_finished(replace(world, sandbox=Breaking()))
    assert mark(world) == "11"
    assert poll_finished(stand.world()) == 15


def test_a_crash_before_the_mark_is_kept_wakes_twice_and_loses_nobody(stand, fuse):
    analysing(stand, 3)
    stand.clock.now += timedelta(seconds=60)
    world = stand.world(fuse(after=2))  # the list, and the case's wake
    with suppress(fuse().error):
        poll_finished(world)
    assert due(stand)[alert_id(3)] == 0
    assert mark(stand.world()) == "1"
    assert poll_finished(stand.world()) == 1
    assert mark(stand.world()) == "2"


# --- whom it concerns -------------------------------------------------------------------------


class Told(SimpleNamespace):
    """A world that writes down who is woken and what is rechecked."""

    def __init__(self, entries):
        self.woken, self.rechecked = [], []
        super().__init__(
            ledger=SimpleNamespace(get=entries.get, of=lambda scope: self.users(entries, scope)),
            queue=SimpleNamespace(wake=self.woken.append),
            rechecks=SimpleNamespace(put=self.rechecked.append, wake=lambda _: None),
        )

    @staticmethod
    def users(entries, scope):
        return [one for key, one in entries.items() if key.startswith(f"{scope}:")]


def told(scope, submission, *, done=True, known="7"):
    claim = SimpleNamespace(key=f"{scope}:claim", owner="a_1", done=done, result=known)
    user = SimpleNamespace(key=f"{scope}:case:a_2", owner="a_2", done=False, result="")
    world = Told({claim.key: claim, user.key: user})
    tell(submission, world)
    return world.woken, world.rechecked


def ended(name="7", **more):
    now = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    return Submission(name, "1", now, finished=True, **more)


FILE = "file-" + "ab" * 32
AT = "url-" + sha256(b"http://evil.example/a").hexdigest()


@pytest.mark.parametrize(
    ("scope", "submission"),
    [
        (FILE, ended(sha256="ab" * 32)),
        (AT, ended(url="http://evil.example/a")),
        (AT, ended(url="HXXP://EVIL[.]example:80/a#top", sha256="ab" * 32)),
    ],
)
def test_a_submission_concerns_the_cases_with_its_file_or_url(scope, submission):
    assert told(scope, submission) == (["a_2"], [])
    assert told(scope, submission, known="6,7,8") == (["a_2"], [])


@pytest.mark.parametrize(
    "submission",
    [
        ended(sha256="cd" * 32),
        ended(sha256=""),
        ended(url="http://evil.example/b"),
        ended(url="not a url", sha256="ab" * 32),
        ended(url="", sha256="ab" * 32),
    ],
)
def test_a_submission_of_anything_else_concerns_nobody(submission):
    assert told(FILE, submission) == ([], [])
    assert told(AT, submission) == ([], [])


def test_a_reanalysis_by_somebody_else_is_checked_and_our_own_is_not():
    assert told(FILE, ended("9", sha256="ab" * 32)) == (["a_2"], [FILE])
    assert told(FILE, ended("9", sha256="ab" * 32), known="8,9") == (["a_2"], [])
    # Nobody has come to a verdict yet, so there is none to check.
    assert told(FILE, ended("9", sha256="ab" * 32), done=False, known="") == (["a_2"], [])


def test_a_reanalysis_by_somebody_else_changes_the_verdict_of_an_ended_case(stand):
    world = stand.world()
    receive(alert_id(4), world)
    [before] = stand.finish(world)
    assert before.verdict is Verdict.CLEAN
    assert recheck_due(world) == 1
    stand.clock.now += HOUR
    [sample] = [s for s in stand.memory.all("samples") if s["sample_sha256hash"] == digest(TOOL)]
    stored_submission(stand.tenant.scene, sample, stand.clock.now, "{}")
    stand.memory.put("outcomes", digest(TOOL), {"verdict": "malicious", "threats": ["Late"]})
    assert recheck_due(world) == 0  # a day has not passed
    stand.clock.now += timedelta(minutes=5)
    assert poll_finished(world) == 1
    assert due(stand, "rechecks") == {f"file-{digest(TOOL)}": 0}
    assert recheck_due(world) == 1
    [after] = stand.finish(world)
    assert (after.stage, after.verdict, after.artefacts[0].had) == (
        Stage.DONE,
        Verdict.MALICIOUS,
        Verdict.CLEAN,
    )
    said = "VMRay says malicious (it was clean): file tool.exe"
    assert any(said in comment for comment in stand.comments(4))


# --- hints ------------------------------------------------------------------------------------


def test_a_hint_fetches_everything_again_and_believes_nothing(stand):
    world = analysing(stand, 3)
    before = due(stand)
    hint("2", world)
    assert due(stand) == before  # it is not finished, whoever says so
    stand.clock.now += timedelta(seconds=60)
    hint("1", world)
    assert due(stand)[alert_id(3)] > 0
    hint("2", world)
    assert due(stand) == {alert_id(3): 0}
    assert mark(world) == "1"


def test_a_hint_at_what_the_sandbox_does_not_know_is_refused(stand):
    with pytest.raises(BadPayload):
        hint("99", stand.world())


@pytest.fixture
def post(stand):
    """Call the webhook as the application has it; return the answer."""
    world = stand.world()

    def send(body, key=KEY, nonce="a nonce", headers=None, world=world):
        signed = {"x-tidegate-nonce": nonce, "x-tidegate-signature": signature(key, nonce)}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def once():
            transport = httpx.ASGITransport(create([hook(world, KEY)]))
            async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as http:
                asked = {"content": content, "headers": signed if headers is None else headers}
                return await http.post("/api/finished", **asked)

        return asyncio.run(once())

    return send


@pytest.mark.parametrize(
    "body",
    [
        {"submission_id": 2},
        {"submission_id": "2", "verdict": "clean", "sample_id": 1},
        {"data": {"submission_id": 2}},
        {"submission": {"submission_id": "2"}},
        {"data": {"submission": {"submission_id": 2}}},
    ],
)
def test_a_signed_call_wakes_the_case(stand, post, body):
    world = analysing(stand, 3)
    stand.clock.now += timedelta(seconds=60)
    assert due(stand)[alert_id(3)] > 0
    answer = post(body, world=world)
    assert (answer.status_code, answer.json()) == (202, {"submission": "2"})
    assert due(stand)[alert_id(3)] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-tidegate-nonce": "a nonce"},
        {"x-tidegate-signature": signature(KEY, "a nonce")},
        {"x-tidegate-nonce": "another", "x-tidegate-signature": signature(KEY, "a nonce")},
        {"x-tidegate-nonce": "a nonce", "x-tidegate-signature": signature("theirs", "a nonce")},
        {"x-tidegate-nonce": "a nonce", "x-tidegate-signature": ""},
        {"x-tidegate-nonce": "", "x-tidegate-signature": signature("", "")},
        {"x-tidegate-nonce": b"\xff", "x-tidegate-signature": b"\xfe"},
    ],
    ids=["nothing", "unsigned", "no nonce", "other nonce", "other key", "empty", "no key", "junk"],
)
def test_a_call_that_is_unsigned_or_wrongly_signed_is_forbidden(stand, post, headers):
    class Silent:
        def __getattr__(self, _):
            raise AssertionError("nobody is asked for a caller who may be anybody")

    world = replace(stand.world(), sandbox=Silent())
    answer = post({"submission_id": 1}, headers=headers, world=world)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "not signed by us"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 60_000,
        b"null",
        b"\xff\xfe",
        b"7" * 5_000,
        [2],
        "2",
        {},
        {"submission_id": None},
        {"submission_id": True},
        {"submission_id": "2/../../api_key/quota"},
        {"submission_id": "٢"},
        {"submission_id": "-2"},
        {"submission_id": 2.0},
        {"submission_id": 10**30},
        {"submission_id": {"submission_id": 2}},
        {"data": {"data": {"data": {"submission_id": 2}}}},
    ],
    ids=lambda body: repr(body)[:24],
)
def test_a_junk_body_is_refused(post, body):
    assert post(body).status_code == 400


def test_a_body_without_end_is_refused(post):
    assert post(b'"' + b"a" * (1 << 17)).status_code == 413


def test_an_unknown_submission_is_accepted_and_comes_to_nothing(post, caplog):
    assert post({"submission_id": 99}).status_code == 202
    assert "a hint at submission 99 came to nothing" in caplog.text


def test_a_hint_while_the_sandbox_is_down_is_sent_again(stand, post):
    stand.memory.put("vmray", "refused", {"/submission/1": [503, "Later"]})
    assert post({"submission_id": 1}).status_code == 503


def test_without_a_key_there_is_no_webhook(stand):
    world = stand.world()
    paths = [route.path for one in routers(world, lambda _: True, None) for route in one.routes]
    assert "/api/finished" not in paths
    paths = [route.path for one in routers(world, lambda _: True, KEY) for route in one.routes]
    assert "/api/finished" in paths
