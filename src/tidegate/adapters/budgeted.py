"""An `Http` that keeps within what Defender, Graph and Sentinel allow, for all instances."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Unpack
from urllib.parse import urlsplit

from tidegate.ports import Asked, Budgets, Clock, Http, Limit, QuotaSpent, Response

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FURTHEST = timedelta(days=1)  # that anybody is told to wait
GENERAL = (Limit(MINUTE, 100), Limit(HOUR, 1_500))
# What differs from the general limit of one API. Graph's is of all of /security together.
LIMITS = {
    "defender-live-response": (Limit(MINUTE, 10),),
    "defender-import": (Limit(MINUTE, 30),),
    "graph-hunting": (Limit(MINUTE, 45), Limit(HOUR, 1_500)),
    "graph-security": (Limit(MINUTE, 150),),
    "sentinel-upload": (Limit(MINUTE, 100),),
}
# `*` is one part of the path, `**` any number of them; the first that fits counts.
CALLS = (
    ("GET", "/api/alerts", "defender-list-alerts"),
    ("GET", "/api/alerts/*", "defender-get-alert"),
    ("PATCH", "/api/alerts/*", "defender-update-alert"),
    ("GET", "/api/indicators", "defender-list-indicators"),
    ("POST", "/api/indicators", "defender-submit-indicator"),
    ("POST", "/api/indicators/import", "defender-import"),
    ("POST", "/api/indicators/batchdelete", "defender-delete-indicators"),
    ("DELETE", "/api/indicators/*", "defender-delete-indicator"),
    ("GET", "/api/machines", "defender-list-machines"),
    ("GET", "/api/machines/*", "defender-get-machine"),
    ("POST", "/api/machines/*/runliveresponse", "defender-live-response"),
    ("POST", "/api/machines/*/isolate", "defender-isolate"),
    ("POST", "/api/machines/*/unisolate", "defender-unisolate"),
    ("POST", "/api/machines/*/runantivirusscan", "defender-scan"),
    ("POST", "/api/machines/*/restrictcodeexecution", "defender-restrict"),
    ("POST", "/api/machines/*/unrestrictcodeexecution", "defender-unrestrict"),
    ("POST", "/api/machines/*/collectinvestigationpackage", "defender-collect-package"),
    ("POST", "/api/machines/*/stopandquarantinefile", "defender-quarantine"),
    ("POST", "/api/machines/*/tags", "defender-tag"),
    ("GET", "/api/machineactions", "defender-list-actions"),
    ("GET", "/api/machineactions/*", "defender-get-action"),
    ("POST", "/api/machineactions/*/cancel", "defender-cancel-action"),
    ("GET", "/api/machineactions/*/getpackageuri", "defender-package-link"),
    ("GET", "/api/machineactions/*/getliveresponseresultdownloadlink(*)", "defender-result-link"),
    ("GET", "/api/files/*", "defender-get-file"),
    ("GET", "/api/files/*/stats", "defender-file-stats"),
    ("GET", "/api/files/*/machines", "defender-file-machines"),
    ("GET", "/api/files/*/alerts", "defender-file-alerts"),
    ("GET", "/api/libraryfiles", "defender-list-library"),
    ("POST", "/api/libraryfiles", "defender-upload-library"),
    ("DELETE", "/api/libraryfiles/*", "defender-delete-library"),
    # The older door to the same queries; a tenant's share of them is one.
    ("POST", "/api/advancedqueries/run", "graph-hunting"),
    ("POST", "/*/security/runhuntingquery", "graph-hunting"),
    ("*", "/*/security/**", "graph-security"),
    ("POST", "/workspaces/*/threat-intelligence-stix-objects:upload", "sentinel-upload"),
)


def _pattern(method: str, path: str) -> re.Pattern[str]:
    folded = re.escape(f"{method} {path}").replace(r"\*\*", ".+").replace(r"\*", "[^/ ]+")
    return re.compile(folded, re.IGNORECASE)


PATTERNS = tuple((_pattern(method, path), name) for method, path, name in CALLS)


def families(method: str, path: str) -> list[tuple[str, tuple[Limit, ...]]]:
    """Return the budgets that a request is counted in; none where it is not known.

    A name of each documented API, whatever ids are in the path, and its limits.
    """
    asked = f"{method} {path.rstrip('/')}"
    found = next((name for pattern, name in PATTERNS if pattern.fullmatch(asked)), None)
    return [] if found is None else [(found, LIMITS.get(found, GENERAL))]


@dataclass
class Budgeted:
    """`ports.Http` that takes one from the budgets of a request before it is sent.

    Raises QuotaSpent where one of them is spent, and whatever the store of the budgets raises:
    what cannot be counted is not sent. Whoever is refused is told a time of their own, in the order
    in which they asked: a thousand that all came back at once would be refused once more.
    """

    http: Http
    budgets: Budgets
    clock: Clock
    _promised: dict[str, datetime] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def request(self, method: str, url: str, **asked: Unpack[Asked]) -> Response:
        """See `ports.Http`."""
        for name, limits in families(method, urlsplit(url).path):
            wait = self.budgets.spend(name, limits)
            if wait is not None:
                raise QuotaSpent(
                    f"our own budget {name} is spent", retry_after=self._turn(name, limits, wait)
                )
        return self.http.request(method, url, **asked)

    def _turn(self, name: str, limits: Sequence[Limit], wait: timedelta) -> timedelta:
        """Return how long until the next time that nobody else was promised."""
        pause = max((one.every / one.most for one in limits if one.most), default=wait)
        with self._lock:
            now = self.clock()
            promised = max(now + wait, self._promised.get(name, now) + pause)
            self._promised[name] = min(promised, now + FURTHEST)
            return self._promised[name] - now

    def download(
        self, url: str, to: Path, *, headers: Mapping[str, str] | None = None, max_bytes: int
    ) -> Response:
        """See `ports.Http`. Downloads are from storage, which has no such limits."""
        return self.http.download(url, to, headers=headers, max_bytes=max_bytes)
