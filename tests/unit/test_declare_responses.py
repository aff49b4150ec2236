"""`responses.yaml`: what is done about a verdict, where, and what is wrong with the file."""

import pytest

from tidegate.actions import ALL
from tidegate.declare.responses import ALWAYS, DEFAULTS, Responses, responses
from tidegate.declare.strict import LARGEST, Mistakes
from tidegate.model import Answer, Device, Verdict

DESK = Device("1", "desk-1.corp.example", "Windows11", "Workstations", ("Finance", "Lab"))
SERVER = Device("2", "db-1.corp.example", "WindowsServer2022", "Servers")
NONE, ASK, DO = Answer.NONE, Answer.ASK, Answer.DO
BAD, ODD = Verdict.MALICIOUS, Verdict.SUSPICIOUS

ONE_OF_EACH = """
exclude:
  tags: [VIP, tier 0]
  groups: Domain controllers
  names: ["db-*", kiosk]
  servers: false
rules:
  - when: {verdict: malicious, severity: [high, Medium], group: workstations, tag: FINANCE}
    then: {isolate_device: do, scan_device: none}
    everywhere: true
  - when: {verdict: [malicious, suspicious]}
    then: {isolate_device: none, restrict_device: ask}
  - then: {tag_device: do}
"""


@pytest.fixture
def declared(tmp_path):
    def read(text):
        file = tmp_path / "responses.yaml"
        file.write_text(text, encoding="utf-8")
        return responses(file)

    return read


@pytest.fixture
def mistakes(declared, tmp_path):
    def found(text):
        with pytest.raises(Mistakes) as wrong:
            declared(text)
        start = f"{tmp_path / 'responses.yaml'}: "
        assert all(line.startswith(start) for line in wrong.value.lines)
        return [line.removeprefix(start) for line in wrong.value.lines]

    return found


# --- defaults ---------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold():
    found = responses(None)
    assert found == Responses()
    assert {name: found.answer(name, BAD, "High", DESK) for name in DEFAULTS} == DEFAULTS


def test_a_file_that_changes_nothing_is_the_defaults(declared):
    assert declared("rules: []\n") == declared("exclude: {}\n") == Responses()


def test_there_is_a_default_for_every_action():
    assert list(ALL) != []
    assert DEFAULTS.keys() == ALL.keys()


def test_nothing_that_disturbs_a_person_is_done_unasked():
    disturbing = {
        *("collect_package", "scan_device", "quarantine_file"),
        *("restrict_device", "isolate_device"),
    }
    assert DO not in {DEFAULTS[name] for name in disturbing}


# --- rules ------------------------------------------------------------------------------------


def test_the_first_rule_that_fits_and_names_the_action_decides(declared):
    found = declared(ONE_OF_EACH)
    assert found.answer("isolate_device", BAD, "High", DESK) is DO
    assert found.answer("isolate_device", BAD, "Low", DESK) is NONE
    assert found.answer("restrict_device", BAD, "High", DESK) is ASK
    assert found.answer("scan_device", BAD, "High", DESK) is NONE
    assert found.answer("tag_device", BAD, "High", DESK) is DO
    assert found.answer("quarantine_file", BAD, "High", DESK) is DEFAULTS["quarantine_file"]


def test_the_order_of_rules_is_theirs(declared):
    first = "  - then: {isolate_device: do}\n"
    second = "  - when: {tag: lab}\n    then: {isolate_device: none}\n"
    assert declared(f"rules:\n{first}{second}").answer("isolate_device", BAD, "", DESK) is DO
    assert declared(f"rules:\n{second}{first}").answer("isolate_device", BAD, "", DESK) is NONE
    assert declared(f"rules:\n{second}{first}").answer("isolate_device", BAD, "", SERVER) is DO


@pytest.mark.parametrize("verdict", [BAD, ODD])
@pytest.mark.parametrize("severity", ["high", "Low"])
@pytest.mark.parametrize("group", ["Workstations", "Servers"])
@pytest.mark.parametrize("tag", ["finance", "none of them"])
def test_a_rule_fits_when_all_that_it_says_does(declared, verdict, severity, group, tag):
    when = "{verdict: malicious, severity: high, group: workstations, tag: [other, Finance]}"
    found = declared(f"rules: [{{when: {when}, then: {{isolate_device: do}}}}]")
    device = Device("1", "desk", "Windows11", group, (tag,))
    every = (verdict, severity, group, tag) == (BAD, "high", "Workstations", "finance")
    assert found.answer("isolate_device", verdict, severity, device) is (DO if every else ASK)


@pytest.mark.parametrize("what", ["group: workstations", "tag: finance", "verdict: clean"])
def test_what_is_not_known_fits_no_rule_about_it(declared, what):
    found = declared(f"rules: [{{when: {{{what}}}, then: {{isolate_device: do}}}}]")
    assert found.answer("isolate_device", None, "", None) is ASK


def test_one_word_is_a_list_of_one(declared):
    text = "rules: [{{when: {{group: {0}}}, then: {{isolate_device: do}}}}]"
    assert declared(text.format("Servers")) == declared(text.format("[Servers]"))


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_what_is_always_done_asks_no_rule(declared, mistakes, name):
    assert declared(ONE_OF_EACH).answer(name, None, "", None) is DO
    [line] = mistakes(f"rules: [{{then: {{{name}: none}}}}]")
    assert line.endswith(f"{name} is always done")


# --- devices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (DESK, None),
        (Device("1", "desk", tags=("vip",)), "excluded by tag vip"),
        (Device("1", "desk", tags=("x", "Tier 0")), "excluded by tag tier 0"),
        (
            Device("1", "dc", group="DOMAIN CONTROLLERS"),
            "excluded by device group DOMAIN CONTROLLERS",
        ),
        (Device("1", "DB-7.corp.example"), "excluded by name"),
        (Device("1", "kiosk.corp.example"), "excluded by name"),
        (Device("1", "kiosk"), "excluded by name"),
        (Device("1", "kiosk-2.corp.example"), None),
        (Device("1", "old-db-7"), None),
        (Device("1", ""), None),
    ],
)
def test_a_device_is_excluded_by_tag_group_or_name(declared, device, reason):
    assert declared(ONE_OF_EACH).exclude.reason(device) == reason


def test_servers_are_excluded_unless_the_file_says_otherwise(declared):
    server = Device("2", "web-1", "WindowsServer2022")
    assert Responses().exclude.reason(server) == "excluded: a server"
    assert Responses().exclude.reason(DESK) is None
    assert declared("exclude: {servers: false}").exclude.reason(server) is None


def test_other_devices_are_reached_where_the_deciding_rule_says_everywhere(declared):
    found = declared("""
        rules:
          - {when: {severity: [low]}, then: {isolate_device: do}}
          - {when: {verdict: [malicious]}, then: {isolate_device: ask}, everywhere: true}
          - {then: {scan_device: do}}
    """)
    assert found.elsewhere("isolate_device", BAD, "High", DESK) is Answer.ASK
    # The first rule that fits decides, and it says nothing of others; nor do defaults.
    assert found.elsewhere("isolate_device", BAD, "Low", DESK) is Answer.NONE
    assert found.elsewhere("scan_device", BAD, "High", DESK) is Answer.NONE
    assert found.elsewhere("isolate_device", Verdict.CLEAN, "High", DESK) is Answer.NONE
    assert Responses().elsewhere("collect_package", BAD, "High", DESK) is Answer.NONE


# --- what may happen at all -------------------------------------------------------------------


def test_an_action_may_happen_by_default_or_by_a_rule(declared):
    assert Responses().may("isolate_device")
    assert not Responses().may("restrict_device")
    found = declared("rules: [{when: {tag: lab}, then: {restrict_device: ask}}]")
    assert found.may("restrict_device")


def test_an_action_that_a_rule_without_conditions_rules_out_never_happens(declared):
    some = "  - when: {tag: lab}\n    then: {isolate_device: ask}\n"
    none = "  - then: {isolate_device: none}\n"
    assert not declared(f"rules:\n{none}").may("isolate_device")
    assert not declared(f"rules:\n{none}{some}").may("isolate_device")
    assert declared(f"rules:\n{some}{none}").may("isolate_device")
    odd = "  - when: {verdict: clean}\n    then: {isolate_device: none}\n"
    assert declared(f"rules:\n{odd}").may("isolate_device")


# --- mistakes ---------------------------------------------------------------------------------


MISTAKES = [
    ("rule: []", "rule", "no such key"),
    ("exclude: {tag: x}", "exclude.tag", "no such key"),
    ("rules: [{when: {verdcit: malicious}}]", "rules.0.when.verdcit", "no such key"),
    ("rules: [{then: {}, everywere: true}]", "rules.0.everywere", "no such key"),
    ("rules: [{then: {isolate: do}}]", "rules.0.then", "no such action: isolate; there are: "),
    ("rules: [{then: {comment_alert: ask}}]", "rules.0.then", "comment_alert is always done"),
    ("rules: [{then: {isolate_device: maybe}}]", "rules.0.then.isolate_device", "'ask'"),
    ("rules: [{then: {isolate_device: yes}}]", "rules.0.then.isolate_device", "'ask'"),
    ("rules: [{then: {isolate_device: [do]}}]", "rules.0.then.isolate_device", "'ask'"),
    ("rules: [{when: {verdict: evil}}]", "rules.0.when.verdict", "'malicious'"),
    ("rules: [{when: {verdict: [clean, evil]}}]", "rules.0.when.verdict.1", "'malicious'"),
    ("rules: [{when: {severity: 3}}]", "rules.0.when.severity", "valid tuple"),
    ("rules: [{when: {tag: [3]}}]", "rules.0.when.tag.0", "valid string"),
    ("rules: [{}, {everywhere: perhaps}]", "rules.1.everywhere", "valid boolean"),
    ("rules: [isolate_device]", "rules.0", "valid dictionary"),
    ("rules: isolate_device", "rules", "valid tuple"),
    ("exclude: [VIP]", "exclude", "valid dictionary"),
    ("exclude: {names: {db: 1}}", "exclude.names", "valid tuple"),
    ("exclude: {servers: 7}", "exclude.servers", "valid boolean"),
    ("", "the whole", "not a mapping"),
    ("- rules", "the whole", "not a mapping"),
    ("rules: [", "line 1", "expected"),
    ("a: *b", "line 1", "undefined alias"),
    ("x: " + "a" * LARGEST, "the whole", "more than 65,536 bytes"),
]


@pytest.mark.parametrize(("text", "key", "reason"), MISTAKES)
def test_a_mistake_is_named_with_its_place(mistakes, text, key, reason):
    [line] = mistakes(text)
    place, _, said = line.partition(": ")
    assert place.split(".") == key.split(".")[: len(place.split("."))]
    assert len(place.split(".")) >= min(2, len(key.split(".")))
    assert reason in said


@pytest.mark.parametrize(("text", "key", "_"), [one for one in MISTAKES if one[1].count(".") > 1])
def test_a_mistake_within_a_rule_is_named_with_its_key(mistakes, text, key, _):
    assert [line.partition(": ")[0] for line in mistakes(text)] == [key]


SEVERAL = """
exclude: {tag: x, servers: 7}
rules:
  - {when: {verdict: evil, group: 3}, then: {isolate_device: maybe, scan_device: 1}}
  - {then: {isolate: do}}
"""


def test_the_mistakes_of_several_rules_are_named_at_once(mistakes):
    places = [line.partition(": ")[0] for line in mistakes(SEVERAL)]
    assert {"exclude.servers", "exclude.tag"} < set(places)
    assert {place.split(".")[1] for place in places if place.startswith("rules")} == {"0", "1"}


def test_all_mistakes_of_a_rule_are_named_at_once(mistakes):
    places = {line.partition(": ")[0] for line in mistakes(SEVERAL)}
    assert {"rules.0.when.verdict", "rules.0.when.group"} < places
    assert {"rules.0.then.isolate_device", "rules.0.then.scan_device"} < places


def test_bytes_that_are_no_text_and_a_file_that_is_not_there_are_mistakes(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("binary.yaml", "absent.yaml"):
        with pytest.raises(Mistakes, match=rf"{name}: the whole: "):
            responses(tmp_path / name)


def test_a_mistake_shows_no_control_characters(mistakes):
    [line] = mistakes('"a\\u001b[2J": 1')
    assert line.isprintable()
