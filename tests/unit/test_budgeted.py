"""Which budget a request is counted in, and that nothing is sent beyond one."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.adapters.budgeted import CALLS, GENERAL, Budgeted, families
from tidegate.ports import Budgets, Http, Limit, QuotaSpent, Response, SourceDown

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DEFENDER = "https://api.securitycenter.example"
MACHINE = f"/api/machines/{'1e5bc9d7e413ddd7902c2932e418702b84d0cc07'}"
ACTION = "/api/machineactions/5382f7ea-7557-4ab7-9782-d50480024a4e"
ALERT = "/api/alerts/da637472900382838869_1364969609"
FILE = "/api/files/6532ec91d513acc05f43ee0aa3002599729fd3e1"
LINK = "GetLiveResponseResultDownloadLink(index=0)"
INCIDENT = "/v1.0/security/incidents/2972395"

# Every call of the documentation that we know of.
GENERALLY = [
    ("GET", "/api/alerts", "defender-list-alerts"),
    ("GET", ALERT, "defender-get-alert"),
    ("PATCH", ALERT, "defender-update-alert"),
    ("POST", "/api/indicators", "defender-submit-indicator"),
    ("GET", "/api/indicators", "defender-list-indicators"),
    ("DELETE", "/api/indicators/994", "defender-delete-indicator"),
    ("POST", "/api/indicators/BatchDelete", "defender-delete-indicators"),
    ("GET", f"{ACTION}/{LINK}", "defender-result-link"),
    ("GET", f"{ACTION}/getPackageUri", "defender-package-link"),
    ("POST", "/api/libraryfiles", "defender-upload-library"),
    ("GET", "/api/libraryfiles", "defender-list-library"),
    ("DELETE", "/api/libraryfiles/script.ps1", "defender-delete-library"),
    ("GET", "/api/machineactions", "defender-list-actions"),
    ("GET", ACTION, "defender-get-action"),
    ("POST", f"{ACTION}/cancel", "defender-cancel-action"),
    ("POST", f"{MACHINE}/isolate", "defender-isolate"),
    ("POST", f"{MACHINE}/unisolate", "defender-unisolate"),
    ("POST", f"{MACHINE}/runAntiVirusScan", "defender-scan"),
    ("POST", f"{MACHINE}/restrictCodeExecution", "defender-restrict"),
    ("POST", f"{MACHINE}/unrestrictCodeExecution", "defender-unrestrict"),
    ("POST", f"{MACHINE}/collectInvestigationPackage", "defender-collect-package"),
    ("POST", f"{MACHINE}/StopAndQuarantineFile", "defender-quarantine"),
    ("POST", f"{MACHINE}/tags", "defender-tag"),
    ("GET", "/api/machines", "defender-list-machines"),
    ("GET", MACHINE, "defender-get-machine"),
    ("GET", FILE, "defender-get-file"),
    ("GET", f"{FILE}/stats", "defender-file-stats"),
    ("GET", f"{FILE}/machines", "defender-file-machines"),
    ("GET", f"{FILE}/alerts", "defender-file-alerts"),
]
SPECIALLY = [
    ("POST", f"{MACHINE}/runliveresponse", "defender-live-response", [(MINUTE, 10)]),
    ("POST", "/api/indicators/import", "defender-import", [(MINUTE, 30)]),
    ("POST", "/api/advancedqueries/run", "graph-hunting", [(MINUTE, 45), (HOUR, 1_500)]),
    ("POST", "/v1.0/security/runHuntingQuery", "graph-hunting", [(MINUTE, 45), (HOUR, 1_500)]),
    ("GET", INCIDENT, "graph-security", [(MINUTE, 150)]),
    ("PATCH", INCIDENT, "graph-security", [(MINUTE, 150)]),
    ("POST", f"{INCIDENT}/comments", "graph-security", [(MINUTE, 150)]),
    ("GET", "/v1.0/security/alerts_v2", "graph-security", [(MINUTE, 150)]),
    ("POST", "/beta/security/alerts_v2/da1/comments", "graph-security", [(MINUTE, 150)]),
    (
        "POST",
        "/workspaces/00000000-bb/threat-intelligence-stix-objects:upload",
        "sentinel-upload",
        [(MINUTE, 100)],
    ),
]
UNKNOWN = [
    ("POST", "/rest/sample/submit"),
    ("POST", "/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token"),
    ("GET", "/results/5382f7ea-0"),
    ("GET", "/"),
    ("GET", ""),
    ("GET", "/api"),
    ("GET", "/api/users/1"),
    ("DELETE", "/api/alerts"),
    ("GET", "/api/alerts/1/files"),
    ("GET", "/prefix/api/alerts"),
    ("GET", "/v1.0/me"),
    ("GET", "/security/incidents"),
]


class Listed:
    """`ports.Budgets` on lists, with a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.taken: dict[str, list[datetime]] = {}

    def spend(self, name: str, limits: Sequence[Limit]) -> timedelta | None:
        taken = self.taken.setdefault(name, [])
        waits = [self._wait(taken, limit) for limit in limits]
        if wait := max(waits):
            return wait
        taken.append(self.now)
        return None

    def _wait(self, taken: list[datetime], limit: Limit) -> timedelta:
        within = [one for one in taken if one > self.now - limit.every]
        return (
            timedelta()
            if len(within) < limit.most
            else within[-limit.most] + limit.every - self.now
        )

    def spent(self, name: str, every: timedelta) -> int:
        return sum(one > self.now - every for one in self.taken.get(name, []))


class Sent:
    """`ports.Http` that remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict]] = []

    def request(self, method, url, **asked) -> Response:
        self.sent.append((method, url, asked))
        return Response(200, {}, b"")

    def download(self, url, to, *, headers=None, max_bytes) -> Response:
        self.sent.append(("download", url, {"headers": headers, "max_bytes": max_bytes}))
        return Response(200, {}, b"")


@pytest.fixture
def budgets():
    return Listed()


@pytest.fixture
def http():
    return Sent()


@pytest.mark.parametrize(("method", "path", "name"), GENERALLY)
def test_a_call_is_counted_for_the_api_that_it_is_of(method, path, name):
    assert families(method, path) == [(name, GENERAL)]
    assert [(limit.every, limit.most) for limit in GENERAL] == [(MINUTE, 100), (HOUR, 1_500)]


@pytest.mark.parametrize(("method", "path", "name", "limits"), SPECIALLY)
def test_some_have_limits_of_their_own(method, path, name, limits):
    assert families(method, path) == [(name, tuple(Limit(*one) for one in limits))]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_is_not_known_has_no_budget(method, path):
    assert families(method, path) == []


def test_every_line_of_the_table_is_one_of_these_calls():
    met = {families(method, path)[0][0] for method, path, *_ in [*GENERALLY, *SPECIALLY]}
    assert {name for _, _, name in CALLS} == met


def test_each_api_has_a_name_that_a_budget_may_have():
    names = [name for _, _, name in GENERALLY]
    assert max(Counter(names).values()) == 1
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz-") for _, _, name in CALLS)


@pytest.mark.parametrize("other", ["/API/Alerts/x", "/api/alerts/x/", "/api/alerts/a%2Fb%20c"])
def test_ids_case_and_a_last_slash_make_no_other_family(other):
    assert families("get", other) == families("GET", ALERT)


def test_live_responses_are_ten_a_minute_and_the_eleventh_is_not_sent(budgets: Budgets, http: Http):
    limited = Budgeted(http, budgets, lambda: budgets.now)
    for number in range(10):
        budgets.now += timedelta(seconds=1)
        limited.request("POST", f"{DEFENDER}/api/machines/{number}/runliveresponse", json={})
    with pytest.raises(QuotaSpent, match="defender-live-response is spent") as spent:
        limited.request("POST", f"{DEFENDER}/api/machines/10/runliveresponse", json={})
    assert spent.value.retry_after == timedelta(seconds=51)
    assert len(http.sent) == 10
    budgets.now += spent.value.retry_after
    limited.request("POST", f"{DEFENDER}/api/machines/10/runliveresponse", json={})
    assert len(http.sent) == 11


def test_whoever_is_refused_is_told_a_time_of_their_own(budgets, http):
    limited = Budgeted(http, budgets, lambda: budgets.now)
    began, told = budgets.now, []
    for number in range(25):
        try:
            limited.request("POST", f"{DEFENDER}/api/machines/{number}/runliveresponse", json={})
        except QuotaSpent as spent:
            told.append(spent.retry_after)
    assert told == [timedelta(seconds=60 + 6 * n) for n in range(15)]
    for wait in told:  # each comes back at its time, and is let through
        budgets.now = max(budgets.now, began + wait)
        limited.request("POST", f"{DEFENDER}/api/machines/1/runliveresponse", json={})
    assert len(http.sent) == 25


def test_a_spent_budget_stops_no_other_api(budgets, http):
    limited = Budgeted(http, budgets, lambda: budgets.now)
    for _ in range(100):
        limited.request("GET", f"{DEFENDER}{ALERT}")
    with pytest.raises(QuotaSpent):
        limited.request("GET", f"{DEFENDER}{ALERT}")
    limited.request("PATCH", f"{DEFENDER}{ALERT}", json={"comment": "x"})
    limited.request("GET", f"{DEFENDER}/api/alerts", params={"$top": "1"})


def test_a_request_goes_on_as_it_is_and_its_query_counts_nowhere(budgets, http):
    url = f"{DEFENDER}/api/machineactions?$filter=machineId eq '1'"
    asked = {"headers": {"a": "b"}, "expect": (404,), "retry": False}
    Budgeted(http, budgets, lambda: budgets.now).request("GET", url, **asked)
    assert http.sent == [("GET", url, asked)]
    assert list(budgets.taken) == ["defender-list-actions"]


def test_what_has_no_budget_is_sent_without_asking_one(budgets, http, tmp_path: Path):
    limited = Budgeted(http, budgets, lambda: budgets.now)
    limited.request("POST", "https://vmray.example/rest/sample/submit")
    limited.download(f"{DEFENDER}/api/alerts", tmp_path / "file", max_bytes=9)
    assert budgets.taken == {}
    assert http.sent[1] == (
        "download",
        f"{DEFENDER}/api/alerts",
        {"headers": None, "max_bytes": 9},
    )


def test_what_cannot_be_counted_is_not_sent(http):
    class Down(Listed):
        def spend(self, name, limits):
            raise SourceDown("the store of budgets does not answer")

    with pytest.raises(SourceDown, match="does not answer"):
        Budgeted(http, Down(), Down).request("GET", f"{DEFENDER}/api/alerts")
    assert http.sent == []
