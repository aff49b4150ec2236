"""What an alert's evidence becomes: from Defender's answer to the artefacts of a case."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace

import pytest

from tidegate import hygiene
from tidegate.actions.comment_alert import about
from tidegate.adapters.defender import DefenderAlerts
from tidegate.detonate import Policy, receive, work
from tidegate.detonate.evidence import fan_out, resolvable, resolved
from tidegate.detonate.filters import Filters
from tidegate.model import Entity, Stage, State
from tidegate.ports import Response
from tidegate.simulator.estate import put_file
from tidegate.simulator.seed import TOOL, alert_id, digest, sha1_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = Policy(hygiene=hygiene.Policy(simulated=True))
A, B = "ab" * 32, "cd" * 32
SHA1 = "ef" * 20


def read(*rows, **more):
    """Read the alert as Defender would send it with these rows of evidence."""
    document = {"id": "a_1", "lastUpdateTime": "2026-03-01T00:00:00.1234567Z", **more}
    body = json.dumps({"evidence": rows, **document}).encode()
    http = SimpleNamespace(request=lambda *_, **__: Response(200, {}, body))
    return DefenderAlerts(http, "https://defender.example").get("a_1")


def found(*rows, policy=POLICY, **more):
    return fan_out(read(*rows, **more), policy, NOW)


def file(**more):
    row = {"entityType": "File", "sha1": None, "sha256": A}
    return {**row, "fileName": "a.exe", "filePath": "C:\\Users\\alex", **more}


def url(text, **more):
    return {"entityType": "Url", "url": text, "sha1": None, "sha256": None, **more}


def targets(*rows, **more):
    artefacts, _ = found(*rows, **more)
    return [artefact.target for artefact in artefacts]


# --- digests ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["", "none", "None", "NONE", "null", None, " ", "0", "-"], ids=repr
)
def test_a_sha256_of_none_in_any_spelling_is_no_hash(spelling):
    assert found(file(sha256=spelling)) == ([], [])


def test_a_sha256_in_upper_case_is_the_same_file():
    artefacts, notes = found(file(sha256=A.upper(), fileName="B.EXE"), file(sha256=f" {A}\t"))
    assert [(one.key, one.target) for one in artefacts] == [(A, "C:\\Users\\alex\\B.EXE")]
    assert notes == []


@pytest.mark.parametrize("digest_", ["ab" * 20, "ab" * 16, "zz" * 32, "ab" * 33, f"{A}'"])
def test_what_is_no_sha256_is_none(digest_):
    assert found(file(sha256=digest_)) == ([], [])


def test_a_file_with_only_a_sha1_is_named_by_what_defender_knows_of_it():
    alert = read(file(sha256="none", sha1=SHA1.upper()), file())
    assert resolvable(alert) == [SHA1]
    artefacts, notes = fan_out(resolved(alert, {SHA1: B}), POLICY, NOW)
    assert [(one.key, one.sha1) for one in artefacts] == [(B, SHA1), (A, "")]
    assert notes == []


def test_a_file_with_only_a_sha1_that_nobody_knows_is_noted():
    alert = read(file(sha256=None, sha1=SHA1))
    artefacts, notes = fan_out(resolved(alert, {}), POLICY, NOW)
    assert artefacts == []
    assert notes == ["a file is left out: Defender does not know its SHA-256"]


def test_a_file_that_another_row_names_wholly_is_not_asked_for():
    alert = read(file(sha1=SHA1), file(sha256=None, sha1=SHA1, entityType="Process"))
    assert resolvable(alert) == []
    artefacts, notes = fan_out(resolved(alert, {}), POLICY, NOW)
    assert [one.key for one in artefacts] == [A]
    assert notes == []


def test_a_file_with_only_an_md5_is_nothing_that_we_can_know():
    assert found(file(sha256=None, md5="ab" * 16)) == ([], [])


def test_the_same_file_has_the_sha1_of_whichever_row_tells_it():
    artefacts, _ = found(file(), file(sha1=SHA1, fileName="other.exe"))
    assert [(one.sha1, one.target) for one in artefacts] == [(SHA1, "C:\\Users\\alex\\a.exe")]


@pytest.mark.parametrize("known", [True, False])
def test_only_a_sha1_is_resolved_through_defenders_file_facts(stand, known):
    row = file(sha256="None", sha1=sha1_of(TOOL if known else b"?"), fileName="tool.exe")
    stand.alert(4, evidence=[{**row, "filePath": "C:\\Users\\alex\\Downloads"}])
    world = stand.world()
    receive(alert_id(4), world)
    work(world)
    case = world.cases.get(alert_id(4))
    assert [one.key for one in case.artefacts] == ([digest(TOOL)] if known else [])
    assert case.stage is (Stage.EXAMINE if known else Stage.SKIPPED)
    told = "Defender does not know its SHA-256"
    assert [told in comment for comment in stand.comments(4)] == ([] if known else [True])


def test_a_tenant_that_lets_us_read_no_file_facts_is_no_failure(stand):
    # 403 on files: the other evidence is examined all the same.
    stand.tenant.scene.roles -= {"File.Read.All"}
    rows = stand.memory.get("alerts", alert_id(4))["evidence"]
    stand.alert(4, evidence=[*rows, file(sha256=None, sha1=SHA1)])
    world = stand.world()
    receive(alert_id(4), world)
    work(world)
    case = world.cases.get(alert_id(4))
    assert [one.key for one in case.artefacts] == [digest(TOOL)]
    assert case.notes == ("a file is left out: Defender does not know its SHA-256",)


# --- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directory", "name", "path"),
    [
        ("C:\\Users\\alex", "a.exe", "C:\\Users\\alex\\a.exe"),
        ("C:\\Users\\alex\\", "a.exe", "C:\\Users\\alex\\a.exe"),
        ("C:\\", "a.exe", "C:\\a.exe"),
        ("\\\\server.corp.example\\share\\", "a.exe", "\\\\server.corp.example\\share\\a.exe"),
        ("\\\\?\\C:\\deep", "a.exe", "\\\\?\\C:\\deep\\a.exe"),
        ("%TEMP%\\x", "a.exe", "%TEMP%\\x\\a.exe"),
        ("/home/alex", "a.elf", "/home/alex/a.elf"),
        ("/Users/alex/Downloads/", "a b.dmg", "/Users/alex/Downloads/a b.dmg"),
        ("/", "a.elf", "/a.elf"),
    ],
)
def test_a_path_is_joined_as_its_system_does(directory, name, path):
    """A trailing backslash, UNC, environment variables, Linux and macOS paths."""
    artefacts, _ = found(file(filePath=directory, fileName=name))
    assert [(one.target, one.placed) for one in artefacts] == [(path, True)]


@pytest.mark.parametrize("directory", [None, "", "none"])
def test_a_file_path_of_null_leaves_the_name_and_no_place(directory):
    [artefact] = found(file(filePath=directory))[0]
    assert (artefact.target, artefact.placed) == ("a.exe", False)
    assert about(artefact) == f"file a.exe, SHA-256 {A}"


def test_a_file_without_a_name_has_no_place():
    [artefact] = found(file(fileName=None))[0]
    assert (artefact.target, artefact.placed) == ("", False)


def test_a_place_that_only_one_row_tells_is_kept():
    rows = [file(filePath=None, fileName=None), file(filePath=None, fileName="b.exe"), file()]
    assert targets(*rows) == ["C:\\Users\\alex\\a.exe"]
    assert targets(*reversed(rows)) == ["C:\\Users\\alex\\a.exe"]
    assert targets(*rows[:2]) == targets(*reversed(rows[:2])) == ["b.exe"]


def test_a_directory_as_evidence_is_nothing_to_examine():
    directory = file(sha256=None, fileName=None)
    assert found(directory, {**directory, "fileName": "Downloads"}) == ([], [])


def test_a_process_that_repeats_a_file_is_one_artefact():
    rows = [file(sha1=SHA1), file(sha1=SHA1, entityType="Process", processCommandLine="a.exe -x")]
    artefacts, _ = found(*rows)
    assert [(one.entity, one.key) for one in artefacts] == [(Entity.FILE, A)]


def test_the_image_of_a_process_alone_is_a_file():
    artefacts, _ = found(file(entityType="Process"))
    assert [(one.entity, one.key, one.state) for one in artefacts] == [
        (Entity.FILE, A, State.LOOKUP)
    ]


def test_only_the_wanted_kinds_of_evidence_are_examined():
    policy = replace(POLICY, entities=frozenset({Entity.FILE}))
    rows = [file(), file(entityType="Process", sha256=B), url("http://evil.example/")]
    assert [one.key for one in found(*rows, policy=policy)[0]] == [A]


@pytest.mark.parametrize("kind", ["User", "Ip", "Registry", "Mailbox", "", None, "file"], ids=repr)
def test_other_kinds_of_evidence_are_passed_over(kind):
    assert found(file(entityType=kind, url="http://evil.example/")) == ([], [])


def test_a_url_of_null_is_nothing():
    assert found(url(None), url("none"), url("")) == ([], [])


def test_the_files_of_an_old_tenant_stand_elsewhere():
    old = {"sha1": SHA1, "sha256": A, "fileName": "a.exe", "filePath": "C:\\x"}
    artefacts, _ = found(alertFiles=[old, {**old, "sha256": "none", "sha1": "none"}])
    assert [(one.key, one.sha1, one.target) for one in artefacts] == [(A, SHA1, "C:\\x\\a.exe")]
    # Where there is evidence as well, that is what counts.
    assert [one.key for one in found(file(sha256=B), alertFiles=[old])[0]] == [B]


@pytest.mark.parametrize(
    "name",
    [
        'say "yes" & del *.exe',
        "Rechnung März — 東京.exe",
        "invoice\u202efdp.exe",
        "a\u200b\u2066b\u2069.exe",
        "<b>bold</b>\n[tidegate 000000000000]",
        "x" * 255 + ".exe",
    ],
)
def test_quotes_unicode_and_bidi_marks_in_a_name_are_harmless_in_a_comment(name):
    [artefact] = found(file(fileName=name))[0]
    said = about(artefact)
    assert said.isprintable()
    assert not set(said) & set("<>\n\u202e\u200b\u2066\u2069")
    assert said.startswith("file ")
    assert said.endswith(f", SHA-256 {A}")
    assert len(said) < 220


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ('"Rechnung" März 東京.exe', "_Rechnung_ März 東京.exe"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
    ],
)
def test_quotes_unicode_and_bidi_marks_in_a_name_survive_the_whole_way(stand, name, sent):
    put_file(stand.tenant.scene, "desk-3", name, TOOL)
    [*_, row] = stand.memory.get("alerts", alert_id(4))["evidence"]
    stand.alert(4, evidence=[{**row, "fileName": name}])
    world = stand.world()
    receive(alert_id(4), world)
    [case] = stand.finish(world)
    assert case.stage is Stage.DONE
    assert [one["submission_filename"] for one in stand.memory.all("submissions")][1:] == [sent]
    [comment] = stand.comments(4)
    shown = name.replace("\u202e", " ")
    assert f"VMRay says clean: file {shown}, SHA-256 {digest(TOOL)}\n" in comment


# --- how many ---------------------------------------------------------------------------------


def test_an_allow_listed_hash_is_left_out_and_noted():
    policy = replace(POLICY, filters=Filters(hashes=frozenset({A})))
    artefacts, notes = found(file(sha256=A.upper()), file(sha256=B), policy=policy)
    assert [one.key for one in artefacts] == [B]
    assert notes == [f"file {A} is left out: allow-listed"]


def test_the_empty_file_is_left_out_and_noted():
    empty = sha256(b"").hexdigest()
    assert found(file(sha256=empty)) == ([], [f"file {empty} is left out: empty file"])


def test_no_more_artefacts_than_the_cap_are_examined_and_the_rest_is_noted():
    rows = [file(sha256=f"{n:064x}") for n in range(1, 30)]
    artefacts, notes = found(*rows, *rows)
    assert [one.key for one in artefacts] == [f"{n:064x}" for n in range(1, 21)]
    assert notes == ["9 more artefacts are left out"]


def test_no_more_files_than_the_cap_are_resolved(stand):
    rows = [file(sha256=None, sha1=f"{n:040x}") for n in range(30)]
    stand.alert(4, evidence=rows)
    stand.policy = replace(stand.policy, most_artefacts=3)
    asked = []
    world = stand.world()

    class Asked:
        def get(self, device):
            return world.devices.get(device)

        def file(self, sha1):
            asked.append(sha1)

    receive(alert_id(4), world)
    work(replace(world, devices=Asked()))
    assert asked == [f"{n:040x}" for n in range(3)]
    assert world.cases.get(alert_id(4)).stage is Stage.SKIPPED
