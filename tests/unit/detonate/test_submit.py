"""What is shown to the sandbox, how much of it, and that it is shown once."""

import zipfile
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest

from tidegate.detonate import receive, work
from tidegate.detonate.quota import SUBMISSIONS
from tidegate.model import Stage, State, Verdict
from tidegate.ports import SourceDown
from tidegate.simulator.estate import of_file, of_url, put_file, quarantine_file
from tidegate.simulator.seed import PAGE, TOOL, alert_id, digest

pytestmark = pytest.mark.flow

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


def take(stand, world, *names):
    """Take these alerts to the end of their cases; return those, in this order."""
    for name in names:
        receive(name, world)
    stand.finish(world)
    return [world.cases.get(name) for name in names]


def begin(stand, name):
    """Let the alert in, and take its first turn; return its artefact."""
    world = stand.world()
    receive(name, world)
    work(world)
    return world.cases.get(name).artefacts[0]


def submitted(stand):
    return stand.memory.calls("submit")


def asked(stand):
    return stand.memory.calls("live response")


# --- privacy ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("C:\\Users\\alex", "Gehälter 2026.XLSX"),
        ("C:\\Users\\alex", "invoice.exe.pdf"),
        ("/home/alex", "letter.odt"),
        ("\\\\server\\share", "mail.eml"),
        (None, "contract.docm"),
    ],
)
def test_documents_are_not_uploaded_by_default(stand, folder, name):
    stand.alert(4, evidence=[of_file(name, TOOL, folder=folder)])
    artefact = begin(stand, alert_id(4))
    why = "unknown to the sandbox, and not uploaded: documents are kept here"
    assert (artefact.state, artefact.troubles) == (State.FAILED, (why,))
    assert submitted(stand) == asked(stand) == []
    assert f"Troubles: {why}" in stand.comments(4)[0]


def test_a_document_from_the_quarantine_whose_place_is_not_told_is_not_uploaded(stand):
    quarantine_file(stand.tenant.scene, "desk-3", TOOL)
    rows = [of_file("salaries.xlsm", TOOL, folder=None)]
    stand.alert(9, evidence=rows)
    assert begin(stand, alert_id(9)).state is State.FAILED
    assert submitted(stand) == asked(stand) == []


def test_a_document_is_looked_up_by_its_hash(stand):
    [*_, row] = stand.memory.get("alerts", alert_id(5))["evidence"]
    stand.alert(5, evidence=[{**row, "fileName": "report.docx"}])
    [case] = take(stand, stand.world(), alert_id(5))
    assert case.verdict is Verdict.MALICIOUS
    assert submitted(stand) == asked(stand) == []


@pytest.mark.parametrize("name", ["report.docx.exe", "pdf.exe", "notes"])
def test_a_name_that_only_looks_like_a_document_is_uploaded(stand, name):
    put_file(stand.tenant.scene, "desk-3", name, TOOL)
    stand.alert(4, evidence=[of_file(name, TOOL)])
    assert begin(stand, alert_id(4)).state is State.FETCH


def test_documents_are_uploaded_where_the_policy_says_so(stand):
    put_file(stand.tenant.scene, "desk-3", "report.docx", TOOL)
    stand.alert(4, evidence=[of_file("report.docx", TOOL)])
    stand.policy = replace(stand.policy, documents=True)
    [case] = take(stand, stand.world(), alert_id(4))
    assert case.verdict is Verdict.CLEAN
    [made] = [one for one in stand.memory.all("submissions") if one["submission_tags"]]
    # The hash is not shown to others either.
    assert (made["submission_filename"], made["submission_shareable"]) == ("report.docx", False)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (3, "not shown to the sandbox: the device group is Workstations"),
        (4, "unknown to the sandbox, and not uploaded: the device group is Workstations"),
    ],
)
def test_a_device_group_that_may_not_upload_shows_neither_files_nor_urls(stand, number, why):
    stand.policy = replace(stand.policy, no_upload_groups=frozenset({"workstations"}))
    artefact = begin(stand, alert_id(number))
    assert (artefact.state, artefact.troubles) == (State.FAILED, (why,))
    assert submitted(stand) == asked(stand) == []


def test_a_device_group_that_may_not_upload_profits_from_those_that_may(stand):
    stand.policy = replace(stand.policy, no_upload_groups=frozenset({"finance"}))
    document = stand.memory.get("machines", stand.memory.get("alerts", alert_id(2))["machineId"])
    stand.memory.put("machines", document["id"], {**document, "rbacGroupName": "Finance"})
    world = stand.world()
    [private] = take(stand, world, alert_id(2))
    [other] = take(stand, world, alert_id(1))
    assert (private.stage, other.stage) == (Stage.FAILED, Stage.DONE)
    receive(alert_id(2), world, again=True)
    stand.finish(world)
    [artefact] = world.cases.get(alert_id(2)).artefacts
    assert (artefact.verdict, artefact.reused) == (Verdict.MALICIOUS, True)
    assert len(submitted(stand)) == len(asked(stand)) == 1


# --- quota ------------------------------------------------------------------------------------


def licence(stand, limit, used):
    stand.memory.put("vmray", "quota", {"limit": limit})
    stand.memory.put("vmray", "used", {"count": used})


def goes_on(stand, severity, number=3):
    stand.alert(number, severity=severity)
    return begin(stand, alert_id(number)).state is State.ANALYSING


@pytest.mark.parametrize(
    ("severity", "used", "goes"),
    [
        ("High", 99, True),
        ("high", 100, False),
        ("Medium", 89, True),
        ("Medium", 90, False),
        ("Low", 74, True),
        ("Low", 75, False),
        ("Informational", 49, True),
        ("Informational", 50, False),
        ("UnSpecified", 50, False),
    ],
)
def test_the_last_part_of_the_quota_is_left_to_severer_alerts(stand, severity, used, goes):
    licence(stand, 100, used)
    assert goes_on(stand, severity) is goes
    assert bool(submitted(stand)) is goes


def test_a_quota_that_vmray_does_not_tell_is_no_limit(stand):
    stand.memory.put("vmray", "refused", {"/api_key/quota": [403, "Not for you"]})
    assert goes_on(stand, "Informational")


def test_a_spent_quota_is_waited_for(stand):
    licence(stand, 100, 100)
    assert not goes_on(stand, "High")
    licence(stand, 100, 0)
    world = stand.world()
    stand.clock.now += QUARTER
    work(world)
    assert submitted(stand) == [PAGE]


def test_a_quota_that_stays_spent_ends_at_its_deadline(stand):
    licence(stand, 100, 100)
    assert not goes_on(stand, "High")
    stand.clock.now += stand.policy.quota_deadline
    [case] = stand.finish(stand.world())
    assert case.stage is Stage.FAILED
    assert "Troubles: the sandbox's quota stayed spent" in stand.comments(3)[0]
    # Whoever comes next may try.
    assert not [
        one for one in stand.world().ledger.of(case.artefacts[0].scope) if "claim" in one.key
    ]


def test_a_licence_that_is_exhausted_without_telling_is_waited_for_until_the_deadline(stand):
    licence(stand, 100, 100)
    stand.memory.put("vmray", "refused", {"/api_key/quota": [403, "Not for you"]})
    assert not goes_on(stand, "High")
    world = stand.world()
    stand.clock.now += QUARTER - timedelta(seconds=1)
    assert work(world) == 0
    stand.clock.now += stand.policy.quota_deadline
    [case] = stand.finish(world)
    assert case.artefacts[0].troubles == ("the sandbox's quota stayed spent",)


def pages(stand, *severities):
    """Raise alerts of these severities, each on another page."""
    document = stand.memory.get("alerts", alert_id(3))
    for n, severity in enumerate(severities):
        rows = [of_url(f"http://{n}.phish.example/")]
        one = {**document, "id": f"page_{n}", "severity": severity, "evidence": rows}
        stand.memory.put("alerts", f"page_{n}", one)
    return [f"page_{n}" for n in range(len(severities))]


def test_the_daily_cap_leaves_its_last_part_to_severer_alerts(stand):
    stand.policy = replace(stand.policy, daily=4)
    severities = ["Informational"] * 3 + ["Low"] * 2 + ["Medium", "High", "High"]
    states = [begin(stand, name).state for name in pages(stand, *severities)]
    sent = [state is State.ANALYSING for state in states]
    assert sent == [True, True, False, True, False, False, True, False]
    assert stand.world().budgets.spent(SUBMISSIONS, DAY) == 4


def test_what_the_daily_cap_held_back_is_submitted_a_day_later(stand):
    stand.policy = replace(stand.policy, daily=1, quota_deadline=2 * DAY)
    for name in pages(stand, "High", "High"):
        begin(stand, name)
    assert len(submitted(stand)) == 1
    world = stand.world()
    stand.clock.now += DAY - timedelta(seconds=1)
    work(world)
    assert len(submitted(stand)) == 1
    stand.clock.now += timedelta(seconds=1)
    work(world)
    assert len(submitted(stand)) == 2


def test_a_daily_cap_of_0_submits_nothing_and_still_looks_up(stand):
    stand.policy = replace(stand.policy, daily=0)
    assert not goes_on(stand, "High")
    stand.clock.now += stand.policy.quota_deadline
    [known, unknown] = take(stand, stand.world(), alert_id(5), alert_id(3))
    assert (known.stage, unknown.stage) == (Stage.DONE, Stage.FAILED)
    assert submitted(stand) == []


def test_what_is_reused_costs_nothing_of_the_daily_cap(stand):
    stand.policy = replace(stand.policy, daily=1)
    stand.alert(3, severity="High")
    document = stand.memory.get("alerts", alert_id(3))
    stand.memory.put("alerts", "later_3", {**document, "id": "later_3"})
    [first, second] = take(stand, stand.world(), alert_id(3), "later_3")
    assert first.verdict is second.verdict is Verdict.MALICIOUS
    assert stand.world().budgets.spent(SUBMISSIONS, DAY) == 1


# --- once -------------------------------------------------------------------------------------


class Losing:
    """A sandbox whose answers to the first submissions are lost."""

    def __init__(self, sandbox, times=1):
        self._sandbox = sandbox
        self.left = times

    def __getattr__(self, name):
        method = getattr(self._sandbox, name)
        if not name.startswith("submit_") or not self.left:
            return method

        def lose(*given):
            self.left -= 1
            method(*given)
            raise SourceDown("the connection broke")

        return lose


@pytest.mark.parametrize("number", [3, 4])
def test_a_submission_whose_answer_was_lost_is_found_by_its_nonce(stand, number):
    world = stand.world()
    losing = Losing(world.sandbox)
    [case] = take(stand, replace(world, sandbox=losing), alert_id(number))
    assert losing.left == 0
    assert (case.stage, case.artefacts[0].reused) == (Stage.DONE, False)
    assert len(submitted(stand)) == 1
    [*_, made] = stand.memory.all("submissions")
    assert case.artefacts[0].submissions == (str(made["submission_id"]),)


# --- archives ---------------------------------------------------------------------------------

FIRST, SECOND, THIRD = (f"Tidegate sample: member {n}\n".encode() for n in range(3))


def archive(stand, *members, name="bundle.zip"):
    """Let the fourth alert be about an archive of these, which its device has."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for n, content in enumerate(members):
            opened.writestr(f"member-{n}.exe", content)
    put_file(stand.tenant.scene, "desk-3", name, packed.getvalue())
    stand.alert(4, evidence=[of_file(name, packed.getvalue())])


def outcome(stand, content, **told):
    stand.memory.put("outcomes", digest(content), told)


def test_an_archive_with_several_submissions_waits_for_all_and_takes_the_worst(stand):
    archive(stand, FIRST, SECOND, THIRD)
    outcome(stand, SECOND, verdict="malicious", slow=1_200)
    outcome(stand, THIRD, verdict="suspicious")
    [case] = take(stand, stand.world(), alert_id(4))
    [artefact] = case.artefacts
    assert (case.stage, artefact.verdict) == (Stage.DONE, Verdict.MALICIOUS)
    assert len(artefact.submissions) == len(artefact.samples) == 3
    assert stand.clock.now - case.opened >= timedelta(seconds=1_200)
    assert len(stand.comments(4)) == 1


def test_an_archive_whose_answer_was_lost_is_found_by_its_nonce(stand):
    archive(stand, FIRST, SECOND, THIRD)
    outcome(stand, SECOND, verdict="malicious")
    world = stand.world()
    [case] = take(stand, replace(world, sandbox=Losing(world.sandbox)), alert_id(4))
    [artefact] = case.artefacts
    assert (case.stage, artefact.verdict, artefact.reused) == (Stage.DONE, Verdict.MALICIOUS, False)
    assert len(artefact.submissions) == 3
    assert sorted(submitted(stand)) == sorted(map(digest, (FIRST, SECOND, THIRD)))


def test_what_is_bad_in_an_archive_outweighs_what_failed_in_it(stand):
    archive(stand, FIRST, SECOND, THIRD)
    outcome(stand, FIRST, error="unsupported type")
    outcome(stand, SECOND, verdict="malicious", slow=600)
    [case] = take(stand, stand.world(), alert_id(4))
    [artefact] = case.artefacts
    assert artefact.verdict is Verdict.MALICIOUS
    assert artefact.troubles == ('the analysis ended with errors: "unsupported type"',)
    assert "Troubles: the analysis ended with errors" in stand.comments(4)[0]


def test_an_archive_of_which_all_parts_failed_has_failed(stand):
    archive(stand, FIRST, SECOND)
    for content in (FIRST, SECOND):
        outcome(stand, content, error="unsupported type")
    [case] = take(stand, stand.world(), alert_id(4))
    assert case.artefacts[0].state is State.FAILED
    assert "unsupported type" in stand.comments(4)[0]


def test_the_next_alert_on_an_archive_reuses_all_of_its_submissions(stand):
    archive(stand, FIRST, SECOND)
    outcome(stand, SECOND, verdict="malicious")
    document = stand.memory.get("alerts", alert_id(4))
    stand.memory.put("alerts", "later_4", {**document, "id": "later_4"})
    first, second = take(stand, stand.world(), alert_id(4), "later_4")
    assert second.artefacts[0].submissions == first.artefacts[0].submissions
    assert second.artefacts[0].reused
    assert second.verdict is Verdict.MALICIOUS
    assert len(submitted(stand)) == 2


def test_an_archive_of_a_hundred_files_has_one_report(stand):
    archive(stand, *(b"member %d" % n for n in range(100)))
    [case] = take(stand, stand.world(), alert_id(4))
    assert (case.stage, case.verdict) == (Stage.DONE, Verdict.CLEAN)
    assert len(case.artefacts[0].submissions) == 100
    assert len(list(stand.world().objects.names("reports/"))) == 1
