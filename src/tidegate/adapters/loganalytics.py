"""Log Analytics over REST.

Most questions are small, and cost one call. One whose answer was cut short (too many rows, too many
bytes, too much time) is asked again in slices, the newest first, one after the other: a workspace
lets one identity have five queries at a time, and one slice's rows are enough to hold as JSON.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import polars as pl
from pydantic import Field

from tidegate.adapters.http import retry_after
from tidegate.adapters.slices import TIME, Slice, counting, joined, packed
from tidegate.adapters.theirs import Theirs, printable, read, stamp
from tidegate.maps import answer as answers
from tidegate.ports import (
    Asked,
    BadPayload,
    Clock,
    Http,
    LogTable,
    QuotaSpent,
    Response,
    SourceDown,
    go_on,
)

PREFER = {"prefer": "wait=600"}  # seconds: the longest that the service works on a query
MAX_BYTES = 160 << 20  # the service stops at about 104 MB
BUSY = HTTPStatus.TOO_MANY_REQUESTS
TOO_BIG = {HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
EXPECTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, BUSY, *TOO_BIG)
PAUSE = timedelta(seconds=10)  # where the service is busy and does not say for how long
MOMENT = 1.0  # between two looks at whether the work is still wanted
NOTHING = LogTable({}, pl.DataFrame())


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may hold, and what one question may cost.

    An answer of `rows` was cut. Slices are planned for `slice_rows` and `slice_bytes`, far from
    that. After `calls` slices, or `most_rows` in all, the answer is partial. Once `patience` is
    over nobody waits for a busy service any more.
    """

    rows: int = 500_000
    slice_rows: int = 300_000
    slice_bytes: int = 40_000_000
    calls: int = 100
    most_rows: int = 3_000_000
    patience: timedelta = timedelta(minutes=10)


class _Inner(Theirs):
    code: str = ""
    message: str = ""
    innererror: "_Inner | None" = None

    def said(self) -> str:
        """Return the innermost reason: the outer ones say that there is one."""
        if self.innererror is not None:
            return self.innererror.said()
        return printable(f"{self.code}: {self.message}", 300)


class _Fault(Theirs):
    error: _Inner = Field(default_factory=_Inner)


@dataclass(frozen=True)
class LogAnalytics:
    """`ports.LogSource` on a workspace. `http` carries the token."""

    http: Http
    url: str
    workspace: str
    clock: Clock
    limits: Limits = Limits()
    sleep: Callable[[float], None] = time.sleep

    def now(self) -> datetime:
        """See `ports.LogSource`."""
        rows = self._work("print Now = now()", go_on).ask().rows
        if rows.shape != (1, 1):
            raise BadPayload("the workspace does not tell the time")
        return datetime.fromisoformat(rows.item()).astimezone(UTC)

    def query(
        self,
        kql: str,
        start: datetime,
        end: datetime,
        *,
        finest: timedelta | None = None,
        check: Callable[[], None] = go_on,
    ) -> LogTable:
        """See `ports.LogSource`."""
        work, whole = self._work(kql, check), Slice(start, end)
        answer = work.ask(whole)
        if not answer.partial:
            return answer
        slices = [] if finest is None else work.planned(whole, answer, finest)
        if finest is not None and slices:
            del answer  # up to half a million rows, which are asked for again
            return work.sliced(slices, finest)
        if not answer.columns:
            raise SourceDown("the query takes longer, or answers more, than the service allows")
        return answer

    def _work(self, kql: str, check: Callable[[], None]) -> "_Work":
        until = self.clock() + self.limits.patience
        return _Work(self, kql.rstrip().rstrip(";"), check, until)


@dataclass
class _Work:
    """One question, for as many calls as it takes. `names` are the columns of its result."""

    logs: LogAnalytics
    kql: str
    check: Callable[[], None]
    until: datetime
    size: int = field(default=0, init=False)
    names: list[str] = field(default_factory=list, init=False)

    def planned(self, whole: Slice, answer: LogTable, finest: timedelta) -> list[Slice]:
        """Return slices of the right size, by counting; halves where that is not possible."""
        halves = whole.smaller(finest, self.names)
        if TIME not in answer.columns:  # or there was no answer in time
            return halves
        most = self._fitting(answer.rows.height)
        try:
            hours = replace(self, kql=counting(self.kql)).ask(whole)
        except BadPayload:
            return halves
        found = [] if hours.partial else packed(hours.rows, whole, finest, most)
        return found if len(found) > 1 else halves

    def _fitting(self, rows: int) -> int:
        """Return how many rows of the size that was seen make a slice."""
        limits, each = self.logs.limits, max(self.size / max(rows, 1), 1)
        return max(1, min(limits.slice_rows, int(limits.slice_bytes / each)))

    def sliced(self, slices: list[Slice], finest: timedelta) -> LogTable:
        """Ask for slice after slice, and for smaller ones where one is still too big."""
        limits, calls, rows = self.logs.limits, 0, 0
        done: list[tuple[Slice, LogTable]] = []
        while slices and calls < limits.calls and rows < limits.most_rows:
            one, calls = slices.pop(), calls + 1
            answer = self.ask(one)
            if answer.partial and (smaller := one.smaller(finest, self.names)):
                slices += smaller
                continue
            done.append((one, answer))
            rows += answer.rows.height
        partial = bool(slices) or any(answer.partial for _, answer in done)
        if partial and not rows:
            raise SourceDown("even the shortest slice takes longer than the service allows")
        return joined(done, partial=partial)

    def ask(self, one: Slice | None = None) -> LogTable:
        """Return one answer, partial where it was cut. Waits while the service is busy."""
        body = {"query": self.kql if one is None else one.of(self.kql, self.names)}
        if one is not None:
            body["timespan"] = f"{stamp(one.start)}/{stamp(one.end)}"
        response = self._posted(body)
        if response.status in TOO_BIG:
            return replace(NOTHING, partial=True)
        if not response.body.strip():
            return NOTHING
        found, self.size = answers.read(response.body), len(response.body)
        self.names = list(found.columns) or self.names
        cut = found.partial or found.rows.height >= self.logs.limits.rows
        return replace(found, partial=cut)

    def _posted(self, body: dict[str, Any]) -> Response:
        url = f"{self.logs.url}/v1/workspaces/{self.logs.workspace}/query"
        asked = Asked(json=body, headers=PREFER, expect=EXPECTED, max_bytes=MAX_BYTES)
        while True:
            self.check()
            response = self.logs.http.request("POST", url, **asked)
            if response.status != BUSY:
                return _accepted(response)
            self._wait(retry_after(response.headers, self.logs.clock()) or PAUSE)

    def _wait(self, pause: timedelta) -> None:
        if self.logs.clock() + pause > self.until:
            raise QuotaSpent("the workspace is busy", retry_after=pause)
        left = pause.total_seconds()
        while left > 0:
            self.check()
            self.logs.sleep(min(left, MOMENT))
            left -= MOMENT


def _accepted(response: Response) -> Response:
    """Return an answer that is one, or is too big to be one. Raises SourceDown and BadPayload."""
    if response.status == HTTPStatus.BAD_REQUEST:
        raise BadPayload(f"the query was refused: {_reason(response)}")
    if response.status == HTTPStatus.NOT_FOUND:
        raise BadPayload(f"there is no such workspace: {_reason(response)}")
    if response.status == HTTPStatus.FORBIDDEN:
        # A person mends it, and then it works without anybody asking anew.
        raise SourceDown(
            "the identity may not read this workspace: it needs the role Log Analytics Reader,"
            f" and a new role takes up to an hour: {_reason(response)}"
        )
    return response


def _reason(response: Response) -> str:
    try:
        return read(_Fault, response).error.said()
    except BadPayload:  # a proxy's page, say
        return str(response.status)
