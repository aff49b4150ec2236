"""Which alerts are examined: by what they are, by their device, their age and who raised them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tidegate.canonical import canonical
from tidegate.detonate import receive, work
from tidegate.detonate.filters import Filters, misplaced, too_young, unwanted
from tidegate.detonate.own import raised_by_us
from tidegate.model import Alert, Device, Entity, Evidence, Kind, Stage
from tidegate.ports import Enforced
from tidegate.simulator.seed import LOADER, PAGE, alert_id, digest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALERT = Alert(
    id="a_1",
    title="Suspicious PowerShell download",
    severity="Medium",
    status="New",
    source="WindowsDefenderAtp",
    updated=NOW,
    category="Execution",
)
CUSTOM = replace(ALERT, source="CustomerTI", title="Connection to a custom network indicator")


def only(**these):
    """Filters of these alone, as the settings make them: in small letters."""
    return Filters(**{name: frozenset(values) for name, values in these.items()})


def reason(alert, filters):
    return unwanted(alert, filters) or misplaced(alert, filters)


# --- what the alert is ------------------------------------------------------------------------


@pytest.mark.parametrize("severity", ["High", "high", "HIGH"])
def test_severity_may_be_spelled_in_any_case(severity):
    alert = replace(ALERT, severity=severity)
    assert unwanted(alert, only(severities=["high", "medium"])) is None
    assert unwanted(alert, only(severities=["low"])) == f"the alert's severity is {severity}"


@pytest.mark.parametrize("severity", ["UnSpecified", "unspecified"])
def test_a_severity_that_is_not_specified_is_one_that_can_be_wanted(severity):
    alert = replace(ALERT, severity=severity)
    assert unwanted(alert, only(severities=["unspecified"])) is None
    assert unwanted(alert, only(severities=["informational"]))


@pytest.mark.parametrize(
    ("filters", "why_not"),
    [
        (only(statuses=["inprogress"]), "the alert's status is New"),
        (only(severities=["high"]), "the alert's severity is Medium"),
        (only(sources=["windowsdefenderav"]), "the alert's source is WindowsDefenderAtp"),
        (only(categories=["malware"]), "the alert's category is Execution"),
        (only(groups=["servers"]), "the device group is unknown"),
        (only(tags=["finance"]), "the device has none of the tags"),
        (Filters(titles=("ransom",)), "the alert's title is none of the wanted ones"),
        (Filters(not_titles=("powershell",)), "the alert's title is left out"),
    ],
)
def test_every_filter_says_why(filters, why_not):
    assert reason(ALERT, filters) == why_not


def test_without_filters_new_alerts_and_those_under_way_pass():
    assert reason(ALERT, Filters()) is None
    assert reason(replace(ALERT, status="InProgress"), Filters()) is None
    assert reason(replace(ALERT, status="Resolved"), Filters()) == "the alert's status is Resolved"
    assert reason(replace(ALERT, status=""), Filters()) == "the alert's status is unknown"
    assert reason(replace(ALERT, status="Resolved"), only(statuses=[])) is None


def test_all_filters_must_let_an_alert_pass():
    wide = only(severities=["medium"], sources=["windowsdefenderatp"], categories=["execution"])
    assert unwanted(ALERT, wide) is None
    assert unwanted(ALERT, replace(wide, not_titles=("download",)))


def test_titles_are_patterns_that_are_searched_for_in_any_case():
    assert unwanted(ALERT, Filters(titles=("ransom", "POWERSHELL.*load$"))) is None
    assert unwanted(ALERT, Filters(titles=("^powershell",)))
    assert unwanted(ALERT, Filters(titles=("powershell",), not_titles=("down.oad",)))


# --- its device -------------------------------------------------------------------------------


def test_the_device_group_is_the_alerts_where_the_device_tells_none():
    wanted = only(groups=["finance eu"])
    assert misplaced(replace(ALERT, group="Finance EU"), wanted) is None
    device = Device("d", group="Servers")
    assert misplaced(replace(ALERT, device=device, group="Finance EU"), wanted)
    assert misplaced(replace(ALERT, device=Device("d"), group="Finance EU"), wanted) is None


def test_one_of_the_devices_tags_is_enough_in_any_case():
    device = Device("d", tags=("VIP", "Berlin"))
    assert misplaced(replace(ALERT, device=device), only(tags=["vip", "finance"])) is None
    assert misplaced(replace(ALERT, device=device), only(tags=["finance"]))


def skipped(stand, filters, number, **changes):
    """Let one alert in, and take the first turn of its case."""
    stand.policy = replace(stand.policy, filters=filters)
    stand.alert(number, **changes)
    world = stand.world()
    receive(alert_id(number), world)
    work(world)
    return world.cases.get(alert_id(number))


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (only(severities=["high"]), "the alert's severity is Medium"),
        (only(groups=["servers"]), "the device group is Workstations"),
        (only(tags=["finance"]), "the device has none of the tags"),
        (Filters(not_titles=("unusual",)), "the alert's title is left out"),
        (replace(Filters(), hashes=frozenset({digest(LOADER)})), "no file or URL"),
    ],
)
def test_a_skipped_case_says_why(stand, filters, why):
    rows = stand.memory.get("alerts", alert_id(1))["evidence"]
    case = skipped(stand, filters, 4, evidence=rows)
    assert case.stage is Stage.SKIPPED
    assert why in case.reason
    [comment] = stand.comments(4)
    assert comment.startswith(f"Tidegate: not detonated: {case.reason}")
    assert stand.tags(4) == ["Simulated"]


def test_a_skipped_case_says_what_evidence_was_left_out(stand):
    skipped(stand, Filters(hashes=frozenset({digest(LOADER)})), 1)
    assert f"file {digest(LOADER)} is left out: allow-listed" in stand.comments(1)[0]


@pytest.mark.parametrize(
    ("filters", "number"), [(only(tags=["finance"]), 2), (only(groups=["servers"]), 7)]
)
def test_a_device_of_the_wanted_kind_passes(stand, filters, number):
    assert skipped(stand, filters, number).stage is Stage.EXAMINE


def test_a_skipped_case_is_looked_at_anew_when_somebody_says_so(stand):
    assert skipped(stand, only(severities=["high"]), 4).stage is Stage.SKIPPED
    stand.alert(4, severity="High")
    world = stand.world()
    receive(alert_id(4), world, again=True)
    [case] = stand.finish(world)
    assert (case.stage, case.reason) == (Stage.DONE, None)
    assert len(stand.comments(4)) == 2


# --- its age ----------------------------------------------------------------------------------


def test_the_age_counts_from_when_the_alert_was_raised():
    old = Filters(least_age=timedelta(minutes=30))
    alert = replace(ALERT, created=NOW - timedelta(minutes=20), updated=NOW)
    assert too_young(alert, old, NOW) == timedelta(minutes=10)
    assert too_young(alert, old, NOW + timedelta(minutes=10)) is None
    assert too_young(ALERT, old, NOW) == timedelta(minutes=30)
    assert too_young(ALERT, Filters(), NOW) is None


def test_a_young_alert_waits_for_its_least_age_and_then_goes_on(stand):
    # Raised 55 minutes ago.
    case = skipped(stand, Filters(least_age=timedelta(hours=1)), 1)
    assert (case.stage, case.artefacts) == (Stage.RECEIVED, ())
    world = stand.world()
    stand.clock.now += timedelta(minutes=4, seconds=59)
    assert work(world) == 0
    stand.clock.now += timedelta(seconds=1)
    assert work(world) == 1
    assert world.cases.get(alert_id(1)).stage is Stage.EXAMINE


def test_a_young_alert_that_is_resolved_while_it_waits_is_skipped(stand):
    skipped(stand, Filters(least_age=timedelta(hours=1)), 1)
    stand.alert(1, status="Resolved")
    [case] = stand.finish(stand.world())
    assert (case.stage, case.reason) == (Stage.SKIPPED, "the alert's status is Resolved")


# --- alerts of custom indicators --------------------------------------------------------------


@pytest.mark.parametrize("source", ["CustomerTI", "customerTI", "customTi"])
def test_an_alert_of_a_custom_indicator_is_left_out_unless_wanted(source):
    alert = replace(CUSTOM, source=source)
    assert unwanted(alert, Filters()) == f"the alert's source is {source}"
    assert unwanted(alert, Filters(custom_indicators=True)) is None


def test_an_alert_of_our_own_indicator_is_known_by_its_title():
    own = replace(CUSTOM, title="Tidegate: malicious in VMRay's analysis")
    for wanted in (True, False):
        filters = Filters(custom_indicators=wanted)
        assert unwanted(own, filters) == "the alert was raised by our own indicator"
    # Anybody may choose such a title for an alert of another kind.
    assert unwanted(replace(own, source="WindowsDefenderAtp"), Filters()) is None


OURS = [
    (Kind.SHA256, "ab" * 32),
    (Kind.DOMAIN, "c2.example"),
    (Kind.URL, "http://evil.example/gate.php"),
    (Kind.IPV4, "203.0.113.9"),
    (Kind.IPV6, canonical(Kind.IPV6, "2001:db8::9")[1]),
]


def raised(*evidence, application="Tidegate", alert=CUSTOM):
    held = [Enforced(kind, value, "Audit", application=application) for kind, value in OURS]
    world = SimpleNamespace(enforcement=SimpleNamespace(current=lambda: held))
    return raised_by_us(replace(alert, evidence=evidence), world)


def url(text):
    return Evidence(Entity.URL, url=text)


FILE = Evidence(Entity.FILE, sha256="ab" * 32, path="C:\\a.exe")


@pytest.mark.parametrize(
    "evidence",
    [
        (FILE,),
        (url("http://evil.example/gate.php"),),
        (url("HXXP://EVIL[.]example:80/gate.php"),),
        (url("https://c2.example/anything?x=1"),),
        (url("https://deep.below.C2.example:8443/"),),
        (url("http://203.0.113.9:8080/x"),),
        (url("http://[2001:db8:0::9]/x"),),
        (FILE, url("https://c2.example/")),
    ],
)
def test_an_alert_of_our_own_indicator_is_known_by_its_value(evidence):
    assert raised(*evidence) == "the alert was raised by our own indicator"


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (FILE, url("https://other.example/")),
        (url("http://evil.example/other.php"),),
        (url("https://notc2.example/"),),
        (url("https://c2.example.net/"),),
        (url("c2.example"),),
        (url("http://[bad/"),),
        (Evidence(Entity.FILE, sha1="ab" * 20),),
    ],
)
def test_an_alert_with_anything_that_is_not_ours_is_examined(evidence):
    assert raised(*evidence) is None


def test_the_indicator_of_somebody_else_is_not_ours_whatever_its_value():
    assert raised(FILE, application=None) is None
    assert raised(FILE, application="VMRayDefenderFoEndpointConnectorApp") is None


def test_an_alert_that_no_custom_indicator_raised_is_examined_though_its_value_is_ours():
    assert raised(FILE, alert=ALERT) is None


@pytest.mark.parametrize(
    ("value", "stage"), [("phish.example", Stage.SKIPPED), ("other.example", Stage.EXAMINE)]
)
def test_our_own_audit_indicators_do_not_go_in_circles(stand, value, stage):
    assert PAGE.startswith("http://login.phish.example/")
    wanted = Enforced(Kind.DOMAIN, value, "Audit", "Found by a feed", "It says so.")
    [placed] = stand.world().enforcement.add([wanted])
    assert placed.failure is None
    case = skipped(stand, Filters(custom_indicators=True), 3, detectionSource="CustomerTI")
    assert case.stage is stage
    assert bool(stand.comments(3)) is (stage is Stage.SKIPPED)
