"""How alerts become cases: pushed or polled, and taken up again when there is news."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tidegate.detonate import poll, receive, work
from tidegate.detonate.filters import Filters
from tidegate.model import Alert, Case, Entity, Evidence, Stage, State, Verdict
from tidegate.ports import Conflict, SourceDown
from tidegate.simulator.estate import of_file, of_url, put_file
from tidegate.simulator.seed import AGENT, BROKEN, PAGE, REPLACED, TOOL, alert_id, digest

MINUTE = timedelta(minutes=1)


class Told:
    """Alerts as a list, the oldest first; reading them may break off after so many."""

    def __init__(self, *alerts, breaks_after=None):
        self.alerts = alerts
        self.breaks_after = breaks_after
        self.asked = []

    def since(self, updated):
        self.asked.append(updated)
        for n, one in enumerate(self.alerts):
            if n == self.breaks_after:
                raise SourceDown("the connection broke")
            if one.updated >= updated:
                yield one


def told(name, updated, **more):
    file = Evidence(Entity.FILE, sha256=digest(TOOL), path="C:\\tool.exe")
    one = Alert(name, "Unusual tool", "High", "New", "WindowsDefenderAtp", updated)
    return replace(one, **{"evidence": (file,), **more})


def show(stand, number, *rows):
    """Let the alert show more evidence, as Defender does some minutes later."""
    document = stand.memory.get("alerts", alert_id(number))
    stand.clock.now += MINUTE
    evidence = [*document["evidence"], *rows]
    stand.alert(number, evidence=evidence, lastUpdateTime=stand.tenant.scene.stamp())


def only(stand, number):
    """Leave this alert alone in the tenant."""
    for document in stand.memory.all("alerts"):
        if document["id"] != alert_id(number):
            stand.memory.delete("alerts", document["id"])


def ended(stand, world, number):
    """Take the alert to the end of its case."""
    receive(alert_id(number), world)
    stand.finish(world)
    return world.cases.get(alert_id(number))


def cases(world):
    return sorted(case.id for case in world.cases.newest(100))


# --- one by one -------------------------------------------------------------------------------


def test_a_duplicate_delivery_is_one_case_and_one_comment(stand):
    only(stand, 4)
    world = stand.world()
    for _ in range(3):
        receive(alert_id(4), world)
    assert poll(world) == 0
    assert cases(world) == [alert_id(4)]
    assert world.queue.length() == 1
    work(world)
    receive(alert_id(4), world)
    stand.finish(world)
    assert len(stand.comments(4)) == 1


def test_a_message_that_was_lost_in_a_crash_is_sent_by_the_next_delivery(stand):
    world = stand.world()
    world.cases.create(Case(id=alert_id(4), opened=stand.clock.now))
    assert world.queue.length() == 0
    assert receive(alert_id(4), world).version == 1
    assert world.queue.length() == 1


@pytest.mark.parametrize(
    "name",
    ["", "-", "_1", "a/b", "../a", "a b", "a:b", "a\n", "a'or'1", "а1", "a" * 129, "a.b", "\x00"],  # noqa: RUF001 - a Cyrillic letter is the point
)
def test_a_senseless_id_is_refused(stand, name):
    world = stand.world()
    with pytest.raises(ValueError, match="not an alert id"):
        receive(name, world)
    assert cases(world) == []
    assert world.queue.length() == 0


def test_an_alert_that_defender_does_not_have_fails_and_may_come_later(stand):
    world = stand.world()
    document = stand.memory.get("alerts", alert_id(4))
    stand.memory.delete("alerts", alert_id(4))
    case = ended(stand, world, 4)
    assert (case.stage, case.reason) == (Stage.FAILED, "Defender does not have this alert")
    stand.memory.put("alerts", alert_id(4), document)
    receive(alert_id(4), world, again=True)
    [case] = stand.finish(world)
    assert (case.stage, case.reason) == (Stage.DONE, None)


def test_an_alert_that_was_resolved_meanwhile_is_skipped(stand):
    only(stand, 4)
    world = stand.world()
    poll(world)
    stand.alert(4, status="Resolved")
    work(world)
    case = world.cases.get(alert_id(4))
    assert (case.stage, case.reason) == (Stage.SKIPPED, "the alert's status is Resolved")
    assert case.artefacts == ()


def test_an_alert_that_is_resolved_while_it_is_examined_gets_its_verdict(stand):
    world = stand.world()
    receive(alert_id(4), world)
    work(world)
    stand.alert(4, status="Resolved")
    [case] = stand.finish(world)
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.CLEAN)


# --- in turn ----------------------------------------------------------------------------------


def test_the_first_look_goes_back_a_day_and_the_next_a_little_before_the_last(stand):
    newest = stand.clock.now - timedelta(hours=3)
    alerts = Told(told("a_1", newest))
    world = stand.world(alerts=alerts)
    assert poll(world) == 1
    assert world.cases.watermark() == newest
    assert poll(world) == 0
    policy = world.policy
    first = stand.clock.now - policy.look_back
    assert alerts.asked == [first - policy.overlap, newest - policy.overlap]


def test_of_two_alerts_of_one_moment_the_one_that_comes_late_is_found(stand):
    at = stand.clock.now
    assert poll(stand.world(alerts=Told(told("a_1", at)))) == 1
    world = stand.world(alerts=Told(told("a_1", at), told("a_2", at)))
    assert poll(world) == 1
    assert cases(world) == ["a_1", "a_2"]


def test_an_alert_that_shows_up_late_is_found_within_the_overlap_alone(stand):
    at = stand.clock.now
    overlap = stand.policy.overlap
    late, lost = told("late_1", at - overlap), told("lost_1", at - overlap - MINUTE)
    poll(stand.world(alerts=Told(told("a_1", at))))
    world = stand.world(alerts=Told(lost, late, told("a_1", at)))
    assert poll(world) == 1
    assert cases(world) == ["a_1", "late_1"]


def test_a_clock_that_is_ahead_of_ours_hides_no_alerts(stand):
    now = stand.clock.now
    ahead = told("ahead_1", now + timedelta(days=400))
    poll(stand.world(alerts=Told(ahead)))
    world = stand.world(alerts=Told(told("a_1", now), ahead))
    assert world.cases.watermark() == now
    assert poll(world) == 1


def test_a_crash_half_way_reads_the_same_alerts_once_more(stand):
    at = stand.clock.now
    every = [told(f"a_{n}", at - n * timedelta(hours=1)) for n in (3, 2, 1)]
    world = stand.world(alerts=Told(*every, breaks_after=2))
    with pytest.raises(SourceDown):
        poll(world)
    assert cases(world) == ["a_2", "a_3"]
    assert world.cases.watermark() is None
    world = stand.world(alerts=Told(*every))
    assert poll(world) == 1
    assert cases(world) == ["a_1", "a_2", "a_3"]
    assert world.queue.length() == 3
    assert world.cases.watermark() == every[-1].updated


def test_a_crash_between_a_case_and_its_message_loses_neither(stand, fuse):
    alerts = Told(told("a_1", stand.clock.now), told("a_2", stand.clock.now))
    for calls in range(1, 6):
        with suppress(fuse().error):
            poll(stand.world(fuse(after=calls), alerts=alerts))
    world = stand.world(alerts=alerts)
    poll(world)
    assert cases(world) == ["a_1", "a_2"]
    assert world.cases.watermark() == stand.clock.now


def test_a_senseless_id_among_the_alerts_is_left_out_and_not_told(stand, caplog):
    at = stand.clock.now
    hostile = "x\nINFO all is well"
    world = stand.world(alerts=Told(told("a_1", at), told(hostile, at), told("a_2", at)))
    assert poll(world) == 2
    assert cases(world) == ["a_1", "a_2"]
    assert "all is well" not in caplog.text
    assert "senseless id" in caplog.text


def test_an_alert_that_nobody_wants_gets_no_case_and_moves_the_watermark(stand):
    at = stand.clock.now
    stand.policy = replace(stand.policy, filters=Filters(severities=frozenset({"high"})))
    world = stand.world(alerts=Told(told("a_1", at, severity="Low")))
    assert poll(world) == 0
    assert cases(world) == []
    assert world.cases.watermark() == at


# --- news and another try ---------------------------------------------------------------------


def test_new_evidence_on_an_ended_case_is_examined(stand):
    only(stand, 4)
    world = stand.world()
    ended(stand, world, 4)
    show(stand, 4, of_url(PAGE))
    assert poll(world) == 1
    [case] = stand.finish(world)
    verdicts = {one.key: one.verdict for one in case.artefacts}
    assert verdicts.pop(digest(TOOL)) is Verdict.CLEAN
    assert list(verdicts.values()) == [Verdict.MALICIOUS]
    assert sum(stage is Stage.RECEIVED for stage, _ in case.entered) == 2
    # What was known by then is neither done nor told once more.
    assert stand.memory.calls("submit").count(digest(TOOL)) == 1
    assert len(stand.comments(4)) == 2


def test_our_own_comment_moves_the_alert_and_is_no_news(stand):
    only(stand, 4)
    world = stand.world()
    before = ended(stand, world, 4)
    assert world.alerts.get(alert_id(4)).updated > before.alert.updated
    assert poll(world) == 0
    assert world.cases.get(alert_id(4)) == before


def test_new_evidence_by_its_sha1_alone_is_news(stand):
    only(stand, 4)
    world = stand.world()
    ended(stand, world, 4)
    show(stand, 4, {**of_file("agent.exe", AGENT), "sha256": None})
    assert poll(world) == 1
    [case] = stand.finish(world)
    assert [one.key for one in case.artefacts] == [digest(TOOL), digest(AGENT)]
    assert poll(world) == 0


def test_a_file_known_by_its_sha1_alone_is_no_news_for_ever(stand):
    only(stand, 4)
    stand.alert(4, evidence=[{**of_file("tool.exe", TOOL), "sha256": None}])
    world = stand.world()
    assert ended(stand, world, 4).artefacts[0].key == digest(TOOL)
    assert poll(world) == 0


def test_evidence_that_arrives_under_way_is_examined_after_the_end(stand):
    only(stand, 4)
    world = stand.world()
    assert poll(world) == 1
    work(world)
    show(stand, 4, of_url(PAGE))
    assert poll(world) == 0
    assert len(stand.finish(world)[0].artefacts) == 1
    assert poll(world) == 1
    [case] = stand.finish(world)
    assert len(case.artefacts) == 2
    assert len(stand.comments(4)) == 2


def test_again_tries_what_failed_and_keeps_what_is_known(stand):
    rows = [stand.memory.get("alerts", alert_id(n))["evidence"][1] for n in (5, 7)]
    stand.alert(7, evidence=rows)
    world = stand.world()
    before = ended(stand, world, 7)
    assert before.stage is Stage.DONE_PARTIAL
    put_file(stand.tenant.scene, "server-1", "update.exe", REPLACED)
    receive(alert_id(7), world)
    assert stand.finish(world) == [before]
    assert receive(alert_id(7), world, again=True).stage is Stage.RECEIVED
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert {one.state for one in case.artefacts} == {State.COMPLETE}
    assert stand.memory.calls("submit") == [digest(REPLACED)]
    assert len(stand.comments(7)) == 3


def test_again_submits_again_what_the_sandbox_failed_at(stand):
    world = stand.world()
    assert ended(stand, world, 8).stage is Stage.FAILED
    receive(alert_id(8), world, again=True)
    [case] = stand.finish(world)
    assert case.stage is Stage.FAILED
    assert stand.memory.calls("submit") == [digest(BROKEN)] * 2
    # It failed as before, which the alert says already.
    assert len(stand.comments(8)) == 1


def test_again_leaves_a_case_alone_that_has_not_ended(stand):
    world = stand.world()
    receive(alert_id(4), world)
    work(world)
    before = world.cases.get(alert_id(4))
    assert before.stage is Stage.EXAMINE
    assert receive(alert_id(4), world, again=True) == before
    assert world.cases.get(alert_id(4)) == before


def test_again_survives_a_lost_race(stand):
    world = stand.world()
    before = ended(stand, world, 5)
    saves = []

    class Racing:
        def __getattr__(self, name):
            return getattr(world.cases, name)

        def save(self, case):
            saves.append(case)
            if len(saves) == 1:
                raise Conflict("somebody else was first")
            world.cases.save(case)

    after = receive(alert_id(5), replace(world, cases=Racing()), again=True)
    assert (len(saves), after.stage) == (2, Stage.RECEIVED)
    assert world.cases.get(alert_id(5)).version == before.version + 1
