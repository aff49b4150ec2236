"""Log Analytics over real sockets: whatever goes wrong, a whole answer is whole, each row once."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.duckdb_kql import LocalLogs
from tidegate.adapters.loganalytics import Limits, LogAnalytics
from tidegate.ports import BadPayload, QuotaSpent, Response, SourceDown
from tidegate.simulator.entra import LOGS

pytestmark = pytest.mark.flow

WORKSPACE = "00000000-0000-4000-8000-0000000000cc"
END = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = END - timedelta(hours=6)
SECOND = timedelta(seconds=1)
ROWS = 240
ALL = "SigninLogs | project TimeGenerated, Id, Identity"


def written(time):
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"


@dataclass
class Table:
    """Answers the few queries of these tests in no time; what KQL does, DuckDB shows below."""

    times: list[datetime]

    def __call__(self, kql, start, end):
        found = [(time, f"{n:04d}") for n, time in enumerate(self.times) if start <= time < end]
        types, shown = ["datetime", "string", "string"], ["TimeGenerated", "Id", "Identity"]
        rows = [[written(time), id_, "a\tb\\"] for time, id_ in found]
        if part := re.search(r"\| where hash\(.*, 8\) == (\d)$", kql):
            rows = [row for row in rows if crc32(row[1].encode()) % 8 == int(part[1])]
        if "Now = now()" in kql:
            types, shown, rows = ["datetime"], ["Now"], [[written(END)]]
        elif "summarize Rows" in kql:
            hours = Counter(time.replace(minute=0, second=0) for time, _ in found)
            types, shown = ["datetime", "long"], ["Hour", "Rows"]
            rows = [[written(hour), number] for hour, number in hours.items()]
        columns = [{"name": n, "type": t} for n, t in zip(shown, types, strict=True)]
        return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}


def every(seconds, number=ROWS):
    """Return times of which many are at whole hours and seconds, where slices are cut."""
    return [START + timedelta(seconds=seconds * n) for n in range(number)]


@dataclass
class Slept:
    """Sleeps by turning the clock."""

    clock: object
    naps: list[float] = field(default_factory=list)

    def __call__(self, seconds):
        self.naps.append(seconds)
        self.clock.now += timedelta(seconds=seconds)


@pytest.fixture
def naps(clock):
    return Slept(clock)


@pytest.fixture
def table(tenant):
    tenant.scene.logs = Table(every(90))
    yield tenant.scene.logs
    tenant.scene.logs = None


@pytest.fixture
def logs(tenant, authorized, clock, naps, table):
    def make(**limits):
        http = authorized(LOGS)
        return LogAnalytics(http, tenant.url, WORKSPACE, clock, Limits(**limits), naps)

    return make


@pytest.fixture
def calls(memory):
    """Return the queries that arrived."""
    return lambda: memory.calls("log query")


def ids(found):
    return found.rows["Id"].to_list()


def test_a_small_question_is_one_call(logs, calls):
    found = logs().query(ALL, START, END, finest=SECOND)
    assert found.columns == {"TimeGenerated": "datetime", "Id": "string", "Identity": "string"}
    assert sorted(ids(found)) == [f"{n:04d}" for n in range(ROWS)]
    assert set(found.rows["Identity"]) == {"a\tb\\"}
    assert not found.partial
    assert calls() == [ALL]


def test_the_time_is_the_services(logs, clock):
    assert logs().now() == clock.now


def test_the_span_is_half_open(logs):
    hour = timedelta(hours=1)
    assert len(ids(logs().query(ALL, START, START + hour))) == 40


def test_what_is_too_big_comes_in_slices(logs, tenant):
    tenant.scene.limits.log_rows = 50
    found = logs(rows=50, slice_rows=40).query(ALL, START, END, finest=SECOND)
    assert ids(found) == [f"{n:04d}" for n in range(ROWS)]
    assert not found.partial


def test_slices_are_planned_by_the_hour_not_searched_for(logs, tenant, calls):
    tenant.scene.limits.log_rows = 100
    logs(rows=100, slice_rows=80).query(ALL, START, END, finest=SECOND)
    assert len(calls()) == 1 + 1 + 3  # the whole, the count, 240 rows in slices of two hours


def test_a_slice_is_as_many_bytes_as_its_rows_were_seen_to_have(logs, tenant, calls):
    tenant.scene.limits.log_rows = 100
    logs(rows=100, slice_bytes=40 * 70).query(ALL, START, END, finest=SECOND)
    assert len(calls()) == 1 + 1 + 6


def test_what_may_not_be_sliced_is_partial(logs, tenant, calls):
    tenant.scene.limits.log_rows = 50
    found = logs(rows=50).query(ALL, START, END)
    assert (found.partial, found.rows.height, len(calls())) == (True, 50, 1)


def test_an_answer_with_as_many_rows_as_the_limit_is_not_whole(logs):
    assert logs(rows=ROWS).query(ALL, START, END).partial
    assert not logs(rows=ROWS + 1).query(ALL, START, END).partial


@pytest.mark.parametrize("holds_end", [False, True])
def test_a_moment_with_too_many_rows_is_dealt_out_by_hash(logs, tenant, table, holds_end):
    table.times = [START + timedelta(hours=2)] * 30 + every(3_600, 6)
    tenant.scene.limits.log_rows, tenant.scene.limits.log_span_holds_end = 20, holds_end
    found = logs(rows=20, slice_rows=10).query(ALL, START, END, finest=SECOND)
    assert sorted(ids(found)) == [f"{n:04d}" for n in range(36)]
    assert not found.partial


def test_where_even_that_is_too_much_it_is_said(logs, tenant, table):
    table.times = [START + timedelta(hours=2)] * 60
    tenant.scene.limits.log_rows = 3
    found = logs(rows=3).query(ALL, START, END, finest=SECOND)
    assert found.partial
    assert len(set(ids(found))) == found.rows.height < 60


def test_the_number_of_slices_has_an_end_and_the_newest_come_first(logs, tenant):
    tenant.scene.limits.log_rows = 50
    found = logs(rows=50, slice_rows=40, calls=2).query(ALL, START, END, finest=SECOND)
    assert found.partial
    assert ids(found) == [f"{n:04d}" for n in range(160, 240)]
    found = logs(rows=50, slice_rows=40, most_rows=100).query(ALL, START, END, finest=SECOND)
    assert (found.partial, found.rows.height) == (True, 120)


def test_a_query_that_keeps_no_times_is_halved(logs, tenant):
    tenant.scene.limits.log_rows = 50
    found = logs(rows=50).query("SigninLogs | project Id", START, END, finest=SECOND)
    assert sorted(ids(found)) == [f"{n:04d}" for n in range(ROWS)]


@pytest.fixture
def duckdb(tenant, table, tmp_path, clock):
    """Let a real engine answer, on rows of which many are at the borders of slices."""
    rows = [{"TimeGenerated": written(time), "Id": f"{n:04d}"} for n, time in enumerate(every(90))]
    lines = "\n".join(map(json.dumps, rows))
    (tmp_path / "SigninLogs.ndjson").write_text(lines, "utf-8")
    tenant.scene.logs = LocalLogs(tmp_path, clock).response


@pytest.mark.usefixtures("duckdb")
def test_slices_are_cut_at_multiples_of_the_grain(logs, tenant):
    """Each bin is counted whole, as it is when nothing is sliced."""
    kql = "SigninLogs | summarize N = count() by Window = bin(TimeGenerated, 40m)"
    start, end = START - timedelta(minutes=7), END
    whole = logs().query(kql, start, end).rows.sort("Window")
    tenant.scene.limits.log_rows = 6
    sliced = logs(rows=6).query(kql, start, end, finest=timedelta(minutes=40))
    assert sliced.rows.sort("Window").equals(whole)


@pytest.mark.usefixtures("duckdb")
def test_the_questions_of_slices_are_kql(logs, tenant):
    assert logs().now() == END
    tenant.scene.limits.log_rows = 15
    found = logs(rows=15).query(ALL, START, START + timedelta(hours=1), finest=timedelta(hours=1))
    assert sorted(ids(found)) == [f"{n:04d}" for n in range(40)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), holds_end=st.booleans(), most=st.integers(20, 120))
def test_with_any_faults_the_slices_are_the_whole(logs, tenant, table, seed, holds_end, most):
    rng = random.Random(seed)  # noqa: S311 - it repeats
    table.times = [START + SECOND * rng.choice([900, 60, 1]) * n for n in range(150)]
    limits = tenant.scene.limits
    limits.log_rows, limits.log_span_holds_end, limits.queries_a_half_minute = most, holds_end, 9999
    kinds = ["", "", "", "partial", "429", "429 date", "504"]
    tenant.scene.troubles = [rng.choice(kinds) for _ in range(rng.randrange(12))]
    found = logs(rows=most, slice_rows=most // 2, calls=500).query(
        ALL, START - 2 * SECOND, END + timedelta(days=2), finest=SECOND
    )
    assert sorted(ids(found)) == [f"{n:04d}" for n in range(150)]
    assert not found.partial


def test_a_busy_workspace_is_waited_for_as_long_as_it_says(logs, tenant, naps):
    tenant.scene.troubles = ["429", "429 date"]
    assert len(ids(logs().query(ALL, START, END))) == ROWS
    assert sum(naps.naps) == 1 + 2


def test_nobody_waits_for_ever(logs, tenant):
    tenant.scene.troubles = ["429"] * 9
    with pytest.raises(QuotaSpent, match="busy") as spent:
        logs(patience=timedelta(seconds=5)).query(ALL, START, END)
    assert spent.value.retry_after == SECOND


def test_the_rate_limit_is_kept_to(logs, tenant, naps):
    tenant.scene.limits.queries_a_half_minute = 1
    asked = logs()
    asked.query(ALL, START, END)
    assert len(ids(asked.query(ALL, START, END))) == ROWS
    assert sum(naps.naps) == 30


def test_work_that_is_not_wanted_any_more_ends_between_calls_and_while_waiting(logs, tenant):
    looks = []

    def check():
        looks.append(1)
        if len(looks) > 3:
            raise SourceDown("lost")

    tenant.scene.troubles = ["429 date"] * 9
    with pytest.raises(SourceDown, match="lost"):
        logs().query(ALL, START, END, check=check)
    assert len(looks) == 4


def test_what_takes_too_long_is_down_where_it_may_not_be_sliced(logs, tenant):
    tenant.scene.troubles = ["504"]
    with pytest.raises(SourceDown, match="longer"):
        logs().query(ALL, START, END)


def test_what_always_takes_too_long_is_down(logs, tenant, calls):
    tenant.scene.troubles = ["504"] * 99
    with pytest.raises(SourceDown, match="even the shortest"):
        logs(calls=20).query(ALL, START, END, finest=SECOND)
    assert len(calls()) == 21


@pytest.mark.usefixtures("duckdb")
def test_a_query_with_a_mistake_is_refused_with_its_reason(logs):
    with pytest.raises(BadPayload, match=r"SyntaxError: the query was refused"):
        logs().query("SigninLogs | where (", START, END, finest=SECOND)


def test_a_workspace_that_is_not_there_is_told_of(tenant, authorized, clock, table):
    with pytest.raises(BadPayload, match="no such workspace: PathNotFoundError"):
        LogAnalytics(authorized(LOGS), tenant.url, "nowhere", clock).now()


def test_without_its_role_the_identity_is_told_which(logs, tenant):
    tenant.scene.roles = frozenset()
    with pytest.raises(
        SourceDown, match="Log Analytics Reader, and a new role takes up to an hour"
    ):
        logs().query(ALL, START, END)


def test_a_token_that_ends_between_two_slices_is_renewed(logs, tenant, memory, clock):
    tenant.scene.limits.log_rows = 50
    asked = logs(rows=50, slice_rows=40, patience=timedelta(days=1))

    def later():
        clock.now += timedelta(hours=2)

    found = asked.query(ALL, START, END, finest=SECOND, check=later)
    assert len(ids(found)) == ROWS
    assert len(memory.calls("token")) == 1 + 1 + 6


def test_a_workspace_without_data_has_no_rows(logs, tenant):
    asked = logs()
    tenant.scene.logs = None
    found = asked.query(ALL, START, END, finest=SECOND)
    assert (dict(found.columns), found.rows.height, found.partial) == ({}, 0, False)


@dataclass
class Canned:
    """`ports.Http` that answers one thing: what the simulated workspace never says."""

    body: bytes
    status: int = 200

    def request(self, *_, **__):
        return Response(self.status, {}, self.body)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_no_data(body, clock):
    found = LogAnalytics(Canned(body), "", "", clock).query(ALL, START, END, finest=SECOND)
    assert (found.rows.height, found.partial) == (0, False)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"FrameType": "DataSetHeader", "Version": "v2.0"}]',
        b"<html>Service Unavailable</html>",
        b'{"tables": [{"name": "PrimaryResult"}]}',
        b'{"tables": [{"name": "PrimaryResult", "columns": [{"name": 1}], "rows": []}]}',
        b'{"tables": [{"name": "PrimaryResult", "columns": [], "rows": [[1]]}]}',
        b'{"tables": "many"}',
        b'{"tables": [1]}',
        b'{"tables": [], "error": "bad"}',
        b"[" * 100_000,
        b"null",
    ],
)
def test_what_is_no_answer_of_log_analytics_is_refused(body, clock):
    with pytest.raises(BadPayload):
        LogAnalytics(Canned(body), "", "", clock).query(ALL, START, END)


def test_a_fault_without_words_is_told_by_its_status(clock):
    with pytest.raises(BadPayload, match="400"):
        LogAnalytics(Canned(b"<html>", 400), "", "", clock).query(ALL, START, END)
