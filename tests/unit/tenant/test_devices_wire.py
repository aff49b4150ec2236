"""What is asked of Defender's devices, and what its answers and refusals become."""

import json

import pytest

from tidegate.adapters.defender_devices import DefenderDevices
from tidegate.model import Do
from tidegate.ports import BUSY, BadPayload, Progress, Refused, Response

URL = "https://d.example"


class Canned:
    """`ports.Http` that gives prepared answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def request(self, method, url, **more):
        self.asked.append((method, url, more))
        answer = self.answers.pop(0)
        if isinstance(answer, Response):
            return answer
        return Response(200, {}, json.dumps(answer).encode())


def devices(*answers):
    http = Canned(*answers)
    return DefenderDevices(http, http, URL), http


def refused(status, **error):
    return Response(status, {}, json.dumps({"error": error}).encode())


def test_text_of_ours_cannot_leave_its_quotes():
    found, http = devices({"value": []})
    found.actions("m'; --")
    assert http.asked[0][2]["params"]["$filter"] == "machineId eq 'm''; --'"


def test_an_id_cannot_leave_its_place():
    found, http = devices({"id": "1"}, {"id": "1"}, {"id": "1"})
    found.action("../alerts?x=1")
    found.get("a/../b")
    found.collect("m/../n", "C:\\a", "c")
    assert [url.removeprefix(URL) for _, url, _ in http.asked] == [
        "/api/machineactions/..%2Falerts%3Fx%3D1",
        "/api/machines/a%2F..%2Fb",
        "/api/machines/m%2F..%2Fn/runliveresponse",
    ]


@pytest.mark.parametrize(
    ("status", "commands", "progress", "detail"),
    [
        ("Pending", [], Progress.RUNNING, "Pending"),
        ("InProgress", [], Progress.RUNNING, "InProgress"),
        ("Succeeded", [], Progress.SUCCEEDED, "Succeeded"),
        ("Cancelled", [], Progress.FAILED, "Cancelled"),
        ("TimeOut", [], Progress.FAILED, "TimeOut"),
        # What nobody documented has not ended: to ask again would cost a second live response.
        ("Unheard", [], Progress.RUNNING, "Unheard"),
        (None, [], Progress.RUNNING, "unknown"),
        ("Succeeded", [("GetFile", "Failed", ["gone"])], Progress.FAILED, "GetFile: gone"),
        ("Failed", [("GetFile", "Failed", [])], Progress.FAILED, "GetFile: failed"),
        ("Succeeded", [(None, "Failed", ["x"])], Progress.FAILED, "a command: x"),
        (
            "Succeeded",
            [("RunScript", "Failed", ["a", "b\r\nc"]), ("GetFile", "Created", [])],
            Progress.FAILED,
            "RunScript: a; b  c",
        ),
        (
            "Succeeded",
            [("RunScript", "Completed", None), ("GetFile", "Failed", ["x" * 999])],
            Progress.FAILED,
            f"GetFile: {'x' * 191}",
        ),
    ],
)
def test_how_an_action_ended(status, commands, progress, detail):
    told = [
        {"commandStatus": how, "errors": errors, "command": {"type": kind}}
        for kind, how, errors in commands
    ]
    found, _ = devices({"id": "1", "type": "LiveResponse", "status": status, "commands": told})
    action = found.action("1")
    assert (action.progress, action.detail) == (progress, detail)


def test_an_action_that_failed_says_by_which_code():
    found, _ = devices({"id": "1", "status": "Failed", "errorHResult": -2147024894})
    assert found.action("1").detail == "Failed (0x80070002)"


def test_actions_are_sorted_whatever_the_order_they_come_in():
    times = [None, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00.1234567Z", "2026-02-01T00:00:00Z"]
    rows = [{"id": str(n), "creationDateTimeUtc": at} for n, at in enumerate(times)]
    found, _ = devices({"value": rows})
    assert [action.id for action in found.actions("m")] == ["2", "1", "3", "0"]


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_keeps_its_code_and_its_words_are_quoted(status):
    words = "no\n\u202e" + "x" * 999
    found, http = devices(refused(status, code="Odd\nCode", message=words, target="id-1"))
    with pytest.raises(Refused) as error:
        found.collect("m", "C:\\a", "c")
    assert str(error.value) == (
        f"Defender refused runliveresponse: Odd Code: 'no  {'x' * 196}' (correlation id 'id-1')"
    )
    assert error.value.code == "Odd Code"
    assert http.asked[0][2]["retry"] is False


@pytest.mark.parametrize(("status", "code"), [(400, "BadRequest"), (403, "Forbidden")])
@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"error": {"code": null}}'])
def test_a_refusal_without_a_code_has_that_of_its_status(status, code, body):
    found, _ = devices(Response(status, {}, body))
    with pytest.raises(Refused) as error:
        found.collect("m", "C:\\a", "c")
    assert error.value.code == code


def test_a_package_that_is_being_collected_is_busy_whatever_the_code():
    running = {"id": "1", "type": "CollectInvestigationPackage", "status": "InProgress"}
    for actions, code in (([running], BUSY), ([], "BadRequest")):
        found, _ = devices(refused(400, code="BadRequest"), {"value": actions})
        with pytest.raises(Refused) as error:
            found.respond(Do.COLLECT_PACKAGE, "m", "", "c")
        assert error.value.code == code


def test_what_is_busy_by_its_code_needs_no_look():
    found, http = devices(refused(400, code=BUSY))
    with pytest.raises(Refused):
        found.respond(Do.COLLECT_PACKAGE, "m", "", "c")
    assert len(http.asked) == 1


def test_a_tag_that_is_so_already_is_fine_even_where_that_is_refused():
    no, tagged = refused(400, code="BadRequest"), {"id": "m", "machineTags": ["t"]}
    found, http = devices(no, tagged)
    found.tag("m", "t", add=True)
    assert [method for method, _, _ in http.asked] == ["POST", "GET"]
    with pytest.raises(Refused):
        devices(no, tagged)[0].tag("m", "t", add=False)


# --- requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "text", "path", "body"),
    [
        (Do.COLLECT_PACKAGE, "", "collectInvestigationPackage", {}),
        (Do.SCAN_DEVICE, "Full", "runAntiVirusScan", {"ScanType": "Full"}),
        (Do.QUARANTINE_FILE, "cd", "StopAndQuarantineFile", {"Sha1": "cd"}),
        (Do.RESTRICT_DEVICE, "", "restrictCodeExecution", {}),
        (Do.UNRESTRICT_DEVICE, "", "unrestrictCodeExecution", {}),
        (Do.ISOLATE_DEVICE, "Selective", "isolate", {"IsolationType": "Selective"}),
        (Do.RELEASE_DEVICE, "", "unisolate", {}),
    ],
)
def test_responses_are_the_documented_ones(do, text, path, body):
    found, http = devices({"id": "1"})
    assert found.respond(do, "m", text, "said") == "1"
    [(method, url, more)] = http.asked
    assert (method, url) == ("POST", f"{URL}/api/machines/m/{path}")
    assert more["json"] == {"Comment": "said", **body}
    assert more["retry"] is False


def test_whatever_changes_something_is_sent_once():
    found, http = devices(*[{"id": "1"}] * 4)
    found.cancel("1", "c")
    found.stage("m", "s.ps1", "-x", "C:\\a", "c")
    found.upload_script("s.ps1", b"x")
    found.tag("m", "t", add=True)
    assert {more["retry"] for _, _, more in http.asked} == {False}


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ({"globalPrevalence": "64356", "signer": None}, (64_356, "", False)),
        ({"signer": "S", "isValidCertificate": False}, (None, "S", False)),
        ({"signer": "none", "isValidCertificate": None}, (None, "", False)),
    ],
)
def test_what_is_known_of_a_file_may_be_little(row, known):
    facts = devices({"sha1": "CD" * 20, **row})[0].file("cd" * 20)
    assert (facts.everywhere, facts.signer, facts.trusted) == known
    assert (facts.sha1, facts.sha256) == ("cd" * 20, "")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b"null"])
def test_what_is_no_answer_is_never_unknown(body):
    for call in (lambda d: d.get("m"), lambda d: d.holding("cd"), lambda d: d.actions("m")):
        with pytest.raises(BadPayload):
            call(devices(Response(200, {}, body))[0])
